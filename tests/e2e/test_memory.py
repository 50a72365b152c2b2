"""The table "Memory that a client can make the process hold" of docs/ARCHITECTURE.md, row by row.

Each test fills one row on the real program: what the row charges is refused or cut at its limit,
and the resident memory stays within it. `pytest tests/e2e/test_memory.py -rP | grep measured`
prints the figures of the table.

An upper bound is the row's promise. A lower bound only says that the load reached the row: it is at
most about half of what was measured, because a slower machine fills less of it.
"""

import re
import subprocess
import time

import pytest
from certificates import make_certificates
from crowd import Crowd, Growth, masked, websockets
from telemetryd import EAGER_HEAP, IS_ASAN, wait_until
from tls_kit import TlsAddress, add_tls_sockets, client_context, settings_of

pytestmark = pytest.mark.embedded

KIB, MIB = 1 << 10, 1 << 20
ROOM = 16 * MIB  # of a load of any kind: journal, RocksDB, pages that the heap gives back later
PASS = 80 * MIB  # what all sockets bring until the network's memory is relieved
WINDOW = {"reorder.window": "1h"}  # nothing is sealed, so rows and robots stay in memory
STORED = {"reorder.window": "1ms", "checkpoint.interval": "100ms"}
EURO = "€" * 149  # a long name, but for its number


def event_lines(name, count, first=0):
    return "\n".join(f"1,2,{n},{name}" for n in range(first, first + count)).encode()


def new_names(prefix, count, each=500):
    """Messages that bring `count` new robots."""
    return b"".join(
        masked("\n".join(f"1,2,9,{prefix}-{n}" for n in range(start, start + each)).encode())
        for start in range(0, count, each)
    )


def stored_robot(server, name, count):
    """The server with `count` events of a robot that are in the store's files only."""
    for start in range(0, count, 20_000):
        lines = [f"{n}.5,2,{n},{name}" for n in range(start, min(count, start + 20_000))]
        assert server.rest().post_lines(lines)["accepted"] == len(lines)
    time.sleep(0.3)  # longer than STORED, or the rows would be in the journal as well
    server.terminate()
    assert "journal_drained=true" in server.log()
    return server.start()


class Bench:
    """What a row's test needs: a server, and what was measured."""

    def __init__(self, make_server, faults, folder):
        self._make_server = make_server
        self.faults = faults
        self.folder = folder

    def server(self, *settings, warm=True, env=None):
        server = self._make_server(
            {k: v for part in settings for k, v in part.items()},
            env={**self.faults.env, **(env or {})},
        ).start()
        if warm:
            server.rest().post_lines(["0,0,1,first"])
        return server

    def measured(self, text):
        print(f"measured: {text}")

    @staticmethod
    def within(value, least, most):
        assert IS_ASAN or least <= value <= most, f"{value:,.0f} of {least:,} to {most:,}"


@pytest.fixture
def bench(make_server, faults, tmp_path):
    return Bench(make_server, faults, tmp_path)


ROWS = {}


def row(function):
    ROWS[function.__name__.replace("_", "-")] = function
    return function


@pytest.mark.parametrize("name", ROWS)
def test_row(name, bench):
    ROWS[name](bench)


# The engine's half.


@row
def submissions(bench):
    """64 MiB over all connections, 1 MiB and 4096 events each."""
    server = bench.server(WINDOW)
    with bench.faults.on("hold-syncs"), websockets(server, 350) as crowd:
        growth, everybody = Growth(server), crowd.sockets
        crowd.sockets = everybody[:100]
        crowd.pour(lambda n: masked(event_lines(f"r{n}", 4096)))
        each = growth.settled() / 100 / 4096
        crowd.sockets = everybody[100:]
        long = [masked(event_lines(EURO, 100, first)) for first in range(0, 3000, 100)]
        sent, _ = crowd.pour(b"".join(long), still_seconds=1)
        server.wait_log("back-pressure begins")  # a server that only is slow does not say so
        bench.measured(f"{each:.0f} bytes per short event; {growth.peak() / MIB:.0f} MiB in all")
        bench.within(each, 30, 110)
        kernel = 250 * 384 * KIB
        assert sent < 64 * MIB + 250 * 64 * KIB + kernel, "the rest is not read"
        bench.within(growth.peak(), 32 * MIB, 64 * MIB + 350 * 64 * KIB)
        crowd.sockets = everybody


