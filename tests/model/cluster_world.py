"""The world of the cluster model: one random history's clock, database, nodes and clients.

A World is composed of one object per part of the server. Each part serves all nodes, and the nodes
hold the state. Chance decides which part of which node acts next (cluster_history.py).
"""

import collections
import random
from typing import Any

from cluster_checkpoint import Checkpointer
from cluster_database import Database
from cluster_handoff import Handoff
from cluster_membership import Membership
from cluster_node import Node
from cluster_oracle import Oracle
from cluster_producers import Producers
from cluster_reads import Reads
from cluster_recovery import Recovery
from cluster_rules import ENDLESS_LEASE_MS, LEASE_MS, ROBOTS, ClusterRules, shard_of
from cluster_shard import Shards
from cluster_streams import Streams
from cluster_tenure import Tenures
from cluster_writer import JournalWriter


class World:
    """Everything that takes part in one history. All times are in ms of one clock, `now_ms`."""

    def __init__(self, seed: int, rules: ClusterRules, is_traced: bool = False) -> None:
        self.chance = random.Random(seed)
        self.rules = rules
        self.is_traced = is_traced
        self.trace: list[str] = []
        self.coverage: collections.Counter[str] = collections.Counter()
        self.now_ms = 0
        self.lease_ms = LEASE_MS if rules.lease_is_short else ENDLESS_LEASE_MS
        self.window_ms = self.chance.choice([0, 0, 4, 9, 25])  # reorder.window
        self.has_calmed_down = False  # no more faults and no more hand-offs
        self.woken_node: Node | None = None  # its pause has just ended
        self.woken_until_ms = 0  # until then it likely acts before it learns anything

        self.oracle = Oracle(self)
        self.database = Database(self)
        self.membership = Membership(self)
        self.tenures = Tenures(self)
        self.recovery = Recovery(self)
        self.handoff = Handoff(self)
        self.streams = Streams(self)
        self.writer = JournalWriter(self)
        self.shards = Shards(self)
        self.checkpointer = Checkpointer(self)
        self.reads = Reads(self)

        shared_robots = self.chance.choice(("cd", "cdefghij", "cdefghijklmnopqrst"))
        solo_share = self.chance.choice([0.3, 0.6, 0.8])
        self.is_sleepy = self.chance.random() < 0.4
        """A long history with little but owners that sleep through a takeover."""
        self.producers = Producers(self, shared_robots, solo_share)
        self.nodes: dict[int, Node] = {}  # by incarnation
        self.next_incarnation = 1
        for number in range(self.chance.choice([2, 3, 3])):
            self.start_node(f"n{number}")

    def say(self, *words: Any) -> None:
        """Adds a line to the trace."""
        if self.is_traced:
            self.trace.append(f"t{self.now_ms} " + " ".join(str(word) for word in words))

    # --- processes

    def running_nodes(self) -> list[Node]:
        """The nodes that act: they live and are not paused."""
        return [node for node in self.nodes.values() if node.is_up and not node.is_paused]

    def serving_nodes(self) -> list[Node]:
        """The running nodes that have joined, so that clients can connect to them."""
        return [node for node in self.running_nodes() if node.is_joined]

    def owner_node(self, shard: int) -> Node | None:
        """The node that owns a shard by the database, dead or alive."""
        return self.nodes.get(self.database.shards[shard].owner)

    def start_node(self, name: str) -> None:
        incarnation = self.next_incarnation
        self.next_incarnation += 1
        wall_clock_ms = self.chance.randint(900, 1100)
        self.nodes[incarnation] = Node(incarnation, name, wall_clock_ms)
        self.say(f"node {incarnation} starts as {name}")

    def kill(self, node: Node, reason: str = "kill -9") -> None:
        """Ends a process. Its transactions linger, its connections are cut."""
        if not node.is_up:
            return
        self.say(f"node {node.incarnation} dies: {reason}")
        node.is_up = False
        self.coverage[f"node dies: {reason}"] += 1
        self.database.give_up(node)
        self.streams.cut_links_of(node)
        self.producers.disconnect_from(node)

    def pause(self, node: Node) -> None:
        """Stops a process for some time, as SIGSTOP does."""
        node.is_paused = True
        node.late_answers = []
        node.paused_until_ms = self.now_ms + self.chance.choice((10, 60, 160, 260))
        self.say(f"node {node.incarnation} is paused")
        self.coverage["pause"] += 1

    def resume(self, node: Node) -> None:
        """Lets a process go on. It takes late answers first, and is asked for reads at once."""
        node.is_paused = False
        self.woken_node = node
        self.woken_until_ms = self.now_ms + self.chance.choice((5, 20, 60))
        self.say(f"node {node.incarnation} goes on")
        for transaction, is_known, result in node.late_answers:
            node.take_answer(transaction, is_known, result)
        serving = self.serving_nodes()
        for tenure in node.tenures.values():
            missed = self.oracle.robots_logged_after(tenure.shard, tenure.applied)
            robots = missed or [robot for robot in ROBOTS if shard_of(robot) == tenure.shard]
            for _ in range(3):
                if serving:
                    gateway = self.chance.choice(serving)
                    self.reads.ask_robot(gateway, self.chance.choice(robots), node)
