"""docs/PROTOCOL.md §4: robots, events, odometer, paging, query parameters, methods."""

import gzip
import re
from urllib.parse import quote, urljoin

import pytest
from telemetryd import robot_path
from websocket_client import WebSocket

ROBOT_KEYS = [
    "created_time", "events", "last_timestamp", "last_x", "last_y", "name", "odometer",
    "removed_time", "updated_time",
]  # fmt: skip
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$")
LIST_NAMES = ["", "B", "a", "a b", "a+b", "a/b", "a%2Fb", "b", "é", "ﬀ", "🤖"]
TIMES = [0, 10, 20, 30, 40, 50]


@pytest.fixture(scope="module")
def server(make_module_server):
    """Holds `path` with an event each 10 ms and robots named list:…"""
    server = make_module_server({"ingest.future_limit": 0}).start()
    with WebSocket(server) as socket:
        for timestamp in TIMES:
            assert socket.ask(f"{timestamp},0.5,{timestamp},path") == "OK"
        assert socket.ask("1,2,9007199254740991,latest possible") == "OK"
        for name in LIST_NAMES:
            assert socket.ask(f"1,2,3,list:{name}") == "OK"
    return server


@pytest.fixture
def rest(server):
    return server.rest()


def timestamps(rest, query):
    return [event["timestamp"] for event in rest.events("path", query)]


def next_link(answer):
    """The target of rel="next", or None."""
    link = answer.headers.get("link")
    if link is None:
        return None
    found = re.fullmatch(r'<([^>]*)>; rel="next"', link)
    assert found, link
    return found.group(1)


def pages(rest, path):
    """The JSON of `path` and of all pages after it."""
    while path is not None:
        answer = rest.get(path)
        assert answer.status == 200
        yield answer.json()
        link = next_link(answer)
        path = urljoin(path, link) if link else None


# Robots


def test_robot_object_has_all_keys_in_order(rest):
    robot = rest.robot("path")
    assert list(robot) == ROBOT_KEYS
    assert TIME.match(robot["created_time"]) and TIME.match(robot["updated_time"])
    assert (robot["name"], robot["events"], robot["removed_time"]) == ("path", 6, 0)
    assert (robot["last_timestamp"], robot["last_x"], robot["last_y"]) == (50, 50.0, 0.5)
    assert robot["odometer"] == 50.0


def test_updated_time_is_null_while_there_is_one_event(rest):
    assert rest.robot("list:a")["updated_time"] is None


def test_unknown_robot_is_404(rest):
    answer = rest.get("/api/robots/nobody")
    assert answer.status == 404
    assert answer.content_type == "application/problem+json"


def test_robots_are_listed_whole_in_bytewise_order(rest):
    names = [robot["name"] for robot in rest.robots()]
    assert names == sorted(names, key=str.encode)
    assert set(names) == {"path", "latest possible"} | {f"list:{name}" for name in LIST_NAMES}


def test_listed_robot_equals_the_single_one(rest):
    for robot in rest.robots():
        assert robot == rest.robot(robot["name"])


@pytest.mark.parametrize("limit", [1, 2, 5, 12, 13, 14, 100000])
def test_robots_page_through_links_without_gap_or_repeat(rest, limit):
    found = list(pages(rest, f"/api/robots?limit={limit}"))
    assert [robot for page in found for robot in page] == rest.robots()
    assert all(len(page) <= limit for page in found)
    assert all(len(page) == limit for page in found[:-1])


@pytest.mark.parametrize("name", LIST_NAMES)
def test_after_is_an_exclusive_name(rest, name):
    after = quote(f"list:{name}", safe="")
    found = [robot["name"] for robot in rest.get(f"/api/robots?limit=3&after={after}").json()]
    everyone = [robot["name"] for robot in rest.robots()]
    start = everyone.index(f"list:{name}") + 1
    assert found == everyone[start : start + 3]


def test_plus_in_a_query_is_a_space(rest):
    for after, first in (("list:a+b", "list:a%2Fb"), ("list:a%20b", "list:a%2Fb"), ("list:a%2Bb", "list:a/b")):
        found = rest.get(f"/api/robots?limit=1&after={after}").json()
        assert [robot["name"] for robot in found] == [first], after


def test_after_need_not_be_a_known_robot(rest):
    found = rest.get("/api/robots?limit=1&after=list:a0").json()
    assert [robot["name"] for robot in found] == ["list:b"]


