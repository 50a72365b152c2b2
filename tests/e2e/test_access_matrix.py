"""Every address, with every method, for every caller: a table written by hand."""

import base64
import json
import socket
import time

import pytest
from keys import Keys, bearer
from telemetryd import wait_until
from websocket_client import Refused, WebSocket

pytestmark = pytest.mark.embedded

CALLERS = ("nobody", "bad", "revoked", "expired", "read", "ingest", "admin", "site")

# Outcomes by caller, in the order of CALLERS. "site" may read the robots below site/ and no others.
OPEN = (200,) * 8
NOWHERE = (404,) * 8
NO_METHOD = (405,) * 8
OPTIONS = (204,) * 8
READ = (401, 401, 401, 401, 200, 403, 200, 200)
READ_OF_FOREIGN = (401, 401, 401, 401, 200, 403, 200, 404)
READ_OF_NOBODY = (401, 401, 401, 401, 404, 403, 404, 404)
READ_OF_WHICH = (401, 401, 401, 401, 400, 403, 400, 400)  # the parameter `robot` is missing
INGEST = (401, 401, 401, 401, 403, 200, 200, 403)
UPGRADE = (401, 401, 401, 401, 403, 101, 101, 403)
UPGRADE_MISSING = (401, 401, 401, 401, 403, 426, 426, 403)

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "WEBSOCKET")


def row(get, post=NO_METHOD, websocket=None, others=NO_METHOD):
    """The outcomes of an address by method. Where no WebSocket is, an upgrade is ignored."""
    return {
        "GET": get,
        "HEAD": get,
        "OPTIONS": OPTIONS,
        "POST": post,
        "PUT": others,
        "DELETE": others,
        "PATCH": others,
        "WEBSOCKET": websocket or get,
    }


NO_ADDRESS = row(NOWHERE, post=NOWHERE, others=NOWHERE)

MATRIX = {
    "/api/robots": row(READ),
    "/api/robots?limit=1": row(READ),
    "/api/robots?name=other": row(READ),
    "/api/robots/other": row(READ_OF_FOREIGN),
    "/api/robots/site%2F1": row(READ),
    "/api/robots/none": row(READ_OF_NOBODY),
    "/api/robots/other/events": row(READ),
    "/api/robots/other/odometer": row(READ),
    "/api/robots/site%2F1/events": row(READ),
    "/api/robots/site%2F1/odometer": row(READ),
    "/api/events": row(READ_OF_WHICH, post=INGEST),
    "/api/events?robot=other": row(READ, post=INGEST),
    "/api/odometer": row(READ_OF_WHICH),
    "/api/odometer?robot=other": row(READ),
    "/upstream": row(UPGRADE_MISSING, websocket=UPGRADE),
    "/livez": row(OPEN),
    "/readyz": row(OPEN),
    "/version": row(OPEN),
    # Addresses that do not exist, or not yet.
    "/": NO_ADDRESS,
    "/api": NO_ADDRESS,
    "/api/": NO_ADDRESS,
    "/api/robots/": NO_ADDRESS,
    "/api/robots//events": NO_ADDRESS,
    "/api/robots/other/": NO_ADDRESS,
    "/api/robots/other/events/": NO_ADDRESS,
    "/api/robots/other/secrets": NO_ADDRESS,
    "//api/robots": NO_ADDRESS,
    "/API/robots": NO_ADDRESS,
    "/Livez": NO_ADDRESS,
    "/livez/": NO_ADDRESS,
    "/upstream/": NO_ADDRESS,
    "/downstream": NO_ADDRESS,
    "/api/live": NO_ADDRESS,
    "/api/tickets": NO_ADDRESS,
    "/api/status": NO_ADDRESS,
    "/api/cluster": NO_ADDRESS,
    "/api/admin/reload": NO_ADDRESS,
    "/metrics": NO_ADDRESS,
}

