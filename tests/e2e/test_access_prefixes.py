"""A robot that a key may not see is like one that does not exist: every answer has the same bytes.

Everything is asked twice, before and after the foreign robots are stored, and once more after a
restart. No answer may change.
"""

import json
import re
import socket
import unicodedata
from itertools import islice
from urllib.parse import quote, quote_from_bytes, unquote_to_bytes

import pytest
from keys import Keys, bearer
from telemetryd import wait_until
from websocket_client import WebSocket

FOREIGN_BETWEEN = 3000  # robots between, before and behind those of a key
NAMES_ASKED_ALL_ABOUT = 2  # every question about all names would take minutes
LONGEST = "\U0001f916" * 150

# So lists come from the event store, and not from the journal alone.
SOON_STORED = {"reorder.window": "20ms", "checkpoint.interval": "100ms"}

PREFIXES = {
    "one": ["site-a/"],
    "several": ["site-c/", "site-a/", "zz"],
    "overlapping": ["site-a/", "site-a/1", "site-a/11", "site-c/2"],
    "whole-name": ["site-b/7"],
    "space": [" "],
    "utf8": ["größe/"],
    # Their last bytes are 7e, 80, bf, bf and bf: the ends of what a byte can be here.
    "last-bytes": ["a~", "b\u0080", "c\u07ff", "d\uffff", "e\U0010ffff"],
    "longest": [LONGEST],
    "one-character": ["s"],
    "dots": ["../", "."],
    "many": [f"many/{n:03}/" for n in range(256)],
}

OWN = [
    "site-a/1",
    "site-a/11",
    "site-a/2",
    "site-a/\U0010ffff",
    "site-c/1",
    "site-c/2",
    "site-c/22",
    "zz",
    "zzz",
    " ",
    "  x",
    "größe/1",
    "a~",
    "a~~",
    "b\u0080",
    "b\u0080x",
    "c\u07ff1",
    "d\uffff",
    "d\uffff2",
    "e\U0010ffff",
    "e\U0010ffff3",
    LONGEST,
    "../up",
    "..",
    ".",
    "site-b/7",
    "site-b/70",
    "many/000/1",
    "many/128/1",
    "many/255/9",
]

# Names near the prefixes, and names that could be mistaken for permitted ones.
FOREIGN = [
    "site-a",
    "site-a.",
    "site-a0",
    "site-a\U0010ffff",
    "site-",
    "Site-a/1",
    "SITE-A/1",
    " site-a/1",
    "site-a /1",
    "x/../site-a/1",
    "site-a%2F1",
    "site-a\\1",
    "site-a\u22151",
    "site\u2010a/1",
    "site-b/1",
    "site-b/6\U0010ffff",
    "site-b/",
    "site-b/8",
    "z",
    "zy\U0010ffff",
    "z{",
    "!",
    "\u00a0x",
    unicodedata.normalize("NFD", "größe/1"),
    "grösse/1",
    "größe",
    "größe.",
    "größe0",
    "a}~",
    "a\u0080",
    "b\u0081",
    "b~",
    "c\u07fe\U0010ffff",
    "c\u0800",
    "d\ufffe",
    "d\U00010000",
    "e\U0010fffe\U0010ffff",
    "f",
    LONGEST[:-1],
    LONGEST[:-1] + "\U0001f917",
    "...",
    "..a",
    "-",
    "many/000",
    "many/0000/",
    "many/256/1",
    "many/255",
    "=1+1",
    "a&b=c;d?e#f",
    '"quoted"',
    "&#x27;<script>",
]


def permits(caller, name):
    return any(name.encode().startswith(one.encode()) for one in PREFIXES[caller])


def robots_of(caller, names):
    """What the key may see of these, in the order of a list."""
    return sorted((n for n in names if permits(caller, n)), key=str.encode)