def test_name_is_percent_decoded_once(rest):
    assert rest.get("/api/robots/list:a%2Fb").json()["name"] == "list:a/b"
    assert rest.get("/api/robots/list:a%252Fb").json()["name"] == "list:a%2Fb"
    assert rest.get("/api/robots/list:a+b").json()["name"] == "list:a+b"
    assert rest.get("/api/robots/list:a%20b").json()["name"] == "list:a b"
    assert rest.get("/api/robots/%6Cist:%C3%A9").json()["name"] == "list:é"


# Events


@pytest.mark.parametrize(
    "query, expected",
    [
        ("", TIMES),
        ("?start_time=10", [10, 20, 30, 40, 50]),
        ("?end_time=10", [0, 10]),
        ("?start_time=10&end_time=30", [10, 20, 30]),
        ("?start_time=11&end_time=29", [20]),
        ("?start_time=30&end_time=10", [10, 20, 30]),
        ("?start_time=21&end_time=29", []),
        ("?start_time=51", []),
        ("?start_time=0&end_time=0", [0]),
        ("?end_time=9007199254740991", TIMES),
        ("?end_time=9007199254740992", TIMES),
        ("?end_time=99999999999999999999999999", TIMES),
        ("?start_time=99999999999999999999999999", []),
        ("?start_time=007&end_time=0020", [10, 20]),
    ],
)
def test_events_in_a_range_are_inclusive_at_both_ends(rest, query, expected):
    assert timestamps(rest, query) == expected
    inside = [t for t in TIMES if t in expected]
    assert rest.odometer("path", query) == (float(inside[-1] - inside[0]) if inside else 0.0)


def test_time_beyond_the_greatest_is_the_greatest(rest):
    query = "?start_time=9007199254740999"
    assert len(rest.events("latest possible", query)) == 1


@pytest.mark.parametrize("value", ["", "1.5", "1.0", "-1", "abc", "1e3", "0x1", "nan", "1,2", "%20"])
@pytest.mark.parametrize("key", ["start_time", "end_time"])
@pytest.mark.parametrize("what", ["events", "odometer"])
def test_bad_time_is_400(rest, what, key, value):
    answer = rest.get(f"/api/robots/path/{what}?{key}={value}")
    assert answer.status == 400
    assert answer.content_type == "application/problem+json"
    assert key in answer.json()["detail"]


def test_events_of_an_unknown_robot_are_an_empty_array(rest):
    assert rest.events("nobody") == []


def test_event_has_all_keys_in_order(rest):
    assert list(rest.events("path")[0]) == ["robot", "timestamp", "x", "y"]


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 6, 7])
def test_events_page_through_links_without_gap_or_repeat(rest, limit):
    found = list(pages(rest, f"/api/robots/path/events?limit={limit}"))
    assert [event["timestamp"] for page in found for event in page] == TIMES
    assert all(len(page) == limit for page in found[:-1])


def test_links_keep_range_and_format(rest):
    path = "/api/robots/path/events?start_time=10&end_time=40&limit=2&format=json"
    found = [event["timestamp"] for page in pages(rest, path) for event in page]
    assert found == [10, 20, 30, 40]


def test_after_is_an_exclusive_timestamp(rest):
    assert timestamps(rest, "?after=20") == [30, 40, 50]
    assert timestamps(rest, "?after=20&limit=1") == [30]
    assert timestamps(rest, "?after=25&end_time=40") == [30, 40]
    assert timestamps(rest, "?after=50") == []


@pytest.mark.parametrize("path", ["/api/robots", "/api/robots/path/events"])
@pytest.mark.parametrize("limit", ["0", "-1", "100001", "abc", "", "1.5"])
def test_limit_outside_1_to_100000_is_400(rest, path, limit):
    answer = rest.get(f"{path}?limit={limit}")
    assert answer.status == 400
    assert "limit" in answer.json()["detail"]


@pytest.mark.parametrize("after", ["", "abc", "-1", "1.5"])
def test_events_after_something_else_than_a_timestamp_is_400(rest, after):
    assert rest.get(f"/api/robots/path/events?after={after}").status == 400


# Odometer


def test_odometer_answer_has_its_keys_in_order(rest):
    answer = rest.get("/api/robots/path/odometer")
    assert answer.text == '{"odometer":50.0,"robot":"path"}\n'


def test_odometer_of_an_unknown_robot_is_zero(rest):
    answer = rest.get("/api/robots/nobody/odometer?start_time=1")
    assert answer.text == '{"odometer":0.0,"robot":"nobody"}\n'


# Operations and methods


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/version"])
def test_operations_answer_200(rest, path):
    assert rest.get(path).status == 200


def test_version_names_the_version(rest):
    assert re.search(r'"version":"\d+\.\d+\.\d+', rest.get("/version").text)


