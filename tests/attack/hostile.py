"""Hostile clients, a group per kind of attack. A group is a generator: each `yield` is a step, after
which it may be stopped. They speak through plain sockets that never block, so that one slow
connection does not keep the others of its group from attacking."""

import json
import random
import select
import socket
import ssl
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from crowd import HANDSHAKE, masked  # noqa: E402

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KEY_ID = "witness"  # of the key that a server under attack knows
BODY_BYTES = 8 << 20  # ingest.max_body
WAIT_MS = 20  # a step waits no longer for a socket
TURN_MS = 2000  # for 4000 sockets, 2048 at a time, of which each may stay for a second


def begun_message():
    return b"\x01\x80" + bytes(4)


def empty_fragment():
    return b"\x00\x80" + bytes(4)


def post_head(content_type, size):
    return (
        f"POST /api/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {size}\r\n\r\n"
    ).encode()


class Client:
    """One hostile connection: `first` once, then `again` over and over. Connects anew when cut.

    `source` is the address that it comes from.
    """

    def __init__(self, address, first, again=b"", reads=True, source=None):
        self._address = address
        self._source = (source, 0) if source else None
        self._first = first
        self._again = again
        self.reads = reads
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(self._address, 30, self._source)
        self.socket.setblocking(False)
        self._left = memoryview(self._first)

    def close(self):
        self.socket.close()

    @property
    def interest(self):
        sends = select.POLLOUT if self._left or self._again else 0
        return sends | (select.POLLIN if self.reads else 0)

    def on_ready(self, events):
        try:
            if self.reads and events & (select.POLLIN | select.POLLHUP | select.POLLERR):
                if not self.socket.recv(1 << 18):
                    raise ConnectionResetError
            if events & select.POLLOUT:
                if not self._left:
                    self._left = memoryview(self._again)
                self._left = self._left[self.socket.send(self._left) :]
        except BlockingIOError:
            return False
        except OSError:
            self.close()
            self.connect()
            return True
        return False


def drive(clients):
    """Steps of clients that send and read as fast as they can."""
    poll = select.poll()
    by_descriptor = {}

    def watch(client):
        by_descriptor[client.socket.fileno()] = client
        poll.register(client.socket, client.interest)

    for client in clients:
        watch(client)
        yield
    try:
        while True:
            for descriptor, events in poll.poll(WAIT_MS):
                client = by_descriptor[descriptor]
                poll.unregister(descriptor)
                del by_descriptor[descriptor]
                client.on_ready(events)
                watch(client)
            yield
    finally:
        for client in clients:
            client.close()


def drip(clients, byte):
    """Steps of clients that send what they have, and then a byte each per step."""
    try:
        while True:
            for client in clients:
                try:
                    client.socket.send(byte)
                except BlockingIOError:
                    pass
                except OSError:
                    client.close()
                    client.connect()
                    client.socket.send(client._first)
            select.select([], [], [], 0.1)
            yield
    finally:
        for client in clients:
            client.close()


def flood(*what, **how):
    return lambda address, count: drive([Client(address, *what, **how) for _ in range(count)])


def dripping_heads(address, count):
    clients = [Client(address, b"GET /livez HTTP/1.1\r\nX: ") for _ in range(count)]
    for client in clients:
        client.socket.send(client._first)
    return drip(clients, b"x")


def slow_bodies(address, count):
    first = post_head("text/csv", BODY_BYTES) + b"1,2,3,slow\n" * 4096
    clients = [Client(address, first) for _ in range(count)]
    for client in clients:
        client.socket.send(first)
    return drip(clients, b"\n")


def wrong_key(name):
    """A key that nobody has, in the right form and with the right check, so it must be compared."""
    text = f"tmk_{name}." + "".join(random.choices(BASE62, k=43))
    number, check = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        check = BASE62[digit] + check
    return text + check


def wrong_request(key, version="1.1"):
    return (
        f"GET /api/robots HTTP/{version}\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n"
    ).encode()


def wrong_requests(count):
    """Keys of a known id, of unknown ones, and mistyped ones."""
    keys = (wrong_key(KEY_ID), wrong_key("nobody"), wrong_key(KEY_ID)[:-1], "x" * 100)
    return b"".join(wrong_request(keys[n % len(keys)]) for n in range(count))


def wrong_keys_from_everywhere(address, count):
    """Every client has an address of its own, so each is a new kind of line in the log. It shows one
    key and is closed, over and over."""
    return drive(
        [
            Client(
                address,
                wrong_request(wrong_key(KEY_ID), "1.0"),
                source=f"127.1.{n // 250}.{n % 250 + 1}",
            )
            for n in range(count)
        ]
    )


def client_hello():
    """A good ClientHello of TLS, as this machine's OpenSSL makes it."""
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    client = context.wrap_bio(received, sent, server_hostname="localhost")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return sent.read()
    raise AssertionError("there is no server yet")


