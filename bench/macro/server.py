"""Starts, finds, measures and ends the servers that bench/macro/run compares."""
import os
import re
import signal
import socket
import subprocess
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Server:
    """One process that listens on 127.0.0.1; its address is read from its log.

    Blocking. Raises RuntimeError if it ends, or is not ready within `timeout` seconds.
    """

    def __init__(self, command, log_path, timeout=120):
        self.command = command
        self.log_path = log_path
        self.started = time.monotonic()
        with open(log_path, "ab") as log:
            offset = log.tell()
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.pid = self.process.pid
        self.ready_seconds = None
        self.port = self._wait_for_port(offset, self.started + timeout)

    def _wait_for_port(self, offset, deadline):
        while time.monotonic() < deadline and self.process.poll() is None:
            with open(self.log_path, "rb") as log:
                log.seek(offset)
                found = re.search(rb"address=127\.0\.0\.1:(\d+)", log.read())
            if found:
                return int(found.group(1))
            time.sleep(0.002)
        self.kill()
        raise RuntimeError(f"{' '.join(self.command)} does not serve; see {self.log_path}")

    def wait_until_ready(self, timeout=120):
        """Waits for GET /readyz to be 200; `ready_seconds` counts from exec."""
        while time.monotonic() < self.started + timeout:
            if self._readyz() == 200:
                self.ready_seconds = time.monotonic() - self.started
                return
            time.sleep(0.002)
        raise RuntimeError(f"not ready within {timeout} s; see {self.log_path}")

    def _readyz(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as peer:
                peer.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                answer = peer.recv(64)
        except OSError:
            return 0
        return int(answer.split()[1]) if answer.startswith(b"HTTP/1.1 ") else 0

    def cpu_seconds(self):
        """User and system time of all its threads so far."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def rss_mb(self):
        """Resident memory now, in 10^6 bytes."""
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) * 1024 / 1e6

    def wait_until_quiet(self, least_seconds):
        """Waits `least_seconds`, then until it used under 2 % of a core for a second (1 min at
        most)."""
        time.sleep(least_seconds)
        before = self.cpu_seconds()
        for _ in range(60):
            time.sleep(1)
            now = self.cpu_seconds()
            if now - before < 0.0201:
                return
            before = now

    def kill(self):
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout=30):
        """SIGTERM; the exit status must be 0 (or the signal, for the sink)."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"no exit within {timeout} s of SIGTERM") from None
        if status not in (0, -signal.SIGTERM):
            raise RuntimeError(f"exit status {status}; see {self.log_path}")
