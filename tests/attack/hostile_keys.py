"""Hostile clients at a server that asks for keys: without a key, with bad ones, and with the key of a
few robots."""

import json
import random
import select
import socket
import time
import zlib
from urllib.parse import quote

from clients import Attack, Client, drive, flood
from crowd import handshake_with, masked

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
WITNESS, HOLDER, GONE = "witness", "holder", "gone"  # ids of keys
OWN = "own/"  # the prefix of the holder's robots
BODY_BYTES = 8 << 20  # ingest.max_body
TURN_MS = 2000  # for 4000 sockets, 2048 at a time, of which each may stay for a second


def add_keys(keys):
    """Makes the keys of a server under attack."""
    keys.add(HOLDER, "read", "ingest", prefixes=[OWN])
    keys.add(GONE, "read", "ingest")
    keys.revoke(GONE)
    keys.add(WITNESS, "read", "ingest")


def post_head(content_type, size):
    return (
        f"POST /api/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {size}\r\n\r\n"
    ).encode()


def request(method, target, key=None, body=b"", version="1.1"):
    shown = f"Authorization: Bearer {key}\r\n" if key else ""
    size = f"Content-Type: text/csv\r\nContent-Length: {len(body)}\r\n" if method == "POST" else ""
    head = f"{method} {target} HTTP/{version}\r\nHost: localhost\r\n{shown}{size}\r\n"
    return head.encode() + body


def wrong_key(name):
    """A key that nobody has, in the right form and with the right check, so it must be compared."""
    text = f"tmk_{name}." + "".join(random.choices(BASE62, k=43))
    number, check = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        check = BASE62[digit] + check
    return text + check


def wrong_keys(target, count):
    """Keys of a known id, of an unknown one, a revoked one, and mistyped ones."""
    gone = target.keys.made[GONE]
    keys = (wrong_key(WITNESS), wrong_key("nobody"), gone, wrong_key(WITNESS)[:-1], "x" * 100)
    burst = b"".join(request("GET", "/api/robots", keys[n % len(keys)]) for n in range(1000))
    return drive([Client(target.address, b"", burst) for _ in range(count)])


def wrong_keys_from_everywhere(target, count):
    """Every client has an address of its own, so each is a new kind of line in the log. It shows one
    key and is closed, over and over."""
    return drive(
        [
            Client(
                target.address,
                request("GET", "/api/robots", wrong_key(WITNESS), version="1.0"),
                source=f"127.1.{n // 250}.{n % 250 + 1}",
            )
            for n in range(count)
        ]
    )


def foreign_names(target, count):
    """The holder asks for robots that are not its own, in every way there is."""
    key = target.keys.made[HOLDER]
    names = (WITNESS, "own", "Own/1", "own/../witness", "%6fwn", "own0", "\u00f6wn/1", "o\u0308wn/1")
    questions = []
    for spelt in (quote(name, safe="") for name in names):
        questions += [
            f"/api/robots/{spelt}",
            f"/api/robots/{spelt}/events?limit=3&after=1",
            f"/api/robots/{spelt}/odometer?start_time=0",
            f"/api/robots?after={spelt}&limit=2",
            f"/api/robots?name={spelt}",
            f"/api/events?robot={spelt}&format=csv",
            f"/api/odometer?robot={spelt}",
        ]
    questions += ["/api/robots", "/api/robots?limit=1", "/api/robots?after=%FF"]
    burst = b"".join(request("GET", one, key) for one in questions) * 5
    return drive([Client(target.address, b"", burst) for _ in range(count)])


def foreign_events(target, count):
    """The holder writes events of robots that are not its own, among some of its own."""
    lines = b"".join(
        b"1,2,%d,%s\n" % (n, WITNESS.encode() if n % 2 else b"own/%d" % (n % 10)) for n in range(1000)
    )
    posts = request("POST", "/api/events", target.keys.made[HOLDER], lines)
    return drive([Client(target.address, b"", posts) for _ in range(count)])


