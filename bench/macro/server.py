"""Starts, finds, measures and ends the servers that bench/macro/run compares."""
import contextlib
import http.client
import re
import signal
import socket
import subprocess
import time


def cpu_seconds(pid):
    """User and system time of all threads of a process so far, from its clock (as
    clock_getcpuclockid(3); /proc/PID/stat tells the same in steps of 10 ms)."""
    return time.clock_gettime(~pid << 3 | 2)


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

    def body_of(self, path):
        """The body that a GET is answered with, or None if that is not 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode()
            return body if answer.status == 200 else None

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
        return cpu_seconds(self.pid)

    def rss_mb(self):
        """Resident memory now, in 10^6 bytes."""
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) * 1024 / 1e6

    def reset_rss_peak(self):
        """From now on the peak is that of what follows (proc(5), clear_refs)."""
        with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as switch:
            switch.write("5")

    def written_bytes(self):
        """What it caused to be sent to the disk so far."""
        with open(f"/proc/{self.pid}/io", encoding="ascii") as counters:
            return int(re.search(r"\nwrite_bytes: (\d+)", counters.read()).group(1))

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
