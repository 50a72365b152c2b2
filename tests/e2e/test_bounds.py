"""Bounds: memory and service stay as they are under garbage, slow readers and floods."""

import random
import socket
import threading
import time
from pathlib import Path

import pytest
from checker import Event, Ledger, running_odometer
from producer import send_events
from telemetryd import wait_until
from websocket_client import TEXT, WebSocket, frame

pytestmark = pytest.mark.embedded

MIB = 1 << 20
HTTP_HEAD = b"GET /api/robots HTTP/1.1\r\nHost: x\r\n\r\n"


def garbage(server, rng, deadline):
    """Talks nonsense to the server, in one way after the other, until `deadline`."""
    ways = [
        lambda: rng.randbytes(rng.randrange(1, 5000)),
        lambda: b"GET /" + rng.randbytes(50).hex().encode() + b" HTTP/1.1\r\n\r\n",
        lambda: HTTP_HEAD[: rng.randrange(len(HTTP_HEAD))],
        lambda: b"POST /api/events HTTP/1.1\r\nContent-Length: 100000\r\n\r\nx",
        lambda: rng.randbytes(10) * 10_000,
    ]
    while time.monotonic() < deadline:
        try:
            if rng.random() < 0.5:
                with WebSocket(server, seconds=2) as one:
                    lines = [rng.randbytes(20).hex() for _ in range(50)]
                    one.send_raw(b"".join(frame(TEXT, line.encode()) for line in lines))
                    one.send_raw(frame(rng.randrange(16), rng.randbytes(rng.randrange(200))))
            else:
                with socket.create_connection((server.host, server.port), timeout=2) as one:
                    one.sendall(rng.choice(ways)())
                    if rng.random() < 0.5:
                        one.settimeout(0.05)
                        one.recv(1000)
        except Exception:  # whatever the server does to a garbage client is right  # noqa: BLE001
            continue


