"""Rows of earlier goals. They are not part of the speed table: ask for them by name, or --all."""
import database_rows
import rows_ingest
from bench import pick
from figures import Figure


def latency_50k(bench, _):
    """Open loop at 50,000 events/s for 20 s, checkpoints included."""
    return rows_ingest.latency(bench, "latency-50k", 50_000, 1_000_000,
                               {"p50": (2, None), "p99": (10, None)})


def events_10k(bench, _):
    """All events of a robot that has 10,000."""
    with bench.server("events-10k") as server:
        bench.load(server, events=10_000, robots=1, connections=1, lines=100)
        with bench.profile(server):
            out = bench.get(server, "/api/robots/robot-000000/events", requests=300, warm_up=10)
    return {"events-10k": [Figure(
        "10k events of one robot as JSON, p50", out["latency_p50_ms"], "ms", 10, None,
        "one keep-alive connection", pick(out, "latency_p99_ms", "cpu_us_per_request",
                                          "body_bytes_per_request", "others_cores"))]}


def idle_100k(bench, _):
    """Memory of robots that went idle, then their whole list."""
    fleet = {"events": bench.size(2_000_000), "robots": bench.size(100_000), "window": 100}
    with bench.server("idle-100k", "--robots.idle=2s") as server:
        out = bench.load(server, verify="no", **fleet)
        server.wait_until_quiet(10)
        idle_mb = server.rss_mb()
        with bench.profile(server):
            listed = bench.get(server, "/api/robots", requests=10, warm_up=1)
        bench.load(server, verify_only="yes", **fleet)
        after_mb = server.rss_mb()
    data = bench.describe(out) + "; robots.idle=2s"
    return {"idle-100k": [
        Figure("100k robots: full list, p50", listed["latency_p50_ms"], "ms", 300, None, data,
               pick(listed, "latency_max_ms", "cpu_us_per_request", "body_bytes_per_request",
                    "others_cores")),
        Figure("100k robots: RSS after they went idle", idle_mb, "MB", 500, None, data,
               {"rss_after_lists_mb": round(after_mb, 1), "rss_peak_mb": out["rss_peak_mb"]})]}


def restart_2m(bench, _):
    """From exec to /readyz 200, with everything since the start still in the journal."""
    never = ("--checkpoint.interval=1h", "--checkpoint.events=100000000")
    options = {"events": bench.size(2_000_000), "window": 100}
    with bench.server("restart-2m", *never) as server:
        out = bench.load(server, settle=0, verify="no", **options)
        server.kill()
        with bench.again(server) as restarted:
            seconds = restarted.ready_seconds
            cpu = restarted.cpu_seconds()
            found = bench.load(restarted, verify_only="yes", **options)
    return {"restart-2m": [Figure(
        "restart after kill -9, 2M events in the journal", seconds, "s", 3, None,
        bench.describe(out) + "; page cache warm",
        {"cpu_s": round(cpu, 2), **pick(found, "robots_right", "robots_wrong")})]}


ROWS = [
    (("latency-50k",), latency_50k),
    (("events-10k",), events_10k),
    (("idle-100k",), idle_100k),
    (("restart-2m",), restart_2m),
    *database_rows.ROWS,
]
