"""Rows of the speed table: what requests cost, alone and beside ingest."""
import json
import time

from bench import median, pick
from figures import Figure

INGEST_RATE = 50_000
ROBOT = "/api/robots/robot-{robot}"


def _wait_for_robots(bench, server, count=1000):
    """Until each of the robots of a load has an event."""
    bench.wait_until(lambda: len(json.loads(server.body_of("/api/robots"))) >= count,
                     f"{count} robots")


def get_robot(bench, _):
    """One robot's state, against the least Beast server; both with the same ingest beside."""
    seconds = 2 if bench.options.quick else 4
    ours, bare = {1: [], 16: []}, {1: [], 16: []}
    with bench.server("get-robot") as server:
        with bench.load_beside(server, rate=INGEST_RATE, window=1000, settle=0):
            _wait_for_robots(bench, server)
            body = server.body_of(ROBOT.replace("{robot}", "000000"))
            with bench.reference("bare_http", f"--body={body}") as constant:
                for _ in range(2):
                    for connections in ours:
                        options = {"connections": connections, "seconds": seconds, "warm_up": 500}
                        with bench.profile(server, str(connections)):
                            ours[connections].append(bench.get(server, ROBOT, **options))
                        bare[connections].append(bench.get(constant, ROBOT, **options))
    return {"get-robot": [_get_figure(ours[16], bare[16], ours[1], bare[1])]}


def _get_figure(ours, bare, ours_alone, bare_alone):
    rate = "requests_per_s"
    notes = pick(ours[0], "latency_p50_ms", "latency_p99_ms", "body_bytes_per_request")
    notes |= {"latency_p99_ms_of_bare": median(bare, "latency_p99_ms"),
              "1 connection": f"{median(ours_alone, rate):,.0f}/s, bare "
                              f"{median(bare_alone, rate):,.0f}/s, ratio "
                              f"{median(ours_alone, rate) / median(bare_alone, rate):.2f}"}
    return Figure("GET of one robot, 16 keep-alive connections, 50k events/s beside",
                  median(ours, rate), "requests/s", 0.6, 0.8,
                  "random ones of 1k robots; the constant is as long, its server one I/O thread",
                  notes, is_least=True, is_ratio=True, reference=median(bare, rate),
                  reference_name="bare Beast")


def _sizes(bench):
    """Prefix of the robot's name, and how many events it has."""
    return (("short-", 1000), ("long-", bench.size(1_000_000)),
            ("longest-", bench.size(50_000_000)))


def _range_path(prefix):
    return f"/api/robots/{prefix}000000/odometer?start_time={{from}}&end_time={{to}}"


def range_odometer(bench, _):
    """Random ranges of three robots in one store: settled, then with ingest beside."""
    sizes = _sizes(bench)
    with bench.server("range-odometer") as server:
        for prefix, events in reversed(sizes):
            bench.load(server, events=events, robots=1, connections=1, prefix=prefix,
                       lines=min(events, 100), settle=0 if prefix == "long-" else 8)
        with bench.reference("bare_http", "--body=" + "x" * 60) as constant:
            bare = bench.get(constant, "/", requests=20_000, warm_up=2000)
        figures = [_settled(bench, server, bare, *size) for size in sizes]
        low, high = sorted(figure.value for figure in figures)[::2]
        figures.append(Figure("the same: largest to smallest", high / max(low, 0.1), "×", 2, 2,
                              "the three above"))
        figures += _beside(bench, server, sizes)
    return {"range-odometer": figures}


def _settled(bench, server, bare, prefix, events):
    with bench.profile(server, prefix + "settled"):
        out = bench.get(server, _range_path(prefix), requests=20_000, warm_up=2000, span=events)
    return Figure(f"range odometer, {events:,} events in the robot, settled: cpu per request",
                  out["cpu_us_per_request"], "µs", 60, 30,
                  "one keep-alive connection, random ranges: both sides sleep between requests, "
                  "which the bare server pays for as well",
                  {"sleeps_per_request_of_bare": bare["sleeps_per_request"],
                   **pick(out, "latency_p50_ms", "latency_p99_ms", "sleeps_per_request",
                          "others_cores")},
                  reference=bare["cpu_us_per_request"], reference_name="bare Beast")


