"""docs/PROTOCOL.md §3, GET /upstream: messages, answers and their order, close codes."""

import random
import struct

import pytest
from telemetryd import Rest, wait_until
from websocket_client import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Refused,
    WebSocket,
    frame,
)

MAX_MESSAGE = 64 * 1024  # default of ingest.max_message


@pytest.fixture(scope="module")
def server(make_module_server):
    settings = {"reorder.window": "1h", "net.connections_max": 300, "net.idle_timeout": "1h"}
    return make_module_server(settings).start()


@pytest.fixture
def socket(server, connect):
    return connect(server)


def lines_of(answer):
    return answer.split("\n")


def test_one_line_message_is_answered_by_one_line(socket):
    assert socket.ask("1,2,3,single") == "OK"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False], ids=["last line ended", "last line open"])
def test_each_line_of_a_message_is_answered_in_order(socket, end, last):
    name = f"lines {end!r} {last}"
    lines = [f"0,0,1,{name}", "bad", f"1,0,1,{name}", f"0,0,2,{name}"]
    answers = lines_of(socket.ask(end.join(lines) + (end if last else "")))
    assert [answer.split()[0] for answer in answers] == ["OK", "ERR", "CONFLICT", "OK"]


def test_line_end_is_not_part_of_the_name(server, socket):
    assert socket.ask("0,0,1,crlf\r\n0,0,2,crlf\n0,0,3,crlf") == "OK\nOK\nOK"
    assert server.rest().robot("crlf")["events"] == 3


@pytest.mark.parametrize(
    "message, kinds",
    [
        ("", ["ERR"]),
        ("\n", ["ERR"]),
        ("\r\n", ["ERR"]),
        ("\n\n", ["ERR", "ERR"]),
        ("0,0,1,blank\n\n0,0,2,blank", ["OK", "ERR", "OK"]),
        ("\n0,0,3,blank\n", ["ERR", "OK"]),
    ],
)
def test_empty_message_or_line_is_a_malformed_event(socket, message, kinds):
    assert [line.split()[0] for line in lines_of(socket.ask(message))] == kinds


def test_answers_come_in_the_order_of_the_messages(socket, seed):
    rng = random.Random(seed)
    messages, kinds = [], []
    for n in range(300):
        kind = rng.choice(["OK", "ERR", "CONFLICT"])
        line = {"OK": f"0,0,{n},mixed {n % 7}", "ERR": f"{n}"}.get(kind, "1,1,0,anchor")
        messages.append(line)
        kinds.append(kind)
    assert socket.ask("0,0,0,anchor") == "OK"
    assert [answer.split()[0] for answer in socket.ask(*messages)] == kinds


def test_answers_keep_their_order_when_old_events_are_looked_up(make_server, connect):
    server = make_server({"reorder.window": "1ms", "checkpoint.interval": "10ms"}).start()
    old = [f"{n},0,{n},old" for n in range(100)]
    with WebSocket(server) as socket:
        assert set(socket.ask(*old)) == {"OK"}
    assert server.terminate() == 0
    server.start()
    socket = connect(server)
    messages, expected = [], []
    for n in range(100):
        messages += [old[n], f"0,0,{n},new", f"-1,0,{n},old", "nonsense"]
        expected += ["OK", "OK", "CONFLICT", "ERR"]
    assert [answer.split()[0] for answer in socket.ask(*messages)] == expected


def test_any_number_of_messages_may_be_in_flight(socket):
    answers = socket.ask(*[f"{n},0,{n},burst" for n in range(5000)])
    assert answers == ["OK"] * 5000


def test_many_lines_in_one_message_are_all_answered(socket):
    lines = [f"{n},0,{n},wide" for n in range(3000)]
    assert socket.ask("\n".join(lines)) == "\n".join(["OK"] * 3000)


def test_message_in_fragments_is_one_message(socket):
    first, middle, last = b"1,2,", b"3,frag", b"ments"
    socket.send_raw(frame(TEXT, first, fin=False))
    socket.send_raw(frame(CONTINUATION, middle, fin=False) + frame(PING, b"between"))
    socket.send_raw(frame(CONTINUATION, last))
    assert socket.receive() == "OK"
    assert socket.pongs == 1


def test_code_point_split_between_fragments_is_valid(server, socket):
    text = "1,2,3,splät".encode()
    socket.send_raw(frame(TEXT, text[:-2], fin=False) + frame(CONTINUATION, text[-2:]))
    assert socket.receive() == "OK"
    assert server.rest().robot("splät") is not None


def test_frames_may_arrive_byte_by_byte(socket):
    for byte in frame(TEXT, b"1,2,3,slow"):
        socket.send_raw(bytes([byte]))
    assert socket.receive() == "OK"


def test_ping_is_answered_by_a_pong_with_its_payload(socket):
    socket.send_ping(b"hello")
    answer = socket.receive_frame()
    assert (answer.opcode, answer.payload) == (PONG, b"hello")


def test_unasked_pong_is_ignored(socket):
    socket.send_raw(frame(PONG, b"?"))
    assert socket.ask("1,2,3,pong") == "OK"


def test_message_of_the_greatest_size_is_taken(socket):
    line = "0" * (MAX_MESSAGE - len(",2,3,max")) + ",2,3,max"
    assert socket.ask(line) == "OK"


