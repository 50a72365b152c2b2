"""A disk that is full, hangs, or fails: no early OK, reads go on, recovery, or a clean exit."""

import random
import re
import threading
import time

import pytest
from checker import Event, Ledger
from producer import send_events
from telemetryd import wait_until

pytestmark = pytest.mark.embedded

MIB = 1 << 20
SMALL = {"storage.min_free": "8MiB", "storage.warn_free": "64MiB", "storage.cache": "8MiB"}


@pytest.fixture
def on_small_disk(make_server, small_disk):
    """Makes a server whose data lie on a small disk of their own: (server, disk)."""

    def make(settings=None):
        disk = small_disk("256m")
        server = make_server({**SMALL, "storage.data_dir": disk.directory / "data", **(settings or {})})
        server.data_dir = disk.directory / "data"
        return server.start(), disk

    return make


def walk(robot, start, count, rng):
    return [Event(robot, start + n, rng.gauss(0, 9), rng.gauss(0, 9)) for n in range(count)]


def post_until(stop, server, ledger, rng):
    """Posts events until `stop` is set; each body waits for its answer."""
    at = 0
    while not stop.is_set():
        events = walk("filler", at, 2000, rng)
        for event in events:
            ledger.sent(event)
        assert server.rest().post_lines([event.line for event in events])["accepted"] == 2000
        for event in events:
            ledger.answered(event, "OK")
        at += 2000


def unready(server):
    """The problem that /readyz tells, or None if it is ready."""
    answer = server.rest().get("/readyz")
    if answer.status == 200:
        return None
    assert answer.status == 503
    assert answer.content_type == "application/problem+json"
    return answer.json()["detail"]


def assert_silent(socket, seconds=0.5):
    """No answer comes, but the pong of a ping does."""
    socket.send_ping()
    socket.wait_pong()
    socket.set_timeout(seconds)
    with pytest.raises(TimeoutError):
        socket.receive_frame()
    socket.set_timeout(20)


def test_low_space_is_warned_of_before_the_disk_is_full(on_small_disk):
    server, disk = on_small_disk()
    assert not re.search(r"level=warn.*(space|free)", server.log())
    disk.fill(leave=40 * MIB)
    server.wait_log(r"level=warn.*(space|free)")
    wait_until(lambda: unready(server) is None, "ready")  # fill() was at the limit for a moment
    assert server.rest().post_lines(["1,2,3,still"])["accepted"] == 1


@pytest.mark.parametrize("min_free", ["8MiB", "0"])
def test_full_disk_stops_answers_not_reads_and_heals_without_restart(
    on_small_disk, connect, seed, min_free
):
    rng = random.Random(seed)
    server, disk = on_small_disk({"storage.min_free": min_free})
    ledger = Ledger()
    send_events(server, ledger, walk("before", 0, 500, rng))
    disk.fill()
    stop = threading.Event()
    filler = threading.Thread(target=post_until, args=(stop, server, ledger, random.Random(seed)))
    if min_free == "0":  # then only the room that the journal has already is left: use it up
        filler.start()
        wait_until(lambda: unready(server), "/readyz 503")
    socket = connect(server)
    late = walk("while full", 0, 100, rng)
    for event in late:
        ledger.sent(event)
    socket.send(*[event.line for event in late])
    reason = wait_until(lambda: unready(server), "/readyz 503")
    assert "space" in reason or "full" in reason or "free" in reason, reason
    ledger.check(server.rest(), rng)
    stop.set()
    disk.free()
    answers = [socket.receive() for _ in late]
    assert set(answers) == {"OK"}
    if min_free == "0":
        filler.join(20)
        assert not filler.is_alive()
    wait_until(lambda: unready(server) is None, "/readyz 200")
    for event, answer in zip(late, answers):
        ledger.answered(event, answer)
    send_events(server, ledger, walk("after", 0, 500, rng))
    ledger.check(server.rest(), rng)
    server.kill().start()
    ledger.check(server.rest(), rng)


def test_no_ok_while_the_disk_is_full(on_small_disk, connect):
    server, disk = on_small_disk()
    disk.fill()
    wait_until(lambda: unready(server), "/readyz 503")
    socket = connect(server)
    socket.send("1,2,3,early")
    assert_silent(socket)
    assert server.rest().robot("early") is None
    disk.free()
    assert socket.receive() == "OK"


def test_kill_9_while_the_disk_is_full_loses_nothing(on_small_disk, connect, seed):
    rng = random.Random(seed)
    server, disk = on_small_disk({"reorder.window": "20ms", "checkpoint.interval": "50ms"})
    ledger = Ledger()
    send_events(server, ledger, walk("kept", 0, 1000, rng))
    disk.fill()
    wait_until(lambda: unready(server), "/readyz 503")
    connect(server).send("1,2,3,unanswered")
    server.kill()
    disk.free()
    server.start()
    ledger.check(server.rest(), rng)
    send_events(server, ledger, walk("kept", 1000, 100, rng))
    ledger.check(server.rest(), rng)


def test_no_ok_before_the_sync_is_done(make_server, connect, faults):
    server = make_server(env=faults.env).start()
    socket = connect(server)
    assert socket.ask("1,2,3,synced") == "OK"
    with faults.on("hold-syncs"):
        socket.send("1,2,4,synced")
        assert_silent(socket)
        assert server.rest().robot("synced")["events"] == 1, "reads go on, without the event"
    assert socket.receive() == "OK"
    assert server.rest().robot("synced")["events"] == 2


def test_failed_sync_ends_the_process_and_keeps_every_ok(make_server, connect, faults, seed):
    rng = random.Random(seed)
    server = make_server(env=faults.env).start()
    ledger = Ledger()
    send_events(server, ledger, walk("synced", 0, 1000, rng))
    socket = connect(server)
    with faults.on("fail-syncs"):
        doubtful = Event("synced", 5000, 1.0, 2.0)
        ledger.sent(doubtful)
        socket.send(doubtful.line)
        assert server.wait_exit() != 0
    assert "sync" in server.log().lower()
    server.start()
    ledger.check(server.rest(), rng)
    send_events(server, ledger, [doubtful])
    ledger.check(server.rest(), rng)


def test_disk_that_takes_no_writes_ends_the_process_and_keeps_every_ok(
    make_server, connect, faults, seed
):
    rng = random.Random(seed)
    server = make_server(env=faults.env).start()
    ledger = Ledger()
    send_events(server, ledger, walk("written", 0, 1000, rng))
    socket = connect(server)
    with faults.on("fail-writes"):
        doubtful = Event("written", 5000, 1.0, 2.0)
        ledger.sent(doubtful)
        socket.send(doubtful.line)
        assert server.wait_exit() != 0
    assert re.search("error=write_failed.*more than one place.*segment", server.log())
    server.start()
    ledger.check(server.rest(), rng)
    send_events(server, ledger, [doubtful])
    ledger.check(server.rest(), rng)


def test_slow_commit_is_logged(make_server, connect, faults):
    server = make_server(env=faults.env).start()
    socket = connect(server)
    with faults.on("hold-syncs"):
        socket.send("1,2,3,slow")
        begin = time.monotonic()
        wait_until(lambda: time.monotonic() - begin > 1.5, "a commit of 1.5 s", 5)
    assert socket.receive() == "OK"
    server.wait_log(r"level=warn.*slow.*commit")
