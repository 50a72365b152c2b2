"""Hostile clients at a server without keys, a group per kind of attack."""

import json
import socket
import ssl

from clients import Attack, Client, drip, flood
from crowd import HANDSHAKE, masked
from hostile_keys import BODY_BYTES, KEY_ATTACKS, post_head


def begun_message():
    return b"\x01\x80" + bytes(4)


def empty_fragment():
    return b"\x00\x80" + bytes(4)


def dripping_heads(target, count):
    clients = [Client(target.address, b"GET /livez HTTP/1.1\r\nX: ") for _ in range(count)]
    for client in clients:
        client.socket.send(client._first)
    return drip(clients, b"x")


def slow_bodies(target, count):
    first = post_head("text/csv", BODY_BYTES) + b"1,2,3,slow\n" * 4096
    clients = [Client(target.address, first) for _ in range(count)]
    for client in clients:
        client.socket.send(first)
    return drip(clients, b"\n")


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


def handshakes(target, count):
    """`count` TLS handshakes in a step, each on a connection of its own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    while True:
        for _ in range(count):
            try:
                with socket.create_connection(target.address, 30) as plain:
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
    # Their events are good ones, so the normal producer waits for its turn among 200.
    "producers-that-never-read": Attack(
        flood(HANDSHAKE, events(b"unread", 3000), reads=False), 200, 512, 80, producer_ms=25
    ),
    # Openings of TLS. There are tls.handshakes_max (1024) at a time; the others wait in the kernel.
    "tls-silent-sockets": Attack(flood(b""), 1500, 32, 16, speaks_tls=True),
    "tls-half-hellos": Attack(flood(HALF_HELLO), 1500, 48, 64, speaks_tls=True),
    "tls-unfinished-handshakes": Attack(
        flood(client_hello(), reads=False), 1500, 96, 16, speaks_tls=True
    ),
    "tls-handshakes": Attack(handshakes, 20, 32, 16, speaks_tls=True),
    **KEY_ATTACKS,
}
