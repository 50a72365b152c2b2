"""A normal producer and a normal reader, and how long they wait. A process of its own, so that
neither the hostile clients nor the measuring share its interpreter."""

import multiprocessing
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from telemetryd import robot_path  # noqa: E402
from websocket_client import WebSocket  # noqa: E402

ROBOT = "witness"


class Witness:
    """Sends an event and waits for its OK, then reads the robot: over and over.

    `headers` are those of each request. With `connects` every event has a connection of its own,
    and the wait for it counts.
    """

    def __init__(self, server, headers=None, connects=False):
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(
            target=_work, args=(server, theirs, headers or {}, connects), daemon=True
        )
        self._process.start()

    def measure(self, seconds):
        """Two lists of milliseconds: of the producer and of the reader."""
        self._pipe.send(seconds)
        if not self._pipe.poll(seconds + 60):
            raise AssertionError("the witness was not answered for a minute")
        return self._pipe.recv()

    def p99(self, seconds):
        """The 99th percentile of each of them."""
        return [sorted(waits)[int(len(waits) * 0.99)] for waits in self.measure(seconds)]

    def close(self):
        self._process.kill()
        self._process.join()


def _work(server, pipe, headers, connects):
    try:
        os.nice(-10)  # its own delays are not the server's
    except PermissionError:
        pass
    socket = WebSocket(server, seconds=60, headers=headers)
    rest = server.rest(60)
    timestamp = 0
    while True:
        seconds = pipe.recv()
        until = time.monotonic() + seconds  # from now on, and not from the end of the last measure
        waits = ([], [])
        while time.monotonic() < until:
            timestamp += 1
            begin = time.monotonic()
            if connects:
                socket.__exit__()
                socket = WebSocket(server, seconds=60, headers=headers)
            socket.send(f"1,2,{timestamp},{ROBOT}")
            answer = socket.receive()
            middle = time.monotonic()
            assert answer == "OK", answer
            robot = rest.request("GET", robot_path(ROBOT), headers=headers).json()
            assert robot["last_timestamp"] == timestamp
            waits[0].append((middle - begin) * 1e3)
            waits[1].append((time.monotonic() - middle) * 1e3)
        pipe.send(waits)
