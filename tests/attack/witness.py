"""A normal producer and a normal reader, and how long they wait. A process of its own, so that
neither the hostile clients nor the measuring share its interpreter."""

import multiprocessing
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from websocket_client import WebSocket  # noqa: E402

ROBOT = "witness"


class Witness:
    """Sends an event and waits for its OK, then reads the robot: over and over."""

    def __init__(self, server):
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=_work, args=(server, theirs), daemon=True)
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


def _work(server, pipe):
    try:
        os.nice(-10)  # its own delays are not the server's
    except PermissionError:
        pass
    socket = WebSocket(server, seconds=60)
    rest = server.rest(60)
    timestamp = 0
    while True:
        until = time.monotonic() + pipe.recv()
        waits = ([], [])
        while time.monotonic() < until:
            timestamp += 1
            begin = time.monotonic()
            socket.send(f"1,2,{timestamp},{ROBOT}")
            answer = socket.receive()
            middle = time.monotonic()
            assert answer == "OK", answer
            assert rest.robot(ROBOT)["last_timestamp"] == timestamp
            waits[0].append((middle - begin) * 1e3)
            waits[1].append((time.monotonic() - middle) * 1e3)
        pipe.send(waits)
