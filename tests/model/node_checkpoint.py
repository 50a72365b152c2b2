"""The checkpointer of the single-node model: rules 15 to 21."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from node_state import SHARD_COUNT, Marker, RobotRow, Shard
from track import Event, RobotState, Row

if TYPE_CHECKING:
    from node_world import World

RobotContent = tuple[str, list[Row], RobotState]  # a robot, its event rows and its robot row


@dataclasses.dataclass(frozen=True)
class Step:
    """One transaction of the store, or one action after it."""

    name: str
    subject: object  # robot, shard, or shard and batch number: for traces
    run: Callable[[], None]


@dataclasses.dataclass
class Taken:
    """What a checkpoint takes of one shard."""

    rows: dict[str, tuple[list[Row], RobotState]]  # event rows and robot row by robot
    marker: Marker


@dataclasses.dataclass
class Checkpoint:
    """A checkpoint under way: first all shards are collected, then its steps are run."""

    uncollected: list[int]  # shards
    taken: dict[int, Taken] = dataclasses.field(default_factory=dict)  # by shard
    steps: list[Step] | None = None  # None: not yet planned


class Checkpointer:
    """Runs one checkpoint at a time (rule 18). A restart creates it anew."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.checkpoint: Checkpoint | None = None
        self._last_id = max((row.robot_id for row in world.disk.robots.values()), default=0)
        self._new_ids: dict[str, int] = {}  # of robots without a robot row, by robot

    @property
    def steps(self) -> list[Step]:
        """The steps still to be run of the present checkpoint."""
        return (self.checkpoint.steps if self.checkpoint else None) or []

    def situations(self) -> dict[str, bool]:
        """The state of the present checkpoint, to be counted when the process crashes."""
        situations = {"in a collect": bool(self.checkpoint and self.checkpoint.uncollected)}
        if self.steps:
            situations[f"in a checkpoint before: {self.steps[0].name}"] = True
        return situations

    def is_taken(self, shard: int, robot: str) -> bool:
        """Whether the present checkpoint has rows of a robot (rule 27)."""
        taken = self.checkpoint.taken.get(shard) if self.checkpoint else None
        return taken is not None and robot in taken.rows

    def proceed(self) -> None:
        """Does the next piece of work: begins, collects a shard, plans, runs a step, or ends."""
        checkpoint = self.checkpoint
        if checkpoint is None:
            self.checkpoint = Checkpoint(list(range(SHARD_COUNT)))
            self.world.random.shuffle(self.checkpoint.uncollected)
        elif checkpoint.uncollected:
            self._collect(checkpoint, checkpoint.uncollected.pop())
        elif checkpoint.steps is None:
            checkpoint.steps = self._plan(checkpoint)
        elif checkpoint.steps:
            step = checkpoint.steps.pop(0)
            self.world.say("CHECKPOINT", step.name, step.subject)
            step.run()
        else:
            self.checkpoint = None

    # --- collect

    def _collect(self, checkpoint: Checkpoint, index: int) -> None:
        """Rule 16: seals all robots of a shard, and takes the rows of some."""
        rules, shard = self.world.rules, self.world.shards[index]
        horizon_ms = self._seal_horizon(index, shard)
        rows: dict[str, tuple[list[Row], RobotState]] = {}
        for robot, track in shard.robots.items():
            track.seal(horizon_ms)
            if track.sealed and not self._is_left_out():
                rows[robot] = track.sealed_rows(), track.robot_row()
        cut = self._cut(index, shard, set(rows), horizon_ms)
        checkpoint.taken[index] = Taken(rows, Marker(cut, shard.arrival_ms, shard.horizon_ms))
        sealed = {robot: [row.timestamp for row in rows[robot][0]] for robot in rows}
        self.world.say("COLLECT shard", index, "horizon", horizon_ms, sealed, "cut", cut)
        if rules.release == "before":
            self._release(index)

    def _is_left_out(self) -> bool:
        """Rule 17: a checkpoint may leave out a robot."""
        return self.world.rules.is_checkpoint_partial and self.world.random.random() < 0.3

    def _seal_horizon(self, index: int, shard: Shard) -> int:
        """Rule 15: the horizon of the last applied or replayed batch. The rest are mutations."""
        rules, now_ms = self.world.rules, self.world.now_ms()
        clock = rules.seal_clock if shard.is_live else rules.replay_seal_clock
        if clock == "wall":
            return max(shard.horizon_ms, now_ms - self.world.window_ms)
        if clock == "idle_floor" and self._is_idle(index, shard):
            self._raise_idle_floor(shard, now_ms)
        if clock == "tick":
            shard.wants_tick = shard.wants_tick or self._needs_tick(index, shard)
        return shard.horizon_ms

    def _needs_tick(self, index: int, shard: Shard) -> bool:
        """Rule 5, except that the model does not wait until the window is over."""
        if any(track.unsealed for track in shard.robots.values()):
            return True
        batches = self.world.disk.journal[index].values()
        return self.world.rules.tick_while == "journal" and any(batch.lines for batch in batches)

    def _is_idle(self, index: int, shard: Shard) -> bool:
        is_in_commit = index in (self.world.writer.committing or {})
        return not (shard.queue or shard.parked or is_in_commit)

    def _raise_idle_floor(self, shard: Shard, now_ms: int) -> None:
        """The mutation of rule 5: time passes without a batch."""
        shard.idle_floor_ms = max(now_ms, shard.arrival_ms, shard.idle_floor_ms)
        shard.horizon_ms = max(shard.horizon_ms, shard.idle_floor_ms - self.world.window_ms)

    def _cut(self, index: int, shard: Shard, taken: set[str], horizon_ms: int) -> int:
        """Rule 17, or one of its mutations."""
        rule, old_cut = self.world.rules.cut, self.world.disk.marker(index).cut
        journal = self.world.disk.journal[index]
        if rule == "exact":
            return max(old_cut, self._first_unstored(shard, taken) - 1)
        if rule == "newest":
            return max(old_cut, shard.applied_no)
        if rule == "time_wall":
            limit_ms, last_no = self.world.now_ms() - self.world.window_ms, max(journal, default=0)
        else:  # time_log, time_log_plus_one
            limit_ms = horizon_ms + (1 if rule == "time_log_plus_one" else 0)
            last_no = min([shard.applied_no, *(no - 1 for no in shard.parked_nos())])
        old = [no for no, b in journal.items() if b.arrival_ms <= limit_ms and no <= last_no]
        return max([old_cut, *old])

    def _first_unstored(self, shard: Shard, taken: set[str]) -> int:
        """The first batch with an event that neither the store nor this checkpoint has."""
        unstored = [shard.applied_no + 1, *shard.parked_nos()]
        for robot, track in shard.robots.items():
            unstored += track.batch_nos(with_sealed=robot not in taken)
        return min(unstored)

    # --- plan

    def _plan(self, checkpoint: Checkpoint) -> list[Step]:
        """Rules 19 and 21: the transactions of the store, then releases and trims in any order."""
        steps = self._plan_store(checkpoint)
        releases, trims = [], []
        for index, taken in checkpoint.taken.items():
            if self.world.rules.release == "after":
                releases.append(Step("release", index, partial(self._release, index)))
            for no in sorted(self.world.disk.journal[index]):
                if no <= taken.marker.cut:
                    trims.append(Step("trim", (index, no), partial(self._trim, index, no)))
        self.world.random.shuffle(trims)
        last_steps = releases + trims
        self.world.random.shuffle(last_steps)
        return steps + last_steps

    def _plan_store(self, checkpoint: Checkpoint) -> list[Step]:
        """Rule 19: the transactions of the store."""
        taken = checkpoint.taken.items()
        robots = [(robot, *content) for _, t in taken for robot, content in t.rows.items()]
        shuffled = robots.copy()
        self.world.random.shuffle(shuffled)
        if self.world.rules.store == "rocksdb":
            return [Step("ingest", "", partial(self._ingest, robots, checkpoint.taken))]
        markers = [Step("marker", s, partial(self._write_marker, s, t.marker)) for s, t in taken]
        if self.world.rules.store == "mysql_rows":
            return self._plan_rows(shuffled) + markers
        steps = [Step("robot", robot[0], partial(self._write_robot, *robot)) for robot in shuffled]
        return steps + markers

    def _plan_rows(self, robots: list[RobotContent]) -> list[Step]:
        """MySQL with a transaction for each id, each row and each robot row."""
        ids = [Step("id", robot, partial(self._write_id, robot)) for robot, _, _ in robots]
        rows = [
            Step("row", (robot, row), partial(self._write_row, robot, row))
            for robot, rows, _ in robots
            for row in rows
        ]
        states = [
            Step("state", robot, partial(self._write_state, robot, state))
            for robot, _, state in robots
        ]
        return (ids if self.world.rules.robot_id == "first" else []) + rows + states

    # --- steps

    def _id(self, robot: str) -> int:
        """The id of a robot. A new one lasts only until the process ends, unless it gets stored."""
        row = self.world.disk.robots.get(robot)
        if row:
            return row.robot_id
        if robot not in self._new_ids:
            self._last_id += 1
            self._new_ids[robot] = self._last_id
        return self._new_ids[robot]

    def _ingest(self, robots: list[RobotContent], taken: dict[int, Taken]) -> None:
        for robot, rows, state in robots:
            self._write_robot(robot, rows, state)
        for index, content in taken.items():
            self._write_marker(index, content.marker)

    def _write_id(self, robot: str) -> None:
        self.world.disk.robots.setdefault(robot, RobotRow(self._id(robot), None))

    def _write_row(self, robot: str, row: Row) -> None:
        if self.world.oracle.check_row(robot, self._id(robot), row):
            self.world.disk.events.setdefault(robot, {})[row.timestamp] = row
            self.world.oracle.check_not_rejected(Event(robot, *row[:3]), "is stored")

    def _write_state(self, robot: str, state: RobotState) -> None:
        self.world.disk.robots[robot] = RobotRow(self._id(robot), state)

    def _write_robot(self, robot: str, rows: list[Row], state: RobotState) -> None:
        for row in rows:
            self._write_row(robot, row)
        self._write_state(robot, state)

    def _write_marker(self, index: int, marker: Marker) -> None:
        self.world.disk.markers[index] = marker

    def _release(self, index: int) -> None:
        """Rule 21: the collected rows leave memory."""
        assert self.checkpoint
        for robot, (rows, _) in self.checkpoint.taken[index].rows.items():
            self.world.shards[index].robots[robot].release(len(rows))

    def _trim(self, index: int, batch_no: int) -> None:
        if batch_no in self.world.disk.journal[index]:
            self.world.oracle.check_trim(index, batch_no)
            del self.world.disk.journal[index][batch_no]
