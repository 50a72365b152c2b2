"""Rows of the speed table: the load of real fleets, which send at their own pace.

The cost of an event then depends on how many events share a wake-up and a commit, so the goals are
multiples of what the sink takes in the same run, and the counts stand beside.
"""
import os
import statistics
import time

import rows_footprint
from bench import median
from figures import Figure
from rows_ingest import alternate, cpu_figure

SECONDS = 10


def lone_append_p99(directory, seconds=3):
    """p99 of a synced append of 4 KiB into a file that has its room, in ms."""
    path = os.path.join(directory, "lone-append")
    page = bytes(4096)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        os.pwrite(file, bytes(16 << 20), 0)
        os.fsync(file)
        took, end = [], time.monotonic() + seconds
        while (begin := time.monotonic()) < end:
            os.pwrite(file, page, len(took) * len(page) % (16 << 20))
            os.fdatasync(file)
            took.append((time.monotonic() - begin) * 1e3)
        return statistics.quantiles(took, n=100)[98]
    finally:
        os.close(file)
        os.remove(path)


def _append_beside(bench, name, options):
    """The same beside the load."""
    load = {key: value for key, value in options.items() if key != "events"}
    with bench.server(name) as server, bench.load_beside(server, settle=0, **load):
        time.sleep(1)
        return lone_append_p99(bench.options.data_root)


def paced(name, rate, connections, goal):
    """Cpu per event against the sink's, and the time from an event's due time to its OK."""

    def row(bench, _):
        fit, note = rows_footprint.connections_max(connections)
        options = {"events": rate * (2 if bench.options.quick else SECONDS), "rate": rate,
                   "window": 1000, "connections": fit, "robots": max(1000, fit)}
        append = _append_beside(bench, name, options) if rate > 20_000 else (
            lone_append_p99(bench.options.data_root))
        ours, sinks = alternate(bench, name, **options)
        what = f"{rate:,} events/s offered on {fit:,} connections"
        cost = cpu_figure(bench, f"{what}{note}: cpu per event", ours, sinks,
                          key="cpu_load_us_per_event", goal=goal, stretch=None, is_ratio=True)
        cost.notes["sleeps_per_event_of_sink"] = median(sinks, "sleeps_per_event")
        figures = [cost]
        if rate <= 20_000:
            bounds = {"p50": 3, "p99": 10 + append}
        else:
            bounds = {"p99": median(sinks, "latency_p99_ms") + 2 * append}
        for quantile, bound in bounds.items():
            key = f"latency_{quantile}_ms"
            notes = {"p99 of a lone synced append": f"{append:.3g} ms"} if quantile == "p99" else {}
            figures.append(Figure(f"the same: {quantile}", median(ours, key), "ms",
                                  round(bound, 2), None, cost.data, notes,
                                  reference=median(sinks, key)))
        return {name: figures}

    return (name,), row


ROWS = [
    paced("paced-1k", 1_000, 64, 3),
    paced("paced-5k", 5_000, 64, 2),
    paced("paced-20k", 20_000, 64, 1.4),
    paced("paced-50k", 50_000, 64, 1.3),
    paced("paced-100k", 100_000, 64, 1.3),
    paced("paced-20k-2000", 20_000, 2_000, 1.4),
    paced("paced-20k-19000", 20_000, 19_000, 1.4),
]
