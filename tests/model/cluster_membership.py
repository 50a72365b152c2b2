"""Which nodes are up, and which of them owns which shard (rules 44, 45 and 48)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from cluster_database import NodeRow
from cluster_node import Place, PolledShard, SeenHeartbeat
from cluster_rules import DEAD_AFTER_MS, LONGEST_VIEW_GAP_MS

if TYPE_CHECKING:
    from cluster_node import Node
    from cluster_world import World


@dataclasses.dataclass(frozen=True)
class SeenNode:
    """A node in a view."""

    is_up: bool
    heartbeat: int


@dataclasses.dataclass(frozen=True)
class View:
    """The tables of the membership as one transaction read them."""

    version: int
    nodes: dict[int, SeenNode]
    places: list[Place]  # by shard
    polled_shards: list[PolledShard]  # by shard

    def is_up(self, incarnation: int) -> bool:
        return incarnation in self.nodes and self.nodes[incarnation].is_up


class Membership:
    """The membership part of every node: join, heartbeats, views, takeovers."""

    def __init__(self, world: World) -> None:
        self.world = world

    def join(self, node: Node) -> None:
        """Adds the node to the table of nodes. It waits for a namesake that is not known dead."""
        if node.is_joined or "join" in node.busy:
            return
        database = self.world.database

        def body() -> bool:
            if not self._end_namesakes(node):
                return False
            database.nodes.setdefault(node.incarnation, NodeRow(node.name))
            database.version += 1
            return True

        def on_end(is_known: bool, has_joined: Any) -> None:
            if is_known and has_joined:
                node.is_joined = True

        database.submit(node, "join", body, on_end)

    def _end_namesakes(self, node: Node) -> bool:
        """Ends earlier nodes of the same name. False: the process of one holds its lock file."""
        database = self.world.database
        for incarnation, row in database.nodes.items():
            if row.name != node.name or not row.is_up or incarnation == node.incarnation:
                continue
            if self.world.nodes[incarnation].is_up and self.world.rules.namesake_needs_lock:
                return False
            row.is_up = False
            database.give_shards_away(incarnation)
        return True

    def beat(self, node: Node) -> None:
        """Raises the heartbeat and with it the lease (rule 44). A node that was ended exits."""
        if not node.is_joined or "beat" in node.busy:
            return
        world = self.world
        sent_ms = world.now_ms

        def body() -> bool:
            row = world.database.nodes[node.incarnation]
            if row.is_up:
                row.heartbeat += 1
            return row.is_up

        def on_end(is_known: bool, is_up: Any) -> None:
            if not is_known:
                return
            if not is_up:
                world.kill(node, "fenced")
                return
            counts_from_sending = world.rules.lease_counts_from == "sending"
            start_ms = sent_ms if counts_from_sending else world.now_ms
            node.lease_end_ms = max(node.lease_end_ms, start_ms + world.lease_ms)

        world.database.submit(node, "beat", body, on_end)

    def poll(self, node: Node) -> None:
        """Reads a view."""
        if not node.is_joined or "poll" in node.busy:
            return

        def on_end(is_known: bool, view: Any) -> None:
            if is_known:
                self._take_view(node, view)

        self.world.database.submit(node, "poll", self._read_view, on_end)

    def _read_view(self) -> View:
        database = self.world.database
        nodes = {
            incarnation: SeenNode(row.is_up, row.heartbeat)
            for incarnation, row in database.nodes.items()
        }
        places = [Place(row.owner, row.epoch) for row in database.shards]
        polled_shards = [
            PolledShard(dataclasses.replace(marker), shard.head)
            for marker, shard in zip(database.markers, database.shards)
        ]
        return View(database.version, nodes, places, polled_shards)

    def _take_view(self, node: Node, view: View) -> None:
        """Learns of moved shards, and observes the heartbeats of the other nodes."""
        if view.version < node.view_version:
            return
        node.view_version = view.version
        has_gap = self.world.now_ms - node.last_view_ms > LONGEST_VIEW_GAP_MS
        node.last_view_ms = self.world.now_ms
        for shard, place in enumerate(view.places):
            self._take_place(node, shard, place)
            node.polled_shards[shard] = view.polled_shards[shard]
        node.nodes_up = [incarnation for incarnation, seen in view.nodes.items() if seen.is_up]
        self._observe_heartbeats(node, view, has_gap)
        self._look_for_orphans(node, view)

    def _take_place(self, node: Node, shard: int, place: Place) -> None:
        """Begins or ends a tenure, and learns where slices of the shard go."""
        known_epoch = node.places[shard].epoch if shard in node.places else -1
        if known_epoch < place.epoch:
            node.places[shard] = place
        tenure = node.tenures.get(shard)
        if tenure and tenure.epoch < place.epoch:
            self.world.tenures.lose(node, tenure)
        is_own = place.owner == node.incarnation and place.epoch == node.places[shard].epoch
        if is_own and shard not in node.tenures:
            self.world.tenures.gain(node, shard, place.epoch)
        self.world.streams.learn_epoch(node, shard, place.epoch)

    def _observe_heartbeats(self, node: Node, view: View, has_gap: bool) -> None:
        """Ends a node whose heartbeat stood still for long enough (rule 45)."""
        now_ms = self.world.now_ms
        for incarnation, seen in view.nodes.items():
            if not seen.is_up or incarnation == node.incarnation:
                node.seen_heartbeats.pop(incarnation, None)
                continue
            known = node.seen_heartbeats.get(incarnation)
            if has_gap or known is None or known.heartbeat != seen.heartbeat:
                node.seen_heartbeats[incarnation] = SeenHeartbeat(seen.heartbeat, now_ms)
            elif now_ms - known.since_ms >= DEAD_AFTER_MS and "end" not in node.busy:
                self._end(node, view.version, incarnation)

    def _look_for_orphans(self, node: Node, view: View) -> None:
        """Gives shards of nodes that are not up to nodes that are (rule 48)."""
        has_orphans = any(not view.is_up(place.owner) for place in view.places)
        if has_orphans and self.world.rules.anyone_gives_orphans and "end" not in node.busy:
            if self.world.chance.random() < 0.5:
                self._end(node, view.version, None)

    def _end(self, node: Node, version: int, dead: int | None) -> None:
        """Ends a node, and gives its shards and all orphans away. None: orphans only."""
        world = self.world
        heartbeat = node.seen_heartbeats[dead].heartbeat if dead is not None else None

        def body() -> None:
            if world.database.version != version:
                return
            if dead is not None:
                row = world.database.nodes[dead]
                has_beaten = row.heartbeat != heartbeat
                if not row.is_up or (has_beaten and world.rules.end_checks_heartbeat):
                    return
                row.is_up = False
                kind = "live" if world.nodes[dead].is_up else "dead"
                world.coverage[f"takeover of a {kind} node"] += 1
            world.database.version += 1
            world.say(f"  database: takeover of node {dead} by node {node.incarnation}")
            world.database.give_shards_away(dead)

        world.database.submit(node, "end", body, lambda is_known, result: None)
