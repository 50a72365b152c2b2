"""Every setting: changing it changes what the server does. One test per key."""

import itertools
import json
import os
import random
import re
import socket
import stat
import time

import pytest
from keys import Keys, bearer
from telemetryd import EAGER_HEAP, IS_ASAN, PATIENCE_SECONDS, Rest, wait_until
from websocket_client import CLOSE, PING, PONG, TEXT, WebSocket, frame

pytestmark = pytest.mark.embedded

UPGRADE = (
    b"GET /upstream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
FORTY_BYTES = "1,2,{n},a robot name of about forty bytes"


def free_port(host="127.0.0.1"):
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def recovered_events(server):
    """Events that the latest start replayed from the journal."""
    return int(server.wait_log(r'journal replayed.*\bevents"?[=:](\d+)').group(1))


def is_read(one):
    """Whether the server reads this connection: a ping is answered soon."""
    one.set_timeout(1.0)
    one.send_ping()
    try:
        one.wait_pong()
        return True
    except TimeoutError:
        return False
    finally:
        one.set_timeout(20)


# net


def test_setting_net_host(make_server):
    server = make_server({"net.host": "127.0.0.2"}).start()
    assert server.host == "127.0.0.2"
    with pytest.raises(ConnectionRefusedError):
        Rest("127.0.0.1", server.port).get("/livez")


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_setting_net_host_takes_ipv6(make_server, host):
    server = make_server({"net.host": host}).start()
    assert f"address=[::1]:{server.port}" in server.log()
    assert server.rest().get("/livez").status == 200
    with pytest.raises(ConnectionRefusedError):
        Rest("127.0.0.1", server.port).get("/livez")


def test_setting_net_host_localhost_is_both_families(make_server):
    server = make_server({"net.host": "localhost"}).start()
    assert f"address=localhost:{server.port}" in server.log()
    for host in ("127.0.0.1", "::1"):
        assert Rest(host, server.port).get("/livez").status == 200


def test_setting_net_port(make_server):
    port = free_port()
    assert make_server({"net.port": port}).start().port == port


def test_setting_net_port_in_use_is_refused_by_name(make_server):
    first = make_server().start()
    second = make_server({"net.port": first.port}).launch()
    assert second.wait_exit() != 0
    assert str(first.port) in second.log()


def test_setting_net_unix_socket(make_server, tmp_path):
    server = make_server({"net.unix_socket": tmp_path / "socket"}).start()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "socket"))
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
    refused = make_server({"net.unix_socket": "@abstract"}).launch()
    assert refused.wait_exit() == 2 and "abstract" in refused.log()
    assert server.terminate() == 0


def test_setting_net_unix_mode(make_server, tmp_path):
    for number, given in enumerate([{}, {"net.unix_mode": "0600"}]):
        path = tmp_path / f"socket{number}"
        make_server({"net.unix_socket": path, **given}).start()
        assert stat.S_IMODE(path.lstat().st_mode) == (0o600 if given else 0o660)


def test_setting_net_unix_owner(make_server, tmp_path):
    group = max([os.getegid(), *os.getgroups()]) if os.geteuid() != 0 else 12_345
    for number, given in enumerate([{}, {"net.unix_owner": f":{group}"}]):
        path = tmp_path / f"socket{number}"
        make_server({"net.unix_socket": path, **given}).start()
        assert path.lstat().st_gid == (group if given else os.getegid())
    refused = make_server({"net.unix_socket": tmp_path / "other", "net.unix_owner": "no-such-user"})
    assert refused.launch().wait_exit() == 1
    assert "net.unix_owner: there is no user no-such-user" in refused.log()


def test_setting_net_io_threads(make_server):
    threads = {
        count: make_server({"net.io_threads": count}).start().threads() for count in (1, 4)
    }
    assert threads[4] - threads[1] == 3


def test_setting_net_connections_max(make_server, connect):
    few = make_server({"net.connections_max": 2}).start()
    kept = [connect(few), connect(few)]
    assert connect(few).close_code() == 1013
    assert Rest(few.host, few.port).get("/api/robots").status == 503
    many = make_server().start()
    assert {connect(many).ask("bad")[:3] for _ in range(5)} == {"ERR"}
    assert kept[0].ask("bad").startswith("ERR")


