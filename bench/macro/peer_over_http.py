"""telemetryd, and the peers of bench/macro/peers that speak HTTP: how each is run, asked, and what
it lacks for this work."""
import json
import os
import urllib.parse

from peer_base import LINES, MANY, ONE, Answer, Peer, Way, ask_http, http_get
from server import Server

POSTS = {"connections": 8, "lines": 5000}  # more in flight only wait for a core


class Telemetryd(Peer):
    """The server that all are compared with."""

    name = "telemetryd"
    durable = "yes: fsync"
    is_durable = True
    ways = (Way(ONE, ONE, 0.1, {"window": 1}),
            Way(MANY, MANY, 1, {"window": 100}),
            Way(LINES, LINES, 1, {"window": 4, "lines": 100}))
    kill_way = ways[1]

    def install(self):
        pass

    def start(self):
        command = [os.path.join(self.instruments.build_dir, "telemetryd"), "--net.port=0",
                   f"--storage.data_dir={self.directory}/data"]
        server = Server(command, os.path.join(self.directory, "log"))
        server.wait_until_ready()
        self.process, self.port = server.process, server.port

    def load(self, way, events):
        return self.instruments.run("telemetry_load", self.port, events=events, pid=0,
                                    **way.options)

    def check(self):
        """telemetry_load has compared each robot."""

    def latest(self):
        rows = len(json.loads(http_get(self.port, "/api/robots")))
        return Answer(ask_http(self, "/api/robots"), rows)

    def distance(self, robot, from_ms, to_ms):
        path = f"/api/robots/{robot}/odometer?start_time={from_ms}&end_time={to_ms}"
        return Answer(ask_http(self, path), json.loads(http_get(self.port, path))["odometer"])

    def found(self, acknowledged):
        found = 0
        for robot, (_, last) in acknowledged.items():
            path = f"/api/robots/{robot}/events?end_time={last}&format=ndjson"
            found += http_get(self.port, path).count(b"\n")
        return found


class InfluxDb(Peer):
    """InfluxDB 1.6, line protocol over HTTP."""

    name, package, program = "influxdb", "influxdb", "influxd"
    durable = "yes: fsync of its log"
    is_durable = True
    lacks = (
        "A second point with the same robot and timestamp overwrites the first without a word; no "
        "late or conflicting event is told to the producer.",
        "No running odometer: a range is a scan with `difference()` over it, so its time grows "
        "with the range.",
        "A robot is a series, held in an index in memory (`max-series-per-database` 1,000,000).",
        "Settings besides the defaults: log of requests, `_internal` and reports off; "
        "`cache-snapshot-write-cold-duration` 5 s instead of 10 min, so that the work of moving "
        "the log into the store is measured as it is for telemetryd.",
    )
    ways = (Way("1 point per POST, 64 connections", ONE, 0.1, {}),
            Way("5000 points per POST, 8 connections", LINES, 1, POSTS))
    kill_way = ways[1]

    def command(self):
        path = os.path.join(self.directory, "influxdb.conf")
        with open(path, "w", encoding="utf-8") as conf:
            conf.write(f"""reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
dir = "{self.directory}/meta"
[data]
dir = "{self.directory}/data"
wal-dir = "{self.directory}/wal"
query-log-enabled = false
cache-snapshot-write-cold-duration = "5s"
[monitor]
store-enabled = false
[http]
bind-address = "127.0.0.1:{self.port}"
log-enabled = false
""")
        return [self.program, "-config", path]

    def prepare(self):
        self._query("CREATE DATABASE telemetry", method="POST")

    def latest(self):
        text = "SELECT last(x), y FROM position GROUP BY robot"
        return Answer(ask_http(self, self._path(text)), len(self._query(text)[0]["series"]))

    def distance(self, robot, from_ms, to_ms):
        text = ("SELECT sum(d) FROM (SELECT sqrt(pow(dx, 2) + pow(dy, 2)) AS d FROM "
                "(SELECT difference(x) AS dx, difference(y) AS dy FROM position WHERE "
                f"robot = '{robot}' AND time >= {from_ms}ms AND time <= {to_ms}ms))")
        return Answer(ask_http(self, self._path(text)),
                      self._query(text)[0]["series"][0]["values"][0][1])

    def found(self, acknowledged):
        texts = [f"SELECT count(x) FROM position WHERE robot = '{robot}' AND time <= {last}ms"
                 for robot, (_, last) in acknowledged.items()]
        found = 0
        for start in range(0, len(texts), 50):
            for result in self._query(";".join(texts[start:start + 50])):
                for series in result.get("series", []):
                    found += series["values"][0][1]
        return found

    @staticmethod
    def _path(text):
        return "/query?db=telemetry&epoch=ms&q=" + urllib.parse.quote(text)

    def _query(self, text, method="GET"):
        results = json.loads(http_get(self.port, self._path(text), method))["results"]
        for result in results:
            if "error" in result:
                raise RuntimeError(f"{text[:80]}: {result['error']}")
        return results


class VictoriaMetrics(Peer):
    """VictoriaMetrics 1.79, single node, line protocol over HTTP."""

    name, package, program = "victoria-metrics", "victoria-metrics", "victoria-metrics"
    durable = "no: answers before it writes"
    lacks = (
        "Answers from memory: a kill loses the last seconds (below). A query finds a new robot "
        "only 10 s after the answer (of a known one within a second).",
        "x and y are two series of numbers; the latest state has no timestamp (a second query, "
        "`tlast_over_time`).",
        "Two samples with the same timestamp are both kept; no late or conflicting event is told.",
        "Drops what is older than `-retentionPeriod` (1 month; here 100 years) and answers 204.",
    )
    no_distance = "functions of two series are evaluated on a grid of steps, not at the samples"
    ways = (Way("1 line per POST, 64 connections", ONE, 0.1, {}),
            Way("5000 lines per POST, 8 connections", LINES, 1, POSTS))
    kill_way = ways[1]

    def command(self):
        return [self.program, f"-httpListenAddr=127.0.0.1:{self.port}", "-retentionPeriod=100y",
                f"-storageDataPath={self.directory}/data"]

    def flush(self):
        http_get(self.port, "/internal/force_flush")

    def latest(self):
        text = 'last_over_time({__name__=~"position_[xy]"}[20y])'
        path = "/api/v1/query?query=" + urllib.parse.quote(text)
        series = json.loads(http_get(self.port, path))["data"]["result"]
        return Answer(ask_http(self, path), len(series) / 2)

    def found(self, acknowledged):
        self.flush()
        times = {}
        for name in ("position_x", "position_y"):
            for line in http_get(self.port, f"/api/v1/export?match[]={name}").splitlines():
                series = json.loads(line)
                robot = series["metric"]["robot"]
                times.setdefault((robot, name), set()).update(series["timestamps"])
        found = 0
        for robot, (_, last) in acknowledged.items():
            both = times.get((robot, "position_x"), set()) & times.get((robot, "position_y"), set())
            found += sum(time <= last for time in both)
        return found
