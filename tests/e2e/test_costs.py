"""What the real server asks of the kernel, counted: calls per event and commit, and quiet at idle."""

import time

import pytest
from call_counts import CallCounts, wake_ups
from crowd import masked, websockets
from telemetryd import wait_until

pytestmark = pytest.mark.embedded

# Nothing happens by itself: no tick, no checkpoint, no ping.
QUIET = {"reorder.window": "1h", "checkpoint.interval": "1h", "net.idle_timeout": "1h"}


@pytest.fixture
def calls(tmp_path):
    return CallCounts(tmp_path)


def test_events_in_flight_share_calls_and_syncs(make_server, connect, calls):
    connections, messages, rounds = 8, 64, 25
    reads, events = rounds * connections, rounds * connections * messages
    server = make_server(QUIET, env=calls.env).start()
    producers = [connect(server) for _ in range(connections)]

    def play(number):
        events = range(number * messages, (number + 1) * messages)
        for p, producer in enumerate(producers):
            producer.send(*[f"{n},0,{n},robot-{p}" for n in events])
        for producer in producers:
            assert [producer.receive() for _ in events] == ["OK"] * messages

    play(0)
    before = calls.now()
    for number in range(1, rounds + 1):
        play(number)
    took = calls.now() - before
    assert took.receives + took.sends <= events / 12, took  # measured: 1/16 of an event's
    assert took.sends <= reads * 1.25, took  # one write of many answers
    assert took.syncs <= reads, took  # measured: a quarter, since commits are shared
    assert took.positioned_writes == took.syncs > 0, took


def test_one_event_alone_is_one_write_and_one_sync(make_server, connect, calls):
    events = 100
    server = make_server(QUIET, env=calls.env).start()
    producer = connect(server)
    assert producer.ask("0,0,0,robot") == "OK"
    before = calls.now()
    for n in range(1, events + 1):
        assert producer.ask(f"{n},0,{n},robot") == "OK"
    took = calls.now() - before
    assert (took.sends, took.syncs, took.positioned_writes) == (events, events, events), took
    assert took.receives == events, took  # none that finds nothing
    assert took.waits <= events * 6.5, took  # measured: 6, in two turns of the loop


@pytest.mark.parametrize("rate, producers", [(5_000, 64), (20_000, 40)])
def test_producers_at_their_own_pace_share_wake_ups_and_syncs(make_server, calls, rate, producers):
    """Producers that do not wait for answers: calls per interval, not per event. They are too few in
    an interval for a shorter one.
    """
    server = make_server(QUIET, env=calls.env).start()
    with websockets(server, producers) as crowd:
        send_at_pace(crowd, rate, 1.5)  # the server learns their pace
        before, begin = calls.now(), time.monotonic()
        events = send_at_pace(crowd, rate, 3)
        took, seconds = calls.now() - before, time.monotonic() - begin
    intervals = seconds / 0.004
    assert took.receives <= events * 1.05, took
    # Measured: 1.0 to 1.4 syncs, 5 to 9 waits in an interval. Read at once: 6 syncs, 25 to 60 waits.
    assert took.syncs <= intervals * 1.8, (took, intervals)
    assert took.waits <= intervals * 14, (took, intervals)


def send_at_pace(crowd, rate, seconds):
    """Sends an event on each socket in turn, `rate` a second. @returns how many."""
    begin, sent = time.monotonic(), 0
    first = int(begin * 1e6)
    while sent < rate * seconds:
        due = min(int((time.monotonic() - begin) * rate), int(rate * seconds))
        for n in range(sent, due):
            one = n % len(crowd)
            crowd.sockets[one].send(masked(b"1,2,%d,robot-%d" % (first + n, one)))
        sent = due
        time.sleep(0.0005)
    assert crowd.open_ones() == len(crowd)  # this reads the answers
    return sent


def test_idle_server_neither_syncs_nor_wakes_up(make_server, connect, calls):
    server = make_server(QUIET, env=calls.env).start()
    for _ in range(200):
        connect(server)
    rest = server.rest()  # stays open
    assert rest.post_lines([f"{n},0,1,robot-{n}" for n in range(1000)])["accepted"] == 1000
    begin, calls_before, woken_before = time.monotonic(), calls.now(), wake_ups(server.pid)
    wait_until(lambda: time.monotonic() - begin > 2, "two seconds", 5, 0.1)
    took, woken = calls.now() - calls_before, wake_ups(server.pid) - woken_before
    seconds = time.monotonic() - begin
    assert (took.sends, took.syncs, took.positioned_writes) == (0, 0, 0), took
    assert took.receives <= 2, took  # HTTP's, behind what was answered last, finding nothing
    # Measured: 5 to 13 a second. A timer per robot or connection would make it hundreds.
    assert woken <= 30 * seconds, (woken, took)
