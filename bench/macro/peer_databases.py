"""The peers of bench/macro/peers that do not speak HTTP: how each is run, asked, and what it lacks
for this work."""
import os
import sys
import time

import peer_mqtt
from peer_base import LINES, MANY, ONE, Answer, Peer, Way, ask_database

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/support")
sys.path.insert(0, os.path.normpath(SUPPORT))

from mariadb import MariaDb  # noqa: E402
from redis_server import RedisServer  # noqa: E402


class Redis(Peer):
    """Redis 7.0: a stream per robot, and a hash with the latest states."""

    name, package, program = "redis", "redis-server", "redis-server"
    durable = "yes: appendfsync always"
    is_durable = True
    lacks = (
        "Everything is in memory, for good.",
        "An entry whose id (the timestamp) is not above the robot's last one is an error, also if "
        "it is the same event sent again: no window in which order is repaired.",
        "Stream and latest state are two commands, not one transaction.",
        "No odometer: the distance here is a Lua script that scans the range, and nobody else is "
        "served meanwhile.",
    )
    ways = (Way("XADD and HSET, 64 × 1 in flight", ONE, 0.1, {}),
            Way("XADD and HSET, pipelined, 64 × 100 in flight", MANY, 1, {"window": 100}))
    kill_way = ways[1]
    DISTANCE = """local sum, x, y = 0, nil, nil
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2])) do
  local nx, ny = tonumber(entry[2][2]), tonumber(entry[2][4])
  if x then sum = sum + math.sqrt((nx - x) ^ 2 + (ny - y) ^ 2) end
  x, y = nx, ny
end
return string.format('%.17g', sum)"""
    FOUND = """local found = 0
for i, robot in ipairs(KEYS) do found = found + #redis.call('XRANGE', robot, '-', ARGV[i]) end
return found"""

    def start(self):
        if self.server is None:
            self.server = RedisServer(self.directory)
        self.server.start()
        self.process, self.port = self.server.process, self.server.port

    def __init__(self, directory, instruments):
        super().__init__(directory, instruments)
        self.server = None

    def kill(self):
        if self.process is not None:
            self.server.kill9()
            self.process = None

    def latest(self):
        out = ask_database(self, "HGETALL", "latest")
        return Answer(out["latency_p50_ms"], out["rows"] / 2)

    def distance(self, robot, from_ms, to_ms):
        out = ask_database(self, "EVAL", self.DISTANCE, "1", robot, from_ms, to_ms)
        return Answer(out["latency_p50_ms"], float(out["value"]))

    def found(self, acknowledged):
        lasts = [last for _, last in acknowledged.values()]
        return int(self.server.cli("EVAL", self.FOUND, len(lasts), *acknowledged, *lasts))


