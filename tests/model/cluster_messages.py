"""What travels between gateways and owners of the cluster model, and the links that carry it."""

from __future__ import annotations

import collections
import dataclasses
from typing import Any, NamedTuple

from track import Event, Verdict


class SentEvent(NamedTuple):
    """An event of a client on its way to an owner."""

    client: int
    connection: int  # a verdict for an earlier connection of the client is dropped
    position: int  # in the client's plan
    event: Event


class LogPosition(NamedTuple):
    """Where the log has an event."""

    shard: int
    batch_no: int
    line: int


Answer = tuple[Verdict, LogPosition]


@dataclasses.dataclass(eq=False)
class Slice:
    """Events of one shard that a gateway sends together and keeps until they are settled."""

    events: list[SentEvent]
    number: int | None = None  # in the generation in which it was last sent


@dataclasses.dataclass(frozen=True)
class SliceMessage:
    """A slice on its way to the owner."""

    gateway: int
    shard: int
    epoch: int
    generation: int
    number: int
    events: list[SentEvent]
    link: Link | None


@dataclasses.dataclass(frozen=True)
class SliceReply:
    """The answers to a slice, or its refusal, on the way back."""

    message: SliceMessage
    answers: list[Answer] | None  # one for each event; None: refused


@dataclasses.dataclass(eq=False)
class Link:
    """One connection from a gateway to an owner. Once cut, it may still deliver a part."""

    gateway: int
    owner: int
    is_alive: bool = True
    forward: collections.deque[SliceMessage] = dataclasses.field(default_factory=collections.deque)
    backward: collections.deque[SliceReply] = dataclasses.field(default_factory=collections.deque)

    @property
    def queues(self) -> tuple[collections.deque[Any], collections.deque[Any]]:
        """Both directions."""
        return self.forward, self.backward


class Submission:
    """A slice that an owner has accepted, with the answers so far."""

    def __init__(self, message: SliceMessage) -> None:
        self.message = message
        self.answers: list[Answer | None] = [None] * len(message.events)

    def settled_answers(self) -> list[Answer] | None:
        """All answers, or None while one is missing."""
        answers = [answer for answer in self.answers if answer is not None]
        return answers if len(answers) == len(self.answers) else None
