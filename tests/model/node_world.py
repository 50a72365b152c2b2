"""The single-node model: a node, its producers, its disk and its clocks, driven by chance.

The node has a journal writer (node_writer), shards (node_shards), a checkpointer (node_checkpoint)
and a reader (node_reader). A crash may happen between any two of their actions. It drops all of
them and keeps the disk (node_state).
"""

import collections
import dataclasses
import random
from collections.abc import Callable

from node_checkpoint import Checkpointer
from node_oracle import Oracle
from node_reader import Reader
from node_rules import NodeRules
from node_shards import Shards
from node_state import Client, Disk
from node_writer import JournalWriter
from track import Event, Promise, Violation

STEPS = 450  # of a history, before everything comes to rest
SETTLING_STEPS = 6000  # more than it takes until all is answered, and again until all is at rest


@dataclasses.dataclass(frozen=True)
class Workload:
    """What a history is about."""

    windows_ms: list[int]  # the node starts with the first; a restart may choose any
    robots: list[str]
    plans: list[list[Event]]  # the events of each client, in order


def draw_workload(source: random.Random, rules: NodeRules) -> Workload:
    """A random workload: few robots, timestamps out of order, many repetitions and conflicts."""
    windows_ms = [source.choice([0, 4, 8, 8, 15]) for _ in range(9)]
    if rules.windows_ms:
        windows_ms = [source.choice(rules.windows_ms) for _ in range(9)]
    robots = ["a", "b", "c", "d"][: source.choice([1, 2, 3, 4])]
    known: list[Event] = []
    plans = [_draw_plan(source, robots, known) for _ in range(source.choice([1, 2, 3]))]
    return Workload(windows_ms, robots, plans)


def _draw_plan(source: random.Random, robots: list[str], known: list[Event]) -> list[Event]:
    """The events of one client. `known` are all events of the workload so far."""
    plan: list[Event] = []
    newest = dict.fromkeys(robots, 0)
    for _ in range(source.randint(5, 22)):
        kind = source.random()
        if known and kind < 0.18:
            event = source.choice(known)
        elif known and kind < 0.28:
            event = _draw_event(source, *source.choice(known)[:2])
        else:
            robot = source.choice(robots)
            newest[robot] += source.randint(0, 4)
            event = _draw_event(source, robot, max(0, newest[robot] + source.randint(-8, 3)))
        plan.append(event)
        known.append(event)
    return plan


def _draw_event(source: random.Random, robot: str, timestamp: int) -> Event:
    return Event(robot, timestamp, source.uniform(-9, 9), source.uniform(-9, 9) * 1e3)


