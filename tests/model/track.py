"""One robot as the models see it: the twin of core/robot_track, with the names of docs/RULES.md.

Also holds the names that all models share: events, verdicts, the promises that a history can break,
and Violation, the exception for a broken promise.

All times (timestamp, arrival, horizon, window) are in milliseconds.
"""

import bisect
import dataclasses
import enum
import functools
import math
import typing
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

NEVER_MS = -(10**9)  # an arrival or horizon before all others: "minus infinity" of rule 22


class Event(NamedTuple):
    """An event as its producer sends it."""

    robot: str
    timestamp: int
    x: float
    y: float

    @property
    def point(self) -> tuple[float, float]:
        return self.x, self.y

    def __str__(self) -> str:
        return f"{self.robot}@{self.timestamp} ({self.x:.4g}, {self.y:.4g})"


class Offered(enum.StrEnum):
    """Results of Track.offer(), rule 11."""

    NEW = "NEW"
    DUPLICATE = "DUPLICATE"
    CONFLICT = "CONFLICT"
    SEALED = "SEALED"  # at or below the seal point and not in memory: the store has to be asked


class Verdict(enum.StrEnum):
    """Answers to a producer, rule 11."""

    OK = "OK"
    CONFLICT = "CONFLICT"
    STALE = "STALE"


class Promise(enum.StrEnum):
    """The promises that a history can break."""

    OK_IS_KEPT = "an event answered OK is in memory or in the store"
    ANSWERS_AGREE = "answers contradict neither each other nor the contents"
    ROW_IS_FINAL = "a stored row is final, and its odometer is the path so far"
    ROW_TIMES = "created and updated are the first and last arrival of a robot's events"
    ROWS_RISE = "rows of a robot reach the store in timestamp order"
    ID_IS_UNIQUE = "a robot id belongs to one robot"
    READ_IS_COMPLETE = "a read contains every event answered OK before it"
    READ_ODOMETER = "the odometers of a read are the path through its rows"
    LIST_IS_COMPLETE = "a list counts every event answered OK before it"
    REPLAY_IS_LOG = "memory and store equal the verdicts of a naive reader of the whole log"
    ANSWER_IS_LOG = "every answer equals the verdict of a naive reader of the whole log"
    TRIM_IS_SAFE = "a batch is trimmed only after the store has its events"
    EVERYTHING_IS_ANSWERED = "in the end every event is answered"
    EVERYTHING_RESTS = "in the end every accepted event is sealed, stored and trimmed"


class Violation(Exception):
    """A broken promise: ends a history. A model may add promises of its own in another StrEnum."""

    def __init__(self, promise: enum.StrEnum, details: str) -> None:
        super().__init__(promise, details)
        self.promise = promise
        self.details = details

    def __str__(self) -> str:
        return f"{self.promise.name}: {self.details}"


class InvalidRule(Exception):
    """A model has no rule of this name, or the rule has no such value."""


class Row(NamedTuple):
    """An event row of the store, or an event in memory as a read returns it."""

    timestamp: int
    x: float
    y: float
    odometer: float


class RobotState(NamedTuple):
    """The robot row of the store, rule 16: the robot at its last sealed event."""

    seal_point: int = -1
    x: float | None = None
    y: float | None = None
    odometer: float = 0.0
    count: int = 0
    created_ms: int | None = None
    updated_ms: int | None = None


@dataclasses.dataclass(slots=True)
class HeldEvent:
    """An accepted event in memory."""

    timestamp: int
    x: float
    y: float
    odometer: float
    arrival_ms: int
    batch_no: int

    @property
    def row(self) -> Row:
        return Row(self.timestamp, self.x, self.y, self.odometer)


@functools.cache
def _known_values(rules: type) -> dict[str, tuple[object, ...]]:
    """The values of each rule of a class that has a fixed set of values."""
    hints = typing.get_type_hints(rules)
    known = {name: typing.get_args(hint) for name, hint in hints.items() if _is_choice(hint)}
    return known | {name: (False, True) for name, hint in hints.items() if hint is bool}


def _is_choice(hint: object) -> bool:
    return typing.get_origin(hint) is Literal


@dataclasses.dataclass(frozen=True)
class TrackRules:
    """The rules that a robot follows. Each default is the design, each other value a mutation."""

    # Rule 11. offer() first seals up to the horizon of the event's batch.
    offer_seals: bool = True
    # Rule 11. fold: odometers after a new event are folded again. delta: shifted by the detour.
    odometer: Literal["fold", "delta"] = "fold"
    # Rule 16. sealed: the robot row is the state at the last sealed event. latest: at the last one.
    robot_row: Literal["sealed", "latest"] = "sealed"

    def __post_init__(self) -> None:
        """Raises InvalidRule if a rule has an unknown value, such as a misspelled one."""
        for name, known in _known_values(type(self)).items():
            if getattr(self, name) not in known:
                raise InvalidRule(f"{name} is {getattr(self, name)!r}, not one of {known}")


