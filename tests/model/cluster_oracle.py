"""The oracle of the cluster model: it knows the whole log and every answer, and checks promises.

The log is the sequence of batches that the database accepted, never trimmed.
"""

from __future__ import annotations

import collections
import enum
from typing import TYPE_CHECKING

from cluster_producers import SOLO_ROBOTS
from cluster_rules import ROBOTS, SHARD_COUNT, shard_of
from cluster_tenure import WRITING_PHASES
from naive_reader import AcceptedEvent, Reading, read_whole_log
from track import Event, Promise, Row, Verdict, Violation, folded_odometers

if TYPE_CHECKING:
    from cluster_database import RobotId
    from cluster_messages import LogPosition
    from cluster_node import Node
    from cluster_tenure import Tenure
    from cluster_world import World
    from cluster_writer import Batch

Point = tuple[float, float]


class ClusterPromise(enum.StrEnum):
    """Promises that only a cluster can break, beside those of one node."""

    LOG_HAS_ONE_WRITER = "batches of a shard have no hole, and one node writes in each epoch"
    REPLAY_HAS_NO_HOLE = "a recovery finds every batch above its marker"
    ORDER_IS_KEPT = "a robot of one connection at a time gets no answer but OK"


class Oracle:
    """Everything that was logged and answered."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.log: list[dict[int, Batch]] = [{} for _ in range(SHARD_COUNT)]  # by batch number
        self._writers: dict[tuple[int, int], int] = {}  # (shard, epoch) -> incarnation
        self._accepted: dict[tuple[str, int], Point] = {}  # answered OK; by robot and timestamp
        self._rejected: dict[Event, Verdict] = {}  # any other answer
        self.answers: list[tuple[LogPosition, Verdict, Event]] = []
        self._max_stored: dict[str, int] = {}  # greatest timestamp in the store, by robot
        self._id_owners: dict[RobotId, str] = {}

    # --- log

    def take_batch(self, shard: int, batch: Batch) -> None:
        """Adds a batch to the log. Checks numbers, epochs and writers."""
        name = f"batch {batch.batch_no} of shard {shard}"
        log = self.log[shard]
        writer = self._writers.setdefault((shard, batch.epoch), batch.writer)
        if writer != batch.writer:
            self._fail_log(f"two nodes write shard {shard} in epoch {batch.epoch}")
        if batch.batch_no in log:
            self._fail_log(f"{name} is written twice")
        if batch.batch_no != len(log) + 1:
            self._fail_log(f"hole before {name}")
        if batch.batch_no > 1 and log[batch.batch_no - 1].epoch > batch.epoch:
            self._fail_log(f"an older epoch writes {name}")
        log[batch.batch_no] = batch

    def _fail_log(self, details: str) -> None:
        raise Violation(ClusterPromise.LOG_HAS_ONE_WRITER, details)

    def robots_logged_after(self, shard: int, batch_no: int) -> list[str]:
        """The robots of all events above a batch number, in order of the log."""
        later = (batch for number, batch in self.log[shard].items() if number > batch_no)
        return [line.event.robot for batch in later for line in batch.lines]

    def _read_log(self, shard: int) -> Reading:
        return read_whole_log(batch for _, batch in sorted(self.log[shard].items()))

    # --- answers

    def take_answer(self, event: Event, verdict: Verdict, position: LogPosition) -> None:
        """Adds an answer. Checks that it agrees with all earlier ones."""
        self.answers.append((position, verdict, event))
        key = (event.robot, event.timestamp)
        accepted = self._accepted.get(key)
        if verdict is Verdict.OK:
            if accepted and accepted != event.point:
                raise Violation(Promise.ANSWERS_AGREE, f"{key} is OK for two payloads")
            if event in self._rejected:
                details = f"{key} is {self._rejected[event]}, then OK"
                raise Violation(Promise.ANSWERS_AGREE, details)
            self._accepted[key] = event.point
            return
        if event.robot in SOLO_ROBOTS:
            details = f"{key} is {verdict}, though its robot has one connection at a time"
            raise Violation(ClusterPromise.ORDER_IS_KEPT, details)
        if accepted == event.point:
            raise Violation(Promise.ANSWERS_AGREE, f"{key} is OK, then {verdict}")
        self._rejected[event] = verdict

    def accepted_points(self, robot: str) -> dict[int, Point]:
        """The events of a robot that were answered OK so far, by timestamp."""
        return {
            timestamp: point for (name, timestamp), point in self._accepted.items() if name == robot
        }

    def accepted_counts(self) -> dict[str, int]:
        """How many events of each robot were answered OK so far."""
        return dict(collections.Counter(robot for robot, _ in self._accepted))

    def check_accepted(self, event: Event) -> None:
        """An event that a robot accepts was never answered otherwise."""
        if event in self._rejected:
            details = f"{event[:2]} was answered {self._rejected[event]} and is accepted later"
            raise Violation(Promise.ANSWERS_AGREE, details)

    # --- store

    def check_robot_id(self, robot: str, robot_id: RobotId) -> None:
        """Rule 19: an id belongs to one robot, and a robot has one id."""
        owner = self._id_owners.setdefault(robot_id, robot)
        if owner != robot:
            details = f"rows of {robot} under the id {tuple(robot_id)} of {owner}"
            raise Violation(Promise.ID_IS_UNIQUE, details)
        row = self.world.database.robots.get(robot)
        if row and row.robot_id != robot_id:
            details = f"{robot} has the id {tuple(row.robot_id)}, rows come with {tuple(robot_id)}"
            raise Violation(Promise.ID_IS_UNIQUE, details)

    def check_row(self, robot: str, row: Row, stored: tuple[float, float, float] | None) -> None:
        """Rule 20: a stored row never changes, and a new row lies above all rows of its robot."""
        key = (robot, row.timestamp)
        if stored is not None:
            if stored != row[1:]:
                details = f"row {key} is not final: {stored} -> {row[1:]}"
                raise Violation(Promise.ROW_IS_FINAL, details)
        elif row.timestamp < self._max_stored.get(robot, -1):
            details = f"row {key} inserted below {self._max_stored[robot]}"
            raise Violation(Promise.ROWS_RISE, details)

    def take_row(self, robot: str, row: Row) -> None:
        """Adds a row that was stored just now."""
        self._max_stored[robot] = row.timestamp
        if Event(robot, row.timestamp, row.x, row.y) in self._rejected:
            details = f"{(robot, row.timestamp)} rejected and stored"
            raise Violation(Promise.ANSWERS_AGREE, details)

    def check_trimmed(self, event: Event) -> None:
        """Rule 21: an event leaves the journal only when the store has it."""
        robot, timestamp = event[:2]
        is_accepted = self._accepted.get((robot, timestamp)) == event.point
        if is_accepted and self.world.database.point(robot, timestamp) != event.point:
            details = f"OK event {(robot, timestamp)} trimmed, not in the store"
            raise Violation(Promise.TRIM_IS_SAFE, details)

    # --- the whole

    def _points(self, robot: str, tenure: Tenure | None) -> dict[int, Point]:
        """x and y of the events of a robot in the store and in the memory of a tenure."""
        rows = dict(self.world.database.rows_of(robot))
        track = tenure.robots.get(robot) if tenure else None
        if track:
            rows.update((row.timestamp, row) for row in track.memory())
        return {timestamp: (row.x, row.y) for timestamp, row in rows.items()}

    def check_recovered(self, node: Node, tenure: Tenure) -> None:
        """After a recovery, memory plus store equal the verdicts of the naive reader."""
        reading = self._read_log(tenure.shard)
        for robot in reading.accepted:
            if reading.points(robot) != self._points(robot, tenure):
                details = f"node {node.incarnation} recovers {robot} other than the log has it"
                raise Violation(Promise.REPLAY_IS_LOG, details)
            seal_point = self._seal_point(robot, tenure)
            max_stored = self._max_stored.get(robot, -1)
            if seal_point < max_stored:
                details = f"seal point of {robot} after recovery below stored {max_stored}"
                raise Violation(Promise.ROWS_RISE, details)

    def _seal_point(self, robot: str, tenure: Tenure) -> int:
        """The seal point of a robot at the horizon of a tenure."""
        track = tenure.robots.get(robot)
        if track is None:
            state = self.world.database.robot_state(robot)
            return state.seal_point if state else -1
        return track.seal_point_at(tenure.horizon_ms)

    def check_owners(self) -> None:
        """What was answered OK is in the store or in the memory of the shard's owner."""
        for shard in range(SHARD_COUNT):
            node = self.world.owner_node(shard)
            tenure = node.tenures.get(shard) if node and node.is_up else None
            if tenure is None or tenure.phase not in WRITING_PHASES:
                continue
            if tenure.epoch != self.world.database.shards[shard].epoch:
                continue
            points: dict[str, dict[int, Point]] = {}
            for (robot, timestamp), point in self._accepted.items():
                if shard_of(robot) != shard:
                    continue
                if robot not in points:
                    points[robot] = self._points(robot, tenure)
                if points[robot].get(timestamp) != point:
                    details = f"OK event {(robot, timestamp)} is gone"
                    raise Violation(Promise.OK_IS_KEPT, details)

    def check_end(self) -> None:
        """Everything is stored: compares the store with all answers and with the naive reader."""
        database = self.world.database
        for (robot, timestamp), point in self._accepted.items():
            if database.point(robot, timestamp) != point:
                details = f"OK event {(robot, timestamp)} not stored at the end"
                raise Violation(Promise.OK_IS_KEPT, details)
        for event, verdict in self._rejected.items():
            if database.point(event.robot, event.timestamp) == event.point:
                details = f"{verdict} event {event[:2]} stored at the end"
                raise Violation(Promise.ANSWERS_AGREE, details)
        for robot in ROBOTS:
            self._check_rows(robot)
        for shard in range(SHARD_COUNT):
            self._check_shard(shard)

    def _check_rows(self, robot: str) -> None:
        """The odometers are the path through the rows, and the robot row equals the last row."""
        rows = [row for _, row in sorted(self.world.database.rows_of(robot).items())]
        for row, odometer in zip(rows, folded_odometers((row.x, row.y) for row in rows)):
            if row.odometer != odometer:
                raise Violation(Promise.ROW_IS_FINAL, f"odometer of {(robot, row.timestamp)}")
        if rows and self.world.database.robots[robot].state[:5] != (*rows[-1], len(rows)):
            raise Violation(Promise.ROW_IS_FINAL, f"robot row of {robot}")

    def _check_shard(self, shard: int) -> None:
        """Store and answers equal those of the naive reader."""
        reading = self._read_log(shard)
        for robot, events in reading.accepted.items():
            if reading.points(robot) != self._points(robot, None):
                raise Violation(Promise.REPLAY_IS_LOG, f"{robot} differs from the log")
            if events:
                self._check_times(robot, events)
        for position, verdict, event in self.answers:
            if position.shard == shard:
                logged = reading.verdicts.get((position.batch_no, position.line))
                if logged != verdict:
                    details = f"{event[:2]}: answered {verdict}, the log says {logged}"
                    raise Violation(Promise.ANSWER_IS_LOG, details)

    def _check_times(self, robot: str, events: dict[int, AcceptedEvent]) -> None:
        """Created and updated of the robot row are the first and last arrival."""
        state = self.world.database.robots[robot].state
        arrivals = [event.arrival_ms for event in events.values()]
        if (state.created_ms, state.updated_ms) != (min(arrivals), max(arrivals)):
            raise Violation(Promise.ROW_TIMES, f"created/updated of {robot} differ")