def _beside(bench, server, sizes):
    """The cpu of the ingest alone is measured over two checkpoints and taken off."""
    base_seconds, seconds = 10, 5
    figures = []
    with bench.load_beside(server, rate=INGEST_RATE, window=1000, settle=0):
        _wait_for_robots(bench, server)
        ingest_cores = _cores(server, base_seconds)
        for prefix, events in sizes:
            with bench.profile(server, prefix + "beside"):
                out = bench.get(server, _range_path(prefix), seconds=seconds, warm_up=100,
                                span=events)
            used = out["cpu_s"] - ingest_cores * out["seconds"]
            figures.append(Figure(
                f"range odometer, {events:,} events in the robot, 50k events/s beside: "
                "cpu per request", used * 1e6 / out["requests"], "µs", 150, 60,
                "cpu of the server less that of the ingest alone",
                {"cpu_us_per_request_with_ingest": out["cpu_us_per_request"],
                 "ingest_cores": round(ingest_cores, 3),
                 **pick(out, "requests_per_s", "latency_p50_ms", "latency_p99_ms",
                        "others_cores")}))
    return figures


def _cores(server, seconds):
    """How many cores the server uses in the next seconds."""
    start, before = time.monotonic(), server.cpu_seconds()
    time.sleep(seconds)
    return (server.cpu_seconds() - before) / (time.monotonic() - start)


def stream_1m(bench, _):
    """All events of one robot, from a server that has just been started."""
    events = bench.size(1_000_000)
    path = "/api/robots/robot-000000/events"
    figures = []
    with bench.server("stream-1m") as loaded:
        bench.load(loaded, events=events, robots=1, connections=1, lines=100)
        loaded.stop()
        for kind in ("json", "csv"):
            with bench.again(loaded) as server:
                bench.get(server, f"{path}?format={kind}&limit=1000", requests=100)
                before = server.rss_mb()
                server.reset_rss_peak()
                with bench.profile(server, kind):
                    out = bench.get(server, f"{path}?format={kind}", requests=5, warm_up=0)
            data = "5 times on one keep-alive connection, started anew before"
            figures += [
                Figure(f"1M events of one robot as {kind.upper()}: cpu per event",
                       out["cpu_us_per_request"] / events, "µs", 0.9, 0.4, data,
                       pick(out, "latency_p50_ms", "body_bytes_per_request", "others_cores")),
                Figure("the same: RSS growth", out["rss_peak_mb"] - before, "MB", 16, 16, data,
                       {"rss_before_mb": round(before, 1)})]
    return {"stream-1m": figures}


def list_100k(bench, _):
    """All robots: while they are in memory, and after they have left it."""
    robots = bench.size(100_000)
    figures = []
    with bench.server("list-100k", "--robots.idle=20s") as server:
        loaded = bench.load(server, events=bench.size(1_000_000), robots=robots, window=100)
        for state, least_seconds in (("live", 0), ("idle", 22)):
            server.wait_until_quiet(least_seconds)
            with bench.profile(server, state):
                out = bench.get(server, "/api/robots", requests=10, warm_up=1)
            figures.append(Figure(
                f"100k robots listed, {state}: cpu per list", out["cpu_us_per_request"] / 1e3, "ms",
                100, 50, bench.describe(loaded) + "; robots.idle=20s",
                pick(out, "latency_p50_ms", "latency_max_ms", "body_bytes_per_request",
                     "rss_mb", "others_cores")))
    return {"list-100k": figures}


ROWS = [
    (("get-robot",), get_robot),
    (("range-odometer",), range_odometer),
    (("stream-1m",), stream_1m),
    (("list-100k",), list_100k),
]
