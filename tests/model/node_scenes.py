"""Scripted histories of the single-node model: the counterexamples of docs/RULES.md.

Each is played with the design, where it is green, and with one rule left out, where it is red.
Robot "b" gets two events out of order: FIRST has timestamp 100, and LATE has timestamp 50.
"""

import dataclasses
import functools
import random
from collections.abc import Callable, Sequence
from typing import Any

from harness import History, Rules, Scene
from node_rules import NodeRules
from node_world import Workload, World
from track import Event, Violation

WINDOW_MS = 10
FIRST = Event("b", 100, 0.0, 0.0)
LATE = Event("b", 50, 3.0, 4.0)


class ScriptedRandom(random.Random):
    """Chance under control: always the same draw, the first shard, and the greatest number."""

    draw = 0.5  # too much for a fault to happen
    chosen = 0  # place of the choice, such as a client

    def random(self) -> float:
        return self.draw

    def randint(self, a: int, b: int) -> int:
        return b

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        return 0

    def choice(self, seq: Any) -> Any:
        return seq[self.chosen]

    def shuffle(self, x: Any) -> None:
        """Keeps the order."""


class Stage:
    """A node with one client for each plan, and the actions of a script."""

    def __init__(self, rules: Rules, *plans: list[Event]) -> None:
        self.source = ScriptedRandom()
        robots = sorted({event.robot for plan in plans for event in plan})
        workload = Workload([WINDOW_MS], robots, list(plans))
        node_rules = dataclasses.replace(NodeRules(are_commits_lost=False), **rules)
        self.world = World(self.source, node_rules, workload, is_traced=True)

    def send(self, client: int) -> None:
        """The client sends its next event, and the event gets durable."""
        self.source.chosen = client
        self.world.writer.receive()
        self.source.chosen = 0
        self.commit()

    def commit(self) -> None:
        self.world.writer.form()
        self.world.writer.commit()

    def apply(self) -> None:
        self.world.shards.apply()
        self.world.shards.activate()

    def answer(self, client: int) -> None:
        self.source.chosen = client
        self.world.answer()
        self.source.chosen = 0

    def deliver(self, client: int) -> None:
        """The client sends its next event and gets the answer."""
        self.send(client)
        self.apply()
        self.answer(client)

    def wait(self, passed_ms: int) -> None:
        self.world.wall_ms += passed_ms
        self.world.steady_ms += passed_ms

    def checkpoint(self, pieces: int = 1) -> None:
        """Three pieces begin a checkpoint and collect both shards. Twenty run it to its end."""
        for _ in range(pieces):
            self.world.checkpointer.proceed()

    def next_step(self) -> str | None:
        """The name of the next step of the present checkpoint."""
        steps = self.world.checkpointer.steps
        return steps[0].name if steps else None

    def restart(self, wall_jump_ms: int = 0) -> None:
        """kill -9, and a start without the replays."""
        self.world.wall_ms += wall_jump_ms
        self.world.say("CRASH")
        self.world.boot()

    def replay(self, batches: int = 9) -> None:
        for _ in range(batches):
            self.world.shards.replay()


def checkpoint_before_apply(stage: Stage) -> None:
    """LATE is stamped at +9 ms and still in the queue when a checkpoint seals at +10 ms."""
    stage.deliver(0)
    stage.wait(9)
    stage.send(1)
    stage.wait(1)
    stage.checkpoint(3)
    stage.apply()
    stage.world.reader.look_up()
    stage.answer(1)
    stage.restart()
    stage.replay()


def checkpoint_in_replay(stage: Stage) -> None:
    """A checkpoint runs between the replays of FIRST and LATE, long after both were answered OK."""
    stage.deliver(0)
    stage.wait(5)
    stage.deliver(1)
    stage.restart(wall_jump_ms=50)
    stage.replay(1)
    stage.checkpoint(3)
    stage.replay()


def smaller_window(stage: Stage) -> None:
    """The window shrinks to 2 ms at a restart, after FIRST and LATE were answered OK."""
    stage.deliver(0)
    stage.wait(5)
    stage.deliver(1)
    stage.world.window_ms = 2
    stage.restart()
    stage.replay()


