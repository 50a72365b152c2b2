"""What every peer of bench/macro/peers can do, and how its process is run."""
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

import peer_packages

FLEET_EPOCH_MS = 1_600_000_000_000  # bench/macro/fleet.hpp: below every event's timestamp
ROBOTS = 1000  # the default of the load generators

# telemetryd's ways, which the others are compared with.
ONE = "64 × 1 in flight"
MANY = "64 × 100 in flight"
LINES = "100 lines per message"


@dataclass(frozen=True)
class Way:
    """One way to send the events."""

    what: str
    reference: str  # telemetryd's way to compare with
    share: float  # of --events
    options: dict  # of the load generator

    def events(self, events):
        return int(events * self.share)


@dataclass(frozen=True)
class Answer:
    """How long a question took, and what to check of the answer."""

    ms: float
    value: float


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def http_get(port, path, method="GET"):
    """The body of an answer that must be 200."""
    peer = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        peer.request(method, path)
        answer = peer.getresponse()
        body = answer.read()
    finally:
        peer.close()
    if answer.status != 200:
        raise RuntimeError(f"{path[:80]} answered {answer.status}: {body[:200]!r}")
    return body


class Peer:
    """A server with a directory of its own. start() again after kill() finds the same data."""

    name = package = program = durable = ""
    is_durable = False
    lacks = ()
    no_latest = no_distance = ""  # why a question cannot be asked
    ways = ()

    def __init__(self, directory, instruments):
        self.directory = os.path.abspath(directory)
        self.acknowledged_path = os.path.join(self.directory, "acknowledged")
        self.instruments = instruments
        self.process = None
        self.port = 0

    def install(self):
        peer_packages.ensure(self.program, self.package)

    def __enter__(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)
        try:
            self.start()
            self.prepare()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        """Starts it and waits until it serves. Here: command(), on a free port."""
        self.port = self.port or free_port()
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.directory)
        deadline = time.monotonic() + 60
        while not self.serves():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"does not start: {self._last_line()}")
            time.sleep(0.02)

    def command(self):
        raise NotImplementedError

    def serves(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10):
                return True
        except OSError:
            return False

    def prepare(self):
        """What must be there before the first event."""

    def kill(self):
        """kill -9, if it runs."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def load(self, way, events):
        """Sends the events of a way and waits for every answer. The figures of the generator."""
        return self.instruments.run("telemetry_peer_load", self.port, peer=self.name,
                                    events=events, acknowledged=self.acknowledged_path,
                                    **way.options)

    def acknowledged(self):
        """What it has acknowledged of the last load: {robot: (events, timestamp of the last)}."""
        with open(self.acknowledged_path, encoding="ascii") as lines:
            rows = [line.split() for line in lines]
        return {robot: (int(count), int(last)) for robot, count, last in rows}

    def check(self):
        """RuntimeError unless it has all that it has acknowledged of the last load."""
        acknowledged = self.acknowledged()
        wanted, found = sum(count for count, _ in acknowledged.values()), self.found(acknowledged)
        if found != wanted:
            raise RuntimeError(f"has {found:,} of {wanted:,} acknowledged events")

    def flush(self):
        """Makes what it has accepted visible to queries, where that takes more than the answer."""

    def latest(self):
        """Latest state of all robots: an Answer whose value is how many there are."""
        raise NotImplementedError

    def distance(self, robot, from_ms, to_ms):
        """Length of the path of a robot in a range: an Answer."""
        raise NotImplementedError

    def found(self, acknowledged):
        """How many of the acknowledged() events are there. Those of a robot are all up to the last
        timestamp: each robot is fed in order, on one connection."""
        raise NotImplementedError

    def _last_line(self):
        with open(os.path.join(self.directory, "log"), encoding="utf-8", errors="replace") as log:
            lines = log.read().strip().splitlines()
        return lines[-1] if lines else "its log is empty"


def ask_http(peer, path):
    """Median time of a GET, in ms."""
    return peer.instruments.run("telemetry_get", peer.port, path=path, requests=20,
                                warm_up=1)["latency_p50_ms"]


def ask_database(peer, *words):
    """Median time and the answer of a Redis command or an SQL statement."""
    return peer.instruments.run("telemetry_peer_ask", peer.port, peer=peer.name, word=list(words),
                                requests=20)
