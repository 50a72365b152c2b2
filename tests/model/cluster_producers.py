"""The producers of the cluster model: plans, connections, and the answers that they get."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cluster_messages import Answer, SentEvent
from cluster_rules import shard_of
from track import Event

if TYPE_CHECKING:
    from cluster_node import Node
    from cluster_world import World

SOLO_ROBOTS = {"a": 0, "b": 1}
"""Robots that one client feeds, in order and by one connection at a time; with that client."""


@dataclasses.dataclass(eq=False)
class Client:
    """A producer. It sends its plan in order. Over a new connection, it sends everything unanswered
    again."""

    plan: list[Event]
    sent: int = 0
    acknowledged: int = 0
    connection: int = 0  # counts its connections
    answers: dict[int, Answer] = dataclasses.field(default_factory=dict)  # by position
    gateway: int | None = None  # an incarnation

    @property
    def is_done(self) -> bool:
        return self.acknowledged == len(self.plan)

    def disconnect(self) -> None:
        self.connection += 1
        self.sent = self.acknowledged
        self.answers = {}
        self.gateway = None


class Producers:
    """All clients that send events."""

    def __init__(self, world: World, shared_robots: str, solo_share: float) -> None:
        """`shared_robots` are fed by several clients, out of order. Of the events, `solo_share`
        goes to the robots of one client."""
        self.world = world
        self.clients: list[Client] = []
        self._shared_robots = shared_robots
        self._solo_share = solo_share
        self._shared_events: list[Event] = []
        for client in range(world.chance.choice((2, 3, 3))):
            self.clients.append(Client(self._plan(client)))

    def _plan(self, client: int) -> list[Event]:
        """Events in and out of order, duplicates, and events that conflict with others."""
        chance = self.world.chance
        robots = [robot for robot, feeder in SOLO_ROBOTS.items() if feeder == client]
        solo_robot = robots[0] if robots else None
        solo_timestamp = 0
        shared_timestamps: collections.Counter[str] = collections.Counter()
        plan = []
        for _ in range(chance.randint(50, 80) if self.world.is_sleepy else chance.randint(10, 40)):
            kind = chance.random()
            if kind < self._solo_share and solo_robot:
                solo_timestamp += chance.randint(1, 4)
                x, y = chance.uniform(-9, 9), chance.uniform(-9, 9) * 1e3
                plan.append(Event(solo_robot, solo_timestamp, x, y))
            elif self._shared_events and kind < self._solo_share + 0.07:
                plan.append(chance.choice(self._shared_events))
            elif self._shared_events and kind < self._solo_share + 0.11:
                plan.append(chance.choice(self._shared_events)._replace(x=1.5, y=2.5))
            else:
                plan.append(self._shared_event(shared_timestamps))
        return plan

    def _shared_event(self, timestamps: collections.Counter[str]) -> Event:
        """A new event near the last timestamp that the client gave to its robot."""
        chance = self.world.chance
        robot = chance.choice(self._shared_robots)
        timestamps[robot] += chance.randint(0, 4)
        timestamp = max(0, timestamps[robot] + chance.randint(-6, 2))
        event = Event(robot, timestamp, chance.uniform(-9, 9), chance.uniform(-9, 9))
        self._shared_events.append(event)
        return event

    def send(self) -> None:
        """Lets a client connect if it has to, and send a few events."""
        world = self.world
        client = world.chance.choice(self.clients)
        if client.gateway is None:
            nodes = world.serving_nodes()
            if not nodes:
                return
            client.gateway = world.chance.choice(nodes).incarnation
        node = world.nodes[client.gateway]
        if node.is_paused or not node.is_joined:
            if world.chance.random() < 0.3:
                client.disconnect()
            return
        parts: dict[int, list[SentEvent]] = {}
        number = self.clients.index(client)
        for _ in range(world.chance.randint(1, 3)):
            if client.sent >= len(client.plan):
                break
            event = client.plan[client.sent]
            part = parts.setdefault(shard_of(event.robot), [])
            part.append(SentEvent(number, client.connection, client.sent, event))
            client.sent += 1
        for shard, events in parts.items():
            world.streams.add(node, shard, events)

    def break_some_connection(self) -> None:
        self.world.chance.choice(self.clients).disconnect()
        self.world.coverage["client breaks"] += 1

    def close_connections_of(self, events: Iterable[SentEvent]) -> None:
        """Closes the connections that these events came from."""
        for event in events:
            client = self.clients[event.client]
            if client.connection == event.connection:
                client.disconnect()

    def disconnect_from(self, node: Node) -> None:
        for client in self.clients:
            if client.gateway == node.incarnation:
                client.disconnect()

    def take_answers(self, events: Iterable[SentEvent], answers: Iterable[Answer]) -> None:
        """Takes the answers to a slice. An answer to an earlier connection is dropped."""
        for event, answer in zip(events, answers):
            client = self.clients[event.client]
            if client.connection == event.connection:
                client.answers[event.position] = answer

    def answer(self) -> None:
        """Answers the oldest unanswered event of a client, if its verdict is there."""
        client = self.world.chance.choice(self.clients)
        position = client.acknowledged
        if position not in client.answers or client.gateway is None:
            return
        if self.world.nodes[client.gateway].is_paused:
            return
        verdict, log_position = client.answers.pop(position)
        client.acknowledged += 1
        event = client.plan[position]
        self.world.coverage[verdict.value] += 1
        self.world.say("answer", event.robot, event.timestamp, verdict)
        self.world.oracle.take_answer(event, verdict, log_position)
