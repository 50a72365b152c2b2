"""What bench/macro/peers asks a broker: MQTT 3.1.1, as little of it as a subscriber needs."""
import socket
import struct

CONNACK, PUBLISH, SUBACK, PINGRESP = 2, 3, 9, 13


def _text(value):
    return struct.pack("!H", len(value)) + value.encode()


class Subscriber:
    """One connection. Blocking, 30 s at most; raises OSError or RuntimeError."""

    def __init__(self, port, name, clean):
        self._peer = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._in = bytearray()
        self._send(0x10, _text("MQTT") + bytes([4, 2 if clean else 0, 0, 0]) + _text(name))
        kind, _, body = self._receive()
        if kind != CONNACK or body[1] != 0:
            raise RuntimeError("the broker does not accept the subscriber")
        self.has_session = bool(body[0] & 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._send(0xE0, b"")
        self._peer.close()

    def subscribe(self, topics, qos):
        """Retained messages follow the answer."""
        self._send(0x82, struct.pack("!H", 1) + _text(topics) + bytes([qos]))
        kind, _, body = self._receive()
        if kind != SUBACK or body[2] != qos:
            raise RuntimeError(f"the broker refuses a subscription to {topics}")

    def messages(self):
        """(topic, payload) of everything that is due now. A PINGRESP ends a round: the broker has
        sent by then what the acknowledgements before the ping made room for."""
        while True:
            self._send(0xC0, b"")
            received = 0
            while True:
                kind, flags, body = self._receive()
                if kind == PINGRESP:
                    break
                if kind != PUBLISH:
                    raise RuntimeError(f"unexpected packet type {kind}")
                received += 1
                yield self._take_message(flags, body)
            if received == 0:
                return

    def _take_message(self, flags, body):
        size = 2 + struct.unpack_from("!H", body)[0]
        topic, rest = body[2:size].decode(), body[size:]
        if flags & 6:  # QoS 1
            self._send(0x40, rest[:2])
            rest = rest[2:]
        return topic, rest.decode()

    def _send(self, head, body):
        size, length = len(body), b""
        while size > 127:
            length += bytes([size % 128 | 128])
            size //= 128
        self._peer.sendall(bytes([head]) + length + bytes([size]) + body)

    def _receive(self):
        while True:
            size, place = 0, 1
            while place < len(self._in) and place < 5:
                size |= (self._in[place] & 127) << 7 * (place - 1)
                place += 1
                if self._in[place - 1] < 128:
                    if len(self._in) < place + size:
                        break
                    head, body = self._in[0], bytes(self._in[place:place + size])
                    del self._in[:place + size]
                    return head >> 4, head & 15, body
            part = self._peer.recv(256 * 1024)
            if not part:
                raise RuntimeError("the broker hung up")
            self._in += part
