"""Runs the real telemetryd for a test: private data directory, free port, captured log.

The binary is $TELEMETRYD, or build/release/telemetryd of this tree. Nothing here sleeps for a fixed
time: everything polls with a deadline.
"""

import http.client
import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[2]
# Environment of a server whose heap gives freed pages back at once, so that its RSS is what it uses.
EAGER_HEAP = {"MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0"}
IS_ASAN = bool(os.environ.get("ASAN_OPTIONS"))  # the program's heap is another then
BINARY = Path(os.environ.get("TELEMETRYD", ROOT / "build/release/telemetryd"))
PATIENCE_SECONDS = 60.0  # ends a test that hangs; a machine at a third of its speed needs 10
START_SECONDS = 120.0

# The start-up line on stderr says `address=127.0.0.1:PORT`, or `"address":"127.0.0.1:PORT"`; an IPv6
# address stands in brackets.
_ADDRESS = re.compile(r'\baddress"?[=:]"?(?:\[([0-9a-f:]+)\]|([\w.-]+)):(\d+)')


def wait_until(condition, what, seconds=PATIENCE_SECONDS, step=0.01):
    """Polls until `condition()` is true and returns what it gave; fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(step)


def environment_without_settings():
    """This process's environment without TELEMETRY_*: those would be settings of the server."""
    return {k: v for k, v in os.environ.items() if not k.startswith("TELEMETRY_")}


@dataclass
class Response:
    """An HTTP answer."""

    status: int
    headers: dict  # names in lower case
    body: bytes

    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    @property
    def content_type(self):
        return self.headers.get("content-type", "").split(";")[0].strip()


class Rest:
    """Keep-alive HTTP client of one server; sends paths exactly as given."""

    def __init__(self, host, port, seconds=30.0):
        self._connection = http.client.HTTPConnection(host, port, timeout=seconds)

    def request(self, method, path, body=None, headers=None):
        try:
            return self._once(method, path, body, headers)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self._connection.close()  # the kept connection had been closed meanwhile
            return self._once(method, path, body, headers)

    def _once(self, method, path, body, headers):
        try:
            self._connection.request(method, path, body=body, headers=headers or {})
            answer = self._connection.getresponse()
            data = answer.read()
        except Exception:
            self._connection.close()
            raise
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, names, data)

    def get(self, path, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("GET", path, headers=named)

    def post(self, path, body, content_type):
        if isinstance(body, str):
            body = body.encode()
        return self.request("POST", path, body, {"Content-Type": content_type})

    def post_lines(self, lines):
        """POSTs event lines; returns the counts."""
        answer = self.post("/api/events", "".join(f"{line}\n" for line in lines), "text/csv")
        assert answer.status == 200, answer
        return answer.json()

    def robot(self, name):
        """The robot object, or None."""
        answer = self.get(robot_path(name))
        if answer.status == 404:
            return None
        assert answer.status == 200, answer
        return answer.json()

    def robots(self):
        answer = self.get("/api/robots")
        assert answer.status == 200, answer
        return answer.json()

    def events(self, name, query=""):
        answer = self.get(robot_path(name) + "/events" + query)
        assert answer.status == 200, answer
        return answer.json()

    def odometer(self, name, query=""):
        answer = self.get(robot_path(name) + "/odometer" + query)
        assert answer.status == 200, answer
        assert answer.json()["robot"] == name
        return answer.json()["odometer"]


def robot_path(name):
    """A segment `.` or `..` is refused as it stands, since clients and proxies take it out."""
    segment = name.replace(".", "%2E") if name in (".", "..") else quote(name, safe="")
    return "/api/robots/" + segment


class Server:
    """One telemetryd and its data directory. start() again after kill() or terminate() restarts it."""

    #: Settings of the storage below the server that lives in a directory; conftest.py sets it.
    storage_settings = staticmethod(lambda directory: {})

    def __init__(self, directory, settings=None, env=None):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data_dir = self.directory / "data"
        self.log_path = self.directory / "log"
        self.settings = {
            "net.port": 0,
            "storage.data_dir": self.data_dir,
            **self.storage_settings(self.directory),
            **(settings or {}),
        }
        self.env = dict(env or {})
        self.process = None
        self.host = "127.0.0.1"
        self.port = None
        self._log_start = 0

    def command(self):
        return [str(BINARY)] + [f"--{key}={value}" for key, value in self.settings.items()]

    def launch(self):
        """Starts the process and returns at once."""
        assert BINARY.exists(), f"{BINARY} is missing: build it, or set TELEMETRYD"
        assert self.process is None, "it runs already"
        self.port = None
        self._log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env={**environment_without_settings(), **self.env},
            )
        return self

    def start(self, seconds=START_SECONDS):
        """Starts the process and waits until /readyz answers 200."""
        self.launch()
        self.find_port(seconds)
        wait_until(self.is_ready, f"ready; log:\n{self.tail()}", seconds)
        return self

    def find_port(self, seconds=START_SECONDS):
        """Waits for the line that tells the address (the one place that knows how it is written)."""

        def address():
            found = _ADDRESS.search(self.log())
            if not found and self.process.poll() is not None:
                raise AssertionError(f"exited with {self.process.returncode}:\n{self.tail()}")
            return found

        found = wait_until(address, "listening", seconds)
        self.host, self.port = found.group(1) or found.group(2), int(found.group(3))
        return self.port

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"exited with {self.process.returncode}:\n{self.tail()}")
        try:
            return self.rest(2.0).get("/readyz").status == 200
        except OSError:
            return False

    def rest(self, seconds=30.0):
        return Rest(self.host, self.port, seconds)

    @property
    def url(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ws://{host}:{self.port}/upstream"

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait(30)
        self.process = None
        return self

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait_exit(self, seconds=10.0):
        """The exit code of a process that is to end by itself within `seconds`."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s:\n{self.tail()}") from None
        self.process = None
        return code

    def terminate(self, seconds=10.0):
        """SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait_exit(seconds)

    def close(self):
        """Ends the process if it runs, whatever its state."""
        if self.process is not None:
            self.kill()

    def log(self):
        """What was logged since the latest launch."""
        if not self.log_path.exists():
            return ""
        with open(self.log_path, "rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def tail(self, lines=15):
        return "\n".join(self.log().splitlines()[-lines:])

    def wait_log(self, pattern, seconds=10.0):
        """Waits for a log line that matches; returns the match."""
        regex = re.compile(pattern, re.IGNORECASE)
        return wait_until(lambda: regex.search(self.log()), f"in the log: {pattern}", seconds)

    def rss_bytes(self):
        return self._status("VmRSS") * 1024

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def threads(self):
        return self._status("Threads")

    def _status(self, field):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+)", status, re.MULTILINE).group(1))
