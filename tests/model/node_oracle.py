"""The promises of the single-node model, and the answers that its clients got."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from naive_reader import AcceptedEvent, Reading, read_whole_log
from node_state import SHARD_COUNT, Answer, shard_of
from track import Event, HeldEvent, Promise, Row, Verdict, Violation, folded_odometers

if TYPE_CHECKING:
    from node_world import World

Point = tuple[float, float]


class Oracle:
    """Raises Violation at the first broken promise. Survives crashes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: list[Answer] = []
        self._ok_events: dict[str, dict[int, Point]] = collections.defaultdict(dict)
        self._rejected: dict[Event, Verdict] = {}
        self._robot_of_id: dict[int, str] = {}

    def ok_events(self, robot: str) -> dict[int, Point]:
        """x and y of the events of a robot that were answered OK, by timestamp."""
        return self._ok_events[robot]

    # --- while the node runs

    def take_answer(self, event: Event, answer: Answer) -> None:
        """Records an answer. It must contradict neither earlier answers nor the contents."""
        verdict = answer.verdict
        self.world.say("ANSWER", event[:2], verdict)
        self.answers.append(answer)
        self.world.coverage[verdict] += 1
        answered_ok = self.ok_events(event.robot).get(event.timestamp)
        if verdict is not Verdict.OK:
            if answered_ok == event.point:
                raise Violation(Promise.ANSWERS_AGREE, f"{event} is {verdict} after an OK")
            if self._present(event.robot).get(event.timestamp) == event.point:
                raise Violation(Promise.ANSWERS_AGREE, f"{event} is {verdict}, but held")
            self._rejected[event] = verdict
            return
        if answered_ok not in (None, event.point):
            raise Violation(Promise.ANSWERS_AGREE, f"{event} is OK with two pairs of x and y")
        self.check_not_rejected(event, "is OK")
        self.ok_events(event.robot)[event.timestamp] = event.point

    def check_accepted(self, event: Event) -> None:
        """Checks an event that a robot has just accepted."""
        self.check_not_rejected(event, "is accepted")
        last = self.world.disk.last_timestamp(event.robot)
        if event.timestamp <= last and not self.world.disk.has_event(event):
            raise Violation(Promise.ROWS_RISE, f"{event} is accepted below the stored row {last}")

    def check_not_rejected(self, event: Event, change: str) -> None:
        """Checks an event that is accepted, answered OK or stored; `change` says which."""
        if event in self._rejected:
            details = f"{event} {change} after {self._rejected[event]}"
            raise Violation(Promise.ANSWERS_AGREE, details)

    def check_read(
        self, robot: str, answered_ok: dict[int, Point], rows: Sequence[Row], final: set[int]
    ) -> None:
        """Checks the rows of a read. It has folded the odometers again that are not in `final`."""
        points = _points(rows)
        for timestamp, point in answered_ok.items():
            if points.get(timestamp) != point:
                raise Violation(Promise.READ_IS_COMPLETE, f"a read of {robot} lacks {timestamp}")
        for row, odometer in zip(rows, folded_odometers(points.values())):
            if row.timestamp in final and row.odometer != odometer:
                details = f"odometer of {robot}@{row.timestamp} in a read is not {odometer}"
                raise Violation(Promise.READ_ODOMETER, details)

    def check_row(self, robot: str, robot_id: int, row: Row) -> bool:
        """Rule 20: checks a row before a checkpoint inserts it. Returns whether the row is new."""
        disk = self.world.disk
        owner = self._robot_of_id.setdefault(robot_id, robot)
        if owner != robot:
            details = f"rows of {robot} get the id {robot_id} of {owner}"
            raise Violation(Promise.ID_IS_UNIQUE, details)
        stored = disk.row(robot, row.timestamp)
        if stored is not None:
            if stored != row:
                raise Violation(Promise.ROW_IS_FINAL, f"{stored} of {robot} becomes {row}")
            return False
        last = disk.last_timestamp(robot)
        if row.timestamp < last:
            details = f"{robot}@{row.timestamp} is inserted below {last}"
            raise Violation(Promise.ROWS_RISE, details)
        return True

    def check_trim(self, shard: int, batch_no: int) -> None:
        """Rules 17 and 21: checks a batch before it is deleted from the journal."""
        disk, memory = self.world.disk, self.world.shards[shard]
        batch = disk.journal[shard][batch_no]
        is_above = batch_no > disk.marker(shard).cut
        if is_above and batch.lines and memory.is_waiting(batch_no):
            details = f"batch {batch_no} of shard {shard} is trimmed before it is applied"
            raise Violation(Promise.TRIM_IS_SAFE, details)
        for line in batch.lines:
            event = line.event
            is_ok = self.ok_events(event.robot).get(event.timestamp) == event.point
            if is_ok and not disk.has_event(event):
                raise Violation(Promise.TRIM_IS_SAFE, f"{event} is OK and trimmed, but not stored")
            is_stored = disk.row(event.robot, event.timestamp) is not None
            if self._is_held(event, batch_no) and not is_stored:
                raise Violation(Promise.TRIM_IS_SAFE, f"{event} is trimmed, but not stored")

    def _is_held(self, event: Event, batch_no: int) -> bool:
        """Whether memory has an event at this timestamp from this batch."""
        track = self.world.shards[shard_of(event.robot)].robots.get(event.robot)
        held: list[HeldEvent] = [*track.sealed, *track.unsealed] if track else []
        return any((e.timestamp, e.batch_no) == (event.timestamp, batch_no) for e in held)

    def check_ok_events(self, shard: int, moment: str) -> None:
        """Checks that every event answered OK is in memory or in the store."""
        for robot, answered_ok in self._ok_events.items():
            if shard_of(robot) == shard and not answered_ok.items() <= self._present(robot).items():
                details = f"{moment}: an OK event of {robot} is gone"
                raise Violation(Promise.OK_IS_KEPT, details)

    def _present(self, robot: str) -> dict[int, Point]:
        """x and y of all events of a robot in the store and in memory, by timestamp."""
        track = self.world.shards[shard_of(robot)].robots.get(robot)
        memory = track.memory() if track else []
        return _points(self.world.disk.rows(robot).values()) | _points(memory)

    # --- after a replay

    def check_replayed(self, index: int) -> None:
        """Checks a shard after its replay. Memory and store must equal the log."""
        self.check_ok_events(index, "after a replay")
        for robot in self.world.robots:
            if shard_of(robot) == index:
                self._check_seal_point(index, robot)
        reading = self._read_log(index)
        for robot in reading.accepted:
            if reading.points(robot) != self._present(robot):
                details = f"after a replay, {robot} differs from the log"
                raise Violation(Promise.REPLAY_IS_LOG, details)

    def _check_seal_point(self, index: int, robot: str) -> None:
        """Checks that no row of a robot lies above its seal point."""
        disk, shard = self.world.disk, self.world.shards[index]
        track = shard.robots.get(robot) or disk.activate(robot, self.world.rules)
        seal_point, last = track.seal_point_at(shard.horizon_ms), disk.last_timestamp(robot)
        if seal_point < last:
            details = f"seal point {seal_point} of {robot} after a replay, but row {last} is stored"
            raise Violation(Promise.ROWS_RISE, details)

    def _read_log(self, index: int) -> Reading:
        log = self.world.disk.whole_log[index]
        return read_whole_log((log[no] for no in sorted(log)), self.world.rules.is_horizon_monotone)

    # --- at the end of a history

    def check_end(self) -> None:
        """Checks that the store equals answers and log, when everything is answered and stored."""
        self._check_answers_at_end()
        for robot in self.world.robots:
            self._check_rows(robot)
        for index in range(SHARD_COUNT):
            self._check_log_at_end(index, self._read_log(index))

    def _check_answers_at_end(self) -> None:
        disk = self.world.disk
        for robot, answered_ok in self._ok_events.items():
            if not answered_ok.items() <= _points(disk.rows(robot).values()).items():
                details = f"at the end, an OK event of {robot} is not stored"
                raise Violation(Promise.OK_IS_KEPT, details)
        for event, verdict in self._rejected.items():
            if disk.has_event(event):
                raise Violation(Promise.ANSWERS_AGREE, f"{event} is {verdict}, but stored")

    def _check_rows(self, robot: str) -> None:
        """Rules 16 and 20: checks odometers and robot row against the rows."""
        stored = self.world.disk.rows(robot)
        rows = [stored[timestamp] for timestamp in sorted(stored)]
        for row, odometer in zip(rows, folded_odometers((row.x, row.y) for row in rows)):
            if row.odometer != odometer:
                details = f"odometer of {robot}@{row.timestamp} is {row.odometer}, not {odometer}"
                raise Violation(Promise.ROW_IS_FINAL, details)
        if rows:
            state = self.world.disk.robots[robot].state
            if state is None or state[:5] != (*rows[-1], len(rows)):
                details = f"robot row of {robot} is {state} after {len(rows)} rows up to {rows[-1]}"
                raise Violation(Promise.ROW_IS_FINAL, details)

    def _check_log_at_end(self, index: int, reading: Reading) -> None:
        for robot, accepted in reading.accepted.items():
            if reading.points(robot) != _points(self.world.disk.rows(robot).values()):
                raise Violation(Promise.REPLAY_IS_LOG, f"at the end, {robot} differs from the log")
            self._check_row_times(robot, list(accepted.values()))
        for answer in self.answers:
            if answer.shard == index:
                verdict = reading.verdicts[answer.batch_no, answer.line]
                if verdict is not answer.verdict:
                    details = f"{answer} was given, but the log says {verdict}"
                    raise Violation(Promise.ANSWER_IS_LOG, details)

    def _check_row_times(self, robot: str, accepted: list[AcceptedEvent]) -> None:
        arrivals = [event.arrival_ms for event in accepted]
        state = self.world.disk.robots[robot].state if accepted else None
        if state and (state.created_ms, state.updated_ms) != (min(arrivals), max(arrivals)):
            details = f"{robot} is created or updated at other times than its log says: {state}"
            raise Violation(Promise.ROW_TIMES, details)


def _points(rows: Iterable[Row]) -> dict[int, Point]:
    """x and y by timestamp."""
    return {row.timestamp: (row.x, row.y) for row in rows}
