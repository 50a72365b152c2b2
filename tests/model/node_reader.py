"""Look-ups, answers and reads of the single-node model: rules 11, 12, 29 and 30."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from node_state import Answer, Batch, Line, shard_of
from track import Row, Verdict

if TYPE_CHECKING:
    from node_world import World


@dataclasses.dataclass(frozen=True)
class LookUp:
    """A look-up in the store for an event at or below the seal point (rule 12)."""

    shard: int
    line: Line
    batch: Batch
    row_before: Row | None  # what the store had at the offer


@dataclasses.dataclass
class Read:
    """A read of all events of a robot. It has taken one of its two parts (rule 29)."""

    robot: str
    answered_ok: dict[int, tuple[float, float]]  # x and y by timestamp: the read must contain these
    memory: list[Row] | None = None
    store: dict[int, Row] | None = None


class Reader:
    """Asks memory and store. A restart creates it anew."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._look_ups: list[LookUp] = []
        self._reads: list[Read] = []

    # --- look-ups and answers

    def start_look_up(self, shard: int, line: Line, batch: Batch) -> None:
        row = self.world.disk.row(line.event.robot, line.event.timestamp)
        self._look_ups.append(LookUp(shard, line, batch, row))

    def look_up(self) -> None:
        """Finishes one of the pending look-ups."""
        if not self._look_ups:
            return
        pending = self._look_ups.pop(self.world.random.randrange(len(self._look_ups)))
        event = pending.line.event
        row = self.world.disk.row(event.robot, event.timestamp)
        if self.world.rules.look_up == "store_memory":
            row = pending.row_before or self._sealed_row(pending)
        verdict = Verdict.CONFLICT
        if row is None:
            verdict = Verdict.STALE
        elif (row.x, row.y) == event.point:
            verdict = Verdict.OK
        self.post(pending.shard, pending.line, pending.batch, verdict)

    def _sealed_row(self, pending: LookUp) -> Row | None:
        """The mutation of rule 12: memory after the store."""
        event = pending.line.event
        track = self.world.shards[pending.shard].robots.get(event.robot)
        rows = track.sealed_rows() if track else []
        return next((row for row in rows if row.timestamp == event.timestamp), None)

    def post(self, shard: int, line: Line, batch: Batch, verdict: Verdict) -> None:
        """Gives an answer to the connection that the event came from, if it still exists."""
        client = self.world.clients[line.client]
        if client.connection == line.connection:
            place = batch.lines.index(line)
            client.answers[line.position] = Answer(verdict, shard, batch.batch_no, place)

    # --- reads

    def read(self) -> None:
        """Finishes a read or starts another."""
        source = self.world.random
        if self._reads and source.random() < 0.6:
            self._finish(self._reads.pop(source.randrange(len(self._reads))))
        else:
            self._start(source.choice(self.world.robots))

    def _start(self, robot: str) -> None:
        """Takes memory first (rule 29). A shard is not read before its replay is done (rule 25)."""
        world = self.world
        if not world.shards[shard_of(robot)].is_live and not world.rules.is_served_early:
            return
        pending = Read(robot, dict(world.oracle.ok_events(robot)))
        if world.rules.read_order == "memory_store":
            pending.memory = self._memory(robot)
        else:
            pending.store = dict(world.disk.rows(robot))
        self._reads.append(pending)

    def _finish(self, pending: Read) -> None:
        """Takes the other part and merges them; the store wins (rule 29)."""
        memory = self._memory(pending.robot) if pending.memory is None else pending.memory
        store = self.world.disk.rows(pending.robot) if pending.store is None else pending.store
        merged = {row.timestamp: row for row in memory} | store
        rows = [merged[timestamp] for timestamp in sorted(merged)]
        folds_memory = self.world.rules.read_odometer == "fold"
        final = set(store) if folds_memory else set(merged)
        self.world.oracle.check_read(pending.robot, pending.answered_ok, rows, final)
        self.world.coverage["read of memory and store" if memory and store else "read"] += 1

    def _memory(self, robot: str) -> list[Row]:
        track = self.world.shards[shard_of(robot)].robots.get(robot)
        return track.memory() if track else []
