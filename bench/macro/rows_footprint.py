"""Rows of the speed table: memory, disk, many connections, and an idle server."""
import os
import resource
import time

from bench import pick
from figures import Figure

# What the server keeps free beside the connections: 512 files and 64 refusals.
FILES_BESIDE = 600


def connections_max(wanted):
    """As many as a process may have open here, and a note if these are fewer than wanted."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    possible = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard - FILES_BESIDE)
    note = "" if possible == wanted else f"; the hard limit here is {hard:,} open files a process"
    return possible, note


def idle_connections(bench, _):
    """RSS with connections that rest, less RSS with as many robots and events on 64."""
    return {"idle-connections": [
        idle_figure(bench, "idle-connections", "idle WebSocket connection: RSS", 10, 5)]}


def idle_figure(bench, name, what, goal, stretch, settings=(), reach=lambda server: server, **load):
    """What a connection at rest takes. `reach` gives the end of the server that is connected to."""
    count, note = connections_max(bench.size(10_000))
    common = {"robots": count, "events": count, "window": 1, "settle": 10, "hold": 1, **load}
    with bench.server(name, "--robots.idle=2s", *settings) as server:
        end = reach(server)
        bench.load(end, prefix="warm-", **common)
        base = bench.load(end, prefix="base-", **common)
        out = bench.load(end, prefix="conn-", connections=count, **common)
    grown = (out["hold_rss_mb"] - base["hold_rss_mb"]) * 1e3 / count
    return Figure(
        what, grown, "KB", goal, stretch,
        f"{count:,} connections, one event answered on each{note}; before: as many events of as "
        "many robots on 64 connections", {"rss_before_mb": base["hold_rss_mb"],
                                          "rss_mb": out["hold_rss_mb"],
                                          "cpu_percent": out["hold_cpu_percent"]})


def idle_robots(bench, _):
    """RSS after each of four quarters of the fleet has come and gone idle.

    The first quarter is the baseline: it has brought the allocator and the store to the size that
    live robots of that number need."""
    quarter = bench.size(250_000)
    rss = []
    with bench.server("idle-robots", "--robots.idle=2s") as server:
        for part in range(4):
            out = bench.load(server, events=quarter, robots=quarter, window=100, settle=10,
                             prefix=f"part{part}-", verify="no")
            rss.append(server.rss_mb())
    grown = (rss[-1] - rss[0]) * 1e6 / (3 * quarter)
    return {"idle-robots": [Figure(
        "idle known robot: RSS", grown, "B", 200, 60,
        f"4 × {quarter:,} robots of one event each, one quarter after the other; "
        "robots.idle=2s", {"rss_mb_by_quarter": " ".join(f"{mb:.1f}" for mb in rss),
                           "rss_peak_mb": out["rss_peak_mb"]})]}


def connections_20k(bench, _):
    """Open loop: every connection sends once a second."""
    count, note = connections_max(bench.size(20_000))
    with bench.server("connections-20k") as server:
        with bench.profile(server):
            out = bench.load(server, connections=count, robots=count, rate=count,
                             events=count * 20, window=60)
    sink = bench.sink(connections=count, robots=count, rate=count, events=count * 5, window=60)
    return {"connections-20k": [Figure(
        f"{count:,} connections, 1 event/s each: p99", out["latency_p99_ms"], "ms", 50, 20,
        bench.describe(out) + note,
        {"errors": out["stale"] + out["conflict"] + out["err"],
         **pick(out, "latency_p50_ms", "latency_p999_ms", "latency_max_ms", "send_lateness_p99_ms",
                "cpu_us_per_event", "rss_peak_mb", "robots_right", "robots_wrong",
                "others_cores")}, reference=sink["latency_p99_ms"])]}


def disk_kitti(bench, _):
    """Bytes of the data directory after a clean stop."""
    track = bench.options.track
    robots = bench.size(2200)
    work = {"replay": track} if track else {}
    what = f"{os.path.basename(track)} driven by many robots" if track else (
        "random walks (no --track)")
    with bench.server("disk-kitti") as server:
        out = bench.load(server, events=4541 * robots, robots=robots, window=100, **work)
        written = server.written_bytes()
        server.stop()
        kinds = disk_bytes(bench.data_dir)
    events = out["events"]
    return {"disk-kitti": [Figure(
        f"{what}: disk per event", sum(kinds.values()) / events, "bytes", 28, 16,
        bench.describe(out) + "; settled and stopped",
        {**{f"{kind}_bytes_per_event": round(size / events, 2) for kind, size in kinds.items()},
         "written_bytes_per_event": round(written / events, 1),
         "write_amplification": round(written / max(kinds["store"], 1), 2),
         **pick(out, "events_per_s", "cpu_us_per_event", "robots_right", "robots_wrong")})]}


def disk_bytes(directory):
    """What files take on the disk, as `du`: of the store, the journal, and others."""
    kinds = {"store": 0, "journal": 0, "other": 0}
    for folder, _, names in os.walk(directory):
        for name in names:
            kind = ("store" if name.endswith((".sst", ".blob")) else
                    "journal" if name.endswith(".log") or "journal" in folder + name else "other")
            kinds[kind] += os.lstat(os.path.join(folder, name)).st_blocks * 512
    return kinds


def idle_cpu(bench, _):
    """Cpu of a server to which nothing happens."""
    seconds = 10
    with bench.server("idle-cpu") as server:
        server.wait_until_quiet(6)
        before = server.cpu_seconds()
        time.sleep(seconds)
        empty = (server.cpu_seconds() - before) * 100 / seconds
        out = bench.load(server, connections=1000, robots=1000, events=1000, window=1,
                         hold=seconds)
    data = f"over {seconds} s"
    return {"idle-cpu": [
        Figure("server at rest, no connections: cpu", empty, "% of a core", 0.2, None, data),
        Figure("server at rest, 1000 idle connections: cpu", out["hold_cpu_percent"], "% of a core",
               0.2, None, data, pick(out, "hold_sleeps_per_s"))]}


MEMORY = [
    (("idle-connections",), idle_connections),
    (("idle-robots",), idle_robots),
    (("connections-20k",), connections_20k),
]
AT_REST = [
    (("disk-kitti",), disk_kitti),
    (("idle-cpu",), idle_cpu),
]