NEEDS = {"/upstream": "ingest"}  # and POST /api/events; every other address needs read
INVALID = 'Bearer realm="telemetryd", error="invalid_token"'
NOTHING_SHOWN = 'Bearer realm="telemetryd"'


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    made = Keys(tmp_path_factory.mktemp("keys") / "keys")
    made.add("reader", "read")
    made.add("producer", "ingest")
    made.add("admin", "admin")
    made.add("site", "read", prefixes=["site/"])
    made.add("revoked", "admin")
    made.revoke("revoked")
    made.add("expired", "admin")
    lines = [json.loads(line) for line in made.path.read_text().splitlines()]
    lines[-1]["expires"] = "2020-01-01T00:00:00Z"
    made.path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    other = Keys(made.path.with_name("other"))
    made.made["bad"] = other.add("reader", "admin")  # another secret of an id that exists
    made.made["unknown"] = other.add("unknown", "admin")
    return made


@pytest.fixture(scope="module")
def server(make_module_server, keys):
    started = make_module_server(keys.settings).start()
    posted = started.rest().request(
        "POST",
        "/api/events",
        b"0,0,1,other\n3,4,2,other\n0,0,1,site/1\n",
        {"Content-Type": "text/csv", **bearer(keys.made["admin"])},
    )
    assert posted.json()["accepted"] == 3
    return started


def credentials(keys, caller):
    names = {"read": "reader", "ingest": "producer"}
    return {} if caller == "nobody" else bearer(keys.made[names.get(caller, caller)])


def handshake(server, path, headers):
    """Status and headers of the answer to a WebSocket handshake."""
    try:
        with WebSocket(server, path=path, headers=headers) as opened:
            return 101, opened.headers
    except Refused as refused:
        return refused.status, refused.headers


def check_challenge(path, method, caller, status, headers):
    challenge = headers.get("www-authenticate")
    if status == 401:
        assert challenge == (NOTHING_SHOWN if caller == "nobody" else INVALID)
    elif status == 403:
        is_ingest = path.startswith("/upstream") or method == "POST"
        need = "ingest" if is_ingest else "read"
        assert challenge == (
            f'Bearer realm="telemetryd", error="insufficient_scope", scope="{need}"'
        )
    else:
        assert challenge is None


@pytest.mark.parametrize("path", MATRIX)
def test_every_method_of_an_address_for_every_caller(server, keys, path):
    rest = server.rest()
    for method in METHODS:
        for caller, expected in zip(CALLERS, MATRIX[path][method], strict=True):
            shown = credentials(keys, caller)
            if method == "WEBSOCKET":
                status, headers = handshake(server, path, shown)
            else:
                answer = rest.request(method, path, headers={"Content-Type": "text/csv", **shown})
                status, headers = answer.status, answer.headers
                if status >= 400:
                    assert answer.content_type == "application/problem+json"
                    assert method == "HEAD" or answer.json()["status"] == status
            assert status == expected, (method, path, caller)
            check_challenge(path, method, caller, status, headers)


def test_options_of_the_whole_server_needs_no_key(server):
    assert server.rest().request("OPTIONS", "*").status == 204


# What counts as a shown key


def status_of(server, authorization, path="/api/robots"):
    headers = {"Authorization": authorization} if authorization is not None else {}
    return server.rest().get(path, **headers).status


def test_the_scheme_is_bearer_in_any_case(server, keys):
    key = keys.made["reader"]
    for good in (f"Bearer {key}", f"bearer {key}", f"BEARER {key}", f"Bearer   {key}"):
        assert status_of(server, good) == 200, good
    for bad in (
        "",
        "Bearer",
        "Bearer ",
        key,
        f"Bearer{key}",
        f"Bearer\t{key}",
        f"Basic {key}",
        f"Token {key}",
        f'Bearer "{key}"',
        f"Bearer {key} x",
        f"Bearer {key},",
        f"Bearer {key}, Bearer {key}",
        f"Bearer Bearer {key}",
        f"Basic {base64.b64encode(f'reader:{key}'.encode()).decode()}",
    ):
        assert status_of(server, bad) == 401, bad


def mistyped(key):
    """Forms of a key that are near it."""
    head, secret = key.split(".")
    other = "A" if secret[5] != "A" else "B"
    yield key[:-1]
    yield key + "0"
    yield key.upper()
    yield key.replace("tmk_", "TMK_")
    yield key.replace(".", "..")
    yield f"{head.upper().replace('TMK', 'tmk')}.{secret}"
    yield f"{head}x.{secret}"
    yield f"{head}.{secret[:5]}{other}{secret[6:]}"
    yield f"{head}.{secret[::-1]}"
    yield f"{head}.{secret.swapcase()}"
    yield f"{head}."
    yield head
    yield f".{secret}"
    yield "tmk_." + secret
    yield secret
    yield "tmk_" + "a" * 33 + "." + secret
    yield "tmt_" + key[4:]
    yield key.replace("tmk_", "")
    yield "a.b.c"
    yield "x" * 8000


