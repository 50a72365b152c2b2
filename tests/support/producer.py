"""Producers that follow docs/PROTOCOL.md §3: in-flight window, answers in order, and after a broken
connection everything unanswered again, oldest first."""

import asyncio
from collections import deque

import websockets.client
import websockets.exceptions
from checker import Event

BROKEN = (OSError, websockets.exceptions.WebSocketException, asyncio.TimeoutError)


class Course:
    """Makes up the events of one robot: mostly ascending, sometimes shuffled inside short blocks."""

    def __init__(self, robot, rng, start=0, step=10, shuffled=False):
        self.robot = robot
        self._rng = rng
        self._next = start
        self._step = step
        self._shuffled = shuffled
        self._block = []
        self._x = rng.uniform(-100, 100)
        self._y = rng.uniform(-100, 100)

    def next(self):
        if not self._block:
            self._block = [self._make() for _ in range(6 if self._shuffled else 1)]
            self._rng.shuffle(self._block)
        return self._block.pop()

    def _make(self):
        self._x += self._rng.uniform(-1, 1)
        self._y += self._rng.uniform(-1, 1)
        self._next += self._step
        return Event(self.robot, self._next, self._x, self._y)


class Producer:
    """One connection that feeds `courses` and injects duplicates and conflicts.

    `on_answer()` is called after each answered message.
    """

    def __init__(self, ledger, rng, courses, in_flight=32, lines_max=5, noise=0.1):
        self._ledger = ledger
        self._rng = rng
        self._courses = courses
        self._in_flight = in_flight
        self._lines_max = lines_max
        self._noise = noise
        self._unanswered = deque()  # messages, each a list of events
        self._sent_before = deque(maxlen=2000)
        self.on_answer = lambda: None
        self.close_code = None  # that the server closed the latest connection with

    def _make_event(self):
        if self._sent_before and self._rng.random() < self._noise:
            old = self._rng.choice(self._sent_before)
            if self._rng.random() < 0.5:
                return old
            return Event(old.robot, old.timestamp, old.x + 1.0, old.y)
        event = self._rng.choice(self._courses).next()
        self._sent_before.append(event)
        return event

    def _make_message(self):
        events = [self._make_event() for _ in range(self._rng.randint(1, self._lines_max))]
        for event in events:
            self._ledger.sent(event)
        return events

    def _take_answer(self, answer):
        events = self._unanswered.popleft()
        lines = answer.split("\n")
        assert len(lines) == len(events), f"{len(events)} lines were answered by {answer!r}"
        for event, line in zip(events, lines):
            self._ledger.answered(event, line)
        self.on_answer()

    async def run(self, url):
        """Feeds until the connection breaks or the task is cancelled."""
        try:
            async with _open(url) as socket:
                await self._send_again(socket)
                while True:
                    while len(self._unanswered) < self._in_flight:
                        self._unanswered.append(self._make_message())
                        await socket.send(_text(self._unanswered[-1]))
                    self._take_answer(await socket.recv())
        except websockets.exceptions.ConnectionClosed as closed:
            self.close_code = closed.rcvd.code if closed.rcvd else None
        except BROKEN:
            self.close_code = None

    async def finish(self, url):
        """Sends what is unanswered again and waits for all answers."""
        async with _open(url) as socket:
            await self._send_again(socket)
            while self._unanswered:
                self._take_answer(await socket.recv())

    async def _send_again(self, socket):
        for message in list(self._unanswered):
            await socket.send(_text(message))


def _open(url):
    return websockets.client.connect(
        url, compression=None, ping_interval=None, open_timeout=20, close_timeout=1, max_size=None
    )


def _text(events):
    return "\n".join(event.line for event in events)


class Kill:
    """Calls `kill` once, a short random moment after the ledger has grown by `answers`."""

    def __init__(self, ledger, rng, answers, kill):
        self._ledger = ledger
        self._due = ledger.answers + answers
        self._delay = rng.uniform(0, 0.02)
        self._kill = kill

    def on_answer(self):
        if self._ledger.answers >= self._due and self._kill is not None:
            asyncio.get_running_loop().call_later(self._delay, self._kill)
            self._kill = None


def run_until_killed(server, producers, kill, seconds=300):
    """Runs all producers until the kill broke their connections. `kill` is a Kill."""

    async def run():
        for producer in producers:
            producer.on_answer = kill.on_answer
        await asyncio.wait_for(asyncio.gather(*(p.run(server.url) for p in producers)), seconds)

    asyncio.run(run())


def finish_all(server, producers, seconds=300):
    """Lets all producers have every answer."""

    async def run():
        for producer in producers:
            producer.on_answer = lambda: None
        await asyncio.wait_for(asyncio.gather(*(p.finish(server.url) for p in producers)), seconds)

    asyncio.run(run())


def send_events(server, ledger, events, lines_max=50):
    """Sends `events` in order over one connection, has the ledger judge the answers, returns them."""

    async def run():
        answers = []
        async with _open(server.url) as socket:
            for start in range(0, len(events), lines_max):
                part = events[start : start + lines_max]
                for event in part:
                    ledger.sent(event)
                await socket.send(_text(part))
                lines = (await socket.recv()).split("\n")
                assert len(lines) == len(part)
                for event, line in zip(part, lines):
                    ledger.answered(event, line)
                answers += lines
        return answers

    return asyncio.run(run())


def run_through_fault(server, producers, ledger, fault, answers, seconds=300):
    """Runs all producers: after some `answers` calls `fault()` on a thread (it blocks until the
    fault is over), and ends when as many answers again have come since. No connection may break.
    """

    async def run():
        over = asyncio.Event()
        due = ledger.answers + answers

        def on_answer():
            nonlocal due
            if ledger.answers < due:
                return
            if fault_task is None:
                due = float("inf")
                start_fault()
            else:
                over.set()

        fault_task = None

        def start_fault():
            nonlocal fault_task, due

            async def cause():
                nonlocal due
                await asyncio.to_thread(fault)
                due = ledger.answers + answers

            fault_task = asyncio.create_task(cause())

        for producer in producers:
            producer.on_answer = on_answer
        runs = [asyncio.create_task(producer.run(server.url)) for producer in producers]
        end = asyncio.create_task(over.wait())
        done, _ = await asyncio.wait(
            [end, *runs], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        for task in [end, *runs]:
            task.cancel()
        await asyncio.gather(*runs, end, return_exceptions=True)
        assert done, f"no {answers} answers within {seconds} s"
        assert end in done, f"a connection broke: {[p.close_code for p in producers]}"
        await fault_task

    asyncio.run(run())
