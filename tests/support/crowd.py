"""Many plain sockets to one server, and what its process takes for them."""

import re
import resource
import select
import socket
import time
from pathlib import Path

HANDSHAKE = (
    b"GET /upstream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
STILL_SECONDS = 0.3  # if nothing moves for so long, the server does not read any more


def handshake_with(key):
    """The handshake of a client that shows a key."""
    return HANDSHAKE.replace(b"\r\n\r\n", f"\r\nAuthorization: Bearer {key}\r\n\r\n".encode())


def allow_files(count):
    """Raises this process's limit of open files if it is below `count`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


class Crowd:
    """Sockets that send what they are given for as far as the server takes it.

    With `reads_little` their receive buffers are small, so that answers stay with the server.
    """

    def __init__(self, server, count, hello=b"", reads_little=False):
        allow_files(count + 500)
        self.address = (server.host, server.port)
        self._reads_little = reads_little
        self.sockets = []
        self.add(count, hello)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.sockets:
            one.close()

    def __len__(self):
        return len(self.sockets)

    def add(self, count, hello=b""):
        """Opens `count` more, which say `hello`."""
        for _ in range(count):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 15)  # or most is the kernel's
            if self._reads_little:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect(self.address)
            one.setblocking(False)
            if hello:
                one.send(hello)
            self.sockets.append(one)

    def heads(self):
        """The next answer of each socket, as far as its head, or b"" from a closed one."""
        return self.heads_from(0)

    def heads_from(self, first):
        """The same, of the sockets from this index on."""
        return [self._head(one) for one in self.sockets[first:]]

    @staticmethod
    def _head(one):
        one.setblocking(True)
        one.settimeout(20)
        head = b""
        try:
            while b"\r\n\r\n" not in head:
                part = one.recv(4096)
                if not part:
                    break
                head += part
        except ConnectionError:
            pass
        one.setblocking(False)
        return head

    def pour(self, data, reads=False, seconds=20, still_seconds=STILL_SECONDS):
        """Sends `data`, bytes or a function of a socket's index, on every open socket until all is
        sent, or nothing moves any more. With `reads` it reads answers until these stop, too.
        @returns the bytes that went in, and the number of answers OK that came.
        """
        left, poll, oks, sent = {}, select.poll(), 0, 0
        by_file = {one.fileno(): one for one in self.sockets}
        for index, one in enumerate(self.sockets):
            left[one.fileno()] = memoryview(data(index) if callable(data) else data)
            poll.register(one, select.POLLOUT | (select.POLLIN if reads else 0))
        end = time.monotonic() + seconds
        while time.monotonic() < end and (reads or any(left.values())):
            ready = poll.poll(still_seconds * 1000)
            if not ready:
                break
            for file, events in ready:
                one = by_file[file]
                try:
                    if events & select.POLLIN:
                        part = one.recv(1 << 18)
                        if not part:
                            raise ConnectionResetError
                        oks += part.count(b"OK")
                    if events & (select.POLLHUP | select.POLLERR):
                        raise ConnectionResetError
                    if events & select.POLLOUT:
                        count = one.send(left[file])
                        sent += count
                        left[file] = left[file][count:]
                        if not left[file]:
                            poll.modify(one, select.POLLIN if reads else 0)
                except BlockingIOError:
                    pass
                except OSError:
                    left[file] = memoryview(b"")
                    poll.unregister(one)
        return sent, oks

    def open_ones(self):
        """The number of sockets that the server has not closed. Takes what they have received."""
        return sum(map(self._is_open, self.sockets))

    @staticmethod
    def _is_open(one):
        try:
            while one.recv(1 << 18):
                pass
            return False
        except BlockingIOError:
            return True
        except OSError:
            return False


def websockets(server, count, **options):
    """A crowd of WebSockets."""
    crowd = Crowd(server, count, HANDSHAKE, **options)
    assert all(head.startswith(b"HTTP/1.1 101") for head in crowd.heads())
    return crowd


def masked(payload, opcode=0x81):
    """A masked frame, with a key that changes nothing."""
    size = len(payload)
    if size < 126:
        head = bytes([opcode, 0x80 | size])
    elif size < 1 << 16:
        head = bytes([opcode, 0xFE]) + size.to_bytes(2, "big")
    else:
        head = bytes([opcode, 0xFF]) + size.to_bytes(8, "big")
    return head + bytes(4) + payload


class Growth:
    """What the resident memory of a server has grown by since this was made."""

    def __init__(self, server):
        self._directory = Path(f"/proc/{server.pid}")
        (self._directory / "clear_refs").write_text("5")  # the peak begins anew
        self._before = self._kib("VmRSS")

    def _kib(self, field):
        status = (self._directory / "status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+)", status, re.MULTILINE).group(1))

    def now(self):
        return (self._kib("VmRSS") - self._before) * 1024

    def peak(self):
        """The highest there was, in bytes."""
        return (self._kib("VmHWM") - self._before) * 1024

    def settled(self):
        """now(), once it has stopped to rise."""
        last, since = self.now(), time.monotonic()
        while time.monotonic() - since < STILL_SECONDS:
            time.sleep(0.02)
            now = self.now()
            if now > last + (1 << 18):
                last, since = now, time.monotonic()
        return max(last, self.now())
