"""Rows of the speed table: what an event costs, how many there can be, how long an OK takes."""
from bench import median, pick
from figures import Figure

NOTES = ("events_per_s", "cpu_load_us_per_event", "cpu_settle_us_per_event", "sleeps_per_event",
         "latency_p50_ms", "latency_p99_ms", "rss_peak_mb", "written_bytes_per_event",
         "disk_bytes_per_event", "robots_right", "robots_wrong", "others_cores")


def _runs(runs, key):
    return " ".join(f"{run[key]:g}" for run in runs)


def alternate(bench, name, **options):
    """Server and sink in turn under the same load, each time from nothing: the outputs of both."""
    ours, sinks = [], []
    for _ in range(bench.rounds):
        with bench.server(name) as server:
            bench.prefill(server)
            with bench.profile(server):
                ours.append(bench.load(server, **options))
        sinks.append(bench.sink(**options))
    return ours, sinks


def cpu_figure(bench, what, ours, sinks, key="cpu_us_per_event", **goals):
    """Cpu per event, medians. `key` names the part of it that counts."""
    nearest = sorted(ours, key=lambda run: run[key])[len(ours) // 2]
    notes = pick(nearest, *NOTES)
    if len(ours) > 1:
        notes["runs"] = _runs(ours, key)
        notes["runs_of_sink"] = _runs(sinks, key)
    return Figure(what, median(ours, key), "µs", data=bench.describe(nearest),
                  notes=notes, reference=median(sinks, key), **goals)


def load(name, what, events, goals, **options):
    """A row that measures cpu per event of a load on an empty store."""

    def row(bench, _):
        ours, sinks = alternate(bench, name, events=bench.size(events), **options)
        return {name: [cpu_figure(bench, what, ours, sinks, **goals)]}

    return (name,), row


def ws_100(bench, wanted):
    """64 × 100 in flight: cpu per event, and events per second."""
    ours, sinks = alternate(bench, "ws-100", events=bench.size(5_000_000), window=100)
    rows = {
        "ws-100": [cpu_figure(bench, "1 event per message, 64 × 100 in flight: cpu per event", ours,
                              sinks, goal=1.5, stretch=0.8)],
        "throughput": [Figure(
            "durable events/s, 64 × 100 in flight, generator on the same cores",
            median(ours, "events_per_s"), "events/s", 600_000, 1_000_000, bench.describe(ours[0]),
            {"runs": _runs(ours, "events_per_s"), "runs_of_sink": _runs(sinks, "events_per_s")},
            is_least=True, reference=median(sinks, "events_per_s"))],
    }
    return {name: rows[name] for name in wanted}


def falling(bench, _):
    """Timestamps that fall 100 events long, against the same load with rising ones."""
    load_options = {"events": bench.size(4_000_000), "window": 100}
    fell, rose = [], []
    for _ in range(bench.rounds):
        for runs, steps in ((rose, 1), (fell, 100)):
            with bench.server("falling") as server:
                bench.prefill(server)
                runs.append(bench.load(server, falling=steps, **load_options))
    figure = cpu_figure(bench, "timestamps fall 100 events long, 64 × 100 in flight: cpu per event",
                        fell, rose, goal=2, stretch=1.2, is_ratio=True)
    figure.reference_name = "rising"
    return {"falling": [figure]}


def robots(bench, wanted):
    """100k and 1M robots on one server, whose store is filled first; a million fit its memory."""
    rows = {}
    before = bench.size(20_000_000)
    fleet = {"robots": bench.size(100_000), "window": 100}
    with bench.server("robots", "--storage.memory_max=2304MiB") as server:
        bench.load(server, events=before, robots=fleet["robots"], lines=100, window=4, verify="no")
        prefill = f"{before:,} events of {fleet['robots']:,} robots"
        if "robots-100k" in wanted:
            rows["robots-100k"] = [_robots_100k(bench, server, before, fleet, prefill)]
        if "robots-1m" in wanted:
            rows["robots-1m"] = _robots_1m(bench, server, prefill)
    return rows


def _robots_100k(bench, server, before, fleet, prefill):
    """The fleet whose older events are in the store goes on."""
    events = bench.size(6_000_000)
    with bench.profile(server, "100k"):
        out = bench.load(server, events=events, skip=before, **fleet)
    sink = bench.sink(events=events, **fleet)
    figure = cpu_figure(
        bench, "100k robots, shuffled, 64 × 100 in flight, prefilled: cpu per event", [out], [sink],
        goal=2.8, stretch=1.5)
    figure.data = bench.describe(out, prefill + ", the same ones")
    return figure


def _robots_1m(bench, server, prefill):
    """New robots, each with a few events."""
    fleet = {"robots": bench.size(1_000_000), "window": 100, "prefix": "many-"}
    events = bench.size(6_000_000)
    server.reset_rss_peak()
    with bench.profile(server, "1m"):
        out = bench.load(server, events=events, **fleet)
    sink = bench.sink(events=events, **fleet)
    figure = cpu_figure(bench, "1M robots, shuffled, 64 × 100 in flight, prefilled: cpu per event",
                        [out], [sink], goal=4, stretch=2)
    figure.data = bench.describe(out, prefill + ", other ones")
    return [figure, Figure("the same: peak RSS", round(out["rss_peak_mb"] / 1e3, 3), "GB", 3, 1.5,
                           figure.data, pick(out, "rss_mb"))]


def latency(bench, name, rate, events, goals):
    """Open loop; time from when an event was due to its OK."""
    with bench.server(name) as server:
        bench.prefill(server)
        with bench.profile(server):
            out = bench.load(server, events=bench.size(events), rate=rate, window=1000)
    sink = bench.sink(events=bench.size(events) // 4, rate=rate, window=1000)
    notes = pick(out, "latency_p90_ms", "latency_max_ms", "send_lateness_p50_ms",
                 "send_lateness_p99_ms", "cpu_us_per_event", "sleeps_per_event", "robots_right",
                 "robots_wrong", "others_cores")
    figures = []
    for quantile, (goal, stretch) in goals.items():
        key = f"latency_{quantile.replace('.', '')}_ms"
        figures.append(Figure(f"{rate // 1000}k events/s offered, 1k robots: {quantile}", out[key],
                              "ms", goal, stretch, bench.describe(out), {} if figures else notes,
                              reference=sink[key]))
    return {name: figures}


def latency_100k(bench, _):
    """100,000 events/s for 20 s, checkpoints included."""
    return latency(bench, "latency-100k", 100_000, 2_000_000,
                   {"p50": (1.5, 0.8), "p99": (5, 2), "p99.9": (20, 8)})


ROWS = [
    load("ws-16", "1 event per message, 64 × 16 in flight: cpu per event", 4_000_000,
         {"goal": 3.5, "stretch": 2, "is_ratio": True}, window=16),
    (("ws-100", "throughput"), ws_100),
    load("ws-1", "1 event per message, 64 × 1 in flight: cpu per event", 400_000,
         {"goal": 2, "stretch": 1.5, "is_ratio": True}, window=1),
    load("lines-100", "100 lines per message, 64 × 4 messages in flight: cpu per event", 8_000_000,
         {"goal": 1.2, "stretch": 0.6}, window=4, lines=100),
    (("falling",), falling),
    (("robots-100k", "robots-1m"), robots),
    (("latency-100k",), latency_100k),
]
