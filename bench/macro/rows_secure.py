"""Rows of the speed table: what keys and TLS cost.

Each is measured in turn with the same server without keys, or without TLS, and the goals are
multiples of what that one takes.
"""
import contextlib
import os
import re
import select
import socket
import statistics
import subprocess
import time
from concurrent import futures

import rows_footprint
from bench import median, pick
from figures import Figure

PLAIN = "plain server"
MESSAGES = {"tls-1": {"events": 400_000, "window": 1}, "tls-16": {"events": 4_000_000, "window": 16},
            "tls-lines-100": {"events": 20_000_000, "lines": 100, "window": 4}}


class TlsEnd:
    """The TLS listener of a server, for instruments."""

    def __init__(self, server):
        self.pid, self.cpu_seconds, self.rss_mb = server.pid, server.cpu_seconds, server.rss_mb
        with open(server.log_path, encoding="utf-8", errors="replace") as log:
            self.port = int(re.findall(r"tls_address=\S+?:(\d+)", log.read())[-1])


def _key(bench, *prefixes):
    """Makes a keys file. @returns settings of the server, and options of the instruments."""
    file, shown = (os.path.join(bench.options.data_root, name) for name in ("keys", "key"))
    with contextlib.suppress(FileNotFoundError):
        os.remove(file)
    robots = [f"--prefix={one}" for one in prefixes]
    made = _keys_command(bench, "add", "bench", "--scope=ingest", "--scope=read", *robots)
    with open(os.open(shown, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(made)
    return [f"--auth.keys_file={file}"], {"key_file": shown}


def _keys_command(bench, command, name, *options):
    """Changes the keys file. @returns what the command prints"""
    done = subprocess.run(
        [os.path.join(bench.options.build_dir, "telemetryd"), "keys", command, name, *options,
         "--file", os.path.join(bench.options.data_root, "keys")],
        capture_output=True, text=True, check=True)
    return done.stdout


def _certificate(bench):
    """Makes a certificate with a key of P-256. @returns settings of the server."""
    pair = [os.path.join(bench.options.data_root, "tls." + end) for end in ("pem", "key")]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", pair[1], "-out", pair[0]],
        capture_output=True, check=True)
    return [f"--tls.certificate={pair[0]}", f"--tls.key={pair[1]}", "--tls.host=127.0.0.1",
            "--tls.port=0"]


def _alternate(bench, name, settings, guarded, load):
    """Loads a server with and without `settings`, in turn. @returns the outputs of both."""
    ours, plain = [], []
    for _ in range(bench.rounds):
        with bench.server(name, *settings) as server:
            ours.append(guarded(server))
        with bench.server(name) as server:
            plain.append(bench.load(server, **load))
    return ours, plain


def _cpu(bench, what, ours, plain, goal, stretch):
    key = "cpu_us_per_event"
    nearest = sorted(ours, key=lambda run: run[key])[len(ours) // 2]
    return Figure(what, median(ours, key), "µs", goal, stretch, bench.describe(nearest),
                  pick(nearest, "events_per_s", "latency_p50_ms", "latency_p99_ms"),
                  reference=median(plain, key), reference_name=PLAIN, is_ratio=True)


def keys_ingest(bench, wanted):
    """64 × 16 in flight by a key with 1 prefix, and with 256 of which one fits."""
    load = {"events": bench.size(4_000_000), "window": 16}
    rows = {}
    for name, count, goal in (("keys-1", 1, 1.03), ("keys-256", 256, 1.05)):
        if name not in wanted:
            continue
        others = [f"site-{number:03}/" for number in range(count - 1)]
        settings, shown = _key(bench, "robot-", *others)
        ours, plain = _alternate(bench, name, settings,
                                 lambda server, s=shown: bench.load(server, **load, **s), load)
        rows[name] = [_cpu(bench, f"64 × 16 in flight, a key with {count} prefixes: cpu per event",
                           ours, plain, goal, 1)]
    return rows


def get_with_key(bench, _):
    """GET of a robot with a key, less one without, on 16 connections and on one."""
    settings, shown = _key(bench, "robot-")
    asked = {"requests": bench.size(50_000), "warm_up": 2000}
    path, load = "/api/robots/robot-{robot}", {"events": 10_000, "settle": 2}
    key = "cpu_us_per_request"
    runs = {16: ([], []), 1: ([], [])}
    for _ in range(bench.rounds):  # servers differ by a few µs, so there are several
        with bench.server("get-key-plain") as without:
            bench.load(without, **load)
            with bench.server("get-key", *settings) as with_key:
                bench.load(with_key, **load, **shown)
                for _ in range(4):
                    for connections, (plain, ours) in runs.items():
                        more = {**asked, "connections": connections}
                        plain.append(bench.get(without, path, **more)[key])
                        ours.append(bench.get(with_key, path, **more, **shown)[key])
    medians = {count: [statistics.median(one) for one in both] for count, both in runs.items()}
    return {"get-key": [Figure(
        f"GET of one robot with a key, less one without, {where}: cpu per request",
        medians[count][1] - medians[count][0], "µs", goal, stretch,
        f"medians of {len(runs[count][0])} runs in turn",
        {"with": medians[count][1], "without": medians[count][0]})
        for count, where, goal, stretch in ((16, "16 connections", 1, 0.5),
                                            (1, "one connection", None, None))]}


def list_of_few(bench, _):
    """A list of 10 robots that a key sees among a million."""
    count = bench.size(1_000_000)
    settings, shown = _key(bench, "mine-", "many-")
    with bench.server("list-prefix", *settings, "--storage.memory_max=2304MiB") as server:
        bench.load(server, events=count, robots=count, prefix="many-", lines=100, window=4,
                   settle=0, verify="no", **shown)
        bench.load(server, events=10, robots=10, connections=10, prefix="mine-", **shown)
        _, shown = _key(bench, "mine-")
        time.sleep(2)  # the server takes the new keys file
        out = bench.get(server, "/api/robots", requests=2000, warm_up=200, **shown)
    return {"list-prefix": [Figure(
        f"10 robots of {count:,} that a key sees, listed: p50", out["latency_p50_ms"], "ms", 1, 0.3,
        "one keep-alive connection", pick(out, "latency_p99_ms", "body_bytes_per_request",
                                          "cpu_us_per_request"))]}


def tls_ingest(bench, wanted):
    """The loads of ws-1, ws-16 and lines-100 over TLS 1.3."""
    goals = {"tls-1": (1.4, 1.2), "tls-16": (1.5, 1.3), "tls-lines-100": (1.2, 1.1)}
    rows = {}
    for name in wanted:
        load = {**MESSAGES[name], "events": bench.size(MESSAGES[name]["events"])}
        settings = _certificate(bench)
        ours, plain = _alternate(
            bench, name, settings,
            lambda server, with_=load: bench.load(TlsEnd(server), tls="yes", **with_), load)
        rows[name] = [_cpu(bench, f"TLS 1.3, {name.removeprefix('tls-')}: cpu per event", ours,
                           plain, *goals[name])]
    return rows


def tls_idle(bench, _):
    """RSS with TLS connections that rest, less RSS with as many robots on 64."""
    return {"tls-idle": [rows_footprint.idle_figure(
        bench, "tls-idle", "idle TLS 1.3 connection of a WebSocket: RSS", 20, 17,
        _certificate(bench), TlsEnd, tls="yes")]}


def tls_list(bench, _):
    """The list of 100,000 robots over TLS 1.3."""
    robots = bench.size(100_000)
    asked = {"requests": 20, "warm_up": 2}
    with bench.server("tls-list", *_certificate(bench)) as server:
        bench.load(server, events=robots, robots=robots, lines=100, window=4)
        ours, plain = [], []
        for _ in range(bench.rounds):
            plain.append(bench.get(server, "/api/robots?limit=100000", **asked))
            ours.append(bench.get(TlsEnd(server), "/api/robots?limit=100000", tls="yes", **asked))
    key = "cpu_us_per_request"
    return {"tls-list": [Figure(
        f"TLS 1.3, list of {robots:,} robots: cpu", median(ours, key), "µs", 1.5, 1.2,
        "one keep-alive connection", pick(ours[0], "latency_p50_ms", "body_bytes_per_request"),
        reference=median(plain, key), reference_name=PLAIN, is_ratio=True)]}


def _p99(bench, server, seconds, *beside, **load):
    """The p99 of 100,000 events/s beside each of these, in turn."""
    rate = 100_000
    runs = [[] for _ in beside]
    for _ in range(bench.rounds):
        for run, meanwhile in zip(runs, beside):
            with meanwhile():
                run.append(bench.load(server, events=rate * seconds, rate=rate, window=1000,
                                      settle=0, verify="no", **load))
    return [median(run, "latency_p99_ms") for run in runs]


def _cpu_of_threads(pid, name):
    """User and system time of the threads with this name, in seconds."""
    ticks = 0
    for task in os.scandir(f"/proc/{pid}/task"):
        with open(os.path.join(task.path, "stat"), encoding="utf-8") as stat:
            beginning, _, rest = stat.read().rpartition(")")
        if beginning.endswith("(" + name):
            ticks += sum(map(int, rest.split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def tls_handshakes(bench, _):
    """As many handshakes as a client can make, beside 100,000 events/s."""
    seconds = 10 if bench.rounds > 1 else 3
    made, took = [], []

    @contextlib.contextmanager
    def handshakes():
        before = _cpu_of_threads(server.pid, "tls.handshakes")
        client = subprocess.Popen(
            ["nice", "openssl", "s_time", "-new", "-tls1_3", "-time", str(seconds), "-connect",
             f"127.0.0.1:{TlsEnd(server).port}"], stdout=subprocess.PIPE, text=True)
        yield
        told = re.search(r"^(\d+) connections in \d+ real seconds", client.communicate()[0], re.M)
        made.append(int(told[1]))
        took.append(_cpu_of_threads(server.pid, "tls.handshakes") - before)

    with bench.server("tls-handshakes", *_certificate(bench)) as server:
        alone, beside = _p99(bench, server, seconds, contextlib.nullcontext, handshakes)
    data = f"100,000 events/s of plain WebSockets, {seconds} s, with openssl s_time and without, in turn"
    return {"tls-handshakes": [
        Figure("ECDSA P-256 handshakes of TLS 1.3: per second of cpu of their threads",
               sum(made) / sum(took), "/s", 1000, 3000, data,
               {"per_second": round(sum(made) / len(made) / seconds)}, is_least=True),
        Figure("the same: p99 of 100k events/s beside them", beside, "ms", 2, 1.3, data,
               reference=alone, reference_name="without handshakes", is_ratio=True)]}


UPGRADE = ("GET /upstream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
           "Authorization: Bearer {}\r\n\r\n")


class Crowd:
    """Idle WebSockets of one key, which is revoked while they are open."""

    def __init__(self, bench, server, count, name):
        self._bench, self._server, self._name = bench, server, name
        key = self._change("add", "--scope=ingest", "--all-robots").strip()
        self._sockets = {}
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", server.port))
            one.sendall(UPGRADE.format(key).encode())
            self._sockets[one.fileno()] = one
        for one in self._sockets.values():
            if not one.recv(4096).startswith(b"HTTP/1.1 101"):
                raise RuntimeError("a WebSocket was refused")

    def _change(self, command, *options):
        """Runs `telemetryd keys`, and waits until the server has taken the file."""
        taken = self._times_taken()
        printed = _keys_command(self._bench, command, self._name, *options)
        self._bench.wait_until(lambda: self._times_taken() > taken, "the keys file is taken")
        return printed

    def _times_taken(self):
        with open(self._server.log_path, encoding="utf-8", errors="replace") as log:
            return log.read().count("keys file taken")

    def revoke(self):
        """@returns seconds from when the server took the file until the last one had its 1008"""
        waiting = select.epoll()  # poll() looks at all of them each time
        for file in self._sockets:
            waiting.register(file, select.EPOLLIN)
        self._change("revoke")
        begin, left = time.monotonic(), set(self._sockets)
        while left:
            ready = waiting.poll(30)
            if not ready:
                raise RuntimeError(f"{len(left)} WebSockets outlive their key")
            for file, _ in ready:
                if self._sockets[file].recv(4096)[2:4] != (1008).to_bytes(2, "big"):
                    raise RuntimeError("a WebSocket did not end with 1008")
                waiting.unregister(file)
                left.remove(file)
        return time.monotonic() - begin

    def close(self):
        for one in self._sockets.values():
            one.close()


def revoke(bench, _):
    """The key of 10,000 idle WebSockets is revoked beside 100,000 events/s."""
    count, note = rows_footprint.connections_max(bench.size(10_000))
    seconds, waits = 5, []
    settings, shown = _key(bench, "robot-")

    def crowd_of(name):
        return contextlib.closing(Crowd(bench, server, count, f"{name}-{len(waits)}"))

    def revoke_later(crowd):
        time.sleep(seconds / 2)
        return crowd.revoke()

    @contextlib.contextmanager
    def revoked():
        with crowd_of("revoked") as crowd, futures.ThreadPoolExecutor(1) as beside:
            wait = beside.submit(revoke_later, crowd)
            yield
            waits.append(wait.result())  # raises as revoke() did

    with bench.server("revoke-10k", *settings) as server:
        alone, beside = _p99(bench, server, seconds, lambda: crowd_of("kept"), revoked, **shown)
    data = f"{count:,} idle WebSockets{note}, revoked beside 100,000 events/s for {seconds} s"
    return {"revoke-10k": [
        Figure("a key is revoked: from the new keys file to the last 1008", max(waits) * 1e3, "ms",
               1000, 300, data, {"each_ms": " ".join(f"{wait * 1e3:.0f}" for wait in waits)}),
        Figure("the same: p99 of the events beside", beside, "ms", 2, 1.3, data, reference=alone,
               reference_name="without a revoke", is_ratio=True)]}


ROWS = [
    (("keys-1", "keys-256"), keys_ingest),
    (("get-key",), get_with_key),
    (("list-prefix",), list_of_few),
    (("tls-1", "tls-16", "tls-lines-100"), tls_ingest),
    (("tls-list",), tls_list),
    (("tls-idle",), tls_idle),
    (("tls-handshakes",), tls_handshakes),
    (("revoke-10k",), revoke),
]