def store(server, key, names, stamp=1):
    """Two events of each robot, in JSON, so that every name arrives as it is."""
    events = [
        {"robot": name, "x": 3.0 * t, "y": 4.0 * t, "timestamp": stamp + t}
        for name in names
        for t in (0, 1)
    ]
    for begin in range(0, len(events), 10_000):
        body = json.dumps(events[begin : begin + 10_000]).encode()
        headers = {"Content-Type": "application/json", **bearer(key)}
        answer = server.rest(60).request("POST", "/api/events", body, headers)
        assert answer.status == 200 and answer.json()["invalid"] == 0, answer


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    made = Keys(tmp_path_factory.mktemp("keys") / "keys")
    made.add("everything", "read", "ingest")
    for name, prefixes in PREFIXES.items():
        made.add(name, "read", "ingest", prefixes=prefixes)
    return made


@pytest.fixture(scope="module")
def server(make_module_server, keys):
    started = make_module_server({**keys.settings, **SOON_STORED}).start()
    store(started, keys.made["everything"], OWN)
    return started


WITH_BODY = ("POST", "PUT", "PATCH")  # without a length the connection would be closed


class Questions:
    """Raw requests with one key, all over one connection; answers with every byte but the date."""

    def __init__(self, server, key):
        self._key = key
        self._socket = socket.create_connection((server.host, server.port), timeout=60)
        self._input = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._input.close()
        self._socket.close()

    def ask(self, method, target, further="", body=b""):
        size = f"Content-Length: {len(body)}\r\n" if method in WITH_BODY else ""
        self._socket.sendall(
            f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self._key}"
            f"\r\n{further}{size}\r\n".encode("latin-1")
            + body
        )
        head, length, is_chunked = [], 0, False
        while (line := self._input.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            is_chunked = is_chunked or line.lower() == b"transfer-encoding: chunked\r\n"
            if name.lower() != b"date":
                head.append(line)
        assert head, f"closed instead of an answer to {method} {target}"
        if method == "HEAD":
            return b"".join(head)
        body = self._chunks() if is_chunked else self._input.read(length)
        return b"".join(head) + b"\r\n" + body

    def _chunks(self):
        body = b""
        while size := int(self._input.readline(), 16):
            body += self._input.read(size)
            self._input.readline()
        self._input.readline()
        return body


def spellings(name):
    """The name as a path segment or a query value: encoded where needed, and everywhere."""
    as_bytes = name.encode()
    segment = name.replace(".", "%2E") if name in (".", "..") else quote(name, safe="")
    yield segment
    yield "".join(f"%{byte:02X}" for byte in as_bytes)
    yield "".join(f"%{byte:02x}" for byte in as_bytes)


PARAMETERS = (
    "",
    "?limit=1",
    "?limit=2&after=1",
    "?start_time=1&end_time=1",
    "?start_time=9&end_time=0",
    "?after=99999999999999999999",
    "?format=csv",
    "?format=csv&safe=1",
    "?format=ndjson",
    "?format=geojson",
    "?format=json",
    # Faults, which are those of the question and not of the robot.
    "?format=xml",
    "?format=ndjson&safe=1",
    "?limit=0",
    "?limit=100001",
    "?limit=x",
    "?after=-1",
    "?after=",
    "?start_time=1.5",
    "?end_time=",
    "?start_time=1&start_time=1",
    "?%zz",
)
ACCEPTS = ("text/csv", "application/x-ndjson", "application/geo+json", "image/png", "*/*;q=0")


def addresses_of(name, spelt_in=3):
    for spelt in islice(spellings(name), spelt_in):
        yield f"/api/robots/{spelt}"
        yield f"/api/robots?name={spelt}"
        yield f"/api/events?robot={spelt}"
        yield f"/api/odometer?robot={spelt}"
        yield f"/api/robots/{spelt}/events"
        yield f"/api/robots/{spelt}/odometer"


def questions_about(name):
    """Method, target and further header lines of every question about one robot."""
    for address in addresses_of(name):
        yield "HEAD", address, ""
    spelt = next(spellings(name))
    for parameters in PARAMETERS:
        yield "GET", f"/api/robots/{spelt}/events{parameters}", ""
        yield "GET", f"/api/robots/{spelt}/odometer{parameters}", ""
        yield "GET", f"/api/robots/{spelt}{parameters}", ""
        more = parameters.replace("?", "&", 1)
        yield "GET", f"/api/events?robot={spelt}{more}", ""
        yield "GET", f"/api/robots?name={spelt}{more}", ""
        yield "GET", f"/api/odometer?robot={spelt}{more}", ""
    yield "GET", f"/api/robots?name={spelt}&name={spelt}", ""
    yield "GET", f"/api/events?robot={spelt}&robot={spelt}", ""
    for accept in ACCEPTS:
        yield "GET", f"/api/robots/{spelt}/events", f"Accept: {accept}\r\n"
    yield "GET", f"/api/robots/{spelt}/events", "Accept-Encoding: gzip\r\n"
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        yield method, f"/api/robots/{spelt}", ""
        yield method, f"/api/robots/{spelt}/events", ""
    yield "GET", f"/api/robots/{spelt}/../site-a%2F1", ""
    yield "GET", f"/api/robots/site-a%2F1/../{spelt}", ""
    yield "GET", f"/api/robots/{spelt}%", ""
    yield "GET", f"/api/robots/{spelt}%00", ""
    yield "GET", f"/api/robots/{spelt}%FF", ""


def afters(names):
    """Places before, inside, behind and between the robots of a key; not all are names."""
    marks = {b"", b"\x00", b"\xff", b"\x80", b"site-a/", b"site-a/\xff", b"site-b/", b"site-b/\xff"}
    for prefixes in PREFIXES.values():
        for one in prefixes[:5]:
            as_bytes = one.encode()
            marks |= {as_bytes, as_bytes[:-1], as_bytes + b"\xff", as_bytes + b"\x00"}
            marks |= {as_bytes[:-1] + bytes([as_bytes[-1] + step]) for step in (-1, 1)}
    return sorted(marks | {name.encode() for name in names})


def lists():
    for mark in afters(OWN + FOREIGN):
        for limit in ("&limit=1", "&limit=3"):
            yield "GET", f"/api/robots?after={quote_from_bytes(mark, safe='')}{limit}", ""
    for limit in ("limit=1", "limit=2", "limit=3", "limit=100000", "limit=0", "after=a&after=b"):
        yield "GET", f"/api/robots?{limit}", ""
        yield "HEAD", f"/api/robots?{limit}", ""
    yield "GET", "/api/robots", "Accept-Encoding: gzip\r\n"


def event_bodies(caller):
    """Bodies with events of robots that the key may not write to, whether they exist or not."""
    names = [name for name in FOREIGN if not permits(caller, name)]
    own = robots_of(caller, OWN)[0]
    events = [
        {"robot": name, "x": x, "y": 1.0, "timestamp": timestamp}
        for name in names
        # new; a duplicate, a conflict and a stale one if the robot exists
        for x, timestamp in ((0.0, 50), (0.0, 1), (7.5, 1), (0.0, 0))
    ]
    events.insert(3, {"robot": own, "x": 0.0, "y": 0.0, "timestamp": 1})
    yield "application/json", json.dumps(events).encode()
    yield "application/x-ndjson", "\n".join(json.dumps(one) for one in events).encode()
    yield (
        "text/csv",
        "".join(
            '{x},{y},{timestamp},"{quoted}"\n'.format(
                **one, quoted=one["robot"].replace('"', '""')
            )
            for one in events
        ).encode(),
    )


def lines_of(caller):
    names = [name for name in FOREIGN if not permits(caller, name)]
    lines = [f"{x},1,{t},{name}" for name in names for x, t in ((0, 50), (0, 1), (7.5, 1))]
    own = robots_of(caller, OWN)[0]
    return "\n".join([lines[0], f"0,0,1,{own}", *lines[1:], f"3,4,2,{own}"])


def all_answers(server, keys, caller):
    """The answers to everything that this key can ask, by question."""
    key, out = keys.made[caller], {}
    with Questions(server, key) as asked:
        foreign = [name for name in FOREIGN if not permits(caller, name)]
        about = []
        for number, name in enumerate(foreign):
            spelt_in = 3 if number % 4 == 0 else 1
            about += [("GET", address, "") for address in addresses_of(name, spelt_in)]
        for name in foreign[:NAMES_ASKED_ALL_ABOUT]:
            about += questions_about(name)
        for question in [*about, *lists()]:
            out[question] = asked.ask(*question)
        for content_type, body in event_bodies(caller):
            further = f"Content-Type: {content_type}\r\n"
            out[content_type] = asked.ask("POST", "/api/events", further, body)
    with WebSocket(server, headers=bearer(key)) as producer:
        out["lines"] = producer.ask(lines_of(caller)).encode()
    return out


def first_difference(before, after):
    for question, answer in before.items():
        if after[question] != answer:
            return question, answer, after[question]
    return None


def between(count):
    """Foreign robots before, between and behind all others, which no key above may see."""
    stems = ("!", "A", "b", "many/", "site-a-", "site-b/6", "site-d/", "t", "z-", "é", "\U0010ffff")
    return [f"{stems[n % len(stems)]}{n:05}" for n in range(count)]


# The key "one-character" may see the robots of other sites. So it takes no part where robots
# between must be foreign.
CALLERS = [name for name in PREFIXES if name != "one-character"]


def test_foreign_robots_change_no_answer(server, keys):
    before = {caller: all_answers(server, keys, caller) for caller in CALLERS}
    assert all(b"200" in answers[("GET", "/api/robots?limit=1", "")] for answers in before.values())
    foreign = FOREIGN + between(FOREIGN_BETWEEN)
    for caller in CALLERS:
        unseen = [name for name in foreign if not permits(caller, name)]
        assert len(unseen) >= len(foreign) - 4, "a test needs foreign robots"
    # Robots that one of the keys may see would change its lists, so they are not stored here.
    hidden = [n for n in foreign if not any(permits(caller, n) for caller in CALLERS)]
    store(server, keys.made["everything"], hidden)
    names = robots_seen(server, keys.made["everything"])
    assert set(hidden) < set(names) and names == sorted(names, key=str.encode)
    for caller in CALLERS:
        assert not first_difference(before[caller], all_answers(server, keys, caller)), caller
    assert server.terminate() == 0
    server.start()
    assert robots_seen(server, keys.made["everything"]) == names, "now from the store"
    for caller in CALLERS:
        assert not first_difference(before[caller], all_answers(server, keys, caller)), caller


def robots_seen(server, key, query=""):
    answer = server.rest(60).request("GET", f"/api/robots{query}", headers=bearer(key))
    assert answer.status == 200
    return [robot["name"] for robot in answer.json()]


@pytest.fixture(scope="module")
def full_server(server, keys):
    """The server with all the foreign robots, also when a test runs alone."""
    store(server, keys.made["everything"], FOREIGN + between(FOREIGN_BETWEEN))
    return server


@pytest.mark.parametrize("caller", PREFIXES)
def test_lists_hold_the_robots_of_the_prefixes_and_no_others(full_server, keys, caller):
    expected = robots_of(caller, OWN + FOREIGN + between(FOREIGN_BETWEEN))
    assert robots_seen(full_server, keys.made[caller]) == expected
    assert expected, "a test needs robots"


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("caller", CALLERS)
def test_pages_are_full_and_link_names_own_robots_only(full_server, keys, caller, size):
    expected = robots_of(caller, OWN + FOREIGN + between(FOREIGN_BETWEEN))
    rest = full_server.rest()
    query, seen = f"?limit={size}", []
    while query:
        answer = rest.request("GET", f"/api/robots{query}", headers=bearer(keys.made[caller]))
        page = [robot["name"] for robot in answer.json()]
        seen += page
        link = re.fullmatch(r'<(\?.*)>; rel="next"', answer.headers.get("link", ""))
        assert bool(link) == (len(seen) < len(expected)), "a Link to an empty page, or none"
        query = link[1] if link else None
        if link:
            assert len(page) == size
            assert unquote_to_bytes(query.split("after=")[1]) == page[-1].encode()
    assert seen == expected


@pytest.mark.parametrize("caller", CALLERS)
def test_after_any_place_comes_the_next_own_robot(full_server, keys, caller):
    everything = OWN + FOREIGN + between(FOREIGN_BETWEEN)
    expected = [name.encode() for name in robots_of(caller, everything)]
    for mark in afters(OWN + FOREIGN):
        for limit in (None, 2):
            query = f"?after={quote_from_bytes(mark, safe='')}"
            query += f"&limit={limit}" if limit else ""
            seen = robots_seen(full_server, keys.made[caller], query)
            wanted = [name for name in expected if name > mark][:limit]
            assert [name.encode() for name in seen] == wanted, (mark, limit)


@pytest.mark.parametrize("caller", PREFIXES)
def test_own_robots_are_served_in_every_way(full_server, keys, caller):
    rest, headers = full_server.rest(), bearer(keys.made[caller])
    for name in robots_of(caller, OWN):
        for spelt in spellings(name):
            for path in (f"/api/robots/{spelt}", f"/api/robots?name={spelt}"):
                answer = rest.request("GET", path, headers=headers)
                assert answer.status == 200
                found = answer.json()
                assert (found if isinstance(found, dict) else found[0])["name"] == name
            for path in (f"/api/robots/{spelt}/events", f"/api/events?robot={spelt}"):
                assert len(rest.request("GET", path, headers=headers).json()) == 2
            for path in (f"/api/robots/{spelt}/odometer", f"/api/odometer?robot={spelt}"):
                assert rest.request("GET", path, headers=headers).json()["odometer"] == 5.0


@pytest.mark.parametrize("caller", PREFIXES)
def test_a_key_writes_to_its_own_robots_only(full_server, keys, caller):
    everything = keys.made["everything"]
    foreign = [name for name in FOREIGN if not permits(caller, name)]
    rest = full_server.rest()

    def events(name):
        path = f"/api/events?robot={quote(name, safe='')}"
        return rest.request("GET", path, headers=bearer(everything)).json()

    before = [events(name) for name in foreign]
    for content_type, body in event_bodies(caller):
        answer = rest.request(
            "POST", "/api/events", body, {"Content-Type": content_type, **bearer(keys.made[caller])}
        ).json()
        assert (answer["invalid"], answer["duplicate"]) == (4 * len(foreign), 1), content_type
        assert {one["reason"] for one in answer["errors"]} == {"not allowed for this robot"}
        assert [one["line"] for one in answer["errors"]][:4] == [1, 2, 3, 5]
    with WebSocket(full_server, headers=bearer(keys.made[caller])) as producer:
        lines = producer.ask(lines_of(caller)).split("\n")
        assert lines[1] == lines[-1] == "OK"
        assert {*lines[:1], *lines[2:-1]} == {"ERR not allowed for this robot"}
    assert [events(name) for name in foreign] == before
    store(full_server, keys.made[caller], robots_of(caller, OWN), stamp=1)


def test_prefixes_that_no_name_begins_with_are_refused(keys):
    for wrong in ("", "\x7f", "a\x7f", "\n", "a,b", "\t", "x" * 151):
        refused = keys.run("add", "wrong", "--scope=read", f"--prefix={wrong}", code=None)
        assert refused.returncode in (1, 2), wrong
        assert refused.stdout == ""
    assert "wrong" not in keys.path.read_text()


@pytest.mark.databases
def test_damage_of_a_foreign_robot_is_not_told(make_server, storages, keys):
    """Its name must not be told either, for example by /readyz, which everybody may ask."""
    server = make_server({**keys.settings, **SOON_STORED}).start()
    everything, one = keys.made["everything"], keys.made["one"]
    store(server, everything, ["site-a/1", "site-a/2", "site-b/secret"])
    database = server.settings["mysql.database"]
    where = "WHERE name = 'site-b/secret' AND events = 2"
    wait_until(
        lambda: storages.mariadb.sql(f"SELECT 1 FROM robots {where}", database), "it is stored"
    )
    assert server.terminate() == 0
    storages.mariadb.sql(f"UPDATE robots SET events = 0 {where}", database)
    server.start()
    rest = server.rest()
    damaged = rest.request("GET", "/api/robots/site-b%2Fsecret", headers=bearer(everything))
    assert damaged.status == 500, "a test needs damage that is noticed"
    assert robots_seen(server, one) == ["site-a/1", "site-a/2"]
    foreign = rest.request("GET", "/api/robots/site-b%2Fsecret", headers=bearer(one))
    unknown = rest.request("GET", "/api/robots/site-b%2Fsecrex", headers=bearer(one))
    assert foreign.status == unknown.status == 404
    assert foreign.body.replace(b"secret", b"secrex") == unknown.body
    for headers in ({}, bearer(one)):
        ready = rest.request("GET", "/readyz", headers=headers)
        assert ready.status == 200 and "secret" not in ready.text, ready.text