@row
def refused_lines(bench):
    """Refused lines behind an event without an answer are in the same 64 MiB."""
    server = bench.server(WINDOW)
    with bench.faults.on("hold-syncs"), websockets(server, 700) as crowd:
        growth, everybody = Growth(server), crowd.sockets
        data = masked(b"0,0,1,r\n" + b"bad\n" * 4095)
        crowd.sockets = everybody[:100]
        crowd.pour(data)
        each = growth.settled() / 100 / 4096
        crowd.sockets = everybody[100:]
        crowd.pour(data)
        crowd.sockets = everybody
        growth.settled()
        bench.measured(f"{each:.0f} bytes per line; {growth.peak() / MIB:.0f} MiB in all")
        bench.within(growth.peak(), 32 * MIB, 64 * MIB + ROOM)


@row
def order_of_answers(bench):
    """8 bytes per line and 8 per message: the same lines in one message, and in one each."""
    taken = []
    for lines_each in (4096, 1):
        server = bench.server(WINDOW)
        with bench.faults.on("hold-syncs"), websockets(server, 150) as crowd:
            growth = Growth(server)
            lines = event_lines("r", 4096).split(b"\n")
            parts = (lines[n : n + lines_each] for n in range(0, 4096, lines_each))
            crowd.pour(b"".join(masked(b"\n".join(part)) for part in parts))
            taken.append(growth.settled() / 150)
        server.close()
    more = taken[1] - taken[0]
    bench.measured(f"{more / KIB:.0f} KiB per connection for 4096 messages instead of one")
    bench.within(more, 0, 128 * KIB)


@row
def live_robots(bench):
    """No more robots than storage.memory_max has room for, and 1.5 times of it in fact."""
    server = bench.server(WINDOW, {"storage.memory_max": "64MiB"})
    with websockets(server, 4) as crowd:
        growth = Growth(server)
        _, robots = crowd.pour(lambda n: new_names(f"robot-{n}", 20_000), reads=True)
        each = growth.settled() / robots
        bench.measured(f"{each / 1000:.2f} KB per robot with a row; {robots} robots in 64 MiB")
        server.wait_log("back-pressure begins")
        assert robots * 1728 < 64 * MIB + 4096 * 1728
        bench.within(growth.peak(), robots * 900, 64 * MIB * 3 / 2)


@row
def expected_robots(bench):
    """No commit brings more robots than there is room for, though all of them were read already."""
    server = bench.server(WINDOW, {"storage.memory_max": "4MiB"})
    with websockets(server, 40) as crowd:
        growth = Growth(server)
        bench.faults.switch_on("hold-syncs")
        crowd.pour(lambda n: masked(b"1,2,3,first") if n == 0 else b"")  # a commit of its own
        time.sleep(0.2)
        crowd.pour(lambda n: new_names(f"r{n}", 4000))
        held = growth.settled()
        bench.faults.switch_off("hold-syncs")
        server.wait_log("back-pressure begins")
        growth.settled()
        bench.measured(f"{(growth.peak() - held) / MIB:.0f} MiB above the events that waited")
        bench.within(growth.peak() - held, 0, 4 * MIB * 3 / 2 + 7 * MIB + 2 * ROOM)


@row
def rows(bench):
    """Unsealed rows of few robots stop at storage.memory_max."""
    server = bench.server(WINDOW, {"storage.memory_max": "64MiB"})
    with websockets(server, 1) as crowd:
        growth = Growth(server)
        data = [
            masked("\n".join(f"1,2,{n},r{n % 500}" for n in range(start, start + 3000)).encode())
            for start in range(0, 1_800_000, 3000)
        ]
        _, count = crowd.pour(b"".join(data), reads=True)
        peak = growth.peak()
        bench.measured(f"{growth.settled() / count:.0f} bytes per row, peak {peak / count:.0f}")
        server.wait_log("back-pressure begins")
        assert 64 * MIB / 48 * 0.9 < count < 64 * MIB / 48 * 1.1
        bench.within(peak, 32 * MIB, 64 * MIB * 3 / 2 + 2 * ROOM)


