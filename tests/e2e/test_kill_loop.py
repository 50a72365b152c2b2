"""kill -9 at random moments under load: nothing answered is lost, nothing is there twice, verdicts
and odometers stay, whatever the kill hit (commit, checkpoint, passivation, replay)."""

import random
import subprocess
import time

import pytest
from checker import Ledger
from producer import Course, Kill, Producer, finish_all, run_until_killed, send_events

# Each cycle runs under other settings; the data stays. A changed window must affect new stamps only.
CYCLES = [
    {"reorder.window": "1s", "checkpoint.interval": "200ms"},
    {"reorder.window": "20ms", "checkpoint.interval": "100ms"},
    {"reorder.window": "100ms", "checkpoint.interval": "60s", "checkpoint.events": 1000},
    {"reorder.window": "5s", "checkpoint.interval": "10s"},
    {
        "reorder.window": "20ms",
        "checkpoint.interval": "150ms",
        "robots.idle": "1s",
        "robots.active_max": 100,
    },
]


def make_producers(ledger, rng):
    """Four producers with robots of their own, and twenty robots that all of them feed."""
    producers = []
    for p in range(4):
        courses = []
        for i in range(60):
            robot = f"orderly {p}-{i}"
            ledger.expect_never_stale(robot)
            courses.append(Course(robot, rng))
        for i in range(20):
            start = int(time.time() * 1000) - 10_000_000
            courses.append(Course(f"shuffled {p}-{i}", rng, start=start, shuffled=True))
        for i in range(20):
            courses.append(Course(f"shared {i}", rng, start=p, step=4))
        producers.append(Producer(ledger, rng, courses, in_flight=rng.choice([1, 16, 100])))
    return producers


def check_verdicts_stay(server, ledger, rng):
    """Sends a sample of everything decided again; the ledger fails if a verdict changes."""
    decided = list(ledger.decided())
    sample = rng.sample(decided, min(len(decided), 1000))
    send_events(server, ledger, [event for event, _ in sample])


def kill_during_replay(server, rng):
    """Starts the server and kills it a random moment later."""
    server.launch()
    try:
        server.process.wait(rng.uniform(0.0, 0.3))
        pytest.fail(f"it ended by itself:\n{server.tail()}")
    except subprocess.TimeoutExpired:
        server.kill()


def test_kill_9_under_load_loses_and_doubles_nothing(make_server, seed, soak):
    rng = random.Random(seed)
    ledger = Ledger()
    producers = make_producers(ledger, rng)
    server = make_server()
    base = dict(server.settings)
    for cycle in range(50 if soak else 5):
        server.settings = {**base, **CYCLES[cycle % len(CYCLES)]}
        if cycle > 0 and rng.random() < 0.5:
            kill_during_replay(server, rng)
        server.start()
        if cycle > 0:
            ledger.check(server.rest(), rng)
            check_verdicts_stay(server, ledger, rng)
        kill = Kill(ledger, rng, rng.randint(200, 6000), server.process.kill)
        run_until_killed(server, producers, kill)
        server.kill()
    server.start()
    finish_all(server, producers)
    ledger.check(server.rest(), rng)
    assert server.terminate() == 0
    server.start()
    ledger.check(server.rest(), rng)
    check_verdicts_stay(server, ledger, rng)
    print(f"{ledger.answers} answers, {ledger.stored_count()} events")
