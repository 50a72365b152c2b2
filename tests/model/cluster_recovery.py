"""Recovery of a shard by its new owner: marker, replay, live (rules 23 to 25, 36 and 39)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster_database import StoreState, Tables
from cluster_oracle import ClusterPromise
from cluster_rules import shard_of
from cluster_tenure import Phase
from track import NEVER_MS, Violation

if TYPE_CHECKING:
    from cluster_node import Node
    from cluster_tenure import Tenure
    from cluster_world import World


class Recovery:
    """Brings the tenures of every node to life."""

    def __init__(self, world: World) -> None:
        self.world = world

    def step(self, node: Node) -> None:
        """Does the next step of one recovery: reads the marker, or replays a batch."""
        recovering = [
            tenure
            for tenure in node.tenures.values()
            if tenure.phase in (Phase.MARKER, Phase.REPLAYING)
        ]
        if not recovering or self.world.database.away_steps:
            return
        tenure = self.world.chance.choice(recovering)
        if tenure.phase is Phase.MARKER:
            self._read_marker(node, tenure)
        else:
            self._replay_batch(node, tenure)

    def _read_marker(self, node: Node, tenure: Tenure) -> None:
        """Reads where the replay starts, on a server that shows the new epoch (rule 36)."""
        shard = tenure.shard
        least = StoreState(tenure.epoch, 0)
        server = self.world.database.server_for_read(shard, least)
        if server is None:
            return
        if tenure.polled_shard:
            marker, tenure.replay_end = tenure.polled_shard
        else:
            marker = server.markers[shard]
            if server.shards[shard].epoch > tenure.epoch:
                self.world.tenures.lose(node, tenure)
                return
        tenure.cut = tenure.applied = marker.cut
        tenure.id_counter = marker.id_counter
        if self.world.rules.ids_continue_above == "marker_and_robots":
            tenure.id_counter = max([marker.id_counter, *_robot_numbers(server, shard)])
        tenure.floor_arrival_ms = marker.arrival_ms
        tenure.floor_horizon_ms = marker.horizon_ms
        tenure.phase = Phase.REPLAYING

    def _replay_batch(self, node: Node, tenure: Tenure) -> None:
        """Replays the next batch. At the head of the journal, the shard goes live (rule 25)."""
        world, shard = self.world, tenure.shard
        least = StoreState(tenure.epoch, tenure.writes)
        server = world.database.server_for_read(shard, least)
        if server is None:
            return
        batch = server.journal[shard].get(tenure.applied + 1)
        reads_own_epoch = tenure.replay_end is None
        end = server.shards[shard].head if tenure.replay_end is None else tenure.replay_end
        has_newer_epoch = server.shards[shard].epoch > tenure.epoch
        if world.rules.replay_end_checks_epoch and reads_own_epoch and has_newer_epoch:
            world.tenures.lose(node, tenure)
            return
        if tenure.applied >= end or (not reads_own_epoch and batch is None):
            if not tenure.parked:
                self._go_live(node, tenure)
        elif batch is not None:
            world.shards.apply(node, tenure, batch, is_live=False)
        elif has_newer_epoch:  # the next owner has trimmed the batch
            world.tenures.lose(node, tenure)
        else:
            raise Violation(
                ClusterPromise.REPLAY_HAS_NO_HOLE,
                f"node {node.incarnation} misses batch {tenure.applied + 1} of shard {shard}, "
                f"head {end}",
            )

    def _go_live(self, node: Node, tenure: Tenure) -> None:
        """Ends a replay. Stamps go on above journal and marker (rules 24 and 39)."""
        world = self.world
        if world.rules.stamps_continue:
            tenure.arrival_ms = max(tenure.arrival_ms, tenure.floor_arrival_ms)
            tenure.horizon_ms = max(tenure.horizon_ms, tenure.floor_horizon_ms)
            tenure.stamped_arrival_ms = tenure.arrival_ms
            tenure.stamped_horizon_ms = tenure.horizon_ms
        is_on_record = tenure.stamped_arrival_ms > NEVER_MS
        tenure.clock_start_ms = tenure.stamped_arrival_ms if is_on_record else node.wall_clock_ms
        tenure.live_since_ms = world.now_ms
        tenure.next_batch_no = tenure.applied + 1
        tenure.phase = Phase.LIVE
        world.coverage["recovered"] += 1
        world.say(
            f"node {node.incarnation} is live with shard {tenure.shard} in epoch {tenure.epoch},",
            f"next batch {tenure.next_batch_no}",
        )
        if world.database.shards[tenure.shard].epoch == tenure.epoch:
            world.oracle.check_recovered(node, tenure)


def _robot_numbers(server: Tables, shard: int) -> list[int]:
    """The numbers of the robot ids of a shard."""
    return [row.robot_id.number for robot, row in server.robots.items() if shard_of(robot) == shard]