GET_PATHS = [
    "/api/robots", robot_path("path"), "/api/robots/path/events", "/api/robots/path/odometer",
    "/api/events?robot=path", "/api/odometer?robot=path", "/api/robots?name=path",
    "/livez", "/readyz", "/version",
]  # fmt: skip
#: Whose path also takes a POST.
ALSO_POST = "/api/events?robot=path"


@pytest.mark.parametrize("path", GET_PATHS)
def test_head_is_get_without_the_body(rest, path):
    head, get = rest.request("HEAD", path), rest.get(path)
    assert head.status == get.status == 200
    assert head.body == b""
    assert head.content_type == get.content_type
    if "content-length" in head.headers:
        assert head.headers["content-length"] == str(len(get.body))


@pytest.mark.parametrize(
    "path, allowed",
    [(path, {"GET", "HEAD", "OPTIONS"}) for path in GET_PATHS if path != ALSO_POST]
    + [("/api/events", {"GET", "HEAD", "POST", "OPTIONS"}), ("*", {"GET", "HEAD", "POST", "OPTIONS"})]
    + [(path, {"OPTIONS"}) for path in ("/", "/nowhere", "/api/robots/")],
)
def test_options_tells_the_methods(rest, path, allowed):
    answer = rest.request("OPTIONS", path)
    assert answer.status == 204
    assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
@pytest.mark.parametrize("path", [path for path in GET_PATHS if path != ALSO_POST])
def test_other_method_is_405_with_allow(rest, method, path):
    answer = rest.request(method, path)
    assert answer.status == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_other_method_on_events_is_405_with_allow(rest, method):
    answer = rest.request(method, "/api/events")
    assert answer.status == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}


# Names in the query


@pytest.mark.parametrize("name", ["a/b", ".", "..", "a%2Fb", "a+b c", "é"])
def test_query_names_robots_that_a_path_may_not(rest, name):
    rest.post_lines([f"0,0,1,{name}", f"3,4,2,{name}"])
    query = quote(name, safe="")
    (robot,) = rest.get(f"/api/robots?name={query}").json()
    assert robot == rest.robot(name)
    assert rest.get(f"/api/odometer?robot={query}&start_time=1").json() == {"odometer": 5.0, "robot": name}
    answer = rest.get(f"/api/events?robot={query}&limit=1")
    assert [event["robot"] for event in answer.json()] == [name]
    following = rest.get(urljoin("/api/events", next_link(answer)))
    assert [event["timestamp"] for event in following.json()] == [2]


def test_query_without_the_robot_is_400(rest):
    for path in ("/api/events", "/api/odometer", "/api/events?robot=a&robot=a", "/api/robots?name=%ff"):
        assert rest.get(path).status == 400


def test_list_of_an_unknown_name_is_empty(rest):
    for name in ("nobody", "", "a,b"):
        assert rest.get(f"/api/robots?name={quote(name)}").text == "[]\n"


@pytest.mark.parametrize("path", ["/api/robots/.", "/api/robots/./odometer", "/api/robots/../robots", "/../livez"])
def test_dot_segments_are_400_and_name_the_query(rest, path):
    answer = rest.get(path)
    assert answer.status == 400
    assert "/api/robots?name=" in answer.json()["detail"]


# Compression


def test_long_answers_are_gzip_if_the_client_wants_it(rest):
    for path in ("/api/robots", "/api/events?robot=path&format=csv"):
        plain = rest.get(path)
        packed = rest.get(path, Accept_Encoding="br, gzip;q=0.5")
        if len(plain.body) < 1024:
            assert "content-encoding" not in packed.headers
            continue
        assert packed.headers["content-encoding"] == "gzip"
        assert "Accept-Encoding" in packed.headers["vary"] and "Accept-Encoding" in plain.headers["vary"]
        assert gzip.decompress(packed.body) == plain.body
        head = rest.request("HEAD", path, headers={"Accept-Encoding": "gzip"})
        assert head.headers["content-length"] == str(len(packed.body))
        for unwanted in ("", "identity", "gzip;q=0", "gzip;q=0.4, identity;q=0.5"):
            assert "content-encoding" not in rest.get(path, Accept_Encoding=unwanted).headers


# Spreadsheets


def test_csv_is_made_harmless_for_spreadsheets_only_if_asked(rest):
    rest.post_lines(["-1,2,3,=1+1"])
    path = "/api/events?robot=%3D1%2B1&format=csv"
    assert rest.get(path).text.endswith("-1.0,2.0,3,=1+1\r\n")
    assert rest.get(path + "&safe=1").text.endswith("-1.0,2.0,3,'=1+1\r\n")
    assert rest.get(path + "&safe=yes").status == 400