def test_setting_net_memory_max(make_server, connect):
    def growth_under_begun_messages_and_heads(server):
        """What 600 sockets make the server hold that send 60 KiB of a message, or a head, each."""
        producer = connect(server)
        before, peak = server.rss_bytes(), 0
        hostile = []
        for n in range(600):
            try:
                one = socket.create_connection((server.host, server.port), timeout=20)
                hostile.append(one)
                one.sendall(b"GET /livez HTTP/1.1\r\nX: " + b"x" * 15_000 if n % 2 else UPGRADE)
                if n % 2 == 0 and one.recv(4096).startswith(b"HTTP/1.1 101 "):
                    one.sendall(frame(TEXT, b"x" * 60_000)[:-1])
            except OSError:
                pass  # refused or cut
            if n % 50 == 0:
                assert producer.ask(f"0,0,{n},goes-on") == "OK"
                peak = max(peak, server.rss_bytes())
        peak = max(peak, server.rss_bytes())
        assert producer.ask("0,0,1000,goes-on") == "OK"
        for one in hostile:
            one.close()
        return peak - before

    bounded = make_server({"net.memory_max": "4MiB"}).start()
    assert growth_under_begun_messages_and_heads(bounded) < (24 if IS_ASAN else 12) << 20
    bounded.wait_log(r"level=warn.*net.memory_max is reached.*cut=\d+ refused=\d+")
    roomy = make_server().start()
    assert growth_under_begun_messages_and_heads(roomy) > 18 << 20
    assert "net.memory_max is reached" not in roomy.log()


def test_setting_net_idle_timeout(make_server):
    server = make_server({"net.idle_timeout": "400ms"}).start()
    with WebSocket(server, answer_pings=False) as silent:
        begin = time.monotonic()
        kinds = []
        silent.set_timeout(5)
        try:
            while CLOSE not in kinds:
                kinds.append(silent.receive_frame().opcode)
        except Exception:  # noqa: BLE001 - closed without a close frame is as good
            pass
        assert PING in kinds and time.monotonic() - begin < 4
    patient = make_server({"net.idle_timeout": "1h"}).start()
    with WebSocket(patient) as one:
        one.set_timeout(1.5)
        with pytest.raises(TimeoutError):
            one.receive_frame()


def test_peer_that_answers_pings_outlives_the_idle_timeout(make_server):
    server = make_server({"net.idle_timeout": "200ms"}).start()
    with WebSocket(server) as one:
        for _ in range(10):  # each of them one more half of the timeout
            assert one.receive_frame().opcode == PING
            one.send_raw(frame(PONG, b""))
        assert one.ask("1,2,3,alive") == "OK"


def test_setting_net_read_delay(make_server, connect):
    """While some producers keep the intervals going, the bytes of another wait for their end."""

    def typical_wait(delay):
        server = make_server({"net.read_delay": delay, "reorder.window": "1h"}).start()
        others = [connect(server) for _ in range(30)]
        one, numbers, took = connect(server), itertools.count(), []
        for n in range(8):
            for _ in range(25):  # half a second; each of the others sends every 0.6 s
                number = next(numbers)
                others[number % len(others)].send(f"0,0,{number},other")
                time.sleep(0.02)
            begin = time.monotonic()
            assert one.ask(f"0,0,{n},one") == "OK"
            took.append(time.monotonic() - begin)
        return sorted(took[4:])[2]

    # An answer comes when an interval ends, and half a second later is the middle of another.
    assert typical_wait("200ms") > 0.05
    assert typical_wait("0") < 0.05


def test_setting_net_unproven_max(make_server, tmp_path):
    """Sockets that show no key take the room of their like, and none of a client with a key."""
    keys = Keys(tmp_path / "keys")
    viewer = bearer(keys.add("viewer", "read"))
    server = make_server({**keys.settings, "net.unproven_max": 64}).start()
    silent = [socket.create_connection((server.host, server.port)) for _ in range(64)]
    oldest = silent[0]
    oldest.settimeout(0.2)
    with pytest.raises(TimeoutError):
        oldest.recv(1)

    def is_cut():
        rest = server.rest()
        assert rest.request("GET", "/api/robots", headers=viewer).status == 200
        silent.append(socket.create_connection((server.host, server.port)))
        try:
            return oldest.recv(1) == b""
        except TimeoutError:
            return False

    wait_until(is_cut, "the oldest socket without a key is cut")
    for one in silent:
        one.close()


