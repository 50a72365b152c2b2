"""The oracle of docs/RULES.md: a naive reader of the whole log of a shard, which is never trimmed.

It knows no checkpoint, no crash and no replay. After every replay, memory plus store must equal the
events that it accepts, and every answer ever given must equal its verdict.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from track import NEVER_MS, Event, Verdict


class LoggedLine(Protocol):
    """Any object with an event."""

    @property
    def event(self) -> Event:
        ...


class LoggedBatch(Protocol):
    """A batch of the log: an entry of the journal (rule 1)."""

    @property
    def batch_no(self) -> int:
        ...

    @property
    def arrival_ms(self) -> int:
        ...

    @property
    def horizon_ms(self) -> int:
        ...

    @property
    def lines(self) -> Sequence[LoggedLine]:
        ...


class AcceptedEvent(NamedTuple):
    """An event that the naive reader accepts."""

    x: float
    y: float
    arrival_ms: int


@dataclasses.dataclass
class Reading:
    """Everything that the naive reader knows of a log."""

    accepted: dict[str, dict[int, AcceptedEvent]]  # by robot and timestamp
    verdicts: dict[tuple[int, int], Verdict]  # by batch number and line of the batch, from 0

    def points(self, robot: str) -> dict[int, tuple[float, float]]:
        """x and y of the accepted events of a robot, by timestamp."""
        events = self.accepted.get(robot, {})
        return {timestamp: (event.x, event.y) for timestamp, event in events.items()}


def read_whole_log(batches: Iterable[LoggedBatch], is_monotone: bool = True) -> Reading:
    """Reads the batches of a shard, in number order.

    `is_monotone` is rule 4: a horizon is never below the one before it. Without it, each batch is
    judged by its own horizon.
    """
    reading = Reading({}, {})
    horizon_ms = NEVER_MS
    for batch in batches:
        horizon_ms = max(horizon_ms, batch.horizon_ms) if is_monotone else batch.horizon_ms
        for index, line in enumerate(batch.lines):
            events = reading.accepted.setdefault(line.event.robot, {})
            verdict = _judge(events, line.event, horizon_ms, batch.arrival_ms)
            reading.verdicts[batch.batch_no, index] = verdict
    return reading


def _judge(
    events: dict[int, AcceptedEvent], event: Event, horizon_ms: int, arrival_ms: int
) -> Verdict:
    """Rules 10 and 11 with one robot's events in a single dictionary, by timestamp."""
    _, timestamp, x, y = event
    held = events.get(timestamp)
    if held is not None:
        return Verdict.OK if (held.x, held.y) == (x, y) else Verdict.CONFLICT
    due = (earlier for earlier, other in events.items() if other.arrival_ms <= horizon_ms)
    if timestamp <= max(due, default=-1):
        return Verdict.STALE
    events[timestamp] = AcceptedEvent(x, y, arrival_ms)
    return Verdict.OK
