"""A stand-in for a telemetryd with TLS and keys, for the programs of docs/examples.

It knows one key, answers every message with OK, breaks connections, and adds up an odometer. Its TLS
is Python's, so it also shows that the examples do not depend on the server's own.
"""

import asyncio
import http
import json
import math
import ssl
import threading
from urllib.parse import unquote

import websockets


class TlsUpstream:
    """Serves from its construction to close(). `certificate` is a name in certificates.HOSTS.

    `cuts` says after how many answers the first connections break. `refusal` is the status for a
    handshake without `key`; None lets everybody in.
    """

    def __init__(self, certificates, key, certificate="server", cuts=(), refusal=401):
        self.authorizations = []  # of every request, as lists of header values
        self.lines = set()
        self.broken = 0
        self._key = key
        self._cuts = list(cuts)
        self._refusal = refusal
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pair = (certificates / f"{certificate}.pem", certificates / f"{certificate}.key")
        self._tls.load_cert_chain(*map(str, pair))
        self._loop = asyncio.new_event_loop()
        self._is_open = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._thread.start()
        assert self._is_open.wait(60), "it does not listen"

    @property
    def url(self):
        return f"wss://127.0.0.1:{self.port}/upstream"

    def close(self):
        self._loop.call_soon_threadsafe(self._is_over.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self):
        self._is_over = asyncio.Event()
        options = {"ssl": self._tls, "process_request": self._on_request, "max_size": 1 << 20}
        async with websockets.serve(self._answer, "127.0.0.1", 0, **options) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._is_open.set()
            await self._is_over.wait()

    async def _on_request(self, path, headers):
        """@returns an HTTP answer, or None to open the WebSocket."""
        self.authorizations.append(headers.get_all("Authorization"))
        if self._refusal and self.authorizations[-1] != [f"Bearer {self._key}"]:
            return http.HTTPStatus(self._refusal), [], b"who is there?"
        if path == "/upstream":
            return None
        robot = unquote(path.removeprefix("/api/robots/").removesuffix("/odometer"))
        return http.HTTPStatus.OK, [], json.dumps({"odometer": self._odometer(robot)}).encode()

    def _odometer(self, robot):
        events = [line.split(",", 3) for line in self.lines]
        points = sorted((int(t), float(x), float(y)) for x, y, t, name in events if name == robot)
        length = 0.0
        for (_, x, y), (_, next_x, next_y) in zip(points, points[1:]):
            length += math.sqrt((next_x - x) * (next_x - x) + (next_y - y) * (next_y - y))
        return length

    async def _answer(self, connection):
        left = self._cuts.pop(0) if self._cuts else math.inf
        async for line in connection:
            if left == 0:
                self.broken += 1
                connection.transport.abort()
                return
            left -= 1
            self.lines.add(line)
            await connection.send("OK")
