"""The shards of the single-node model: apply, activate, passivate, replay (rules 11-14, 22-28)."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from node_state import SHARD_COUNT, Batch, Line, Marker, Shard
from track import Offered, Verdict

if TYPE_CHECKING:
    from node_world import World


class Shards:
    """All shards of the process. A restart creates them anew."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._shards = [self._start(index) for index in range(SHARD_COUNT)]

    def __iter__(self) -> Iterator[Shard]:
        return iter(self._shards)

    def __getitem__(self, index: int) -> Shard:
        return self._shards[index]

    def are_live(self) -> bool:
        """Whether the replays of all shards are done."""
        return all(shard.is_live for shard in self._shards)

    def live_shards(self) -> list[int]:
        return [index for index, shard in enumerate(self._shards) if shard.is_live]

    def _start(self, index: int) -> Shard:
        """Rules 7, 22 and 23: a shard from its marker and its journal."""
        rules = self.world.rules
        marker = self.world.disk.marker(index)
        if rules.marker_stamp == "none":
            marker = Marker(marker.cut)
        journal = self.world.disk.journal[index]
        start = marker.cut if rules.replay_from == "marker" else 0
        replay = collections.deque(journal[no] for no in sorted(journal) if no > start)
        last_no = max(journal, default=0)
        next_no = 1 + (max(marker.cut, last_no) if rules.numbering == "continue" else last_no)
        applied_no = (replay[0].batch_no if replay else next_no) - 1
        shard = Shard(marker.arrival_ms, marker.horizon_ms, next_no, applied_no, replay)
        if rules.marker_stamp == "replay_start":
            shard.arrival_ms, shard.horizon_ms = marker.arrival_ms, marker.horizon_ms
        if not replay:
            shard.go_live()
        return shard

    # --- live

    def apply(self) -> None:
        """A shard applies its next batch. Events of robots not in memory are parked (rule 28)."""
        index = self.world.random.randrange(SHARD_COUNT)
        shard = self._shards[index]
        if not shard.is_live or not shard.queue:
            return
        batch = self._begin(shard, shard.queue.popleft())
        self.world.say("APPLY shard", index, batch)
        for line in batch.lines:
            robot = line.event.robot
            if robot in shard.parked:
                shard.parked[robot].append((line, batch))
            elif robot in shard.robots:
                self._offer_live(index, line, batch)
            elif self.world.rules.is_activation_async:
                shard.parked[robot] = [(line, batch)]
            else:
                self._activate(shard, robot)
                self._offer_live(index, line, batch)

    def activate(self) -> None:
        """A robot is loaded, and its parked events are offered with their own horizon (rule 13)."""
        index = self.world.random.randrange(SHARD_COUNT)
        shard = self._shards[index]
        if not shard.parked:
            return
        robot = self.world.random.choice(sorted(shard.parked))
        self._activate(shard, robot)
        for line, batch in shard.parked.pop(robot):
            if self.world.rules.parked_horizon == "shard":
                batch = dataclasses.replace(batch, horizon_ms=shard.horizon_ms)
            self._offer_live(index, line, batch)

    def passivate(self) -> None:
        """Rule 27: some robots of a shard leave memory."""
        index = self.world.random.randrange(SHARD_COUNT)
        shard = self._shards[index]
        for robot, track in list(shard.robots.items()):
            if self.world.checkpointer.is_taken(index, robot):
                continue
            is_stored = not track.sealed or self.world.rules.passivation == "sealed"
            if not track.unsealed and is_stored and self.world.random.random() < 0.7:
                del shard.robots[robot]
                self.world.say("PASSIVATE", robot)

    def _activate(self, shard: Shard, robot: str) -> None:
        shard.robots[robot] = self.world.disk.activate(robot, self.world.rules)

    def _begin(self, shard: Shard, batch: Batch) -> Batch:
        """Moves a shard to its next batch. Returns the batch as the shard judges it."""
        judged = self._judged(shard, batch)
        shard.arrival_ms = max(shard.arrival_ms, judged.arrival_ms)
        shard.horizon_ms = judged.horizon_ms
        shard.applied_no = batch.batch_no
        return judged

    def _judged(self, shard: Shard, batch: Batch) -> Batch:
        """Rules 4 and 23: the batch with the times that its events are judged by."""
        rules, window_ms = self.world.rules, self.world.window_ms
        arrival_ms, horizon_ms = batch.arrival_ms, batch.horizon_ms
        if rules.horizon == "config":
            horizon_ms = arrival_ms - window_ms
        if rules.replay_arrival == "clock" and not shard.is_live:
            arrival_ms = max(self.world.now_ms(), shard.arrival_ms)
            horizon_ms = arrival_ms - window_ms
        if rules.is_horizon_monotone:
            horizon_ms = max(horizon_ms, shard.horizon_ms)
        return dataclasses.replace(batch, arrival_ms=arrival_ms, horizon_ms=horizon_ms)

    def _offer(self, index: int, line: Line, batch: Batch) -> Offered:
        shard = self._shards[index]
        track = shard.robots[line.event.robot]
        offered = track.offer(line.event, batch.arrival_ms, batch.horizon_ms, batch.batch_no)
        self.world.coverage[f"{'live' if shard.is_live else 'replay'} {offered}"] += 1
        if offered is Offered.NEW:
            self.world.oracle.check_accepted(line.event)
        return offered

    def _offer_live(self, index: int, line: Line, batch: Batch) -> None:
        """Rule 11: offers an event and answers it, or starts its look-up."""
        offered = self._offer(index, line, batch)
        rules = self.world.rules
        track = self._shards[index].robots[line.event.robot]
        if rules.look_up in ("store", "store_memory") and line.event.timestamp <= track.seal_point:
            offered = Offered.SEALED  # memory is not asked
        if offered is Offered.SEALED and rules.look_up != "none":
            self.world.reader.start_look_up(index, line, batch)
            return
        verdict = {
            Offered.NEW: Verdict.OK,
            Offered.DUPLICATE: Verdict.OK,
            Offered.CONFLICT: Verdict.CONFLICT,
            Offered.SEALED: Verdict.STALE,
        }[offered]
        self.world.reader.post(index, line, batch, verdict)

    # --- replay

    def replay(self) -> None:
        """Rule 23: a shard replays its next batch, without look-ups and answers."""
        index = self.world.random.randrange(SHARD_COUNT)
        shard = self._shards[index]
        if shard.is_live:
            return
        if shard.replay:
            batch = self._begin(shard, shard.replay.popleft())
            self.world.say("REPLAY shard", index, batch)
            for line in batch.lines:
                self._replay_line(index, line, batch)
        if not shard.replay:
            shard.go_live()
            self.world.oracle.check_replayed(index)

    def _replay_line(self, index: int, line: Line, batch: Batch) -> None:
        robot, shard = line.event.robot, self._shards[index]
        if self.world.rules.has_replay_future_limit and self._is_future(line.event.timestamp):
            return
        if robot not in shard.robots:
            self._activate(shard, robot)
        self._offer(index, line, batch)

    def _is_future(self, timestamp: int) -> bool:
        """The mutation of rule 8: timestamps start at 0 when the wall clock says 1000."""
        return timestamp > self.world.wall_ms - 1000 + 20