def test_setting_net_trusted_proxies(make_server, tmp_path):
    keys = Keys(tmp_path / "keys")
    keys.add("viewer", "read")
    network = {**keys.settings, "net.host": "0.0.0.0"}
    server = make_server({**network, "net.trusted_proxies": "127.0.0.0/8"})
    server.launch()
    server.find_port()
    server.host = "127.0.0.1"
    wait_until(server.is_ready, "ready")
    stranger = make_server({**network, "net.trusted_proxies": "192.0.2.0/24"})
    stranger.launch()
    stranger.find_port()
    with pytest.raises(OSError):
        Rest("127.0.0.1", stranger.port).get("/livez")


def test_setting_net_insecure(make_server):
    server = make_server({"net.host": "0.0.0.0"}).launch()
    assert server.wait_exit() == 2
    server.settings["net.insecure"] = "on"
    server.start()
    server.wait_log("INSECURE: ")


def test_setting_auth_keys_file(make_server, tmp_path):
    keys = Keys(tmp_path / "keys")
    viewer = keys.add("viewer", "read")
    server = make_server(keys.settings).start()
    assert server.rest().get("/api/robots").status == 401
    assert server.rest().request("GET", "/api/robots", headers=bearer(viewer)).status == 200


# ingest


def test_setting_ingest_max_message(make_server, connect):
    line = "1,2,3," + "x" * 1200
    small = make_server({"ingest.max_message": "1KiB"}).start()
    one = connect(small)
    one.send(line)
    assert one.close_code() == 1009
    assert connect(make_server().start()).ask(line).startswith("ERR")


def test_setting_ingest_max_body(make_server):
    lines = "0,0,1,body\n" * 200
    small = make_server({"ingest.max_body": "1KiB"}).start()
    assert small.rest().post("/api/events", lines, "text/csv").status == 413
    assert make_server().start().rest().post("/api/events", lines, "text/csv").status == 200


MOST_IN_FLIGHT = {"ingest.max_in_flight": 1_048_576, "ingest.max_in_flight_bytes": "1GiB"}


def is_read_while_nothing_is_synced(make_server, faults, settings):
    """Whether a producer with 4000 messages in flight is still read, pings included."""
    server = make_server({**MOST_IN_FLIGHT, **settings}, env=faults.env).start()
    messages = [FORTY_BYTES.format(n=n) for n in range(4000)]
    with WebSocket(server) as one:
        assert one.ask("1,2,3,r") == "OK"
        with faults.on("hold-syncs"):
            one.send(*messages)
            found = is_read(one)
        answers = 0
        while answers < len(messages):
            answer = one.receive_frame()
            answers += answer.opcode == TEXT
    server.close()
    return found


def test_setting_ingest_max_in_flight(make_server, faults):
    assert not is_read_while_nothing_is_synced(make_server, faults, {"ingest.max_in_flight": 5})
    assert is_read_while_nothing_is_synced(make_server, faults, {})


def test_setting_ingest_max_in_flight_bytes(make_server, faults):
    few = {"ingest.max_in_flight_bytes": "1KiB"}
    assert not is_read_while_nothing_is_synced(make_server, faults, few)
    assert is_read_while_nothing_is_synced(make_server, faults, {})


def test_setting_ingest_future_limit(make_server, connect):
    def ask(setting, ahead_seconds):
        server = make_server({"ingest.future_limit": setting}).start()
        answer = connect(server).ask(f"1,2,{int((time.time() + ahead_seconds) * 1000)},r")
        server.close()
        return answer.split()[0]

    assert ask("1min", 30) == "OK"
    assert ask("1min", 300) == "ERR"
    assert ask("10min", 300) == "OK"
    assert ask("0", 1e9) == "OK"


def test_setting_ingest_stall_limit(make_server, small_disk):
    for limit, expected in (("500ms", (1013, "the store is away")), ("1h", None)):
        disk = small_disk("200m")
        settings = {
            "storage.data_dir": disk.directory / "data",
            "storage.min_free": "8MiB",
            "storage.warn_free": "8MiB",
            "ingest.stall_limit": limit,
        }
        server = make_server(settings).start()
        disk.fill()
        wait_until(lambda s=server: s.rest().get("/readyz").status == 503, "/readyz 503")
        with WebSocket(server) as one:
            one.set_timeout(6)
            one.send("1,2,3,stalled")
            if expected is None:
                one.set_timeout(2.5)
                with pytest.raises(TimeoutError):
                    one.receive()
            else:
                assert one.closing() == expected
        server.close()