def test_garbage_clients_disturb_nobody(make_server, seed):
    server = make_server({"net.idle_timeout": "2s", "reorder.window": "1h"}).start()
    rng = random.Random(seed)
    before = server.rss_bytes()
    deadline = time.monotonic() + 4
    threads = [
        threading.Thread(target=garbage, args=(server, random.Random(seed + n), deadline))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    ledger, sent = Ledger(), 0
    while time.monotonic() < deadline:
        events = [Event("good", sent + n, rng.random(), rng.random()) for n in range(200)]
        assert set(send_events(server, ledger, events, lines_max=20)) == {"OK"}
        sent += 200
    for thread in threads:
        thread.join()
    assert sent >= 1000
    ledger.check(server.rest(), rng)
    assert server.rss_bytes() - before < 150 * MIB


def stuff(one, data, deadline_seconds=5):
    """Sends `data` again and again until the peer stops reading; returns how often it went in."""
    one.settimeout(0.5)
    deadline = time.monotonic() + deadline_seconds
    count = 0
    while time.monotonic() < deadline:
        try:
            one.sendall(data)
            count += 1
        except TimeoutError:
            break
    return count


def test_peer_that_never_reads_its_answers_hurts_only_itself(make_server, connect):
    server = make_server().start()
    before = server.rss_bytes()
    slow = [connect(server) for _ in range(4)]
    for one in slow:
        stuff(one._socket, frame(TEXT, b"bad\n" * 4_000), 2)
    good = connect(server)
    for n in range(50):
        assert good.ask(f"0,0,{n},good") == "OK"
    assert server.rss_bytes() - before < 100 * MIB


def test_slow_reader_of_answers_gets_every_one_of_them(make_server, connect):
    server = make_server({"ingest.max_in_flight": 100}).start()
    slow = connect(server)
    slow.send(*[f"0,0,{n},slow" for n in range(20_000)])
    assert connect(server).ask("0,0,1,other") == "OK"
    assert [slow.receive() for _ in range(20_000)] == ["OK"] * 20_000


@pytest.fixture(scope="module")
def long_robot(make_module_server):
    """A server with one robot of 300 000 events."""
    server = make_module_server({"reorder.window": "1ms", "checkpoint.interval": "200ms"}).start()
    for start in range(0, 300_000, 100_000):
        lines = [f"{n}.5,0,{n},long" for n in range(start, start + 100_000)]
        assert server.rest().post_lines(lines)["accepted"] == 100_000
    return server


def test_slow_readers_of_a_long_answer_cost_little_memory(long_robot):
    whole = long_robot.rest().get("/api/robots/long/events").body
    before = long_robot.rss_bytes()
    slow = []
    for _ in range(30):
        one = socket.create_connection((long_robot.host, long_robot.port), timeout=30)
        one.sendall(b"GET /api/robots/long/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert one.recv(1000).startswith(b"HTTP/1.1 200 ")
        slow.append(one)
    assert long_robot.rest().get("/livez").status == 200
    assert long_robot.rss_bytes() - before < len(whole) * 30 / 4
    received = b"".join(iter(lambda: slow[0].recv(1 << 20), b""))
    assert received.count(b'"timestamp"') >= 299_980
    for one in slow:
        one.close()


def test_long_answer_is_whole_and_in_order(long_robot):
    events = long_robot.rest().events("long")
    assert [event["timestamp"] for event in events] == list(range(300_000))
    assert long_robot.rest().odometer("long") == 299_999.0


def test_passivated_robots_keep_verdicts_and_odometers(make_server, seed):
    server = make_server(
        {
            "reorder.window": "1ms",
            "checkpoint.interval": "100ms",
            "robots.idle": "200ms",
            "robots.active_max": 500,
        }
    ).start()
    rng = random.Random(seed)
    rest = server.rest()
    names = [f"robot {n}" for n in range(20_000)]
    paths = {name: [] for name in names}
    for part in range(3):
        lines = []
        for name in rng.sample(names, len(names)):
            x, y = rng.random(), rng.random()
            paths[name].append((x, y))
            lines.append(f"{x!r},{y!r},{part * 10},{name}")
        assert rest.post_lines(lines)["accepted"] == len(names)
    listed = {robot["name"]: robot for robot in rest.robots()}
    assert len(listed) == len(names)
    for name, robot in listed.items():
        assert robot["events"] == 3
        assert robot["odometer"] == running_odometer(paths[name])[-1]
    sample = rng.sample(names, 500)
    again = rest.post_lines([f"{paths[n][1][0]!r},{paths[n][1][1]!r},10,{n}" for n in sample])
    assert again["duplicate"] == 500
    other = rest.post_lines([f"7,7,10,{name}" for name in sample])
    assert other["conflict"] == 500
    old = rest.post_lines([f"7,7,5,{name}" for name in sample])
    assert old["stale"] == 500


def flood(server, robots, count, results):
    """Sends `count` events as fast as the server takes them; appends the answers that are not OK."""
    with WebSocket(server, seconds=60) as one:
        lines_each = 100
        sender = threading.Thread(
            target=lambda: [
                one.send("\n".join(f"{n},0,{n},{robots}{n % 50}" for n in range(s, s + lines_each)))
                for s in range(0, count, lines_each)
            ]
        )
        sender.start()
        for _ in range(count // lines_each):
            results += [line for line in one.receive().split("\n") if line != "OK"]
        sender.join()


def test_producers_that_outrun_the_disk_are_not_read_and_lose_nothing(make_server, faults):
    server = make_server(
        {"storage.memory_max": "1MiB", "reorder.window": "50ms", "checkpoint.interval": "100ms"},
        env=faults.env,
    ).start()
    before = server.rss_bytes()
    results = []
    threads = [
        threading.Thread(target=flood, args=(server, f"f{p}-", 50_000, results)) for p in range(4)
    ]
    for thread in threads:
        thread.start()
    peak = 0
    while any(thread.is_alive() for thread in threads):
        peak = max(peak, server.rss_bytes())
        threads[0].join(0.02)
    assert results == []
    assert peak - before < 200 * MIB
    assert sum(robot["events"] for robot in server.rest().robots()) == 200_000


def test_new_names_stay_within_memory_and_lose_nothing(make_server):
    settings = {"storage.memory_max": "4MiB", "reorder.window": "50ms", "checkpoint.interval": "1s"}
    server = make_server(settings).start()
    assert "robots_active_max=1820" in server.log()
    before = server.rss_bytes()
    accepted = []

    def post_names(first):
        for start in range(first, first + 25_000, 5_000):
            lines = [f"{n},0,1,name-{n}" for n in range(start, start + 5_000)]
            accepted.append(server.rest().post_lines(lines)["accepted"])

    threads = [threading.Thread(target=post_names, args=(p * 25_000,)) for p in range(4)]
    for thread in threads:
        thread.start()
    peak = 0
    while any(thread.is_alive() for thread in threads):
        peak = max(peak, server.rss_bytes())
        threads[0].join(0.02)
    assert accepted == [5_000] * 20
    assert peak - before < 100 * MIB, "100,000 robots at once take 180"
    robots = server.rest().robots()
    assert {robot["name"]: robot["last_x"] for robot in robots} == {
        f"name-{n}": n for n in range(100_000)
    }
    assert {robot["events"] for robot in robots} == {1}


def test_unsynced_events_stop_the_reading_of_sockets(make_server, faults):
    server = make_server({"ingest.max_in_flight_bytes": "1MiB"}, env=faults.env).start()
    before = server.rss_bytes()
    with faults.on("hold-syncs"), WebSocket(server) as one:
        message = frame(TEXT, "\n".join(f"{n},0,{n},held" for n in range(3000)).encode())
        stuff(one._socket, message)
        assert server.rss_bytes() - before < 100 * MIB
        assert server.rest().get("/livez").status == 200


def test_connection_churn_leaves_nothing_behind(make_server):
    server = make_server().start()

    def churn(count):
        for n in range(count):
            with WebSocket(server) as one:
                assert one.ask(f"0,0,{n},churn").split()[0] in ("OK", "CONFLICT")

    churn(200)
    before = server.rss_bytes()
    churn(1500)
    wait_until(lambda: server.rss_bytes() - before < 30 * MIB, "memory is given back")


def limit_open_files(server, soft, hard):
    """Lets `server` start with these limits of open files."""
    command = server.command()
    server.command = lambda: ["prlimit", f"--nofile={soft}:{hard}", *command]


def test_limit_of_open_files_is_raised_to_the_hard_one(make_server, connect):
    server = make_server({"net.connections_max": 200})
    limit_open_files(server, 64, 1000)
    server.start()
    everyone = [connect(server) for _ in range(150)]
    assert {one.ask("bad")[:3] for one in everyone} == {"ERR"}
    assert "limit of open files" not in server.log()


def test_connections_beyond_the_limit_of_open_files_are_warned_of(make_server):
    server = make_server({"net.connections_max": 600})
    limit_open_files(server, 64, 1000)
    server.start()
    server.wait_log(
        r"level=warn.*limit of open files.*connections_max=600 files_max=1000 connections_served=424"
    )


def test_silent_sockets_leave_files_for_the_journal(make_server, connect):
    server = make_server()
    limit_open_files(server, 64, 1000)
    server.start()
    good = connect(server)
    files = Path(f"/proc/{server.pid}/fd")
    silent = [socket.create_connection((server.host, server.port)) for _ in range(1100)]
    assert good.ask("0,0,1,good") == "OK"
    assert len(list(files.iterdir())) < 700
    wait_until(lambda: len(list(files.iterdir())) < 500, "refused sockets are closed")
    assert good.ask("0,0,2,good") == "OK"
    for one in silent:
        one.close()
    assert "cannot be accepted" not in server.log()