@row
def parked_events(bench):
    """Events whose robot must be looked up stop at storage.memory_max, if the store hangs."""
    server = bench.server(STORED, {"storage.memory_max": "4MiB"}, warm=False)
    server = stored_robot(server, "parked", 3000)
    bench.faults.switch_on("hold-reads")
    with websockets(server, 200) as crowd:
        growth = Growth(server)
        crowd.pour(masked(event_lines("parked", 3000)))
        server.wait_log("back-pressure begins")
        taken = growth.settled()
        bench.measured(f"{taken / MIB:.0f} MiB for 4 MiB; 600,000 events were sent")
        bench.within(growth.peak(), 0, 64 * MIB + 4 * MIB * 3 / 2)
        bench.faults.switch_off("hold-reads")
        server.rest().get("/livez")


@row
def queues_of_a_shard(bench):
    """A robot that is in all queues of its shard takes no more than its charge."""
    server = bench.server(WINDOW, {"storage.memory_max": "256MiB", "checkpoint.interval": "1h"})
    with websockets(server, 4) as crowd:
        growth = Growth(server)
        _, robots = crowd.pour(lambda n: new_names(f"{n}", 20_000), reads=True)
        assert robots == 80_000
        each = growth.settled() / robots
        bench.measured(f"{each:.0f} bytes per robot that is unlisted, dirty and unsealed")
        bench.within(each, 800, 1728 + 12 + 48 + 200)


@row
def checkpoint_in_flight(bench):
    """A checkpoint of 40,000 robots at once stays within their charge."""
    server = bench.server({"reorder.window": "1ms", "checkpoint.interval": "1500ms"})
    with websockets(server, 4) as crowd:
        growth = Growth(server)
        _, robots = crowd.pour(lambda n: new_names(f"{n}", 10_000), reads=True)
        assert robots == 40_000
        loaded = growth.now()
        time.sleep(2)
        more = growth.peak() - loaded
        bench.measured(f"{more / robots:.0f} bytes per robot, with what RocksDB took")
        bench.within(growth.peak(), 0, robots * (1728 + 48) * 3 / 2)
    server.kill().start()
    assert int(re.search(r"journal replayed.* events=(\d+)", server.log())[1]) < 10_000


@row
def post_bodies(bench):
    """Bodies have 128 MiB of an I/O thread; beyond that there is 503."""
    server = bench.server(WINDOW)
    body = event_lines("body", 4000)[: 60 * KIB].rsplit(b"\n", 1)[0]
    head = f"POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\n\r\n"
    with bench.faults.on("hold-syncs"), Crowd(server, 900) as crowd:
        growth = Growth(server)
        crowd.pour(head.encode() + body)
        time.sleep(0.5)
        growth.settled()
        refused = sum(head.startswith(b"HTTP/1.1 503") for head in received(crowd))
        bench.measured(f"{growth.peak() / MIB:.0f} MiB for 900 bodies of 60 KiB, {refused} are 503")
        assert refused > 0
        bench.within(growth.peak(), 0, (128 + 64 + 64) * MIB)


def received(crowd):
    """What has come on each socket so far."""
    texts = []
    for one in crowd.sockets:
        try:
            texts.append(one.recv(4096))
        except BlockingIOError:
            texts.append(b"")
    return texts


