#!/usr/bin/env python3
"""Runs a private Redis for a test, on loopback and a unix socket, with the settings of a journal.

usage: redis_server.py DIR [SETTING VALUE]...     with tls-cert-file it has a port for TLS too

starts one in DIR, prints the path of its unix socket and serves until it is killed, or until its
standard input, if that is a pipe, is closed.
"""

import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

START_SECONDS = 30.0
SETTINGS = {
    "appendonly": "yes",
    "appendfsync": "always",
    "save": "",
    "bind": "127.0.0.1",
    "daemonize": "no",
    "unixsocketperm": "700",
}


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RedisServer:
    """One redis-server and its directory. start() again after stop() or kill9() restarts it, with
    the same port, socket and data."""

    def __init__(self, directory, settings=None):
        self.directory = Path(directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.settings = {**SETTINGS, **(settings or {})}
        self._is_tls = "tls-cert-file" in self.settings
        self._find_ports()
        self._had_port = False
        self.socket = str(self.directory / "socket")
        self.log_path = self.directory / "log"
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Starts the server and returns when it has loaded its data."""
        assert self.process is None, "it runs already"
        assert shutil.which("redis-server"), "apt-get install redis-server"
        assert len(self.socket) < 100, f"too long for a unix socket: {self.socket}"
        for _ in range(5):
            self._launch()
            if self._is_ready():
                self._had_port = True
                return
            self.process = None
            if not self._had_port:  # somebody else may have been faster
                self._find_ports()
        raise AssertionError(f"redis-server does not start: {self.log()}")

    def _find_ports(self):
        self.port = _free_port()
        self.tls_port = _free_port() if self._is_tls else 0  # 0: none

    def _launch(self):
        command = ["redis-server"]
        for name, value in {**self.settings, "port": self.port, "tls-port": self.tls_port,
                            "unixsocket": self.socket,
                            "dir": self.directory, "logfile": self.log_path}.items():
            command += [f"--{name}", str(value)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def _is_ready(self):
        """Waits for it to have loaded; False if it ends."""
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None:
            if self.cli("PING", check=False).startswith(("PONG", "NOAUTH")):
                return True
            assert time.monotonic() < deadline, f"redis-server is not ready: {self.log()}"
            time.sleep(0.01)
        return False

    def stop(self):
        """Ends it as an operator does."""
        self._end(signal.SIGTERM)

    def kill9(self):
        self._end(signal.SIGKILL)

    def _end(self, how):
        if self.process is None:
            return
        self.thaw()
        try:
            for _ in range(30):  # while it writes a first append-only file it ignores SIGTERM
                self.process.send_signal(how)
                try:
                    self.process.wait(1)
                    return
                except subprocess.TimeoutExpired:
                    pass
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"redis-server does not end: {self.log()}")
        finally:
            self.process = None

    def restart(self):
        self.stop()
        self.start()

    def freeze(self):
        """It accepts connections and answers nobody, until thaw()."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def cli(self, *args, check=True):
        """What redis-cli prints for these arguments, without the last newline."""
        done = subprocess.run(["redis-cli", "-s", self.socket, *map(str, args)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="surrogateescape", timeout=60, check=False)
        assert not check or done.returncode == 0, done
        return done.stdout.rstrip("\n")

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def cpu_seconds(self):
        """User and system time that the server has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(arguments):
    if not arguments or len(arguments) % 2 == 0:
        print(__doc__, file=sys.stderr)
        return 2
    # A journal is not opened during the first rewrite of the append-only file: that would make
    # tests that share this server wait for each other.
    settings = {"auto-aof-rewrite-percentage": "0"}
    server = RedisServer(arguments[0], settings | dict(zip(arguments[1::2], arguments[2::2])))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.start()
        print(server.socket, flush=True)
        is_pipe = stat.S_ISFIFO(os.fstat(0).st_mode)
        while server.process.poll() is None:
            readable, _, _ = select.select([0] if is_pipe else [], [], [], 0.2)
            if readable and not os.read(0, 4096):
                break
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
