"""The parts of the single-node model that only hold state: clients, batches, shards, the disk."""

import collections
import dataclasses
from typing import NamedTuple

from track import NEVER_MS, Event, RobotState, Row, Track, TrackRules, Verdict

SHARD_COUNT = 2


def shard_of(robot: str) -> int:
    """The shard of a robot. Like the hash of rule 8, it never changes."""
    return ord(robot) % SHARD_COUNT


class Line(NamedTuple):
    """An event on its way from a connection through the journal."""

    client: int
    connection: int  # which connection of the client, see Client
    position: int  # in the plan of the client
    event: Event

    def __str__(self) -> str:
        return f"{self.event.robot}@{self.event.timestamp}"


@dataclasses.dataclass(frozen=True)
class Batch:
    """An entry of the journal (rule 1). The times are those of its stamp, in milliseconds."""

    batch_no: int
    arrival_ms: int
    horizon_ms: int
    lines: list[Line] = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        lines = " ".join(map(str, self.lines))
        return f"no {self.batch_no} arrival {self.arrival_ms} horizon {self.horizon_ms} [{lines}]"


class Answer(NamedTuple):
    """A verdict, and the place in the log of the line that it belongs to."""

    verdict: Verdict
    shard: int
    batch_no: int
    line: int


@dataclasses.dataclass(eq=False)
class Client:
    """A producer. After a broken connection it sends all unanswered events again."""

    plan: list[Event]  # all events that it sends, in order
    sent: int = 0  # number of events sent, without those to be sent again
    answered: int = 0  # number of events with an answer
    connection: int = 0  # number of connections so far; an answer for an older one is dropped
    # Answers on their way, by position in the plan.
    answers: dict[int, Answer] = dataclasses.field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        return self.answered == len(self.plan)

    def reconnect(self) -> None:
        self.connection += 1
        self.sent = self.answered
        self.answers = {}


@dataclasses.dataclass
class Shard:
    """A shard in memory. A restart creates it anew."""

    marker_arrival_ms: int  # rule 22: floors of new stamps, from the marker
    marker_horizon_ms: int
    next_no: int  # rule 7
    applied_no: int  # number of the last applied batch
    replay: collections.deque[Batch]  # rule 23: still to be replayed
    arrival_ms: int = NEVER_MS  # of the last applied batch
    horizon_ms: int = NEVER_MS  # likewise
    is_live: bool = False  # the replay is done
    last_stamp: tuple[int, int] | None = None  # arrival and horizon; None: no stamp since the start
    idle_floor_ms: int = NEVER_MS  # only for seal_clock idle_floor
    wants_tick: bool = False
    queue: collections.deque[Batch] = dataclasses.field(default_factory=collections.deque)
    robots: dict[str, Track] = dataclasses.field(default_factory=dict)
    parked: dict[str, list[tuple[Line, Batch]]] = dataclasses.field(default_factory=dict)

    def go_live(self) -> None:
        """Rule 24: the replay is done."""
        self.is_live = True
        self.arrival_ms = max(self.arrival_ms, self.marker_arrival_ms)
        self.horizon_ms = max(self.horizon_ms, self.marker_horizon_ms)

    def parked_nos(self) -> list[int]:
        """Batch numbers of all parked events."""
        return [batch.batch_no for parked in self.parked.values() for _, batch in parked]

    def is_waiting(self, batch_no: int) -> bool:
        """Whether an event of a batch has yet to be offered."""
        waiting = [batch.batch_no for batch in (*self.queue, *self.replay)]
        return batch_no in waiting or batch_no in self.parked_nos()


class Marker(NamedTuple):
    """Rule 22: the marker of a shard."""

    cut: int = 0
    arrival_ms: int = NEVER_MS
    horizon_ms: int = NEVER_MS


@dataclasses.dataclass(frozen=True)
class RobotRow:
    """A robot row of the store."""

    robot_id: int
    state: RobotState | None  # None: only the id is stored yet (rule 19)


class Disk:
    """Everything that survives a crash: the journal and the store. Keeps the log for the oracle."""

    def __init__(self) -> None:
        self.journal: list[dict[int, Batch]] = [{} for _ in range(SHARD_COUNT)]  # by batch number
        self.whole_log: list[dict[int, Batch]] = [{} for _ in range(SHARD_COUNT)]  # never trimmed
        self.events: dict[str, dict[int, Row]] = {}  # by robot and timestamp
        self.robots: dict[str, RobotRow] = {}
        self.markers: dict[int, Marker] = {}  # by shard

    def append(self, shard: int, batch: Batch) -> None:
        self.journal[shard][batch.batch_no] = batch
        self.whole_log[shard][batch.batch_no] = batch

    def marker(self, shard: int) -> Marker:
        return self.markers.get(shard, Marker())

    def rows(self, robot: str) -> dict[int, Row]:
        """The event rows of a robot by timestamp. Not a copy."""
        return self.events.get(robot, {})

    def row(self, robot: str, timestamp: int) -> Row | None:
        return self.rows(robot).get(timestamp)

    def last_timestamp(self, robot: str) -> int:
        """The greatest timestamp of a robot's event rows, -1 without any."""
        return max(self.rows(robot), default=-1)

    def has_event(self, event: Event) -> bool:
        """Whether an event is stored with the same x and y."""
        row = self.row(event.robot, event.timestamp)
        return row is not None and (row.x, row.y) == event.point

    def activate(self, robot: str, rules: TrackRules) -> Track:
        """Rule 28: a robot from its robot row, or an empty one without a row."""
        row = self.robots.get(robot)
        return Track(robot, row.state if row else None, rules)