class Track:
    """A robot in memory: order, seal point and odometer of its events. Has no clock (rule 9)."""

    __slots__ = (
        *("name", "rules", "seal_point", "x", "y", "odometer"),
        *("count", "created_ms", "updated_ms", "unsealed", "sealed"),
    )

    def __init__(
        self, name: str, state: RobotState | None = None, rules: TrackRules = TrackRules()
    ) -> None:
        """Activates a robot from its robot row, or an empty one without a row (rule 28)."""
        self.name = name
        self.rules = rules
        self.unsealed: list[HeldEvent] = []  # by timestamp, all above the seal point
        self.sealed: list[HeldEvent] = []  # by timestamp, sealed but not yet released (rule 21)
        # The state at the seal point, as in the robot row.
        state = state or RobotState()
        self.seal_point = state.seal_point
        self.x, self.y, self.odometer = state.x, state.y, state.odometer
        self.count = state.count
        self.created_ms, self.updated_ms = state.created_ms, state.updated_ms

    def seal_point_at(self, horizon_ms: int) -> int:
        """The seal point that seal(horizon_ms) would leave (rule 10)."""
        due = (event.timestamp for event in self.unsealed if event.arrival_ms <= horizon_ms)
        return max(due, default=self.seal_point)

    def seal(self, horizon_ms: int) -> None:
        """Rule 10: seals every event up to the greatest timestamp that arrived by the horizon."""
        seal_point = self.seal_point_at(horizon_ms)
        due = bisect.bisect_right(self._unsealed_timestamps(), seal_point)
        for event in self.unsealed[:due]:
            self._append_sealed(event)
        del self.unsealed[:due]

    def _append_sealed(self, event: HeldEvent) -> None:
        self.seal_point, self.x, self.y, self.odometer = event.row
        self.count += 1
        arrivals = [event.arrival_ms]
        self.created_ms = min(arrivals if self.created_ms is None else [self.created_ms, *arrivals])
        self.updated_ms = max(arrivals if self.updated_ms is None else [self.updated_ms, *arrivals])
        self.sealed.append(event)

    def offer(self, event: Event, arrival_ms: int, horizon_ms: int, batch_no: int) -> Offered:
        """Rule 11: judges an event by the arrival and horizon of its batch, and keeps a new one."""
        if self.rules.offer_seals:
            self.seal(horizon_ms)
        position = bisect.bisect_left(self._unsealed_timestamps(), event.timestamp)
        held = self._held(event.timestamp, position)
        if held is not None:
            is_same = (held.x, held.y) == event.point
            return Offered.DUPLICATE if is_same else Offered.CONFLICT
        if event.timestamp <= self.seal_point:
            return Offered.SEALED
        _, timestamp, x, y = event
        self._insert(position, HeldEvent(timestamp, x, y, 0.0, arrival_ms, batch_no))
        return Offered.NEW

    def _unsealed_timestamps(self) -> list[int]:
        return [event.timestamp for event in self.unsealed]

    def _held(self, timestamp: int, position: int) -> HeldEvent | None:
        """The event in memory at a timestamp; `position` is the timestamp's place in `unsealed`."""
        if timestamp <= self.seal_point:
            return next((event for event in self.sealed if event.timestamp == timestamp), None)
        following = self.unsealed[position : position + 1]
        return next((event for event in following if event.timestamp == timestamp), None)

    def _insert(self, position: int, event: HeldEvent) -> None:
        if self.rules.odometer == "delta" and position < len(self.unsealed):
            self._shift(position, event)
            self.unsealed.insert(position, event)
        else:
            self.unsealed.insert(position, event)
            self._fold(position)

    def _before(self, position: int) -> tuple[float | None, float | None, float]:
        """x, y and odometer before a position of `unsealed`."""
        if position > 0:
            return self.unsealed[position - 1].row[1:]
        return self.x, self.y, self.odometer

    def _fold(self, position: int) -> None:
        """Computes the odometers of `unsealed` from a position on."""
        x, y, odometer = self._before(position)
        for event in self.unsealed[position:]:
            if x is not None and y is not None:
                odometer += math.hypot(event.x - x, event.y - y)
            event.odometer = odometer
            x, y = event.x, event.y

    def _shift(self, position: int, event: HeldEvent) -> None:
        """The mutation of _fold(): adds the detour over `event` to the odometers behind it."""
        x, y, odometer = self._before(position)
        following = self.unsealed[position]
        event.odometer, direct = odometer, 0.0
        if x is not None and y is not None:
            event.odometer += math.hypot(event.x - x, event.y - y)
            direct = math.hypot(following.x - x, following.y - y)
        onward = math.hypot(following.x - event.x, following.y - event.y)
        detour = (event.odometer - odometer) + onward - direct
        for later in self.unsealed[position:]:
            later.odometer += detour

    def robot_row(self) -> RobotState:
        """Rule 16: the robot row that a checkpoint writes."""
        if self.rules.robot_row == "latest" and self.unsealed:
            count = self.count + len(self.unsealed)
            return RobotState(*self.unsealed[-1].row, count, self.created_ms, self.updated_ms)
        point = (self.seal_point, self.x, self.y, self.odometer)
        return RobotState(*point, self.count, self.created_ms, self.updated_ms)

    def sealed_rows(self) -> list[Row]:
        """Rule 16: the event rows that a checkpoint writes."""
        return [event.row for event in self.sealed]

    def release(self, count: int) -> None:
        """Rule 21: forgets the first `count` sealed events, which are durable now."""
        del self.sealed[:count]

    def memory(self) -> list[Row]:
        """Rule 29: the part of a read that comes from memory, by timestamp."""
        return [event.row for event in (*self.sealed, *self.unsealed)]

    def batch_nos(self, with_sealed: bool) -> Iterator[int]:
        """Rule 17: batch numbers of the unsealed events, and of the sealed ones on request."""
        yield from (event.batch_no for event in self.unsealed)
        if with_sealed:
            yield from (event.batch_no for event in self.sealed)


def folded_odometers(points: Iterable[tuple[float, float]]) -> Iterator[float]:
    """The odometer at each point of a robot's path, added up from the first point on."""
    odometer = 0.0
    last: tuple[float, float] | None = None
    for x, y in points:
        if last is not None:
            odometer += math.hypot(x - last[0], y - last[1])
        last = x, y
        yield odometer
