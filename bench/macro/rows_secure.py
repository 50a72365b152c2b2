"""Rows of the speed table: what keys and TLS cost.

Each is measured in turn with the same server without keys, or without TLS, and the goals are
multiples of what that one takes.
"""
import contextlib
import os
import re
import subprocess
import time

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
    made = subprocess.run(
        [os.path.join(bench.options.build_dir, "telemetryd"), "keys", "add", "bench",
         "--scope=ingest", "--scope=read", *robots, "--file", file],
        capture_output=True, text=True, check=True)
    with open(os.open(shown, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(made.stdout)
    return [f"--auth.keys_file={file}"], {"key_file": shown}


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
    """GET of a robot with a key, less one without."""
    settings, shown = _key(bench, "robot-")
    asked = {"requests": 20_000, "warm_up": 2000}
    path, load = "/api/robots/robot-{robot}", {"events": 10_000, "settle": 8}
    with bench.server("get-key") as server:
        bench.load(server, **load)
        plain = bench.get(server, path, **asked)
    with bench.server("get-key", *settings) as server:
        bench.load(server, **load, **shown)
        ours = bench.get(server, path, **asked, **shown)
    key = "cpu_us_per_request"
    return {"get-key": [Figure(
        "GET of one robot with a key, less one without: cpu per request", ours[key] - plain[key],
        "µs", 1, 0.5, "one keep-alive connection", {"with": ours[key], "without": plain[key]})]}


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


ROWS = [
    (("keys-1", "keys-256"), keys_ingest),
    (("get-key",), get_with_key),
    (("list-prefix",), list_of_few),
    (("tls-1", "tls-16", "tls-lines-100"), tls_ingest),
    (("tls-idle",), tls_idle),
]