ROUTES = (
    "/upstream",
    "/api/robots",
    "/api/robots/witness",
    "/api/robots/witness/events",
    "/api/robots/witness/odometer",
    "/api/events",
    "/api/odometer?robot=witness",
    "/livez",
    "/readyz",
    "/nothing",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")


def routes_by_callers(target, count):
    """Every method at every address, without a key, with a wrong one, and with a narrow one."""
    keys = (None, wrong_key(WITNESS), target.keys.made[HOLDER])
    burst = b"".join(
        request(method, route, key) for route in ROUTES for method in METHODS for key in keys
    )
    return drive([Client(target.address, b"", burst) for _ in range(count)])


def swapped_keys_files(target, count):
    """The operator's file changes `count` times a second: another comment, a line that is cut, an
    unknown member, nothing at all. Nobody's right changes."""
    good = target.keys.path.read_bytes()
    extra = json.dumps({"id": "another", "revoked": "2026-01-01T00:00:00Z"}).encode() + b"\n"
    bad = (good + extra, good[:-20], b"", good + b'{"id":"x","surprise":1}\n', b"\xff" * 1000)
    try:
        while True:
            for text in (*bad, good):
                made = target.keys.path.with_name("made")
                made.write_bytes(text)
                made.chmod(0o600)
                made.replace(target.keys.path)
                time.sleep(1 / count)
                yield
    finally:
        target.keys.path.write_bytes(good)


def wait_known(target, key):
    """Until the server has taken a new key."""
    for _ in range(100):
        with socket.create_connection(target.address, 30) as one:
            one.sendall(request("POST", "/api/events", key))
            answers = b""
            while b"\r\n\r\n" not in answers:
                answers += one.recv(4096)
        if b" 401 " not in answers:
            return
        time.sleep(0.05)
    raise AssertionError("the server does not take a new key")


def wait_ended(crowd):
    """Until each of these WebSockets has got 1008. Each look at them is a step."""
    waiting = select.poll()
    left = {one.fileno(): one for one in crowd}
    for file in left:
        waiting.register(file, select.POLLIN)
    while left:
        ready = waiting.poll(5000)
        assert ready, f"{len(left)} WebSockets outlive their key"
        for file, _ in ready:
            if (1008).to_bytes(2, "big") in left[file].recv(4096):  # or it is the OK before
                waiting.unregister(file)
                del left[file]
        yield


def revoked_crowds(target, count):
    """`count` WebSockets of a key that is revoked, over and over. Each ends with 1008."""
    crowd = []
    try:
        while True:
            name = f"crowd-{time.time_ns()}"
            key = target.keys.add(name, "ingest")
            wait_known(target, key)
            for _ in range(count):
                crowd.append(socket.create_connection(target.address, 30))
                crowd[-1].sendall(handshake_with(key) + masked(b"1,2,3,crowd"))
                assert crowd[-1].recv(4096).startswith(b"HTTP/1.1 101")
                yield
            target.keys.revoke(name)
            yield from wait_ended(crowd)
            while crowd:
                crowd.pop().close()
    finally:
        for one in crowd:
            one.close()


TOO_MANY = {"asks_for_keys": True, "reconnects": True, "producer_ms": TURN_MS}

KEY_ATTACKS = {
    # Clients without a right, at a server that asks for keys. It holds net.unproven_max (2048) of
    # them, however many there are. Beyond, it accepts more slowly, so a new producer waits for its
    # turn among the hostile sockets. Those that are connected do not notice.
    "bad-keys": Attack(wrong_keys, 50, 64, 320, asks_for_keys=True),
    "bad-key-logs": Attack(
        wrong_keys_from_everywhere, 1000, 32, 16, asks_for_keys=True, log_lines=10
    ),
    "unproven-sockets": Attack(flood(b""), 2000, 32, 16, asks_for_keys=True, reconnects=True),
    "too-many-unproven-sockets": Attack(flood(b""), 4000, 32, 16, **TOO_MANY),
    "unproven-heads": Attack(
        flood(b"GET /api/robots HTTP/1.1\r\nAuthorization: Bearer tmk_"), 4000, 32, 16, **TOO_MANY
    ),
    "unproven-heads-of-15-kib": Attack(  # 2048 times 16 KiB, and twice that while a buffer grows
        flood(b"GET /api/robots HTTP/1.1\r\nX: " + b"x" * (15 << 10)), 4000, 128, 64, **TOO_MANY
    ),
    "unproven-bodies": Attack(  # refused at their head; what follows is read and thrown away
        flood(post_head("text/csv", BODY_BYTES), b"1,2,3,a\n" * 8192),
        50,
        64,
        320,
        asks_for_keys=True,
    ),
    # Clients whose keys are good, for robots of their own.
    "foreign-names": Attack(foreign_names, 20, 64, 320, asks_for_keys=True),
    "foreign-events": Attack(foreign_events, 4, 256, 160, asks_for_keys=True),
    "routes-by-callers": Attack(routes_by_callers, 20, 64, 320, asks_for_keys=True),
    "swapped-keys-files": Attack(swapped_keys_files, 35, 32, 16, asks_for_keys=True),
    "revoked-crowds": Attack(revoked_crowds, 500, 32, 32, asks_for_keys=True),
}
