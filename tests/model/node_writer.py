"""The journal writer of the single-node model: rules 1 to 8."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

from node_state import Batch, Line, Shard, shard_of

if TYPE_CHECKING:
    from node_world import World

CommittedBatches = dict[int, Batch]  # by shard; the order decides the order of random draws


class JournalWriter:
    """Stamps, numbers and commits the batches of all shards. A restart creates it anew."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.inbox: collections.deque[Line] = collections.deque()
        self.committing: CommittedBatches | None = None  # one commit at a time (rule 6)
        self._is_outcome_unknown = False  # of the present commit, or of one that is given up

    def receive(self) -> None:
        """A client sends its next event. Connections are not served before the replay (rule 25)."""
        world = self.world
        client = world.random.choice(world.clients)
        is_served = world.shards.are_live() or world.rules.is_served_early
        if client.sent < len(client.plan) and is_served:
            position = client.sent
            client.sent += 1
            event = client.plan[position]
            index = world.clients.index(client)
            self.inbox.append(Line(index, client.connection, position, event))

    def form(self) -> None:
        """Starts a commit of some received events and of all ticks."""
        shards = self.world.shards
        if self.committing or not shards.are_live():
            return
        count = self.world.random.randint(1, 6)
        batches: CommittedBatches = {}
        for index, shard in enumerate(shards):
            if shard.wants_tick:
                shard.wants_tick = False
                batches[index] = self._stamp(shard)
        while count and self.inbox:
            line = self.inbox.popleft()
            count -= 1
            index = shard_of(line.event.robot)
            if index not in batches:
                batches[index] = self._stamp(shards[index])
            batches[index].lines.append(line)
        if batches:
            self.committing = batches
            self._is_outcome_unknown = False
            self.world.say("FORM", *(f"shard {s} {batch}" for s, batch in batches.items()))

    def _stamp(self, shard: Shard) -> Batch:
        """Rules 3, 4 and 7."""
        last_arrival_ms, last_horizon_ms = shard.last_stamp or (shard.arrival_ms, shard.horizon_ms)
        arrival_ms = max(self.world.now_ms(), last_arrival_ms, shard.idle_floor_ms)
        horizon_ms = arrival_ms - self.world.window_ms
        if self.world.rules.is_horizon_monotone:
            horizon_ms = max(horizon_ms, last_horizon_ms)
        shard.last_stamp = arrival_ms, horizon_ms
        shard.next_no += 1
        return Batch(shard.next_no - 1, arrival_ms, horizon_ms)

    def commit(self) -> None:
        """Rule 6: a commit succeeds, or its outcome stays unknown until it is repeated."""
        if not self.committing:
            return
        world = self.world
        may_fail = world.rules.are_commits_lost and not self._is_outcome_unknown
        if may_fail and world.random.random() < 0.12:
            self._is_outcome_unknown = True
            world.say("COMMIT of unknown outcome")
            self._append_by_chance()
            if world.rules.unknown_commit != "retry":
                self._give_up()
            return
        for index, batch in self.committing.items():
            self._append(index, batch)
            world.shards[index].queue.append(batch)
        self.committing = None

    def crash(self) -> None:
        """The outcome of the present commit is decided, unless it was decided before."""
        if self.committing and not self._is_outcome_unknown:
            self._append_by_chance()

    def _append_by_chance(self) -> None:
        for index, batch in (self.committing or {}).items():
            if self.world.random.random() < 0.5:
                self._append(index, batch)

    def _append(self, index: int, batch: Batch) -> None:
        self.world.disk.append(index, batch)
        self.world.say("  durable: shard", index, batch)

    def _give_up(self) -> None:
        """The mutations of rule 6: skips the batches, or uses their numbers again."""
        world = self.world
        for index, batch in (self.committing or {}).items():
            if world.rules.unknown_commit == "overwrite":
                world.shards[index].next_no = batch.batch_no
            for line in batch.lines:
                client = world.clients[line.client]
                if client.connection == line.connection:
                    world.break_connection(client)
        self.committing = None
        waiting = (line for line in self.inbox if self._is_connected(line))
        self.inbox = collections.deque(waiting)

    def _is_connected(self, line: Line) -> bool:
        return self.world.clients[line.client].connection == line.connection