class MariaDbRows(Peer):
    """MariaDB 10.11: a row per event."""

    name, package, program = "mariadb", "mariadb-server", "mariadbd"
    durable = "yes: innodb_flush_log_at_trx_commit=1"
    is_durable = True
    lacks = (
        "A duplicate key fails the whole statement (or, with IGNORE, is dropped without telling "
        "the same event from another one); rows of any age are taken in any order.",
        "No odometer: a range is a scan with a window function, so its time grows with the range. "
        "The latest states need a query that names the order of its join, or take seconds.",
    )
    ways = (Way("1 row per INSERT, 64 connections", ONE, 0.1, {}),
            Way("1000 rows per INSERT, 4 connections", LINES, 1, {"connections": 4, "lines": 1000}))
    kill_way = ways[1]

    def __init__(self, directory, instruments):
        super().__init__(directory, instruments)
        self.server = None

    def start(self):
        if self.server is None:
            self.server = MariaDb(self.directory, {"innodb-buffer-pool-size": "1G",
                                                   "innodb-log-file-size": "1G"})
        self.server.start()
        self.process, self.port = self.server.process, self.server.port

    def prepare(self):
        self.server.sql("CREATE DATABASE telemetry; CREATE TABLE telemetry.events "
                        "(robot VARBINARY(600), timestamp BIGINT, x DOUBLE NOT NULL, "
                        "y DOUBLE NOT NULL, PRIMARY KEY (robot, timestamp))")

    def kill(self):
        if self.process is not None:
            self.server.kill9()
            self.process = None

    def latest(self):
        # The optimizer would rather scan all events and look each up among the last ones: seconds.
        out = ask_database(self, "SELECT e.robot, e.timestamp, e.x, e.y FROM (SELECT robot, "
                           "MAX(timestamp) AS last FROM telemetry.events GROUP BY robot) l "
                           "STRAIGHT_JOIN telemetry.events e "
                           "ON e.robot = l.robot AND e.timestamp = l.last")
        return Answer(out["latency_p50_ms"], out["rows"])

    def distance(self, robot, from_ms, to_ms):
        out = ask_database(self, "SELECT SUM(SQRT(POW(dx, 2) + POW(dy, 2))) FROM (SELECT "
                           "x - LAG(x) OVER (ORDER BY timestamp) AS dx, "
                           "y - LAG(y) OVER (ORDER BY timestamp) AS dy FROM telemetry.events "
                           f"WHERE robot = '{robot}' "
                           f"AND timestamp BETWEEN {from_ms} AND {to_ms}) d")
        return Answer(out["latency_p50_ms"], float(out["value"]))

    def found(self, acknowledged):
        rows = ",".join(f"('{robot}',{last})" for robot, (_, last) in acknowledged.items())
        return int(self.server.sql(
            "CREATE TABLE acknowledged (robot VARBINARY(600) PRIMARY KEY, last BIGINT);"
            f"INSERT INTO acknowledged VALUES {rows};"
            "SELECT COUNT(*) FROM acknowledged a JOIN events e ON e.robot = a.robot "
            "AND e.timestamp <= a.last", "telemetry")[0][0])


class Mosquitto(Peer):
    """mosquitto 2.0: a broker, with one durable subscription that nobody reads for now."""

    name, package, program = "mosquitto", "mosquitto", "mosquitto"
    durable = "no: saves every 30 min"
    lacks = (
        "A broker, not a store: retained messages are the latest state, the durable session of a "
        "subscriber (here one, offline, without limits) is all that holds the events.",
        "PUBACK comes before anything is written; `autosave_interval` (1800 s) rewrites all.",
        "No query, no order, no verdict: whatever is published passes.",
    )
    no_distance = "a broker computes nothing"
    ways = (Way("PUBLISH QoS 1, 64 × 1 in flight", ONE, 0.1, {}),
            Way("PUBLISH QoS 1, 64 × 100 in flight", MANY, 1, {"window": 100}))
    kill_way = ways[1]

    def command(self):
        path = os.path.join(self.directory, "mosquitto.conf")
        with open(path, "w", encoding="utf-8") as conf:
            conf.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
                       f"persistence_location {self.directory}/\nmax_queued_messages 0\n"
                       "max_inflight_messages 0\nset_tcp_nodelay true\n"
                       "log_type error\nlog_type warning\n")
            if os.geteuid() == 0:
                conf.write("user root\n")  # else it becomes one that may not write here
        return [self.program, "-c", path]

    def prepare(self):
        with peer_mqtt.Subscriber(self.port, "store", clean=False) as store:
            store.subscribe("robots/+", qos=1)

    def latest(self):
        spent = []
        for number in range(21):
            with peer_mqtt.Subscriber(self.port, f"reader-{number}", clean=True) as reader:
                start = time.perf_counter()
                reader.subscribe("robots/+", qos=0)
                count = sum(1 for _ in reader.messages())
                spent.append((time.perf_counter() - start) * 1e3)
        return Answer(sorted(spent)[len(spent) // 2], count)

    def found(self, acknowledged):
        with peer_mqtt.Subscriber(self.port, "store", clean=False) as store:
            if not store.has_session:
                return 0
            there = set()
            for topic, payload in store.messages():
                robot, timestamp = topic.removeprefix("robots/"), int(payload.split(",")[2])
                if timestamp <= acknowledged.get(robot, (0, 0))[1]:
                    there.add((robot, timestamp))
        return len(there)
