"""A private MariaDB server for tests: own data directory, loopback port and unix socket. If
TELEMETRY_TEST_MYSQLD names a directory that install_mysql9 has made, it is a MySQL 9 instead.

As a command it starts one and serves until it is killed; the first line of its output is the path of
the socket, which the contract tests want in TELEMETRY_TEST_MYSQL:

    /usr/bin/python3 tests/support/mariadb.py DIR

User root has no password. Commits are durable, as telemetryd insists; everything else is small.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from mysql9 import MySql9Program

START_SECONDS = 60.0
STOP_SECONDS = 60.0
# sun_path has 108 bytes, so the socket cannot stay in a directory that is deep down.
SOCKET_PATH_MAX = 100


def find_tool(*names):
    """The first of these programs that is installed."""
    for name in names:
        found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")
        if found:
            return found
    raise AssertionError(f"{names[0]} is missing: apt-get install mariadb-server")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(0.02)


class MariaDbProgram:
    """The MariaDB that Debian has installed: how to make a data directory and how to serve it."""

    brand = "mariadb"  # as telemetryd's log calls it
    settings = {"innodb-log-file-size": "64M"}
    without_tls = {}  # settings: it has no certificate of its own

    def install_command(self, data_dir):
        return [
            find_tool("mariadb-install-db", "mysql_install_db"),
            "--no-defaults",
            f"--datadir={data_dir}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--force",  # or it refuses a machine whose own name cannot be looked up
        ]

    def serve_command(self):
        return [find_tool("mariadbd", "mysqld"), "--no-defaults"]


def chosen_program():
    """What the servers of this run are."""
    mysql9 = os.environ.get("TELEMETRY_TEST_MYSQLD")
    return MySql9Program(mysql9) if mysql9 else MariaDbProgram()


class MariaDb:
    """One server. start() again after stop() or kill9() restarts it on the same port and socket."""

    host = "127.0.0.1"
    user = "root"
    program = chosen_program()
    brand = program.brand
    unix_group = None  # the group id of the process, if it is not to be that of this one

    def __init__(self, directory, settings=None):
        self.directory = Path(directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data_dir = self.directory / "data"
        self.log_path = self.directory / "log"
        self.socket = self.directory / "mysql.sock"
        assert len(str(self.socket)) < SOCKET_PATH_MAX, f"too long for a socket: {self.socket}"
        self.port = free_port()
        self.settings = {
            "innodb-flush-log-at-trx-commit": 1,
            "innodb-buffer-pool-size": "64M",
            "innodb-fast-shutdown": 1,
            "performance-schema": "OFF",
            "skip-log-bin": None,
            "max-connections": 200,
            **self.program.settings,
            **(settings or {}),
        }
        self.process = None

    def install(self):
        """Creates the data directory, unless it is there."""
        if (self.data_dir / "mysql").exists():
            return self
        command = self.program.install_command(self.data_dir) + self._as_root()
        with open(self.log_path, "ab") as log:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        assert done.returncode == 0, f"cannot install:\n{self.tail()}"
        return self

    def start(self, seconds=START_SECONDS):
        """Starts the process and waits until it answers."""
        assert self.process is None, "it runs already"
        self.install()
        command = [
            *self.program.serve_command(),
            *self._as_root(),
            f"--datadir={self.data_dir}",
            f"--socket={self.socket}",
            f"--pid-file={self.directory / 'pid'}",
            f"--port={self.port}",
            f"--bind-address={self.host}",
            "--skip-name-resolve",
        ]
        for key, value in self.settings.items():
            command.append(f"--{key}" if value is None else f"--{key}={value}")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                group=self.unix_group,
            )
        wait_until(self._answers, f"answering; log:\n{self.tail()}", seconds)
        return self

    def stop(self, seconds=STOP_SECONDS):
        """Orderly shutdown; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._wait(seconds)

    def kill9(self):
        self.process.kill()
        self._wait(STOP_SECONDS)
        return self

    def restart(self):
        self.stop()
        return self.start()

    def freeze(self):
        """The server stops answering, its connections stay open."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        """Ends the process if it runs, whatever its state."""
        if self.process is not None:
            self.kill9()

    def sql(self, text, database=""):
        """Runs statements through the command-line client; returns the rows as lists of strings."""
        command = [
            find_tool("mariadb", "mysql"), "--no-defaults", f"--socket={self.socket}", "-u",
            self.user, "--batch", "--raw", "--skip-column-names",
        ]
        if database:
            command.append(database)
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"{text}: {done.stderr.decode(errors='replace')}")
        return [line.split("\t") for line in done.stdout.decode(errors="replace").splitlines()]

    def kill_sessions(self, user):
        """Ends the connections of a user; both servers know KILL, only one knows KILL USER."""
        ids = self.sql(f"SELECT id FROM information_schema.processlist WHERE user = '{user}'")
        for (session,) in ids:
            try:
                self.sql(f"KILL {session}")
            except AssertionError:
                pass  # it has ended meanwhile

    def tail(self, lines=15):
        if not self.log_path.exists():
            return ""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    @property
    def pid(self):
        return self.process.pid

    def _as_root(self):
        # Only root has to say so; everybody else can only be who he is.
        return ["--user=root"] if os.geteuid() == 0 else []

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"exited with {self.process.returncode}:\n{self.tail()}")
        try:
            return self.sql("SELECT 1") == [["1"]]
        except AssertionError:
            return False

    def _wait(self, seconds):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s:\n{self.tail()}") from None
        self.process = None
        return code


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: mariadb.py DIR")
    server = MariaDb(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    try:
        server.start()
        print(server.socket, flush=True)
        server.process.wait()
        sys.exit(f"the server ended by itself:\n{server.tail()}")
    except KeyboardInterrupt:
        pass
    finally:
        server.close()


if __name__ == "__main__":
    main()
