"""What hostile clients are made of. A group is a generator: each `yield` is a step, after which it may
be stopped. They speak through plain sockets that never block, so that one slow connection does not
keep the others of its group from attacking."""

import select
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from keys import Keys  # noqa: E402

WAIT_MS = 20  # a step waits no longer for a socket


@dataclass
class Target:
    """A server under attack: the address that is attacked, and its keys if it asks for some."""

    address: tuple
    keys: Keys | None = None


@dataclass
class Attack:
    """`rss_mib` and `kernel_mib` bound what the server and the kernel may take for the group."""

    start: Callable  # of a Target and a number of clients
    clients: int
    rss_mib: int
    kernel_mib: int
    asks_for_keys: bool = False  # the server does, and the normal clients show theirs
    reconnects: bool = False  # the normal producer connects anew for each event
    producer_ms: int = 0  # the p99 that the producer may have; 0: what tests/attack/run says
    speaks_tls: bool = False  # to the TLS listener; the normal clients use the plain one
    log_lines: int = 0  # that the server may write in a second; 0: they are not counted


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
    def start(target, count):
        return drive([Client(target.address, *what, **how) for _ in range(count)])

    return start