# reorder


def test_setting_reorder_window(make_server, connect):
    def late_event(window):
        server = make_server({"reorder.window": window}).start()
        one = connect(server)
        assert one.ask("0,0,1000000,r") == "OK"
        begin = time.monotonic()
        late = iter(range(999_999, 0, -1))

        def answer():
            kind = one.ask(f"0,0,{next(late)},r").split()[0]
            return kind if kind == "STALE" or time.monotonic() - begin > 1.0 else None

        found = wait_until(answer, "a verdict")
        server.close()
        return found

    assert late_event("50ms") == "STALE"
    assert late_event("1h") == "OK"


# robots


ROBOTS = 200_000  # so many that a checkpoint of them goes into files, past RocksDB's memory


def leave_memory(make_server, faults, settings, seconds):
    """Whether robots without news leave memory within `seconds`: then a read of them needs the disk."""
    server = make_server(
        {"reorder.window": "10ms", "checkpoint.interval": "1s", **settings}, env=faults.env
    ).start()
    assert server.rest().post_lines([f"1,2,3,r{n}" for n in range(ROBOTS)])["accepted"] == ROBOTS

    def is_away(robot):
        with faults.on("hold-reads"):
            try:
                return server.rest(2.0).robot(f"r{robot}") is None
            except TimeoutError:
                return True

    begin = time.monotonic()
    found = False
    for robot in itertools.cycle(range(0, ROBOTS, 97)):
        found = is_away(robot)
        if found or time.monotonic() - begin > seconds:
            break
    server.close()
    return found


def test_setting_robots_idle(make_server, faults):
    assert leave_memory(make_server, faults, {"robots.idle": "200ms"}, PATIENCE_SECONDS)
    assert not leave_memory(make_server, faults, {"robots.idle": "1h"}, 5)


def test_setting_robots_active_max(make_server, faults):
    stay = {"robots.idle": "1h"}
    assert leave_memory(make_server, faults, {**stay, "robots.active_max": 100}, PATIENCE_SECONDS)
    assert not leave_memory(make_server, faults, {**stay, "robots.active_max": 1_000_000}, 5)


# storage


def test_setting_storage_data_dir(make_server):
    server = make_server()
    server.settings["storage.data_dir"] = server.directory / "elsewhere"
    server.start()
    assert (server.directory / "elsewhere" / "FORMAT").exists()


def test_setting_storage_shards_holds_for_a_new_database(make_server):
    server = make_server({"storage.shards": 3}).start()
    assert "shards 3" in (server.data_dir / "FORMAT").read_text()
    server.rest().post_lines([f"1,2,3,r{n}" for n in range(100)])
    assert server.terminate() == 0
    server.settings["storage.shards"] = 5
    server.start()
    assert "shards 3" in (server.data_dir / "FORMAT").read_text(), "an old one keeps its number"
    assert len(server.rest().robots()) == 100


def test_setting_storage_min_free(make_server, connect):
    greedy = make_server({"storage.min_free": "1TiB", "storage.warn_free": "1TiB"}).launch()
    greedy.find_port()
    answer = wait_until(lambda: greedy.rest().get("/readyz"), "an answer")
    assert answer.status == 503
    make_server({"storage.min_free": "0", "storage.warn_free": "0"}).start()


def test_setting_storage_warn_free(make_server):
    cautious = make_server({"storage.warn_free": "16TiB"}).start()
    cautious.wait_log(r"level=warn.*(space|free)")
    calm = make_server({"storage.warn_free": "64MiB", "storage.min_free": "0"}).start()
    assert not re.search(r"level=warn.*(space|free)", calm.log())


def test_setting_storage_cache(make_server):
    def rss_after_reading(cache):
        settings = {"storage.cache": cache, "reorder.window": "1ms"}
        server = make_server(settings, env=EAGER_HEAP).start()
        noise = random.Random(1).random  # such events take 20 bytes each, walks in metres take 4
        for start in range(0, 1_000_000, 100_000):
            lines = [
                f"{noise()},{noise()},{n * 1_000_000 + int(noise() * 1_000_000)},r{n % 20}"
                for n in range(start, start + 100_000)
            ]
            server.rest().post_lines(lines)
        assert server.terminate() == 0
        server.start()
        for n in range(20):
            server.rest().get(f"/api/robots/r{n}/events")
        rss = server.rss_bytes()
        server.close()
        return rss

    assert rss_after_reading("256MiB") - rss_after_reading("1MiB") > 4 << 20