class World:
    """A history: everything that exists, and the random choice of the next event."""

    def __init__(
        self, source: random.Random, rules: NodeRules, workload: Workload, is_traced: bool = False
    ) -> None:
        self.random = source
        self.rules = rules
        self.is_traced = is_traced
        self.trace: list[str] = []
        self.coverage: collections.Counter[str] = collections.Counter()
        self.windows_ms = workload.windows_ms
        self.window_ms = workload.windows_ms[0]
        self.robots = workload.robots
        self.clients = [Client(plan) for plan in workload.plans]
        self.wall_ms = 1000
        self.steady_ms = 0
        self.disk = Disk()
        self.oracle = Oracle(self)
        self.boot()

    def say(self, *words: object) -> None:
        if self.is_traced:
            self.trace.append(" ".join(map(str, words)))

    # --- the process

    def boot(self) -> None:
        """The process starts, and begins its replays."""
        for client in self.clients:
            client.reconnect()
        self.shards = Shards(self)
        self.writer = JournalWriter(self)
        self.checkpointer = Checkpointer(self)
        self.reader = Reader(self)
        self._start_clock()
        journal = [sorted(batches) for batches in self.disk.journal]
        window = f"window {self.window_ms}"
        self.say("BOOT wall", self.wall_ms, window, "journal", journal, self.disk.markers)
        for shard in self.shards.live_shards():
            self.oracle.check_replayed(shard)

    def _start_clock(self) -> None:
        """Rule 2: the node clock starts at the wall clock, but not below any recorded arrival."""
        recorded = [shard.marker_arrival_ms for shard in self.shards]
        for batches in self.disk.journal:
            recorded += [batch.arrival_ms for batch in batches.values()]
        self._clock_base_ms = max(self.wall_ms, *recorded) - self.steady_ms

    def now_ms(self) -> int:
        """The node clock."""
        if self.rules.node_clock == "steady":
            return self._clock_base_ms + self.steady_ms
        return self.wall_ms

    def crash(self) -> None:
        self._count_crash()
        self.writer.crash()
        draw = self.random.random()
        if draw < 0.3:
            self.wall_ms -= self.random.randint(0, self.rules.wall_jump_ms_max)
        elif draw < 0.8:
            self.wall_ms += self.random.randint(0, 40)
        if self.rules.does_window_change and self.random.random() < 0.3:
            self.window_ms = self.random.choice(self.windows_ms)
        self.say("CRASH")
        self.boot()

    def _count_crash(self) -> None:
        situations = {
            "in a commit": self.writer.committing,
            "with committed batches not applied": any(shard.queue for shard in self.shards),
            "with parked events": any(shard.parked for shard in self.shards),
            "before an answer": any(client.answers for client in self.clients),
            "in a replay": not self.shards.are_live(),
            **self.checkpointer.situations(),
        }
        self.coverage["crash"] += 1
        self.coverage.update(f"crash {name}" for name, is_met in situations.items() if is_met)

    # --- a history

    def run(self) -> None:
        """Plays the history. Raises Violation at the first broken promise."""
        self._draw_odds()
        for step in range(STEPS):
            self._step()
            if self.random.random() < self._crash_odds:
                self.crash()
            if step % 25 == 0:
                for shard in self.shards.live_shards():
                    self.oracle.check_ok_events(shard, "live")
        self._settle()
        self._rest()
        self.oracle.check_end()
        self._replay_once_more()

    def _draw_odds(self) -> None:
        """How often each action and a crash happen in this history.

        The actions look up their part of the node when they run, because a restart replaces it.
        """
        odds: dict[str, tuple[float, Callable[[], None]]] = {
            "receive": (10, lambda: self.writer.receive()),
            "form": (6, lambda: self.writer.form()),
            "commit": (7, lambda: self.writer.commit()),
            "apply": (8, lambda: self.shards.apply()),
            "activate": (5, lambda: self.shards.activate()),
            "look up": (4, lambda: self.reader.look_up()),
            "answer": (10, lambda: self.answer()),
            "checkpoint": (self.random.choice([4, 12, 30]), lambda: self.checkpointer.proceed()),
            "passivate": (1, lambda: self.shards.passivate()),
            "read": (5, lambda: self.reader.read()),
            "replay": (6, lambda: self.shards.replay()),
            "break": (0.3, lambda: self.break_connection(self.random.choice(self.clients))),
        }
        self._actions = [action for _, action in odds.values()]
        self._weights = {name: weight for name, (weight, _) in odds.items()}
        self._crash_odds = self.random.choice([0.004, 0.012, 0.05])

    def _step(self) -> None:
        self._pass_time()
        self.random.choices(self._actions, list(self._weights.values()))[0]()

    def _pass_time(self) -> None:
        passed_ms = self.random.randint(0, 3)
        self.steady_ms += passed_ms
        self.wall_ms += passed_ms
        if self.rules.does_wall_jump and self.random.random() < 0.01:
            self.wall_ms -= self.random.randint(0, self.rules.wall_jump_ms_max)
            self.say("WALL CLOCK back to", self.wall_ms)

    def answer(self) -> None:
        """A client gets the answer to its first unanswered event, if there is one."""
        client = self.random.choice(self.clients)
        position = client.answered
        if position in client.answers:
            client.answered += 1
            self.oracle.take_answer(client.plan[position], client.answers.pop(position))

    def break_connection(self, client: Client) -> None:
        client.reconnect()
        self.say("BREAK of client", self.clients.index(client))

    # --- the end of a history

    def _settle(self) -> None:
        """Without further faults, every event is answered within bounded time."""
        self._weights["break"] = 0
        self.rules = dataclasses.replace(self.rules, does_wall_jump=False, are_commits_lost=False)
        for _ in range(SETTLING_STEPS):
            self._step()
            if self._is_answered():
                return
        raise Violation(Promise.EVERYTHING_IS_ANSWERED, "events are left without an answer")

    def _is_answered(self) -> bool:
        has_work = self.writer.committing or any(s.queue or s.parked for s in self.shards)
        are_done = all(client.is_done for client in self.clients)
        return are_done and self.shards.are_live() and not has_work

    def _rest(self) -> None:
        """In a quiet time, everything is sealed, stored and trimmed within bounded time."""
        start_ms = self.steady_ms
        self._weights["checkpoint"] = 25
        for _ in range(SETTLING_STEPS):
            self._step()
            if self.steady_ms - start_ms > 100 * max(5, *self.windows_ms):
                break
            if not self._left_batches() and not self._left_robots() and not self.checkpointer.steps:
                break
        batches, robots = self._left_batches(), self._left_robots()
        if batches or robots:
            details = f"after a quiet time, batches {batches} and robots {robots} are left"
            raise Violation(Promise.EVERYTHING_RESTS, details)

    def _left_batches(self) -> list[tuple[int, int]]:
        """Shard and number of the batches in the journal, except ticks."""
        journals = enumerate(self.disk.journal)
        return [(s, no) for s, journal in journals for no, b in journal.items() if b.lines]

    def _left_robots(self) -> list[str]:
        """Robots with events that the store lacks."""
        tracks = (track for shard in self.shards for track in shard.robots.values())
        return [track.name for track in tracks if track.unsealed or track.sealed]

    def _replay_once_more(self) -> None:
        """A restart at rest changes nothing."""
        events = {robot: dict(rows) for robot, rows in self.disk.events.items()}
        robots = dict(self.disk.robots)
        self.boot()
        for _ in range(500):
            if self.shards.are_live():
                break
            self.shards.replay()
        self.oracle.check_end()
        if (events, robots) != (self.disk.events, self.disk.robots):
            raise Violation(Promise.REPLAY_IS_LOG, "a replay at rest changes the store")