@row
def questions(bench):
    """Each connection has one question under way."""
    server = bench.server(STORED, warm=False)
    server = stored_robot(server, EURO, 3000)
    with Crowd(server, 2000) as crowd:
        crowd.pour(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", reads=True)
        bench.faults.switch_on("hold-reads")
        growth = Growth(server)
        path = "/api/robots/" + "%E2%82%AC" * 149 + "/events?limit=10"
        crowd.pour(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 5)
        each = growth.settled() / len(crowd)
        bench.measured(f"{each / 1000:.1f} KB per connection with a question about a long name")
        bench.within(each, 500, 24 * KIB)
        bench.faults.switch_off("hold-reads")


@row
def piece_of_a_long_answer(bench):
    """Readers that do not read hold a piece each; 128 MiB admit so many, others get 503."""
    server = bench.server(STORED, warm=False)
    server = stored_robot(server, "long", 20_000)
    with Crowd(server, 1000, reads_little=True) as crowd:
        growth = Growth(server)
        crowd.pour(b"GET /api/robots/long/events HTTP/1.1\r\nHost: x\r\n\r\n")
        peak = growth.settled()
        heads = received(crowd)
        admitted = sum(head.startswith(b"HTTP/1.1 200") for head in heads)
        refused = sum(head.startswith(b"HTTP/1.1 503") for head in heads)
        bench.measured(
            f"{peak / KIB / admitted:.0f} KiB each of {admitted} answers; {refused} are 503"
        )
        assert refused > 0
        assert admitted <= 128 * MIB / (160 * KIB) + 1
        bench.within(growth.peak(), 0, 128 * MIB + ROOM)


@row
def names_of_stale_events(bench):
    """10,000 names for a minute, and no more."""
    server = bench.server(
        {"reorder.window": "1ms", "checkpoint.interval": "1h", "storage.memory_max": "512MiB"}
    )
    names = [f"{EURO[:140]}{n}" for n in range(60_000)]

    def post(timestamp):
        for start in range(0, len(names), 8000):
            yield server.rest().post_lines(
                [f"1,2,{timestamp},{name}" for name in names[start : start + 8000]]
            )

    assert sum(one["accepted"] for one in post(9)) == len(names)
    assert sum(one["duplicate"] for one in post(9)) == len(names)  # pages for the bodies are there
    growth = Growth(server)
    assert sum(one["stale"] for one in post(5)) == len(names)
    bench.measured(f"{growth.settled() / MIB:.1f} MiB for 60,000 names of 425 bytes")
    bench.within(growth.settled(), 0, 7 * MIB + 9 * MIB)


@row
def waiting_for_the_credit(bench):
    """While producers are not read, a connection that wants to be read costs next to nothing."""
    server = bench.server(WINDOW, {"storage.memory_max": "1MiB"})
    with websockets(server, 3000) as crowd:
        everybody = crowd.sockets
        crowd.sockets = everybody[:1]
        crowd.pour(new_names("full", 4000), reads=True)
        server.wait_log("back-pressure begins")
        crowd.sockets = everybody[1:]
        growth = Growth(server)
        crowd.pour(masked(event_lines("waits", 100)) * 10)
        each = growth.settled() / len(crowd)
        crowd.sockets = everybody
        bench.measured(f"{each:.0f} bytes per connection that waits")
        bench.within(each, 0, 1000)


@row
def connection_actors(bench):
    """net.connections_max WebSockets that have sent an event."""
    server = bench.server(WINDOW, {"net.connections_max": 4000})
    growth = Growth(server)
    with websockets(server, 4000) as crowd:
        _, count = crowd.pour(lambda n: masked(b"0,0,1,first"), reads=True)
        assert count == 4000
        each = growth.settled() / 4000
        bench.measured(f"{each / 1000:.1f} KB per connection with its session")
        bench.within(each, 1200, 2560 + 500)


# The network's half. Beyond its budget PASS more may be resident.


@row
def idle_connections(bench):
    """4 KiB each of net.memory_max, beyond which connections are refused."""
    server = bench.server({"net.memory_max": "8MiB"})
    growth = Growth(server)
    with websockets(server, 1900) as crowd:
        each = growth.settled() / len(crowd)
        crowd.add(600, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        served = sum(b" 200 " in head for head in crowd.heads_from(1900))
        bench.measured(f"{each / 1000:.1f} KB each; {1900 + served} are served of 2,500")
        assert 1900 + served <= 8 * MIB / (4 * KIB)
        bench.within(growth.peak(), 0, 8 * MIB + ROOM)


def fill_network(bench, crowd, growth, data, limit, least=1000, room=PASS):
    """Pours `data` into the server: some connections are cut, and the memory stays in bounds."""
    before = growth.settled()
    everybody = crowd.sockets
    crowd.sockets = everybody[:100]
    crowd.pour(data)
    each = (growth.settled() - before) / 100
    crowd.sockets = everybody[100:]
    crowd.pour(data)
    growth.settled()
    crowd.sockets = everybody
    still = crowd.open_ones()
    bench.measured(
        f"{each / KIB:.0f} KiB each; {len(crowd) - still} of {len(crowd)} are cut, "
        f"peak {growth.peak() / MIB:.0f} MiB for {limit / MIB:.0f}"
    )
    bench.within(each, least, 256 * KIB)
    bench.within(growth.peak(), 0, limit + room)
    return still


@row
def begun_heads(bench):
    """16 KiB of a head that does not end."""
    server = bench.server({"net.memory_max": "16MiB"})
    head = b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: %s\r\n" % (n, b"x" * 119) for n in range(122))
    growth = Growth(server)
    with Crowd(server, 3900) as crowd:
        assert fill_network(bench, crowd, growth, head, 16 * MIB, room=52 * MIB) < 1000


@row
def pipelined_input(bench):
    """A read of requests behind one that is not answered yet. Such a connection is not cut, because
    it waits for the engine, but further ones are refused.
    """
    server = bench.server(STORED, {"net.memory_max": "16MiB"}, warm=False)
    server = stored_robot(server, "held", 3000)
    bench.faults.switch_on("hold-reads")
    requests = b"GET /api/robots/held/events HTTP/1.1\r\nHost: x\r\n\r\n" * 1500
    growth = Growth(server)
    with Crowd(server, 2500) as crowd:
        crowd.pour(requests)
        each = growth.settled() / len(crowd)
        bench.measured(f"{each / KIB:.0f} KiB each")
        bench.within(each, 4 * KIB, 96 * KIB)  # a read takes what is there
        assert_refuses(crowd)
        bench.faults.switch_off("hold-reads")


def assert_refuses(crowd):
    crowd.add(1, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    assert crowd.heads_from(len(crowd) - 1)[0][:12] in (b"HTTP/1.1 503", b"")


@row
def begun_messages(bench):
    """64 KiB of a message that does not end."""
    server = bench.server({"net.memory_max": "16MiB"})
    growth = Growth(server)
    with websockets(server, 3000) as crowd:
        data = masked(b"1" * 65_536)[:-1]
        assert fill_network(bench, crowd, growth, data, 16 * MIB, room=128 * MIB) < 500


@row
def rest_of_a_turn(bench):
    """The rest of a read, while the engine takes no more. Such a connection is not cut, because it
    waits for the engine, but further ones are refused.
    """
    server = bench.server(WINDOW, {"net.memory_max": "8MiB", "ingest.max_in_flight": 10})
    growth = Growth(server)
    with bench.faults.on("hold-syncs"), websockets(server, 500) as crowd:
        crowd.pour(b"".join(masked(b"1,2,%d,rest" % n) for n in range(6000)))
        each = growth.settled() / len(crowd)
        bench.measured(f"{each / KIB:.0f} KiB each, with the 2048 events of the turn")
        bench.within(each, 80 * KIB, 64 * KIB + 2048 * 75)
        assert_refuses(crowd)


@row
def unsent_answers(bench):
    """Answers of WebSockets whose peer reads none of them. A burst of them may be above the limit
    until the next tick, so that is when this looks.
    """
    server = bench.server({"net.memory_max": "16MiB"}, env=EAGER_HEAP)
    growth = Growth(server)
    with websockets(server, 1200, reads_little=True) as crowd:
        crowd.pour(masked(b"bad\n" * 4000) * 30, still_seconds=1)
        growth.settled()  # a slow server has answered all it will
        time.sleep(1.2)  # a tick
        still = crowd.open_ones()
        bench.measured(
            f"{len(crowd) - still} of {len(crowd)} are cut, {growth.now() / MIB:.0f} MiB after a "
            f"tick for 16, peak {growth.peak() / MIB:.0f}"
        )
        assert still < 500
        bench.within(growth.now(), 0, 16 * MIB + 2 * ROOM)


@row
def unsent_answers_of_http(bench):
    """Answers of HTTP whose client reads none of them.

    The heap gives freed pages back at once here. By default it keeps them for 10 s, and as answers
    are freed on another thread than the one that made them, these were 130 to 390 MiB here.
    """
    server = bench.server(STORED, {"net.memory_max": "16MiB"}, warm=False, env=EAGER_HEAP)
    server = stored_robot(server, "long", 20_000)
    growth = Growth(server)
    with Crowd(server, 600, reads_little=True) as crowd:
        data = b"GET /api/robots/long/events?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n" * 100
        assert fill_network(bench, crowd, growth, data, 16 * MIB) < 600


@row
def long_answers(bench):
    """160 KiB per long answer, in net.memory_max as well."""
    server = bench.server(STORED, {"net.memory_max": "16MiB"}, warm=False)
    server = stored_robot(server, "long", 20_000)
    growth = Growth(server)
    with Crowd(server, 900, reads_little=True) as crowd:
        data = b"GET /api/robots/long/events HTTP/1.1\r\nHost: x\r\n\r\n"
        fill_network(bench, crowd, growth, data, 16 * MIB, room=48 * MIB)


@row
def buffers_of_an_io_thread(bench):
    """What another I/O thread costs."""
    taken = []
    for threads in (1, 33):
        server = bench.server({"net.io_threads": threads})
        with websockets(server, 132) as crowd:
            crowd.pour(masked(b"bad\n" * 4000) * 3, reads=True)
            taken.append(server.rss_bytes())
        server.close()
    each = (taken[1] - taken[0]) / 32
    bench.measured(f"{each / MIB:.2f} MiB per I/O thread, stack and heap included")
    bench.within(each, 0, 2 * MIB)


@row
def refused_sockets(bench):
    """64 beyond net.connections_max are told why; further ones are closed without a word."""
    server = bench.server({"net.connections_max": 100})
    growth = Growth(server)
    with Crowd(server, 100) as crowd:
        wait_until(lambda: sockets_of(server) == 100, "100 connections")
        crowd.add(2000)
        time.sleep(0.2)
        bench.measured(f"{sockets_of(server)} sockets of 2,100; {growth.peak() / MIB:.1f} MiB")
        assert sockets_of(server) <= 164
        bench.within(growth.peak(), 0, 4 * MIB)


def sockets_of(server):
    command = ["ss", "-tnH", "state", "established", "sport", "=", f":{server.port}"]
    return len(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())


# TLS.


@row
def idle_tls_connections(bench):
    """24 KiB each of net.memory_max, with the connection below."""
    files = make_certificates(bench.folder)
    server = bench.server(settings_of(files), {"net.memory_max": "64MiB"})
    growth = Growth(server)
    with Crowd(TlsAddress(server), 0) as crowd:
        add_tls_sockets(crowd, client_context(files), 1000)
        each = growth.settled() / len(crowd)
        bench.measured(f"{each / 1000:.1f} KB each")
        bench.within(each, 8_000, 24 * KIB)


@row
def begun_hellos(bench):
    """12,000 bytes of a ClientHello that does not end."""
    files = make_certificates(bench.folder)
    server = bench.server(
        settings_of(files, tls__handshakes_max=10_000, tls__handshake_timeout="5min"),
        {"net.memory_max": "16MiB"},
    )
    hello = b"\x16\x03\x01\x3f\x00\x01\x00\x3e\xfc" + b"x" * 11_991
    growth = Growth(server)
    with Crowd(TlsAddress(server), 3900) as crowd:
        fill_network(bench, crowd, growth, hello, 16 * MIB, room=52 * MIB)


@row
def begun_tls_records(bench):
    """16 KiB of a record that does not end, on an open connection."""
    files = make_certificates(bench.folder)
    server = bench.server(settings_of(files), {"net.memory_max": "32MiB"})
    record = b"\x17\x03\x03\x41\x00" + b"x" * 16_000
    with Crowd(TlsAddress(server), 0) as crowd:
        add_tls_sockets(crowd, client_context(files), 1000)
        growth = Growth(server)
        crowd.pour(record)
        each = growth.settled() / len(crowd)
        left = crowd.open_ones()
        bench.measured(f"{each / KIB:.0f} KiB each; {len(crowd) - left} of {len(crowd)} are cut")
        assert left < len(crowd), "the budget is kept"
        bench.within(growth.peak(), 4 * MIB, 32 * MIB + ROOM)
        wait_until(lambda: server.rest().get("/livez").status == 200, "serves others")