def test_setting_storage_memory_max(make_server):
    def back_pressure(memory):
        settings = {"storage.memory_max": memory, "reorder.window": "3s"}
        server = make_server(settings).start()
        with WebSocket(server) as one:
            lines = ["\n".join(f"{n},0,{n},{k}" for n in range(500)) for k in range(60)]
            assert set(one.ask(*lines)) == {"\n".join(["OK"] * 500)}
        found = "back-pressure" in server.log()
        server.close()
        return found

    assert back_pressure("1MiB")
    assert not back_pressure("1GiB")


# checkpoint


def share_left_in_the_journal(make_server, settings):
    """Sends events for a while, then kill -9: which part of them is replayed."""
    server = make_server({"reorder.window": "1ms", **settings}).start()
    rest = server.rest()
    begin = time.monotonic()
    sent = 0
    while time.monotonic() - begin < 1.5:
        assert rest.post_lines([f"{n},0,{n},r" for n in range(sent, sent + 100)])["accepted"] == 100
        sent += 100
    server.kill().start()
    assert server.rest().robot("r")["events"] == sent
    return recovered_events(server) / sent


def test_setting_checkpoint_interval(make_server):
    assert share_left_in_the_journal(make_server, {"checkpoint.interval": "50ms"}) < 1
    assert share_left_in_the_journal(make_server, {"checkpoint.interval": "1h"}) == 1


def test_setting_checkpoint_events(make_server):
    rare = {"checkpoint.interval": "1h"}
    assert share_left_in_the_journal(make_server, {**rare, "checkpoint.events": 200}) < 1
    assert share_left_in_the_journal(make_server, {**rare, "checkpoint.events": 1_000_000}) == 1


# query


def stored_server(make_server, faults, settings):
    """A server whose events lie on the disk only."""
    server = make_server({"reorder.window": "1ms", "storage.cache": "1MiB", **settings}, faults.env)
    server.start()
    server.rest().post_lines([f"{n}.5,0,{n},r" for n in range(100_000)])
    server.rest().post_lines(["0,0,100000,r"])
    assert server.terminate() == 0
    return server.start()


def test_setting_query_timeout(make_server, faults):
    for timeout, expected in (("300ms", [503, 504]), ("1h", [200])):
        server = stored_server(make_server, faults, {"query.timeout": timeout})
        with faults.on("hold-reads"):
            with socket.create_connection((server.host, server.port), timeout=10) as one:
                one.sendall(b"GET /api/robots/r/odometer?start_time=500 HTTP/1.1\r\nHost: x\r\n\r\n")
                if expected == [200]:
                    one.settimeout(1.0)
                    with pytest.raises(TimeoutError):
                        one.recv(1000)
                    one.settimeout(10)
                    faults.switch_off("hold-reads")
                assert int(one.recv(1000).split()[1]) in expected
        server.close()


def test_setting_query_threads(make_server):
    threads = {count: make_server({"query.threads": count}).start().threads() for count in (1, 4)}
    assert threads[4] - threads[1] == 3


def test_setting_scheduler_threads(make_server):
    counts = (1, 4)
    threads = {n: make_server({"scheduler.threads": n}).start().threads() for n in counts}
    assert threads[4] - threads[1] == 3


# log


def test_setting_log_level(make_server):
    def log_at(level):
        server = make_server({"log.level": level, "net.port": free_port()}).launch()
        server.host, server.port = "127.0.0.1", server.settings["net.port"]
        wait_until(server.is_ready, "ready")
        assert server.terminate() == 0
        return server.log()

    assert log_at("error") == ""
    assert "level=info" in log_at("info")


def test_setting_log_format(make_server):
    server = make_server({"log.format": "json"}).start()
    lines = server.log().splitlines()
    assert lines and all(isinstance(json.loads(line), dict) for line in lines)
    plain = make_server({"log.format": "logfmt"}).start()
    assert all(re.match(r'^\w+=("[^"]*"|\S+)', line) for line in plain.log().splitlines())