def crash_between_row_and_robot(stage: Stage) -> None:
    """The node stops when the row of FIRST is stored and its robot row is not. Then LATE comes."""
    stage.deliver(0)
    stage.wait(10)
    stage.checkpoint(4)
    while stage.next_step() in ("id", "row"):
        stage.checkpoint()
    stage.restart(wall_jump_ms=-8)
    stage.replay()
    stage.deliver(1)


def marker_above_events(stage: Stage) -> None:
    """A checkpoint leaves out robot "b", and its marker has a later horizon than LATE."""
    stage.source.draw = 0.0  # leaves out each robot
    stage.deliver(0)
    stage.wait(5)
    stage.deliver(1)
    stage.wait(6)
    stage.send(2)
    stage.apply()
    stage.checkpoint(20)
    stage.restart()
    stage.replay()


def read_across_checkpoint(stage: Stage) -> None:
    """A read takes memory, then an earlier event is accepted and stored, then the read goes on."""
    stage.deliver(0)
    stage.wait(8)
    stage.deliver(0)
    stage.world.reader.read()
    stage.wait(1)
    stage.deliver(1)
    stage.wait(2)
    stage.checkpoint(3)
    stage.commit()  # a tick
    stage.apply()
    stage.checkpoint(40)
    stage.world.reader.read()


PLANS = ([FIRST], [LATE])
PLANS_AND_ANOTHER_ROBOT = (*PLANS, [Event("d", 1, 1.0, 1.0)])
PLANS_OF_A_READ = ([Event("b", 10, 0.0, 0.0), Event("b", 20, 3.0, 4.0)], [Event("b", 5, 7.0, 7.0)])


def _play(script: Callable[[Stage], None], plans: Sequence[list[Event]], rules: Rules) -> History:
    stage = Stage(rules, *plans)
    violation = None
    try:
        script(stage)
    except Violation as broken:
        violation = broken
    return History(violation, stage.world.trace, stage.world.coverage)


def _scene(
    script: Callable[[Stage], None], name: str, is_red: bool, plans: Any = PLANS, **rules: Any
) -> Scene:
    title = f"{script.__name__}: {name}"
    return Scene(title, functools.partial(_play, script, plans, rules), is_red)


_green = functools.partial(_scene, is_red=False)
_red = functools.partial(_scene, is_red=True)

SCENES = [
    _green(checkpoint_before_apply, "the design"),
    _red(checkpoint_before_apply, "rule 15: checkpoint seals by the clock", seal_clock="wall"),
    _green(checkpoint_in_replay, "the design"),
    _red(
        checkpoint_in_replay,
        "rule 15: checkpoint in a replay seals by the clock",
        replay_seal_clock="wall",
    ),
    _green(smaller_window, "the design"),
    _red(smaller_window, "rule 4: horizon from the present window", horizon="config"),
    _green(crash_between_row_and_robot, "the design", store="mysql_rows"),
    _red(
        crash_between_row_and_robot,
        "rule 5: an idle shard seals without a tick",
        store="mysql_rows",
        seal_clock="idle_floor",
    ),
    _green(
        crash_between_row_and_robot,
        "harmless if row and robot row are written at once",
        store="mysql_robots",
        seal_clock="idle_floor",
    ),
    _green(
        crash_between_row_and_robot,
        "harmless if everything is written at once",
        store="rocksdb",
        seal_clock="idle_floor",
    ),
    _green(marker_above_events, "the design", plans=PLANS_AND_ANOTHER_ROBOT),
    _red(
        marker_above_events,
        "rule 22: a replay starts with the horizon of the marker",
        plans=PLANS_AND_ANOTHER_ROBOT,
        marker_stamp="replay_start",
    ),
    _green(read_across_checkpoint, "the design", plans=PLANS_OF_A_READ),
    _red(
        read_across_checkpoint,
        "rule 30: odometers of a read come from memory",
        plans=PLANS_OF_A_READ,
        read_odometer="memory",
    ),
]