def test_every_wrong_key_gets_the_same_answer(server, keys):
    def answer(key):
        got = server.rest().get("/api/robots", Authorization=f"Bearer {key}")
        del got.headers["date"]
        return got

    first = answer(keys.made["bad"])
    assert first.status == 401
    for wrong in ("unknown", "revoked", "expired"):
        assert answer(keys.made[wrong]) == first, wrong
    for wrong in mistyped(keys.made["reader"]):
        assert answer(wrong) == first, wrong


def test_a_key_is_taken_from_no_other_place(server, keys):
    key = keys.made["admin"]
    rest = server.rest()
    for headers in (
        {"Cookie": f"Authorization=Bearer {key}; access_token={key}"},
        {"Proxy-Authorization": f"Bearer {key}"},
        {"X-Authorization": f"Bearer {key}"},
        {"X-Api-Key": key},
        {"Sec-WebSocket-Protocol": f"ticket.{key}, telemetry.v1"},
    ):
        assert rest.request("GET", "/api/robots", headers=headers).status == 401, headers
    assert handshake(server, "/upstream", {"Sec-WebSocket-Protocol": f"ticket.{key}"})[0] == 401
    trailer = (
        "POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
        "Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n"
        f"0\r\nAuthorization: Bearer {key}\r\n\r\n"
    )
    assert statuses(talk(server, trailer.encode())) == [401]


def test_a_key_in_the_query_is_refused_with_the_advice_to_revoke_it(server, keys):
    key = keys.made["admin"]
    for path in (
        f"/api/robots?access_token={key}",
        f"/api/robots?limit=1&access%5Ftoken={key}",
        "/api/robots?access_token",
        f"/api/events?robot=other&access_token={key}",
        f"/livez?access_token={key}",
        f"/upstream?access_token={key}",
    ):
        for shown in ({}, bearer(key)):
            answer = server.rest().request("GET", path, headers=shown)
            assert answer.status == 400, path
            assert "revoke" in answer.json()["detail"]
            assert key not in answer.text
    assert handshake(server, f"/upstream?access_token={key}", bearer(key))[0] == 400


# On the wire


def talk(server, data, seconds=20.0):
    """Sends `data` in one piece, ends the sending side, and returns everything that comes."""
    with socket.create_connection((server.host, server.port), timeout=seconds) as one:
        one.sendall(data)
        one.shutdown(socket.SHUT_WR)
        return read_to_end(one)


def read_to_end(one):
    answer = b""
    while part := one.recv(1 << 16):
        answer += part
    return answer


def statuses(answer):
    """The status of each answer of a connection; checks that no byte is left over."""
    found = []
    while answer:
        head, _, answer = answer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        found.append(int(lines[0].split()[1]))
        fields = {n.lower(): v.strip() for n, v in (line.split(":", 1) for line in lines[1:])}
        answer = answer[int(fields.get("content-length", 0)) :]
    return found


def get(path, key=None, version="1.1"):
    shown = f"Authorization: Bearer {key}\r\n" if key else ""
    return f"GET {path} HTTP/{version}\r\nHost: localhost\r\n{shown}\r\n".encode()


def post(body, key=None, length=None, further=""):
    shown = f"Authorization: Bearer {key}\r\n" if key else ""
    size = len(body) if length is None else length
    return (
        f"POST /api/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n{shown}"
        f"Content-Length: {size}\r\n{further}\r\n"
    ).encode() + body


def test_two_authorization_headers_are_refused(server, keys):
    reader, admin = keys.made["reader"], keys.made["admin"]

    def both(path, one, other, further=""):
        return talk(
            server,
            f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {one}\r\n{further}"
            f"Authorization: {other}\r\n\r\n".encode(),
        )

    for one, other in (
        (f"Bearer {reader}", f"Bearer {reader}"),
        (f"Bearer {reader}", f"Bearer {admin}"),
        (f"Bearer {reader}", "Basic x"),
        ("Basic x", f"Bearer {reader}"),
        ("", f"Bearer {reader}"),
    ):
        for path in ("/api/robots", "/upstream", "/livez"):
            assert statuses(both(path, one, other, "Accept: */*\r\n")) == [400], (path, one, other)