@pytest.mark.parametrize(
    "data, code",
    [
        (frame(BINARY, b"1,2,3,r"), 1003),
        (frame(TEXT, b"1,2,3,\xff"), 1007),
        (frame(TEXT, b"1,2,3,\xc3"), 1007),
        (frame(TEXT, b"1,2,3,\xed\xa0\x80"), 1007),
        (frame(TEXT, b"x" * (MAX_MESSAGE + 1)), 1009),
        (frame(TEXT, b"x" * MAX_MESSAGE, fin=False) + frame(CONTINUATION, b"xx"), 1009),
        (frame(TEXT, b"1,2,3,r", masked=False), 1002),
        (frame(TEXT, b"1,2,3,r", rsv=4), 1002),
        (frame(3, b""), 1002),
        (frame(11, b""), 1002),
        (frame(CONTINUATION, b"1,2,3,r"), 1002),
        (frame(TEXT, b"1,", fin=False) + frame(TEXT, b"2"), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, b"x", fin=False), 1002),
        (frame(CLOSE, b"x"), 1002),
        (frame(CLOSE, struct.pack(">H", 1005)), 1002),
        (frame(CLOSE, struct.pack(">H", 1000) + b"\xff"), 1002),
    ],
    ids=[
        "binary message",
        "byte that UTF-8 never has",
        "truncated UTF-8",
        "surrogate in UTF-8",
        "message too big",
        "fragments too big together",
        "unmasked frame",
        "reserved bit",
        "reserved data opcode",
        "reserved control opcode",
        "continuation of nothing",
        "message inside a message",
        "long control frame",
        "fragmented control frame",
        "close of one byte",
        "close with a reserved code",
        "close with bad UTF-8",
    ],
)
def test_close_code_tells_what_was_wrong(socket, data, code):
    socket.send_raw(data)
    assert socket.close_code() == code


@pytest.mark.parametrize("bad", [frame(BINARY, b"x"), frame(TEXT, b"\xff"), frame(3, b"")])
def test_what_was_read_is_answered_before_the_server_closes(server, socket, bad):
    name = f"before close {bad[:1].hex()}"
    good = b"".join(frame(TEXT, f"0,0,{n},{name}".encode()) for n in range(50))
    socket.send_raw(good + bad)
    assert [socket.receive() for _ in range(50)] == ["OK"] * 50
    assert socket.close_code() in (1002, 1003, 1007)
    assert server.rest().robot(name)["events"] == 50


def test_what_was_read_is_answered_before_the_reply_to_a_close(server, socket):
    socket.send(*[f"0,0,{n},bye" for n in range(200)])
    answers, code = socket.close()
    assert answers == ["OK"] * 200
    assert code == 1000
    assert server.rest().robot("bye")["events"] == 200


def test_producer_that_vanishes_leaves_what_it_sent(server):
    with WebSocket(server) as socket:
        assert socket.ask("0,0,1,vanished") == "OK"
        socket.send_raw(frame(TEXT, b"0,0,2,vanished")[:5])
    assert server.rest().robot("vanished")["events"] == 1


def test_compression_is_not_agreed_on(socket):
    assert "sec-websocket-extensions" not in socket.headers


def test_our_sub_protocol_is_chosen(server):
    with WebSocket(server, protocols="chat, telemetry.v1") as socket:
        assert socket.headers["sec-websocket-protocol"] == "telemetry.v1"
        assert socket.ask("1,2,3,chosen") == "OK"


def test_sub_protocol_that_is_not_ours_is_told_at_debug(make_server):
    server = make_server({"log.level": "debug"}).start()
    with WebSocket(server, protocols="chat") as socket:
        assert "sec-websocket-protocol" not in socket.headers
        assert socket.ask("1,2,3,unchosen") == "OK"
    server.wait_log("level=debug .*without the sub-protocols")


def test_byte_order_mark_is_named(socket):
    assert socket.ask("\ufeff1,2,3,marked").startswith("ERR x begins with a byte order mark")


def test_flood_of_newlines_is_answered_line_by_line(socket):
    message = "\n" * 4096
    socket.send(*[message] * 20)
    for _ in range(20):
        lines = socket.receive().split("\n")
        assert len(lines) == 4096
        assert set(lines) == {"ERR line is empty"}


def test_upgrade_on_another_path_is_refused(server):
    with pytest.raises(Refused) as refused:
        WebSocket(server, path="/elsewhere")
    assert refused.value.status == 404
    assert refused.value.json()["status"] == 404


def test_plain_get_of_upstream_asks_for_an_upgrade(server):
    answer = server.rest().get("/upstream")
    assert answer.status == 426
    assert answer.headers["upgrade"].lower() == "websocket"
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("missing", ["Sec-WebSocket-Key", "Sec-WebSocket-Version"])
def test_incomplete_handshake_is_refused(server, missing):
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version": "13",
    }
    del headers[missing]
    answer = server.rest().request("GET", "/upstream", headers=headers)
    assert answer.status in (400, 426)
    assert answer.content_type == "application/problem+json"


def test_one_connection_too_many_is_told_to_try_again_later(make_server, connect):
    server = make_server({"net.connections_max": 3}).start()
    kept = [connect(server) for _ in range(3)]
    assert connect(server).closing() == (1013, "too many connections")
    for socket in kept:
        assert socket.ask("0,0,1,kept") == "OK"
    kept[0].close()

    def is_taken():
        with WebSocket(server) as socket:
            socket.send("0,0,2,kept")
            return socket.receive_frame().opcode == TEXT

    wait_until(is_taken, "room for another connection")


def test_connections_of_all_kinds_work_side_by_side(server):
    sockets = [WebSocket(server) for _ in range(50)]
    for n, socket in enumerate(sockets):
        socket.send(f"0,0,{n},side by side")
    assert {socket.receive() for socket in sockets} == {"OK"}
    assert Rest(server.host, server.port).robot("side by side")["events"] == 50
    for socket in sockets:
        assert socket.close() == ([], 1000)
