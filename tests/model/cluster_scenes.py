"""Scripted histories of the cluster model that chance hardly meets."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

from cluster_database import Transaction
from cluster_node import Node
from cluster_producers import Client
from cluster_rules import DESIGN, SHARD_COUNT, ClusterRules
from cluster_tenure import Phase
from cluster_world import World
from harness import History, Rules, Scene
from track import Event, Promise, Verdict, Violation

STEPS_MAX = 4000
ROBOT = "c"
SHARD = 0  # of ROBOT

Step = Callable[[], None]


class Stage:
    """Two nodes. The first owns both shards. Nothing fails by chance.

    A client of the first node has one event of ROBOT to send, and a client of the second another.
    """

    def __init__(self, rules: ClusterRules) -> None:
        self.world = world = World(1, rules, is_traced=True)
        world.window_ms = 0
        world.nodes.clear()
        world.next_incarnation = 1
        world.start_node("x")
        world.start_node("y")
        self.first, self.second = first, second = world.nodes[1], world.nodes[2]
        self.first_client = Client([Event(ROBOT, 5, 1.0, 1.0)], gateway=first.incarnation)
        self.second_client = Client([Event(ROBOT, 9, 2.0, 2.0)], gateway=second.incarnation)
        world.producers.clients = [self.first_client, self.second_client]

        self.play_until(lambda: first.is_joined, self.of(first, world.membership.join))
        self.play_until(lambda: self._is_live(first, range(SHARD_COUNT)), *self._ownership(first))
        self.play_until(lambda: second.is_joined, self.of(second, world.membership.join))

    @staticmethod
    def of(node: Node, action: Callable[[Node], None]) -> Step:
        """An action of a node as a step."""
        return lambda: action(node)

    def play_until(self, is_done: Callable[[], bool], *steps: Step) -> None:
        """Repeats the steps, and the database's, until `is_done`."""
        for _ in range(STEPS_MAX):
            if is_done():
                return
            for step in steps:
                step()
            self.world.database.step()
            self.world.now_ms += 1 if self.world.now_ms % 3 else 2
        raise Violation(Promise.EVERYTHING_RESTS, "the scene does not go on")

    def preferring(self, item: Any = None) -> contextlib.AbstractContextManager[Any]:
        """Within a block, chance chooses `item` wherever it can, and the first option elsewhere."""

        def choose(options: Sequence[Any]) -> Any:
            return item if item in options else options[0]

        return mock.patch.object(self.world.chance, "choice", choose)

    @staticmethod
    def _is_live(node: Node, shards: range) -> bool:
        tenures = [node.tenures.get(shard) for shard in shards]
        return all(tenure is not None and tenure.phase is Phase.LIVE for tenure in tenures)

    def _ownership(self, node: Node) -> list[Step]:
        """Steps by which a node learns of its shards, and recovers them."""
        world = self.world
        actions = [world.membership.poll, world.membership.beat, world.recovery.step]
        return [self.of(node, action) for action in actions]

    def let_second_take_over(self, *more: Step) -> None:
        """Plays until all shards of the second node are live, SHARD among them."""
        second = self.second

        def is_done() -> bool:
            phases = [tenure.phase for tenure in second.tenures.values()]
            return SHARD in second.tenures and all(phase is Phase.LIVE for phase in phases)

        self.play_until(is_done, *self._ownership(second), *more)

    def form_first_event(self) -> None:
        """The first node has the event of its client in a commit, which is not sent yet."""
        world, first = self.world, self.first
        steps = [self.of(first, action) for action in (world.streams.send, world.writer.form)]
        with self.preferring(self.first_client):
            self.play_until(lambda: first.commit is not None, world.producers.send, *steps)

    def _service(self, node: Node) -> list[Step]:
        """Steps by which a node that is gateway and owner answers events."""
        world = self.world
        parts = (world.streams.send, world.writer.form, world.writer.step)
        actions = (*parts, world.shards.apply_committed, world.shards.activate)
        steps = [self.of(node, action) for action in actions]
        return [*steps, world.producers.send, world.producers.answer]

    def trim_first_event(self) -> None:
        """The first node answers the event of its client, stores it and trims its batch."""
        journal, client = self.world.database.journal[SHARD], self.first_client
        checkpoint = self.of(self.first, self.world.checkpointer.step)
        with self.preferring(client):
            steps = self._service(self.first)
            self.play_until(lambda: client.is_done and not journal, *steps, checkpoint)

    def answer_second_event(self, *more: Step) -> None:
        """The second node answers the event of its client."""
        with self.preferring(self.second_client):
            steps = self._service(self.second)
            self.play_until(lambda: self.second_client.is_done, *steps, *more)

    def take_out(self, kind: str) -> Transaction:
        """Takes the only transaction of a kind out of the database's hands."""
        in_flight = self.world.database.in_flight
        (transaction,) = [sent for sent in in_flight if sent.kind == kind]
        in_flight.remove(transaction)
        return transaction

    def read_memory_of_first(self) -> None:
        """A client of the second node reads, and the first node is asked for its memory."""
        self.world.reads.ask_robot(self.second, ROBOT, self.first)


def unknown_commit(stage: Stage) -> None:
    """A commit is under way while its node sleeps through a takeover. The new owner gives the same
    number to another batch. The old owner wakes and sends its commit."""
    world, first = stage.world, stage.first
    stage.form_first_event()
    world.pause(first)
    stage.let_second_take_over()
    stage.answer_second_event()
    world.resume(first)
    _finish_first_event(stage)
    logged = [line.event for batch in world.oracle.log[SHARD].values() for line in batch.lines]
    for _, verdict, event in world.oracle.answers:
        if verdict is Verdict.OK and event not in logged:
            details = f"{event[:2]}: answered {verdict}, the log does not have it"
            raise Violation(Promise.ANSWER_IS_LOG, details)


