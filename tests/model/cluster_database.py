"""The shared database of the cluster model: tables, transactions, and servers that fell behind.

Each transaction is atomic. Its answer may be lost: the transaction has happened then, or never
happens, or lingers and happens long after its node gave it up. A read may meet a server that fell
behind without knowing it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from cluster_rules import SHARD_COUNT
from track import NEVER_MS, RobotState, Row

if TYPE_CHECKING:
    from cluster_node import Node
    from cluster_world import World
    from cluster_writer import Batch

OnEnd = Callable[[bool, Any], None]
"""Called with (is_known, result) when a transaction ends. If not known, it may have happened."""


class RobotId(NamedTuple):
    """The id of a robot in the store: unique, because each shard counts for itself."""

    shard: int
    number: int


class StoreState(NamedTuple):
    """Rule 37: the least state of a shard that a read has to see."""

    epoch: int
    writes: int  # number of checkpoint writes in this epoch


@dataclasses.dataclass
class ShardRow:
    """Who owns a shard, and the head of its journal."""

    epoch: int = 0
    owner: int = 0  # an incarnation; 0: no owner
    head: int = 0  # last batch number


@dataclasses.dataclass
class MarkerRow:
    """The marker of a shard (rule 22), with its own copy of the epoch (rule 34)."""

    epoch: int = 0
    cut: int = 0
    arrival_ms: int = NEVER_MS
    horizon_ms: int = NEVER_MS
    id_counter: int = 0
    writes: int = 0

    @property
    def store_state(self) -> StoreState:
        return StoreState(self.epoch, self.writes)


@dataclasses.dataclass(frozen=True)
class RobotRow:
    """The row of one robot."""

    robot_id: RobotId
    state: RobotState


@dataclasses.dataclass
class NodeRow:
    """The row of one incarnation."""

    name: str
    is_up: bool = True
    heartbeat: int = 0


class Tables:
    """What a server of the database shows to a read."""

    def __init__(self) -> None:
        self.shards = [ShardRow() for _ in range(SHARD_COUNT)]
        self.markers = [MarkerRow() for _ in range(SHARD_COUNT)]
        self.journal: list[dict[int, Batch]] = [{} for _ in range(SHARD_COUNT)]  # by batch number
        self.robots: dict[str, RobotRow] = {}
        self.events: dict[tuple[RobotId, int], tuple[float, float, float]] = {}  # x, y, odometer

    def copy(self) -> Tables:
        copy = Tables()
        copy.shards = [dataclasses.replace(row) for row in self.shards]
        copy.markers = [dataclasses.replace(row) for row in self.markers]
        copy.journal = [dict(batches) for batches in self.journal]
        copy.robots = dict(self.robots)
        copy.events = dict(self.events)
        return copy

    def robot_state(self, robot: str) -> RobotState | None:
        row = self.robots.get(robot)
        return row.state if row else None

    def event(self, robot: str, timestamp: int) -> tuple[float, float, float] | None:
        row = self.robots.get(robot)
        return self.events.get((row.robot_id, timestamp)) if row else None

    def point(self, robot: str, timestamp: int) -> tuple[float, float] | None:
        """x and y of a stored event, or None."""
        event = self.event(robot, timestamp)
        return event[:2] if event else None

    def rows_of(self, robot: str) -> dict[int, Row]:
        """The stored events of a robot, by timestamp, in the order in which they were stored."""
        row = self.robots.get(robot)
        if row is None:
            return {}
        return {
            timestamp: Row(timestamp, *event)
            for (robot_id, timestamp), event in self.events.items()
            if robot_id == row.robot_id
        }


@dataclasses.dataclass(eq=False)
class Transaction:
    """A transaction in flight."""

    node: Node
    kind: str  # a node has at most one of a kind in flight, except trims
    body: Callable[[], Any]
    on_end: OnEnd | None  # None: its node has given it up
    earliest_ms: int


class Database(Tables):
    """The primary."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.nodes: dict[int, NodeRow] = {}  # by incarnation
        self.version = 0  # of the membership
        self.in_flight: list[Transaction] = []
        self.away_steps = 0  # for how many more steps of the history it is away
        self.older_servers: list[Tables] = []
        self.stale_read_chance = 0.0
        self.lost_answer_chance = 0.0
        self.slow_chance = 0.0
        self.linger_chance = 0.9  # that a transaction without a node stays in flight in a step

    # --- membership

    def is_up(self, incarnation: int) -> bool:
        row = self.nodes.get(incarnation)
        return row is not None and row.is_up

    def give_shards_away(self, dead: int | None) -> None:
        """Gives the shards of a dead node to nodes that are up, and any other orphans (rule 48)."""
        for shard, row in enumerate(self.shards):
            is_orphan = self.world.rules.anyone_gives_orphans and not self.is_up(row.owner)
            if row.owner == dead or is_orphan:
                self.move(shard, self._some_node_up())

    def _some_node_up(self) -> int:
        up = [incarnation for incarnation, row in self.nodes.items() if row.is_up]
        return self.world.chance.choice(up) if up else 0

    def move(self, shard: int, owner: int) -> None:
        """Gives a shard to a node under a new epoch (rule 34)."""
        row = self.shards[shard]
        row.owner = owner
        row.epoch += 1
        if self.world.rules.marker_epoch_rises:
            self.markers[shard].epoch = row.epoch
            self.markers[shard].writes = 0
        self.world.say(f"  database: shard {shard} to node {owner}, epoch {row.epoch}")
        self.world.coverage["shard moved"] += 1

    # --- transactions

    def submit(self, node: Node, kind: str, body: Callable[[], Any], on_end: OnEnd) -> None:
        """Sends a transaction. It happens in a later step, if it happens at all."""
        node.busy.add(kind)
        chance = self.world.chance
        delay_ms = chance.randint(20, 200) if chance.random() < self.slow_chance else 0
        due_ms = self.world.now_ms + delay_ms
        self.in_flight.append(Transaction(node, kind, body, on_end, due_ms))

    def submit_trim(self, node: Node, body: Callable[[], Any]) -> None:
        """Sends a trim. Its node does not wait for the end (rule 21)."""

        def on_end(is_known: bool, result: Any) -> None:
            pass

        self.in_flight.append(Transaction(node, "trim", body, on_end, self.world.now_ms))

    def give_up(self, node: Node) -> None:
        """Lets the transactions of a dead node linger."""
        for transaction in self.in_flight:
            if transaction.node is node:
                transaction.on_end = None

    def step(self) -> None:
        """Executes one transaction, chosen at random, if the database is there and it is due."""
        if not self.in_flight or self.away_steps:
            return
        position = self.world.chance.randrange(len(self.in_flight))
        if self.in_flight[position].earliest_ms > self.world.now_ms:
            return
        transaction = self.in_flight.pop(position)
        luck = self.world.chance.random()
        if transaction.on_end is None:
            self._let_linger(transaction, luck)
        elif luck < self.lost_answer_chance:
            self._lose_answer(transaction)
        else:
            self.answer(transaction, True, transaction.body())

    def _let_linger(self, transaction: Transaction, luck: float) -> None:
        if luck < self.linger_chance:
            self.in_flight.append(transaction)
        elif self.world.chance.random() < 0.7:
            transaction.body()
            self.world.coverage["transaction after its node gave it up"] += 1

    def _lose_answer(self, transaction: Transaction) -> None:
        luck = self.world.chance.random()
        self.world.coverage["unknown outcome"] += 1
        if luck < 0.4:
            transaction.body()
        elif luck < 0.75:
            lingering = dataclasses.replace(transaction, on_end=None, earliest_ms=self.world.now_ms)
            self.in_flight.append(lingering)
        self.answer(transaction, False, None)

    def answer(self, transaction: Transaction, is_known: bool, result: Any) -> None:
        """Tells the node how its transaction ended. A paused node learns it when it goes on."""
        node = transaction.node
        if not node.is_up:
            return
        if node.is_paused:
            node.late_answers.append((transaction, is_known, result))
            return
        node.take_answer(transaction, is_known, result)

    # --- servers that fell behind

    def remember_older_server(self) -> None:
        """Lets a server fall behind, in histories that have such servers."""
        if self.stale_read_chance:
            self.older_servers = [*self.older_servers[-2:], self.copy()]

    def server_for_read(self, shard: int, least: StoreState) -> Tables | None:
        """The server that a read of a shard meets. None: it shows less than the read has to see,
        so the read tries again elsewhere (rule 37)."""
        chance = self.world.chance
        if not self.older_servers or chance.random() >= self.stale_read_chance:
            return self
        server = chance.choice(self.older_servers)
        if self.world.rules.reads_are_stated and server.markers[shard].store_state < least:
            self.world.coverage["read of a stale server refused"] += 1
            return None
        self.world.coverage["read of a stale server"] += 1
        return server
