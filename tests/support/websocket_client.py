"""A small blocking WebSocket client that can also break the protocol. Shares no code with net/."""

import base64
import json
import os
import socket
import struct
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Closed(Exception):
    """The peer closed; `code` is None if the connection broke without a close frame."""

    def __init__(self, code, reason=""):
        super().__init__(f"closed with {code}: {reason}")
        self.code = code
        self.reason = reason


class Refused(Exception):
    """The handshake was answered with something else than 101."""

    def __init__(self, status, headers, body):
        super().__init__(f"handshake answered {status}: {body!r}")
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)


@dataclass
class Frame:
    opcode: int
    payload: bytes


class WebSocket:
    """One connection to `path`. Pings of the server are answered unless `answer_pings` is False.

    `protocols` are the sub-protocols to offer, as the header has them; `headers` are further ones.
    """

    def __init__(
        self,
        server,
        path="/upstream",
        seconds=20.0,
        answer_pings=True,
        protocols=None,
        headers=None,
    ):
        self._socket = socket.create_connection((server.host, server.port), timeout=seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input = b""
        self.answer_pings = answer_pings
        self._close_sent = False
        self.pongs = 0
        self.pings = 0
        self._handshake(f"{server.host}:{server.port}", path, protocols, headers or {})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def _handshake(self, host, path, protocols, further):
        offer = f"Sec-WebSocket-Protocol: {protocols}\r\n" if protocols else ""
        offer += "".join(f"{name}: {value}\r\n" for name, value in further.items())
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n".encode()
        )
        while b"\r\n\r\n" not in self._input:
            self._read_more()
        head, self._input = self._input.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        status = int(lines[0].split()[1])
        headers = {n.lower(): v.strip() for n, v in (line.split(":", 1) for line in lines[1:])}
        if status != 101:
            length = int(headers.get("content-length", 0))
            while len(self._input) < length:
                self._read_more()
            raise Refused(status, headers, self._input[:length])
        self.headers = headers

    def _read_more(self):
        try:
            data = self._socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed(None, "end of stream")
        self._input += data

    def _take(self, size):
        while len(self._input) < size:
            self._read_more()
        data, self._input = self._input[:size], self._input[size:]
        return data

    def set_timeout(self, seconds):
        self._socket.settimeout(seconds)

    def send_raw(self, data):
        self._socket.sendall(data)

    def send(self, *messages):
        """Sends text messages in one write."""
        self.send_raw(b"".join(frame(TEXT, m.encode()) for m in messages))

    def send_ping(self, payload=b"x"):
        self.send_raw(frame(PING, payload))

    def _answer_close(self):
        if not self._close_sent:
            try:
                self.send_close()
            except OSError:
                pass  # it did not wait for this

    def send_close(self, code=1000):
        self._close_sent = True
        self.send_raw(frame(CLOSE, struct.pack(">H", code)))

    def receive_frame(self):
        """The next frame of any kind, unfragmented as the server sends them."""
        first, second = self._take(2)
        assert first & 0x80, "the server does not fragment"
        assert not first & 0x70, "no extension was agreed on"
        assert not second & 0x80, "a server does not mask"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack(">H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", self._take(8))
        return Frame(first & 0x0F, self._take(size))

    def receive(self):
        """The next text message. Raises Closed at a close frame or a broken connection."""
        while True:
            one = self.receive_frame()
            if one.opcode == TEXT:
                return one.payload.decode()
            if one.opcode == CLOSE:
                self._answer_close()
                code = struct.unpack(">H", one.payload[:2])[0] if len(one.payload) >= 2 else None
                raise Closed(code, one.payload[2:].decode())
            if one.opcode == PONG:
                self.pongs += 1
            elif one.opcode == PING:
                self.pings += 1
                if self.answer_pings:
                    self.send_raw(frame(PONG, one.payload))
            else:
                raise AssertionError(f"unexpected frame {one}")

    def ask(self, *messages):
        """Sends all messages, then returns their answers: a string, or a list if several."""
        self.send(*messages)
        answers = [self.receive() for _ in messages]
        return answers[0] if len(answers) == 1 else answers

    def wait_pong(self):
        """Reads until a pong comes; fails at anything else."""
        one = self.receive_frame()
        assert one.opcode == PONG, one

    def closing(self):
        """Reads, past any answers, to the close of the server; returns its code and reason."""
        try:
            while True:
                self.receive()
        except Closed as closed:
            return closed.code, closed.reason

    def close_code(self):
        """The same, only the code."""
        return self.closing()[0]

    def close(self):
        """Clean close: returns the answers that still came and the code of the server's reply."""
        self.send_close()
        answers = []
        try:
            while True:
                answers.append(self.receive())
        except Closed as closed:
            self._socket.close()
            return answers, closed.code


def frame(opcode, payload, fin=True, masked=True, rsv=0):
    """The bytes of one client frame."""
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    mask_bit = 0x80 if masked else 0
    if size < 126:
        head += bytes([mask_bit | size])
    elif size < 1 << 16:
        head += struct.pack(">BH", mask_bit | 126, size)
    else:
        head += struct.pack(">BQ", mask_bit | 127, size)
    if not masked:
        return head + payload
    # An all-zero mask is legal (RFC 6455 §5.3 asks for an unpredictable one, a test does not).
    return head + bytes(4) + payload
