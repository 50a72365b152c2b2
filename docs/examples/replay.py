#!/usr/bin/python3
"""Streams a file of event lines to telemetryd and compares the odometer that it answers.

    /usr/bin/python3 docs/examples/replay.py FILE [--speed 1|max] [--url ws://127.0.0.1:8000/upstream]
                                             [--key-file KEY] [--ca PEM]

FILE holds lines `x,y,timestamp,robot_name`, in timestamp order per robot. --speed 1 sends them in
real time (2 is twice as fast), max as fast as the server takes them. A broken connection is opened
again and everything unanswered is sent again first, oldest first. The key may also be in
TELEMETRY_KEY. Exit code 0: every odometer is, bit for bit, the path length that this program adds up
itself. 1: one is not. 2: the server refuses the key (401, 403).
"""

import argparse
import asyncio
import json
import math
import os
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter, deque

import websockets.client
import websockets.exceptions

IN_FLIGHT = 500  # messages without an answer
REFUSALS = (401, 403)


def read_lines(path):
    """The event lines of a file as (line, timestamp), without empty ones and a header."""
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\r\n") for line in file]
    lines = [line for line in lines if line and not line.startswith("x,y,timestamp")]
    return [(line, int(line.split(",", 3)[2])) for line in lines]


def path_lengths(lines):
    """Length of each robot's path: consecutive distances, added in order in doubles."""
    lengths, last = {}, {}
    for line, _ in lines:
        x, y, _, robot = line.split(",", 3)
        x, y = float(x), float(y)
        before = last.get(robot, (x, y))
        dx, dy = x - before[0], y - before[1]
        lengths[robot] = lengths.get(robot, 0.0) + math.sqrt(dx * dx + dy * dy)
        last[robot] = (x, y)
    return lengths


def refuse(error):
    """Ends the program, because the server would refuse the key again."""
    print(f"\n{error}", file=sys.stderr)
    sys.exit(2)


class Access:
    """What the server asks for: a key, and a certificate that an authority has signed."""

    def __init__(self, url, key, ca):
        self.url = url
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.tls = None
        if url.startswith("wss:"):
            self.tls = ssl.create_default_context(cafile=ca)

    def connect(self):
        return websockets.client.connect(
            self.url, compression=None, extra_headers=self.headers, ssl=self.tls
        )

    def odometer(self, robot):
        """The odometer that the server answers over REST."""
        address = urllib.parse.urlsplit(self.url)
        scheme = "https" if self.tls else "http"
        path = f"/api/robots/{urllib.parse.quote(robot, safe='')}/odometer"
        asked = urllib.request.Request(
            f"{scheme}://{address.netloc}{path}", headers=self.headers
        )
        try:
            with urllib.request.urlopen(asked, context=self.tls) as answer:
                return json.load(answer)["odometer"]
        except urllib.error.HTTPError as error:
            if error.code in REFUSALS:
                refuse(error)
            raise


class Replay:
    """Sends lines, one per message, and keeps what is not answered yet."""

    def __init__(self, lines, speed):
        self.lines = lines
        self.speed = speed
        self.next = 0
        self.unanswered = deque()
        self.verdicts = Counter()
        self.begin = time.monotonic()

    def done(self):
        return self.next == len(self.lines) and not self.unanswered

    async def until_due(self):
        """Waits until the next line's moment, or until there is room in the window."""
        if self.speed is None:
            return
        ahead = (self.lines[self.next][1] - self.lines[0][1]) / 1000 / self.speed
        await asyncio.sleep(max(0.0, ahead - (time.monotonic() - self.begin)))

    async def send(self, socket, room):
        for line in list(self.unanswered):
            await socket.send(line)
        while self.next < len(self.lines):
            await self.until_due()
            await room.acquire()
            line = self.lines[self.next][0]
            self.next += 1
            self.unanswered.append(line)
            await socket.send(line)

    async def receive(self, socket, room):
        while not self.done():
            answer = await socket.recv()
            line = self.unanswered.popleft()
            self.verdicts[answer.split()[0]] += 1
            if not answer.startswith("OK"):
                print(f"\n{line}: {answer}")
            room.release()

    async def run(self, access):
        show = asyncio.create_task(self.show_progress())
        while not self.done():
            try:
                async with access.connect() as socket:
                    room = asyncio.Semaphore(IN_FLIGHT - len(self.unanswered))
                    await asyncio.gather(self.send(socket, room), self.receive(socket, room))
            except (OSError, websockets.exceptions.WebSocketException) as error:
                if getattr(error, "status_code", None) in REFUSALS:
                    refuse(error)
                print(f"\n{error}; trying again", file=sys.stderr)
                await asyncio.sleep(0.5)
        show.cancel()
        self.print_progress("\n")

    async def show_progress(self):
        while True:
            self.print_progress("\r")
            await asyncio.sleep(0.2)

    def print_progress(self, end):
        answered = sum(self.verdicts.values())
        seconds = max(time.monotonic() - self.begin, 1e-9)
        share = 100 * answered // max(1, len(self.lines))
        print(
            f"{answered}/{len(self.lines)} answered ({share} %), {answered / seconds:.0f} events/s",
            end=end,
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("file")
    parser.add_argument("--speed", default="max", help="1: real time, 2: twice that, max")
    parser.add_argument("--url", default="ws://127.0.0.1:8000/upstream")
    parser.add_argument("--key-file", type=argparse.FileType(), metavar="KEY")
    parser.add_argument("--ca", metavar="PEM", help="of a private certificate authority")
    options = parser.parse_args()
    key = options.key_file.read() if options.key_file else os.environ.get("TELEMETRY_KEY", "")
    access = Access(options.url, key.strip(), options.ca)
    lines = read_lines(options.file)
    replay = Replay(lines, None if options.speed == "max" else float(options.speed))
    asyncio.run(replay.run(access))
    print(", ".join(f"{count} {word}" for word, count in replay.verdicts.items()))
    all_equal = True
    for robot, length in path_lengths(lines).items():
        answered = access.odometer(robot)
        verdict = "equal" if answered == length else f"DIFFERENT: added up here {length!r}"
        print(f"{robot}: odometer {answered!r} ({verdict})")
        all_equal = all_equal and answered == length
    return 0 if all_equal else 1


if __name__ == "__main__":
    sys.exit(main())