def test_malformed_authorization_lines_never_pass(server, keys):
    key = keys.made["admin"]
    for line in (
        f"Authorization : Bearer {key}",
        f" Authorization: Bearer {key}",
        f"Authorization\t: Bearer {key}",
        f"Authorization: Bearer {key}\0",
        f"Authorization: Bearer \0{key}",
        f"X: y\rAuthorization: Bearer {key}",
        f"X: y\nAuthorization: Bearer {key}",
        f"Authorization: Bearer {key[:20]}\r\n {key[20:]}",
    ):
        request = f"GET /api/robots HTTP/1.1\r\nHost: x\r\n{line}\r\n\r\n".encode()
        assert statuses(talk(server, request))[0] in (400, 401), line


def test_a_refusal_comes_before_the_body_and_closes(server, keys):
    for key, expected in (
        (None, b"401"),
        (keys.made["bad"], b"401"),
        (keys.made["expired"], b"401"),
        (keys.made["reader"], b"403"),
    ):
        for further in ("", "Expect: 100-continue\r\n"):
            with socket.create_connection((server.host, server.port), timeout=20) as one:
                one.sendall(post(b"1,2,3,never", key, length=8 << 20, further=further))
                answer = read_to_end(one)  # to the end, although the body has not come
            assert answer.startswith(b"HTTP/1.1 " + expected), answer
            assert b"\r\nConnection: close\r\n" in answer
            assert b"100 Continue" not in answer
            assert len(statuses(answer)) == 1


def test_the_size_of_a_body_is_judged_after_the_right(server, keys):
    """Otherwise everybody could learn the limit."""
    for key, expected in ((None, 401), (keys.made["reader"], 403), (keys.made["producer"], 413)):
        assert statuses(talk(server, post(b"", key, length=1 << 40))) == [expected]


