"""docs/PROTOCOL.md §1, the event: what each field may be, over the WebSocket."""

import pytest
from telemetryd import robot_path
from websocket_client import WebSocket

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def server(make_module_server):
    return make_module_server({"ingest.future_limit": 0}).start()


@pytest.fixture(scope="module")
def socket(server):
    with WebSocket(server) as one:
        yield one


@pytest.fixture(scope="module")
def rest(server):
    return server.rest()


COORDINATES = [
    ("1", 1.0),
    ("-2.5", -2.5),
    ("+3", 3.0),
    (".5", 0.5),
    ("-.5", -0.5),
    ("5.", 5.0),
    ("1e3", 1000.0),
    ("1E3", 1000.0),
    ("1e+3", 1000.0),
    ("25e-2", 0.25),
    ("007", 7.0),
    (" 1 ", 1.0),
    ("   -1.5   ", -1.5),
    ("0.1", 0.1),
    ("0.1000000000000000055511151231257827", 0.1),
    ("123456789.123456789", 123456789.123456789),
    ("1e15", 1e15),
    ("-1e15", -1e15),
    ("1000000000000000", 1e15),
    ("0.000001e21", 1e15),
    ("4.9e-324", 5e-324),
    ("2.2250738585072011e-308", 2.2250738585072011e-308),
    ("1e-400", 0.0),
    ("-1e-400", 0.0),
    ("0e400", 0.0),
    ("-0", 0.0),
    ("-0.0", 0.0),
]


@pytest.mark.parametrize("text, value", COORDINATES)
@pytest.mark.parametrize("field", ["x", "y"])
def test_coordinate_is_read_as_the_nearest_double(socket, rest, field, text, value):
    name = f"{field} as <{text}>"
    line = f"{text},7,1,{name}" if field == "x" else f"7,{text},1,{name}"
    assert socket.ask(line) == "OK"
    (event,) = rest.events(name)
    assert event[field] == value
    assert str(event[field]) == str(value), "-0 is stored as 0"
    assert event["y" if field == "x" else "x"] == 7.0


BAD_COORDINATES = [
    "", " ", "abc", "nan", "NaN", "-nan", "inf", "-inf", "Infinity", "0x10", "0x1p3", "1_000",
    "1e16", "-1e16", "1000000000000000.2", "1e400", "-1e400", "1e99999999999999999999", "e3", "1e",
    "1e+", "1e3.5", "1e 3", ".", "+", "-", "-.", "+.", "--1", "+-1", "-+1", "++1", "+ 3", "1.2.3",
    "1 2", "\t1", "1\t", "1f", "１", "1;2", "'1'",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_COORDINATES)
@pytest.mark.parametrize("field", ["x", "y"])
def test_bad_coordinate_is_an_error_that_names_the_field(socket, rest, field, text):
    name = f"bad {field} {text.encode().hex()}"
    answer = socket.ask(f"{text},7,1,{name}" if field == "x" else f"7,{text},1,{name}")
    assert answer.startswith(f"ERR {field} "), answer
    assert rest.robot(name) is None


@pytest.mark.parametrize(
    "text, value",
    [
        ("0", 0),
        ("1", 1),
        ("+5", 5),
        ("007", 7),
        (" 8 ", 8),
        ("1700000000000", 1700000000000),
        ("9007199254740991", 9007199254740991),
    ],
)
def test_timestamp_is_read_as_whole_milliseconds(socket, rest, text, value):
    name = f"timestamp <{text}>"
    assert socket.ask(f"1,2,{text},{name}") == "OK"
    assert [event["timestamp"] for event in rest.events(name)] == [value]


@pytest.mark.parametrize(
    "text",
    ["", " ", "abc", "-1", "-0", "1.0", "1.5", "1e3", "9007199254740992", "99999999999999999999",
     "+", "-", "++1", "+ 1", "1_0", "0x1", "nan", "1 2", "\t1", "１"],
)  # fmt: skip
def test_bad_timestamp_is_an_error_that_names_the_field(socket, rest, text):
    name = f"bad timestamp {text.encode().hex()}"
    answer = socket.ask(f"1,2,{text},{name}")
    assert answer.startswith("ERR timestamp "), answer
    assert rest.robot(name) is None


NAMES = [
    "a",
    " starts with a space",
    "ends with a space ",
    " ",
    "KITTI 00",
    "slash a/b",
    "escape a%2Fb",
    "percent %",
    "plus a+b",
    "query ?&=#;",
    'quotes "x"',
    '"quoted"',
    "'single'",
    "back\\slash",
    "null",
    ".",
    "..",
    "é precomposed \u00e9",
    "é decomposed e\u0301",
    "emoji 🤖🛰️",
    "c1 control \u0080",
    "no-break\u00a0space",
    "\ufeffbyte order mark",
    "last code point \U0010ffff",
    "right to left \u202e",
    "x" * 150,
    "ß" * 150,
    "🤖" * 150,
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:40])
def test_name_is_kept_verbatim_and_reachable(socket, rest, name):
    assert socket.ask(f"1,2,3,{name}") == "OK"
    assert rest.robot(name)["name"] == name
    assert rest.events(name) == [{"robot": name, "timestamp": 3, "x": 1.0, "y": 2.0}]
    assert rest.odometer(name) == 0.0
    assert name in [robot["name"] for robot in rest.robots()]


BAD_NAMES = [
    "",
    "with,comma",
    ",",
    "nul\u0000",
    "bell\u0007",
    "tab\there",
    "carriage\rreturn",
    "unit separator\u001f",
    "delete\u007f",
    "x" * 151,
    "ß" * 151,
    "🤖" * 151,
    "x" * 2000,
]


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: ascii(name)[:40])
def test_bad_name_is_an_error_that_names_the_field(socket, rest, name):
    answer = socket.ask(f"1,2,3,{name}")
    assert answer.startswith("ERR robot_name "), answer
    assert "\n" not in answer
    assert rest.get(robot_path(name) if name else "/api/robots/").status in (400, 404)


@pytest.mark.parametrize("line", ["", " ", "1", "1,2", "1,2,3", "hello", ",,,", "OK"])
def test_incomplete_line_is_an_error(socket, line):
    assert socket.ask(line).startswith("ERR ")


@pytest.mark.parametrize("a, b", [("McDonalds", "mcdonalds"), ("pad", "pad "), ("ä", "a\u0308")])
def test_names_are_compared_byte_by_byte(socket, rest, a, b):
    assert socket.ask(f"1,1,1,{a}\n2,2,1,{b}") == "OK\nOK"
    assert rest.robot(a)["last_x"] == 1.0
    assert rest.robot(b)["last_x"] == 2.0


def test_error_is_one_short_sentence(socket):
    answer = socket.ask("1,x" + "y" * 5000 + ",3,robot")
    assert len(answer) < 150 and "\n" not in answer
