"""The rows of the speed table: what each starts, sends, and measures.

A row is a function of a Bench; it returns figures. Goals are of the class of machine that
bench/README.md names. Sizes: millions of events where a checkpoint must fall into the run.
"""
from dataclasses import dataclass, field

import database_rows


@dataclass
class Figure:
    """One measured number, in one run."""

    what: str
    value: float
    unit: str
    goal: float
    data: str
    notes: dict = field(default_factory=dict)
    is_least: bool = False  # the goal is a lower bound

    def meets(self, value):
        return value >= self.goal if self.is_least else value <= self.goal


def _load(name, work, goal, sink, **options):
    """A row that measures cpu per event of a load."""

    def row(bench):
        events = options["events"]
        with bench.server(name) as server:
            bench.prefill(server)
            with bench.profile(server):
                out = bench.load(server, **options)
        notes = _load_notes(out)
        if sink:
            notes["sink_us"] = bench.sink_us(**options)
            notes["ratio_to_sink"] = round(out["cpu_us_per_event"] / notes["sink_us"], 2)
        return [Figure(work, out["cpu_us_per_event"], "µs cpu per event", goal,
                       bench.describe(out, events), notes)]

    return name, row


LOAD_NOTES = ["events_per_s", "cpu_load_us_per_event", "cpu_settle_us_per_event",
              "sleeps_per_event", "latency_p50_ms", "latency_p99_ms", "rss_peak_mb",
              "written_bytes_per_event", "disk_bytes_per_event", "robots_right", "robots_wrong",
              "others_cores"]


def _load_notes(out):
    return {key: out[key] for key in LOAD_NOTES}


def latency_50k(bench):
    """Open loop at 50,000 events/s for 20 s, checkpoints included."""
    with bench.server("latency-50k") as server:
        bench.prefill(server)
        with bench.profile(server):
            out = bench.load(server, events=1_000_000, rate=50_000, window=1000)
    keys = ["latency_p90_ms", "latency_p999_ms", "latency_max_ms", "send_lateness_p50_ms",
            "send_lateness_p99_ms", "cpu_us_per_event", "sleeps_per_event", "robots_right",
            "robots_wrong", "others_cores"]
    notes = {key: out[key] for key in keys}
    data = bench.describe(out, 1_000_000)
    return [Figure("50k events/s offered, 64 connections: p50", out["latency_p50_ms"], "ms", 2,
                   data, notes),
            Figure("50k events/s offered, 64 connections: p99", out["latency_p99_ms"], "ms", 10,
                   data)]


def range_odometer(bench):
    """Random ranges of a short and of a long robot, both in one settled store."""
    figures = []
    with bench.server("range-odometer") as server:
        bench.load(server, events=1000, robots=1, connections=1, prefix="short-", settle=0)
        bench.load(server, events=1_000_000, robots=1, connections=1, prefix="long-", lines=100)
        for name, events in (("short-", 1000), ("long-", 1_000_000)):
            path = f"/api/robots/{name}000000/odometer?start_time={{from}}&end_time={{to}}"
            with bench.profile(server, name):
                out = bench.get(server, path, requests=20_000, warm_up=2000, span=events)
            figures.append(Figure(
                f"range odometer, robot with {events:,} events", out["cpu_us_per_request"],
                "µs cpu per request", 150, "one keep-alive connection, random ranges",
                {key: out[key] for key in ("latency_p50_ms", "latency_p99_ms", "sleeps_per_request",
                                           "others_cores")}))
    low, high = sorted(figure.value for figure in figures)
    figures.append(Figure("range odometer, larger to smaller", high / max(low, 0.1), "times", 2,
                          "the two above"))
    return figures


def events_10k(bench):
    """All events of a robot that has 10,000."""
    with bench.server("events-10k") as server:
        bench.load(server, events=10_000, robots=1, connections=1, lines=100)
        with bench.profile(server):
            out = bench.get(server, "/api/robots/robot-000000/events", requests=300, warm_up=10)
    keys = ("latency_p99_ms", "cpu_us_per_request", "body_bytes_per_request", "others_cores")
    return [Figure("10k events of one robot as JSON, p50", out["latency_p50_ms"], "ms", 10,
                   "one keep-alive connection", {key: out[key] for key in keys})]


def idle_100k(bench):
    """Memory of robots that went idle, then their whole list."""
    with bench.server("idle-100k", "--robots.idle=2s") as server:
        out = bench.load(server, events=2_000_000, robots=100_000, window=100, verify="no")
        server.wait_until_quiet(10)
        idle_mb = server.rss_mb()
        with bench.profile(server):
            listed = bench.get(server, "/api/robots", requests=10, warm_up=1)
        data = bench.describe(out, 2_000_000) + "; robots.idle=2s"
        bench.load(server, events=2_000_000, robots=100_000, window=100, verify_only="yes")
        after_mb = server.rss_mb()
    keys = ("latency_max_ms", "cpu_us_per_request", "body_bytes_per_request", "others_cores")
    return [Figure("100k robots: full list, p50", listed["latency_p50_ms"], "ms", 300, data,
                   {key: listed[key] for key in keys}),
            Figure("100k robots: RSS after they went idle", idle_mb, "MB", 500, data,
                   {"rss_after_lists_mb": round(after_mb, 1), "rss_peak_mb": out["rss_peak_mb"]})]


def restart_2m(bench):
    """From exec to /readyz 200, with everything since the start still in the journal."""
    never = ("--checkpoint.interval=1h", "--checkpoint.events=100000000")
    options = {"events": 2_000_000, "window": 100}
    with bench.server("restart-2m", *never) as server:
        out = bench.load(server, settle=0, verify="no", **options)
        server.kill()
        with bench.again(server) as restarted:
            seconds = restarted.ready_seconds
            cpu = restarted.cpu_seconds()
            found = bench.load(restarted, verify_only="yes", **options)
    return [Figure("restart after kill -9, 2M events in the journal", seconds, "s", 3,
                   bench.describe(out, 2_000_000) + "; page cache warm",
                   {"cpu_s": round(cpu, 2), "robots_right": found["robots_right"],
                    "robots_wrong": found["robots_wrong"]})]


ROWS = dict([
    _load("ws-16", "1 event per message, 64 connections × 16 in flight", 2.5, True,
          events=4_000_000, window=16),
    _load("ws-100", "1 event per message, 64 × 100 in flight", 2.0, True,
          events=5_000_000, window=100),
    _load("ws-1", "1 event per message, 64 × 1 in flight", 25, True,
          events=500_000, window=1),
    _load("lines-100", "100 lines per message, 64 × 4 messages in flight", 1.8, True,
          events=8_000_000, window=4, lines=100),
    _load("robots-100k", "100k robots, 64 × 100 in flight", 4, True,
          events=6_000_000, window=100, robots=100_000),
    ("latency-50k", latency_50k),
    ("range-odometer", range_odometer),
    ("events-10k", events_10k),
    ("idle-100k", idle_100k),
    ("restart-2m", restart_2m),
    database_rows.load("mysql-mysql", "mysql", 2, 6, Figure, _load_notes, least_rate=100_000),
    database_rows.load("redis-mysql", "redis", 2, 6.5, Figure, _load_notes),
    database_rows.load("file-mysql", "file", 2, 5.5, Figure, _load_notes),
    database_rows.range_odometer(Figure),
])