def test_a_chunked_body_is_not_read_before_the_refusal(server):
    head = (
        b"POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection((server.host, server.port), timeout=20) as one:
        one.sendall(head + b"5\r\n1,2,3")
        answer = read_to_end(one)
    assert statuses(answer) == [401]
    assert b"\r\nConnection: close\r\n" in answer


def test_what_follows_an_unread_body_is_no_request(server, keys):
    """A request inside a body that is on its way when its head is refused."""
    inside = get("/api/robots", keys.made["admin"])
    assert statuses(talk(server, post(inside, None, length=100_000))) == [401]
    assert statuses(talk(server, post(inside, keys.made["reader"], length=100_000))) == [403]
    # The whole body is there, so the connection may go on, but behind the body.
    answers = statuses(talk(server, post(inside, None) + get("/livez")))
    assert answers in ([401], [401, 200])


def test_a_refusal_without_a_body_keeps_the_connection(server, keys):
    with socket.create_connection((server.host, server.port), timeout=20) as one:
        for key, expected in ((None, 401), (keys.made["reader"], 200), (keys.made["bad"], 401)):
            one.sendall(get("/api/robots/other", key))
            answer = b""
            while b"}\n" not in answer:
                answer += one.recv(1 << 16)
            assert statuses(answer) == [expected]
            assert b"Connection: close" not in answer


def test_the_right_belongs_to_the_request(server, keys):
    """As a proxy does it: requests of several clients over one connection."""
    rest = server.rest()
    key = keys.made
    for shown, path, expected in 3 * [
        (key["admin"], "/api/robots/other", 200),
        (None, "/api/robots/other", 401),
        (key["site"], "/api/robots/other", 404),
        (key["producer"], "/api/robots/other", 403),
        (key["reader"], "/api/robots/other", 200),
        (key["bad"], "/api/robots/other", 401),
        (None, "/livez", 200),
        (None, "/api/robots", 401),
    ]:
        answer = rest.request("GET", path, headers=bearer(shown) if shown else {})
        assert answer.status == expected, (shown, path)


def test_pipelined_requests_have_each_their_own_right(server, keys):
    key = keys.made
    requests = [
        (get("/api/robots/other", key["admin"]), 200),
        (get("/api/robots/other"), 401),
        (get("/api/robots/other", key["site"]), 404),
        (post(b"1,2,3,r\n", key["reader"]), 403),
        (post(b"", key["producer"]), 200),
        (get("/api/robots/other", key["producer"]), 403),
        (post(b""), 401),
        (get("/livez"), 200),
        (get("/api/robots/other", key["expired"]), 401),
        (get("/api/robots/other", key["reader"]), 200),
    ] * 3
    answer = talk(server, b"".join(request for request, _ in requests))
    assert statuses(answer) == [expected for _, expected in requests]


def test_a_pipelined_handshake_shows_its_own_key(server, keys):
    upgrade = (
        "GET /upstream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    )
    first = get("/livez", keys.made["admin"])
    assert statuses(talk(server, first + f"{upgrade}\r\n".encode())) == [200, 401]
    shown = f"{upgrade}Authorization: Bearer {keys.made['reader']}\r\n\r\n"
    assert statuses(talk(server, first + shown.encode())) == [200, 403]


def test_http_1_0(server, keys):
    def ask(key, further="", path="/api/robots/other"):
        shown = f"Authorization: Bearer {key}\r\n" if key else ""
        return talk(server, f"GET {path} HTTP/1.0\r\n{further}{shown}\r\n".encode())

    for key, expected in (
        (None, 401),
        (keys.made["bad"], 401),
        (keys.made["producer"], 403),
        (keys.made["reader"], 200),
    ):
        answer = ask(key)
        assert statuses(answer) == [expected]
        assert (b"WWW-Authenticate: Bearer" in answer) == (expected in (401, 403))
        assert statuses(ask(key, "Host: x\r\nConnection: keep-alive\r\n")) == [expected]
    upgrade = (
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    )
    assert statuses(ask(None, upgrade, "/upstream")) == [401]
    assert statuses(ask(keys.made["producer"], upgrade, "/upstream")) == [426]


def test_a_bad_handshake_without_a_right_is_401_first(server, keys):
    """Faults of the handshake are told to callers who may open one."""
    bad_version = (
        "GET /upstream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 12\r\n"
    )
    for key, expected in ((None, 401), (keys.made["reader"], 403), (keys.made["producer"], 426)):
        shown = f"Authorization: Bearer {key}\r\n" if key else ""
        assert statuses(talk(server, f"{bad_version}{shown}\r\n".encode())) == [expected]


def test_refused_events_are_not_stored(server, keys):
    """After all of the above: no event of a caller without the right has arrived."""
    for key in (None, keys.made["bad"], keys.made["reader"], keys.made["expired"]):
        talk(server, post(b"1,2,3,refused\n", key))
        talk(server, post(b"1,2,3,refused\n", key, length=10_000))
    rest = server.rest()
    names = [r["name"] for r in rest.get("/api/robots", **bearer(keys.made["admin"])).json()]
    assert names == ["other", "site/1"]


def test_refusals_are_answered_while_a_body_pours_in(server):
    """A client that does not stop sending gets its 401, and is cut some time."""
    with socket.create_connection((server.host, server.port), timeout=20) as one:
        one.sendall(
            b"POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        answer = one.recv(1 << 16)
        assert answer.startswith(b"HTTP/1.1 401")
        one.settimeout(0.2)
        sent, deadline = 0, time.monotonic() + 20

        def is_cut():
            nonlocal sent
            try:
                sent += one.send(b"10000\r\n" + b"1,2,3,r\n" * 8192 + b"\r\n")
            except TimeoutError:
                return False
            except OSError:
                return True
            return time.monotonic() > deadline

        wait_until(is_cut, "the connection is cut", step=0)
        assert sent < 80 << 20, "64 MiB are thrown away, and the rest is the kernel's"


def test_the_log_names_the_key_that_is_refused(server, keys):
    """Otherwise an operator cannot tell whose key lacks a scope."""
    rest = server.rest()
    rest.request("GET", "/api/robots", headers=bearer(keys.made["revoked"]))
    rest.request("GET", "/api/robots", headers=bearer(keys.made["producer"]))
    rest.request("GET", "/api/robots", headers=bearer(keys.made["unknown"]))
    lines = {"revoked": "revoked", "unknown": "", "scope": "producer|reader|site"}
    for reason, name in lines.items():
        server.wait_log(rf'access refused.*reason="?{reason}.*key="?({name})"?\s', seconds=2)