def handshakes(address, count):
    """`count` TLS handshakes in a step, each on a connection of its own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    while True:
        for _ in range(count):
            try:
                with socket.create_connection(address, 30) as plain:
                    context.wrap_socket(plain).close()
            except OSError:
                pass  # cut
        yield


HALF_HELLO = b"\x16\x03\x01\x3f\x00\x01\x00\x3e\xfc" + b"x" * 12_000  # of 16,128 bytes


def events(robot, count):
    return b"".join(masked(b"1,2,%d,%s" % (n, robot)) for n in range(count))


def posted(content_type, body):
    return post_head(content_type, len(body)) + body


LONG_TEXT = "x" * (BODY_BYTES - 200)
LONG_ELEMENT = {"robot": LONG_TEXT, "x": 1, "y": 2, "timestamp": 3}
PIPELINED = b"GET /api/robots HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000


@dataclass
class Attack:
    """`rss_mib` and `kernel_mib` bound what the server and the kernel may take for the group."""

    start: Callable  # of an address and a number of clients
    clients: int
    rss_mib: int
    kernel_mib: int
    asks_for_keys: bool = False  # the server does, and the normal clients show theirs
    reconnects: bool = False  # the normal producer connects anew for each event
    producer_ms: int = 0  # the p99 that the producer may have; 0: what tests/attack/run says
    speaks_tls: bool = False  # to the TLS listener; the normal clients use the plain one
    log_lines: int = 0  # that the server may write in a second; 0: they are not counted


# The kernel holds at most 0.4 MiB of a WebSocket (docs/TUNING.md); of an HTTP connection up to
# net.ipv4.tcp_wmem of what it is sent, and up to net.ipv4.tcp_rmem of what it sends. Events are good
# ones, so the server keeps their rows until a checkpoint has stored them.
ATTACKS = {
    "dripping-heads": Attack(dripping_heads, 200, 16, 16),
    "slow-bodies": Attack(slow_bodies, 50, 64, 64),
    "silent-sockets": Attack(flood(b""), 2000, 64, 16),
    "pipelined-heads": Attack(flood(b"", PIPELINED), 20, 64, 160),
    "pipelined-heads-unread": Attack(flood(b"", PIPELINED, reads=False), 20, 64, 160),
    "ndjson-element": Attack(
        flood(b"", posted("application/x-ndjson", json.dumps(LONG_ELEMENT).encode())), 4, 256, 160
    ),
    "json-element": Attack(
        flood(b"", posted("application/json", json.dumps([LONG_ELEMENT]).encode())), 4, 256, 160
    ),
    "csv-line": Attack(flood(b"", posted("text/csv", b"1,2,3," + LONG_TEXT.encode())), 4, 256, 160),
    "csv-of-short-lines": Attack(
        flood(b"", posted("text/csv", b"1,2,3,a\n" * (BODY_BYTES // 8))), 4, 512, 160
    ),
    "newlines": Attack(flood(HANDSHAKE, masked(b"\n" * 4096)), 20, 64, 16),
    "newlines-of-64-kib": Attack(flood(HANDSHAKE, masked(b"\n" * (64 << 10))), 20, 64, 16),
    "newlines-unread": Attack(
        flood(HANDSHAKE, masked(b"\n" * 4096), reads=False), 200, 192, 80
    ),
    "empty-messages": Attack(flood(HANDSHAKE, masked(b"") * 10_000), 20, 64, 16),
    "fragments": Attack(flood(HANDSHAKE + begun_message(), empty_fragment() * 10_000), 20, 64, 16),
    "producers-that-never-read": Attack(
        flood(HANDSHAKE, events(b"unread", 3000), reads=False), 200, 512, 80
    ),
    # Clients without a right, at a server that asks for keys. It holds net.unproven_max (2048) of
    # them, however many there are. Beyond, it accepts more slowly, so a new producer waits for its
    # turn among the hostile sockets. Those that are connected do not notice.
    "bad-keys": Attack(flood(b"", wrong_requests(1000)), 50, 64, 320, asks_for_keys=True),
    "bad-key-logs": Attack(
        wrong_keys_from_everywhere, 1000, 32, 16, asks_for_keys=True, log_lines=10
    ),
    "unproven-sockets": Attack(flood(b""), 2000, 32, 16, asks_for_keys=True, reconnects=True),
    "too-many-unproven-sockets": Attack(
        flood(b""),
        4000,
        32,
        16,
        asks_for_keys=True,
        reconnects=True,
        producer_ms=TURN_MS,
    ),
    "unproven-heads": Attack(
        flood(b"GET /api/robots HTTP/1.1\r\nAuthorization: Bearer tmk_"),
        4000,
        32,
        16,
        asks_for_keys=True,
        reconnects=True,
        producer_ms=TURN_MS,
    ),
    "unproven-heads-of-15-kib": Attack(  # 2048 times 16 KiB, and twice that while a buffer grows
        flood(b"GET /api/robots HTTP/1.1\r\nX: " + b"x" * (15 << 10)),
        4000,
        128,
        64,
        asks_for_keys=True,
        reconnects=True,
        producer_ms=TURN_MS,
    ),
    "unproven-bodies": Attack(  # refused at their head; what follows is read and thrown away
        flood(post_head("text/csv", BODY_BYTES), b"1,2,3,a\n" * 8192),
        50,
        64,
        320,
        asks_for_keys=True,
    ),
    # Openings of TLS. There are tls.handshakes_max (1024) at a time; the others wait in the kernel.
    "tls-silent-sockets": Attack(flood(b""), 1500, 32, 16, speaks_tls=True),
    "tls-half-hellos": Attack(flood(HALF_HELLO), 1500, 48, 64, speaks_tls=True),
    "tls-unfinished-handshakes": Attack(
        flood(client_hello(), reads=False), 1500, 96, 16, speaks_tls=True
    ),
    "tls-handshakes": Attack(handshakes, 20, 32, 16, speaks_tls=True),
}
