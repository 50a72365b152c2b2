"""docs/PROTOCOL.md §4: every error is application/problem+json, malformed HTTP included."""

import json
import socket

import pytest

pytestmark = pytest.mark.embedded

KEYS = ["detail", "instance", "status", "title", "type"]


@pytest.fixture(scope="module")
def server(make_module_server):
    return make_module_server({"ingest.max_body": "16KiB"}).start()


@pytest.fixture
def rest(server):
    return server.rest()


def exchange(server, data):
    """Sends raw bytes; returns (status, headers in lower case, body) of the first answer."""
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        connection.sendall(data)
        received = b""
        while b"\r\n\r\n" not in received:
            more = connection.recv(65536)
            assert more, f"closed without an answer: {received!r}"
            received += more
        head, body = received.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        headers = {n.lower(): v.strip() for n, v in (line.split(":", 1) for line in lines[1:])}
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(65536)
        return int(lines[0].split()[1]), headers, body


def check_problem(status, headers, body, instance=None):
    problem = json.loads(body)
    assert headers["content-type"].startswith("application/problem+json")
    assert list(problem) == KEYS
    assert problem["status"] == status
    assert problem["title"] and problem["detail"] and problem["type"]
    if instance is not None:
        assert problem["instance"] == instance


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/api", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/robots/", 404),
        ("GET", "/api/robots/nobody", 404),
        ("GET", "/api/robots/a/b", 404),
        ("GET", "/api/robots/a/events/x", 404),
        ("GET", "/API/ROBOTS", 404),
        ("POST", "/nowhere", 404),
        ("DELETE", "/api/robots/a", 405),
        ("POST", "/api/robots", 405),
        ("GET", "/api/events", 400),
        ("PUT", "/api/events", 405),
        ("GET", "/api/robots/a/events?start_time=x", 400),
        ("GET", "/api/robots/a/odometer?end_time=", 400),
        ("GET", "/api/robots?limit=0", 400),
        ("GET", "/api/robots/a/events?format=xml", 400),
        ("GET", "/api/robots/%zz", 400),
        ("GET", "/api/robots/%", 400),
        ("GET", "/upstream", 426),
    ],
)
def test_error_is_problem_json(rest, method, path, status):
    answer = rest.request(method, path)
    assert answer.status == status
    check_problem(status, answer.headers, answer.body, path.split("?")[0])


def test_name_that_is_not_utf8_is_no_robot(rest):
    answer = rest.get("/api/robots/%ff")
    assert answer.status in (400, 404)
    check_problem(answer.status, answer.headers, answer.body, "/api/robots/%ff")


def test_connection_survives_an_error(rest):
    for _ in range(3):
        assert rest.get("/nowhere").status == 404
        assert rest.get("/livez").status == 200


@pytest.mark.parametrize(
    "data",
    [
        b"GARBAGE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /livez\r\n\r\n",
        b"GET /livez HTTP/9.9\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nbroken header\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a/b\r\n\r\n",
        b"POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
        b"Transfer-Encoding:\r\nContent-Length: 3\r\n\r\n1,2",
        b"POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET livez HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_malformed_http_is_400(server, data):
    status, headers, body = exchange(server, data)
    assert status == 400
    check_problem(status, headers, body)


def test_malformed_http_closes_the_connection(server):
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        connection.sendall(b"GARBAGE\r\n\r\n")
        while connection.recv(65536):
            pass


def test_endless_header_is_refused(server):
    data = b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 200_000 + b"\r\n\r\n"
    status, headers, body = exchange(server, data)
    assert status in (400, 431)
    check_problem(status, headers, body)


def test_post_of_unknown_length_is_411_and_closed(server):
    head = b"POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n\r\n"
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        connection.sendall(head + b"1,2,3,unknown length\n")
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 411 ")
    assert received.count(b"HTTP/1.1 ") == 1, "the body is not the next request"


def test_body_too_large_is_413(rest):
    answer = rest.post("/api/events", "0,0,1,large\n" * 2000, "text/csv")
    assert answer.status == 413
    check_problem(413, answer.headers, answer.body, "/api/events")
    assert rest.robot("large") is None


def test_body_announced_too_large_is_413_before_it_is_sent(server):
    head = b"POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
    status, headers, body = exchange(server, head + b"Content-Length: 999999999999\r\n\r\n")
    assert status == 413
    check_problem(status, headers, body)


def test_chunked_body_too_large_is_413(server):
    head = b"POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    status, headers, body = exchange(
        server, head + b"Transfer-Encoding: chunked\r\n\r\n" + 6 * chunk
    )
    assert status == 413
    check_problem(status, headers, body)


def test_pipelined_requests_are_answered_in_order(server):
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        first = b"GET /api/robots/one/odometer HTTP/1.1\r\nHost: x\r\n\r\n"
        last = b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        connection.sendall(first * 3 + last)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.count(b'{"odometer":0.0,"robot":"one"}') == 3
    assert received.rindex(b'"odometer"') < received.index(b"404")


def test_empty_lines_around_requests_are_ignored(server):
    post = (
        b"POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
        b"Content-Length: 17\r\n\r\n1,2,3,empty line\n"
    )
    last = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        connection.sendall(b"\r\n" + post + b"\r\n" + last)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.count(b"HTTP/1.1 200 ") == received.count(b"HTTP/1.1 ") == 2


def test_http_1_0_is_answered_and_closed(server):
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        connection.sendall(b"GET /api/robots HTTP/1.0\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b" 200 " in received and received.endswith(b"]\n")


def test_expect_100_continue_is_honoured(server):
    head = (
        b"POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
        b"Content-Length: 13\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        connection.sendall(head)
        first = connection.recv(65536)
        assert first.startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"1,2,3,expect\n")
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b'"accepted":1' in received


@pytest.mark.parametrize(
    "path, right",
    [
        ("/upstream/", "/upstream"),
        ("/api/robots/", "/api/robots"),
        ("//api/robots", "/api/robots"),
        ("/api/robots/a%20b/events/", "/api/robots/a%20b/events"),
    ],
)
def test_404_names_the_right_address(rest, path, right):
    answer = rest.get(path)
    assert answer.status == 404
    assert answer.json()["detail"].endswith(f" {right}")
