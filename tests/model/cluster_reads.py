"""Reads of one robot and lists of all robots, from any node (rules 29, 37, 44 and 47).

A read asks the memory of the owner first, then the store. An owner that does not know yet that its
tenure is over may be asked as well, because routes may be old.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

from cluster_database import StoreState, Tables
from cluster_rules import ROBOTS, SHARD_COUNT, shard_of
from cluster_tenure import Phase
from track import Promise, Row, Violation, folded_odometers

if TYPE_CHECKING:
    from cluster_node import Node
    from cluster_tenure import Tenure
    from cluster_world import World


class Token(NamedTuple):
    """Rule 47: what a list compares."""

    owner: int
    store_state: StoreState


class MemoryView(NamedTuple):
    """An answer of an owner: events in its memory, and the least store state that goes with it."""

    rows: list[Row]
    least: StoreState


@dataclasses.dataclass(eq=False)
class RobotRead:
    """A read of all events of one robot, under way on a node."""

    node: Node
    robot: str
    expected: dict[int, tuple[float, float]]
    """x and y by timestamp of the events that were answered OK before the read."""
    memory: MemoryView | None = None
    store: dict[int, Row] | None = None  # only in the mutation of rule 29


@dataclasses.dataclass(eq=False)
class ListRead:
    """A list of all robots with their number of events, under way on a node."""

    node: Node
    expected: dict[str, int]
    """By robot, how many of its events were answered OK before the list."""
    step: str = "tokens"  # tokens | scan | memory
    tokens: list[Token] = dataclasses.field(default_factory=list)  # by shard
    stored: dict[str, int] = dataclasses.field(default_factory=dict)
    held: dict[str, int] = dataclasses.field(
        default_factory=dict
    )  # of robots with events in memory
    shards_to_ask: list[int] = dataclasses.field(default_factory=list)


class Reads:
    """All reads under way."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.under_way: list[RobotRead | ListRead] = []

    def step(self) -> None:
        """Does the next step of a read, or begins new ones."""
        if self.under_way and self.world.chance.random() < 0.75:
            read = self.under_way[self.world.chance.randrange(len(self.under_way))]
            if not read.node.is_up:
                self.under_way.remove(read)
            elif not read.node.is_paused:
                self._advance(read)
        else:
            self._begin()

    def _advance(self, read: RobotRead | ListRead) -> None:
        if isinstance(read, RobotRead):
            self._advance_robot_read(read)
        elif read.step == "tokens":
            self._take_tokens(read)
        elif read.step == "scan":
            self._scan(read)
        elif read.shards_to_ask:
            self._ask_shard(read)
        else:
            self._finish_list(read)

    def _begin(self) -> None:
        """Begins a read or a list, and asks an owner that does not know yet that it is none."""
        world = self.world
        serving = world.serving_nodes()
        if not serving:
            return
        former = [
            (node, tenure)
            for node in world.running_nodes()
            for tenure in node.tenures.values()
            if tenure.epoch < world.database.shards[tenure.shard].epoch
        ]
        if former:
            node, tenure = world.chance.choice(former)
            missed = world.oracle.robots_logged_after(tenure.shard, tenure.applied)
            if missed:
                self.ask_robot(node, world.chance.choice(missed), node)
        node = world.chance.choice(serving)
        robot = world.chance.choice(ROBOTS)
        if world.chance.random() < 0.25:
            self.under_way.append(ListRead(node, world.oracle.accepted_counts()))
        else:
            self.ask_robot(node, robot)

    # --- one robot

    def ask_robot(self, node: Node, robot: str, owner: Node | None = None) -> None:
        """Begins a read on a node. With `owner`, that node is asked, and everything happens now."""
        read = RobotRead(node, robot, self.world.oracle.accepted_points(robot))
        if owner is None or self.world.rules.read_order == "store_first":
            self.under_way.append(read)
            return
        read.memory = self._memory(robot, owner)
        if read.memory is not None:
            self._judge(read, self.world.database)

    def _advance_robot_read(self, read: RobotRead) -> None:
        """Takes memory, then the store, or the other way round in the mutation of rule 29."""
        database = self.world.database
        if self.world.rules.read_order == "store_first" and read.store is None:
            read.store = database.rows_of(read.robot)
        elif read.memory is None:
            read.memory = self._memory(read.robot)
            if read.memory is None:
                self.under_way.remove(read)
                self.world.coverage["read refused"] += 1
        elif not database.away_steps:
            server = database.server_for_read(shard_of(read.robot), read.memory.least)
            if server is not None:
                self.under_way.remove(read)
                self._judge(read, server)

    def _memory(self, robot: str, owner: Node | None = None) -> MemoryView | None:
        """The memory of a node that takes itself for the owner of a robot."""
        _, tenure = self._owner_of(shard_of(robot), owner)
        if tenure is None:
            return None
        track = tenure.robots.get(robot) if robot not in tenure.parked else None
        rows = track.memory() if track else []
        return MemoryView(rows, StoreState(tenure.epoch, tenure.writes))

    def _owner_of(
        self, shard: int, owner: Node | None = None
    ) -> tuple[Node, Tenure] | tuple[None, None]:
        """A node that takes itself for the owner, if its memory may answer (rule 44)."""
        world, rules = self.world, self.world.rules
        candidates = [
            node
            for node in world.running_nodes()
            if shard in node.tenures and owner in (None, node)
        ]
        if not candidates:
            return None, None
        node = world.chance.choice(candidates)
        tenure = node.tenures[shard]
        phases = {Phase.LIVE, Phase.FROZEN}
        if not rules.reads_wait_for_replay:
            phases.add(Phase.REPLAYING)
        if not rules.handoff_ends_reads:
            phases.add(Phase.HANDING)
        if tenure.phase not in phases:
            return None, None
        if rules.reads_need_lease and world.now_ms >= node.lease_end_ms:
            world.coverage["read refused by the lease"] += 1
            return None, None
        return node, tenure

    def _judge(self, read: RobotRead, server: Tables) -> None:
        """Merges memory and store, where the store wins, and checks the result (rule 29)."""
        assert read.memory is not None
        held = {row.timestamp: row for row in read.memory.rows}
        stored = read.store or server.rows_of(read.robot)
        kind = "two places" if held and stored else "one place"
        self.world.coverage[f"read of {kind}"] += 1
        rows = held | stored
        for timestamp, point in read.expected.items():
            if timestamp not in rows or (rows[timestamp].x, rows[timestamp].y) != point:
                details = f"a read of {read.robot} misses {timestamp}, answered OK before it"
                raise Violation(Promise.READ_IS_COMPLETE, details)
        path = [rows[timestamp] for timestamp in sorted(rows)]
        for row, odometer in zip(path, folded_odometers((row.x, row.y) for row in path)):
            if row.timestamp in stored and row.odometer != odometer:
                details = f"odometer of {(read.robot, row.timestamp)} in a read"
                raise Violation(Promise.READ_ODOMETER, details)

    # --- lists

    def _token(self, shard: int) -> Token | None:
        node, tenure = self._owner_of(shard)
        if node is None or tenure is None:
            return None
        return Token(node.incarnation, StoreState(tenure.epoch, tenure.writes))

    def _take_tokens(self, read: ListRead) -> None:
        """The first step: the tokens of all shards."""
        read.tokens = [token for token in map(self._token, range(SHARD_COUNT)) if token]
        if len(read.tokens) == SHARD_COUNT:
            read.step = "scan"
        else:
            self.under_way.remove(read)

    def _scan(self, read: ListRead) -> None:
        """The second step: all robot rows, on a server that has reached all tokens."""
        database = self.world.database
        server = database.server_for_read(0, read.tokens[0].store_state)
        if server is None:
            return
        if server is not database and self.world.rules.reads_are_stated:
            for marker, token in zip(server.markers, read.tokens):
                if marker.store_state < token.store_state:
                    return
        read.stored = {robot: row.state.count for robot, row in server.robots.items()}
        read.held = {}
        read.shards_to_ask = list(range(SHARD_COUNT))
        read.step = "memory"

    def _ask_shard(self, read: ListRead) -> None:
        """The third step, per shard: its memory, and its token again."""
        shard = read.shards_to_ask.pop()
        _, tenure = self._owner_of(shard)
        if tenure is None:
            self.under_way.remove(read)
            return
        for robot, track in tenure.robots.items():
            if track.unsealed or track.sealed:
                read.held[robot] = track.count + len(track.unsealed)
        if self.world.rules.lists_compare_tokens and self._token(shard) != read.tokens[shard]:
            read.step = "tokens"

    def _finish_list(self, read: ListRead) -> None:
        self.under_way.remove(read)
        self.world.coverage["list"] += 1
        for robot, count in read.expected.items():
            if max(read.stored.get(robot, 0), read.held.get(robot, 0)) < count:
                details = f"a list has {robot} with fewer events than were answered OK before it"
                raise Violation(Promise.LIST_IS_COMPLETE, details)