def _finish_first_event(stage: Stage) -> None:
    """The first node answers the event of its client, or learns that the tenure is over."""
    world, first, client = stage.world, stage.first, stage.first_client
    shards = (world.shards.apply_committed, world.shards.activate, world.shards.look_up)
    steps = [stage.of(first, action) for action in (world.writer.step, *shards)]
    steps.append(world.producers.answer)
    with stage.preferring(client):
        stage.play_until(lambda: client.is_done or SHARD not in first.tenures, *steps)


def lost_handoff(stage: Stage) -> None:
    """A hand-off happens, but its answer is lost."""
    _hand_over(stage, happens_late=False)


def late_handoff(stage: Stage) -> None:
    """A hand-off happens only after the giver has learned that its outcome is unknown."""
    _hand_over(stage, happens_late=True)


def _hand_over(stage: Stage, happens_late: bool) -> None:
    """The outcome of a hand-off is unknown to the giver. The receiver answers an event OK. Then the
    giver, within its lease, is asked for its memory."""
    world, first = stage.world, stage.first
    beat = stage.of(first, world.membership.beat)
    tenure = first.tenures[SHARD]
    tenure.phase, tenure.receiver = Phase.FROZEN, stage.second.incarnation
    world.database.in_flight.clear()
    first.busy.clear()
    world.has_calmed_down = True
    with stage.preferring(tenure):
        world.handoff.step(first)
    transaction = world.database.in_flight.pop()
    if not happens_late:
        transaction.body()
    with mock.patch.object(world.chance, "random", return_value=0.1):
        world.database.answer(transaction, False, None)  # the mutation of rule 46 gives up
    if happens_late:
        transaction.body()
    stage.let_second_take_over(beat)
    stage.answer_second_event(beat)
    stage.play_until(lambda: world.now_ms < first.lease_end_ms - 3, beat)
    stage.read_memory_of_first()


def namesake(stage: Stage) -> None:
    """A third node starts with the name of the first, which lives and has heard of nothing."""
    world, first = stage.world, stage.first
    world.lease_ms = 10**4
    beat = stage.of(first, world.membership.beat)
    stage.play_until(lambda: first.lease_end_ms > world.now_ms, beat)
    world.database.in_flight.clear()
    world.start_node(first.name)
    third = world.nodes[3]
    with stage.preferring(stage.second.incarnation):  # as the new owner
        for _ in range(9):
            world.membership.join(third)
            world.database.step()
    if third.is_joined:
        stage.let_second_take_over()
        stage.answer_second_event()
        stage.read_memory_of_first()


def waking_owner(stage: Stage) -> None:
    """The first node sleeps for so long that the second sends its end. Then it wakes and beats, and
    only after that the end reaches the database."""
    world, first, second = stage.world, stage.first, stage.second
    world.pause(first)
    observation = (world.membership.poll, world.membership.beat)
    steps = [stage.of(second, action) for action in observation]
    stage.play_until(lambda: "end" in second.busy, *steps)
    end = stage.take_out("end")
    world.resume(first)
    beat = stage.of(first, world.membership.beat)
    stage.play_until(lambda: first.lease_end_ms > world.now_ms, beat)
    world.database.answer(end, True, end.body())
    if not world.database.is_up(first.incarnation):
        stage.let_second_take_over()
        stage.answer_second_event()
        stage.read_memory_of_first()


def late_marker(stage: Stage) -> None:
    """The outcome of a marker write is unknown, and the write is repeated. The first attempt
    happens only after a later marker and its trim. Then the owner dies."""
    world, first = stage.world, stage.first

    def is_marker_next() -> bool:
        writes = first.checkpoint.writes if first.checkpoint else []
        return bool(writes) and writes[0].tenure.shard == SHARD

    stage.play_until(is_marker_next, stage.of(first, world.checkpointer.step))
    world.checkpointer.step(first)
    marker = stage.take_out("checkpoint")
    world.database.answer(marker, False, None)
    stage.trim_first_event()
    marker.body()
    world.kill(first)
    stage.let_second_take_over()


def _play(script: Callable[[Stage], None], rules: Rules) -> History:
    stage = Stage(dataclasses.replace(DESIGN, **rules))
    violation = None
    try:
        script(stage)
    except Violation as broken:
        violation = broken
    return History(violation, stage.world.trace, stage.world.coverage)


def _scene(script: Callable[[Stage], None], name: str, is_red: bool, **rules: Any) -> Scene:
    title = f"{script.__name__}: {name}"
    return Scene(title, functools.partial(_play, script, rules), is_red)


_green = functools.partial(_scene, is_red=False)
_red = functools.partial(_scene, is_red=True)

SCENES = [
    _green(unknown_commit, "the design"),
    _red(unknown_commit, "rule 35: batch number alone says done", unknown_commit="ask_number"),
    _green(lost_handoff, "the design"),
    _red(lost_handoff, "rule 46: reads while a hand-off is under way", handoff_ends_reads=False),
    _green(late_handoff, "the design"),
    _red(late_handoff, "rule 46: hand-off of unknown outcome is given up", handoff_is_final=False),
    _green(late_marker, "the design"),
    _red(late_marker, "rule 41: marker may fall", marker_only_rises=False),
    _green(waking_owner, "the design"),
    _red(waking_owner, "rule 45: node ended whatever its heartbeat", end_checks_heartbeat=False),
    _green(namesake, "the design"),
    _red(namesake, "rule 45: namesake ended at once", namesake_needs_lock=False),
]
