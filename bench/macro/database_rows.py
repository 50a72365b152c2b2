"""The rows of the speed table with MySQL (a private MariaDB) and Redis below telemetryd."""
import contextlib
import os
import shutil
import sys

import server
from bench import pick
from figures import Figure
from rows_ingest import NOTES

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/support")
sys.path.insert(0, os.path.normpath(SUPPORT))

from mariadb import MariaDb  # noqa: E402
from redis_server import RedisServer  # noqa: E402

EVENTS = 2_000_000


@contextlib.contextmanager
def databases(bench, row, journal):
    """Database servers with new directories. Gives telemetryd's settings, and the servers."""
    root = os.path.join(bench.options.data_root, row + "-databases")
    shutil.rmtree(root, ignore_errors=True)
    mariadb = MariaDb(os.path.join(root, "m"), {"innodb-buffer-pool-size": "1G",
                                                "innodb-log-file-size": "1G"})
    redis = RedisServer(os.path.join(root, "r")) if journal == "redis" else None
    try:
        mariadb.start()
        mariadb.sql("CREATE DATABASE telemetryd")
        settings = [f"--storage.journal={journal}", "--storage.store=mysql", "--mysql.user=root",
                    f"--mysql.hosts=127.0.0.1:{mariadb.port}"]
        if redis:
            redis.start()
            settings.append(f"--redis.hosts=127.0.0.1:{redis.port}")
        yield settings, [one for one in (mariadb, redis) if one]
    finally:
        for one in (mariadb, redis):
            if one is not None and one.process is not None:
                one.kill9()
        shutil.rmtree(root, ignore_errors=True)


def load(name, journal, goal_ours, goal_databases, least_rate=None):
    """A row that measures cpu per event of telemetryd, and of the database servers together.

    With `least_rate` also events per second, with everything on this machine."""

    def row(bench, _):
        with databases(bench, name, journal) as (settings, servers):
            with bench.server(name, *settings) as telemetryd:
                before = sum(server.cpu_seconds(one.process.pid) for one in servers)
                with bench.profile(telemetryd):
                    out = bench.load(telemetryd, events=EVENTS, window=100)
                used = sum(server.cpu_seconds(one.process.pid) for one in servers) - before
        data = f"{bench.describe(out)}; journal {journal}, store mysql (MariaDB), durable"
        figures = [Figure("1k robots, 64 × 100 in flight: cpu per event of telemetryd",
                          out["cpu_us_per_event"], "µs", goal_ours, None, data, pick(out, *NOTES)),
                   Figure("the same: database servers", round(used * 1e6 / EVENTS, 3), "µs",
                          goal_databases, None, data)]
        if least_rate:
            figures.append(Figure("the same: throughput, generator and servers on this machine too",
                                  out["events_per_s"], "events/s", least_rate, None, data,
                                  is_least=True))
        return {name: figures}

    return (name,), row


def range_odometer(bench, _):
    """Random ranges of a robot with 1M events in MariaDB, settled."""
    name = "mysql-range"
    with databases(bench, name, "file") as (settings, _servers):
        with bench.server(name, *settings) as telemetryd:
            bench.load(telemetryd, events=1_000_000, robots=1, connections=1, prefix="long-",
                       lines=100)
            path = "/api/robots/long-000000/odometer?start_time={from}&end_time={to}"
            out = bench.get(telemetryd, path, requests=5000, warm_up=500, span=1_000_000)
    return {name: [Figure("range odometer over MySQL, 1M events in the robot, p50",
                          out["latency_p50_ms"], "ms", 1, None,
                          "one keep-alive connection, random ranges",
                          pick(out, "latency_p99_ms", "cpu_us_per_request", "others_cores"))]}


ROWS = [
    load("mysql-mysql", "mysql", 2, 6, least_rate=100_000),
    load("redis-mysql", "redis", 2, 6.5),
    load("file-mysql", "file", 2, 5.5),
    (("mysql-range",), range_odometer),
]
