"""docs/PROTOCOL.md §3, POST /api/events: CSV, JSON and NDJSON bodies, counts, errors."""

import csv
import gzip
import io
import json
import time

import pytest

KEYS = ["accepted", "conflict", "duplicate", "errors", "invalid", "stale"]
CSV, JSON, NDJSON = "text/csv", "application/json", "application/x-ndjson"


@pytest.fixture(scope="module")
def server(make_module_server):
    return make_module_server({"reorder.window": "1h"}).start()


@pytest.fixture
def rest(server):
    return server.rest()


def counts(answer):
    """The counts that are not zero, and the lines of the errors."""
    assert answer.status == 200, answer
    found = answer.json()
    lines = [error["line"] for error in found.pop("errors")]
    return {key: n for key, n in found.items() if n}, lines


def event(robot, timestamp, x=0.0, y=0.0):
    return {"robot": robot, "timestamp": timestamp, "x": x, "y": y}


def body(content_type, events):
    """Events in the format of `content_type`."""
    if content_type == CSV:
        return "".join(f"{e['x']},{e['y']},{e['timestamp']},{e['robot']}\n" for e in events)
    if content_type == NDJSON:
        return "".join(json.dumps(e) + "\n" for e in events)
    return json.dumps(events)


@pytest.mark.parametrize("content_type", [CSV, JSON, NDJSON])
def test_each_format_is_stored_and_counted(rest, content_type):
    name = f"format {content_type}"
    first = [event(name, n, n / 4, -n) for n in range(10)]
    assert counts(rest.post("/api/events", body(content_type, first), content_type)) == (
        {"accepted": 10},
        [],
    )
    again = first[:4] + [event(name, 5, 99.0)] + [event(name, 10)]
    assert counts(rest.post("/api/events", body(content_type, again), content_type)) == (
        {"accepted": 1, "duplicate": 4, "conflict": 1},
        [],
    )
    assert rest.events(name) == first + [event(name, 10)]


def test_answer_is_compact_json_with_all_keys_in_order(rest):
    answer = rest.post("/api/events", "1,2,3,keys\nbad\n", CSV)
    assert answer.content_type == "application/json"
    assert list(answer.json()) == KEYS
    assert list(answer.json()["errors"][0]) == ["line", "reason"]
    assert answer.text.endswith("}\n") and answer.text.count("\n") == 1
    assert answer.text.startswith('{"accepted":1,"conflict":0,')


def test_answer_means_durable(make_server):
    server = make_server().start()
    assert server.rest().post_lines(["1,2,3,kept"])["accepted"] == 1
    server.kill().start()
    assert server.rest().robot("kept")["events"] == 1


def test_stale_events_are_counted(make_server):
    server = make_server({"reorder.window": "1ms", "checkpoint.interval": "20ms"}).start()
    rest = server.rest()
    assert rest.post_lines(["0,0,100,r"])["accepted"] == 1
    assert server.terminate() == 0
    server.start()
    assert server.rest().post_lines(["0,0,1,r", "0,0,2,r", "0,0,101,r"]) == {
        "accepted": 1, "conflict": 0, "duplicate": 0, "errors": [], "invalid": 0, "stale": 2,
    }  # fmt: skip


@pytest.mark.parametrize("content_type", [CSV, NDJSON])
def test_bad_lines_are_listed_by_number_and_the_others_stored(rest, content_type):
    name = f"bad lines {content_type}"
    lines = body(content_type, [event(name, n) for n in range(6)]).splitlines()
    lines[1] = "nonsense"
    lines[4] = lines[4].replace(name, "")
    answer = rest.post("/api/events", "\n".join(lines), content_type)
    assert counts(answer) == ({"accepted": 4, "invalid": 2}, [2, 5])
    assert all(error["reason"] for error in answer.json()["errors"])
    assert [e["timestamp"] for e in rest.events(name)] == [0, 2, 3, 5]


@pytest.mark.parametrize("content_type", [CSV, JSON, NDJSON])
def test_event_in_the_future_is_an_error_with_its_place(rest, content_type):
    name = f"future {content_type}"
    far = int(time.time() * 1000) + 7_200_000
    events = [event(name, 1), event(name, far), event(name, 2)]
    answer = rest.post("/api/events", body(content_type, events), content_type)
    assert counts(answer) == ({"accepted": 2, "invalid": 1}, [2])
    assert "timestamp" in answer.json()["errors"][0]["reason"]


def test_errors_are_capped_at_100_and_counts_are_exact(rest):
    lines = "".join("bad\n" if n % 2 else f"0,0,{n},capped\n" for n in range(600))
    answer = rest.post("/api/events", lines, CSV)
    found, error_lines = counts(answer)
    assert found == {"accepted": 300, "invalid": 300}
    assert error_lines == list(range(2, 202, 2))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "7",
        '{"robot":"whole","x":1,"y":2,"timestamp":3}',
        "[{]",
        '[{"robot":"whole","x":1,"y":2,"timestamp":3},',
        '[{"robot":"whole","x":1,"y":2,"timestamp":3},7]',
        '[{"robot":"whole","x":1,"y":2,"timestamp":3},{"robot":"whole","x":1,"y":2}]',
        '[{"robot":"whole","x":1,"y":2,"timestamp":3},{"robot":"whole","x":"1","y":2,"timestamp":4}]',
        '[{"robot":"whole","x":1,"y":2,"timestamp":3},{"robot":"whole","x":1,"y":2,"timestamp":4.5}]',
        '[{"robot":"whole","x":1,"y":2,"timestamp":3},{"robot":"whole","x":1,"y":2,"timestamp":-4}]',
        '[{"robot":"whole","x":1,"y":2,"timestamp":3},{"robot":"whole","x":1e16,"y":2,"timestamp":4}]',
        '[{"robot":"whole","x":1,"y":2,"timestamp":3},{"robot":"","x":1,"y":2,"timestamp":4}]',
        '[{"robot":"whole","x":1,"y":2,"timestamp":3},{"robot":"a,b","x":1,"y":2,"timestamp":4}]',
        '[{"robot":"whole","x":1,"y":2,"timestamp":3},{"robot":7,"x":1,"y":2,"timestamp":4}]',
        '[{"robot":"whole","x":null,"y":2,"timestamp":3}]',
        '[{"robot":"whole","x":1,"y":2,"timestamp":3}] trailing',
        '[{"robot":"whole\\u0000","x":1,"y":2,"timestamp":3}]',
        '[{"robot":"whole","x":1,"y":2,"timestamp":9007199254740992}]',
    ],
)
def test_bad_json_body_is_refused_as_a_whole(rest, text):
    answer = rest.post("/api/events", text, JSON)
    assert answer.status == 400
    assert answer.content_type == "application/problem+json"
    assert rest.robot("whole") is None, "nothing is stored"


def test_json_with_bad_utf8_is_refused(rest):
    text = b'[{"robot":"\xff","x":1,"y":2,"timestamp":3}]'
    assert rest.post("/api/events", text, JSON).status == 400


@pytest.mark.parametrize("content_type", [JSON, NDJSON])
def test_unknown_json_keys_are_ignored(rest, content_type):
    one = {**event(f"extra {content_type}", 1), "speed": 3, "tags": ["a", {"b": None}]}
    assert counts(rest.post("/api/events", body(content_type, [one]), content_type))[0] == {
        "accepted": 1
    }


def test_empty_json_array_is_nothing(rest):
    assert counts(rest.post("/api/events", "[]", JSON)) == ({}, [])


def test_whole_numbers_are_coordinates_in_json(rest):
    text = '[{"robot":"ints","x":1,"y":-2,"timestamp":3}]'
    assert counts(rest.post("/api/events", text, JSON))[0] == {"accepted": 1}
    assert rest.events("ints") == [event("ints", 3, 1.0, -2.0)]


@pytest.mark.parametrize("content_type", [JSON, NDJSON])
def test_whole_timestamp_may_be_written_in_any_way_in_json(rest, content_type):
    name = f"whole times {content_type}"
    times = ["1700000000001.0", "1.7e12", "17000000000020e-1", "3.0"]
    elements = [f'{{"robot":"{name}","x":1,"y":2,"timestamp":{time}}}' for time in times]
    text = "\n".join(elements) if content_type == NDJSON else f"[{','.join(elements)}]"
    assert counts(rest.post("/api/events", text, content_type))[0] == {"accepted": 4}
    found = [event["timestamp"] for event in rest.events(name)]
    assert found == [3, 1700000000000, 1700000000001, 1700000000002]


@pytest.mark.parametrize("content_type", [CSV, JSON, NDJSON])
def test_byte_order_mark_is_skipped(rest, content_type):
    name = f"byte order mark {content_type}"
    text = body(content_type, [event(name, 1), event(name, 2)]).encode("utf-8-sig")
    assert counts(rest.post("/api/events", text, content_type)) == ({"accepted": 2}, [])


def test_csv_header_is_skipped(rest):
    text = "x,y,timestamp,robot_name\r\n1,2,3,header\r\n"
    assert counts(rest.post("/api/events", text, CSV)) == ({"accepted": 1}, [])


@pytest.mark.parametrize(
    "header, line",
    [
        ("y,x,timestamp,robot_name", "2,1,3,{}"),
        ("robot,timestamp,x,y", "{},3,1,2"),
        ("timestamp,speed,robot,x,y,note", '3,9.5,{},1,2,"a, b"'),
        ('"robot_name","y","x","timestamp"', '"{}","2","1","3"'),
    ],
)
def test_csv_header_names_the_columns(rest, header, line):
    name = f"by {header}".replace(",", " ").replace('"', "")
    answer = rest.post("/api/events", f"{header}\n{line.format(name)}\n", CSV)
    assert counts(answer) == ({"accepted": 1}, [])
    assert rest.events(name) == [event(name, 3, 1.0, 2.0)]


@pytest.mark.parametrize(
    "header, missing",
    [("robot,time,x,y", "timestamp"), ("x,lat,timestamp,robot", "y"), ("x,y,timestamp", "robot_name"),
     ("lat,lon,time,id", "none of x, y, timestamp, robot_name")],
)
def test_csv_header_without_a_column_is_400(rest, header, missing):
    answer = rest.post("/api/events", f"{header}\n1,2,3,headless\n", CSV)
    assert answer.status == 400
    assert missing in answer.json()["detail"]
    assert rest.robot("headless") is None, "nothing is stored"


def test_csv_header_counts_as_a_line(rest):
    text = "x,y,timestamp,robot_name\n1,2,3,counted\nbad\n"
    assert counts(rest.post("/api/events", text, CSV)) == ({"accepted": 1, "invalid": 1}, [3])


def test_csv_name_may_be_quoted(rest):
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_NONNUMERIC).writerow([1.0, 2.0, 3, 'the "quoted" one'])
    assert counts(rest.post("/api/events", out.getvalue(), CSV))[0] == {"accepted": 1}
    assert rest.robot('the "quoted" one')["events"] == 1


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_any_csv_field_may_be_quoted(rest, line_end):
    name = f"quoted {len(line_end)}"
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=line_end)
    writer.writerows([[1.5, 2.5, 1795911637676, name], [-1, 2, 1795911637677, name]])
    assert counts(rest.post("/api/events", out.getvalue(), CSV)) == ({"accepted": 2}, [])
    assert rest.events(name) == [
        event(name, 1795911637676, 1.5, 2.5),
        event(name, 1795911637677, -1.0, 2.0),
    ]


def test_csv_with_bad_utf8_is_an_invalid_line(rest):
    answer = rest.post("/api/events", b"1,2,3,\xff\n1,2,3,beside bad UTF-8\n", CSV)
    assert counts(answer) == ({"accepted": 1, "invalid": 1}, [1])


def test_last_line_needs_no_end(rest):
    assert counts(rest.post("/api/events", "1,2,3,open\n1,2,4,open", CSV))[0] == {"accepted": 2}


@pytest.mark.parametrize("content_type", [CSV, JSON, NDJSON])
def test_gzip_body_is_inflated(rest, content_type):
    name = f"gzip {content_type}"
    text = body(content_type, [event(name, n) for n in range(1000)])
    coded = {"Content-Type": content_type, "Content-Encoding": "gzip"}
    answer = rest.request("POST", "/api/events", gzip.compress(text.encode()), coded)
    assert counts(answer) == ({"accepted": 1000}, [])


def test_gzip_bomb_cut_gzip_and_other_codings_are_refused(make_server):
    rest = make_server({"ingest.max_body": "100KiB"}).start().rest()

    def status(data, coding="gzip"):
        coded = {"Content-Type": CSV, "Content-Encoding": coding}
        answer = rest.request("POST", "/api/events", data, coded)
        return answer.status, answer.headers.get("accept-encoding")

    line = b"1,2,3,bomb\n"
    assert status(gzip.compress(line * 1_000_000)) == (413, None)
    assert status(gzip.compress(line)[:-1]) == (400, None)
    assert status(line) == (400, None)
    assert status(line, "br") == (415, "gzip")
    assert rest.robot("bomb") is None, "nothing is stored"


def test_content_type_may_have_parameters(rest):
    assert counts(rest.post("/api/events", "1,2,3,param", "text/csv; charset=utf-8"))[0] == {
        "accepted": 1
    }


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "text/csvx", ""])
def test_other_content_types_are_415(rest, content_type):
    answer = rest.post("/api/events", "1,2,3,type", content_type)
    assert answer.status == 415
    assert answer.content_type == "application/problem+json"


def test_missing_content_type_is_415(rest):
    assert rest.request("POST", "/api/events", b"1,2,3,type").status == 415


def test_415_gives_the_line_to_type(rest):
    answer = rest.post("/api/events", "1,2,3,type", "application/x-www-form-urlencoded")
    assert answer.status == 415
    assert "curl -H 'Content-Type: text/csv' --data-binary @" in answer.json()["detail"]


def test_large_body_is_taken_whole(rest):
    lines = [f"{n},0,{n},large {n % 100}" for n in range(100_000)]
    assert rest.post_lines(lines)["accepted"] == 100_000
    assert rest.odometer("large 7") == 99_900.0


def test_chunked_body_is_taken(rest):
    answer = rest.request(
        "POST", "/api/events", iter([b"1,2,3,chun", b"ked\n1,2,", b"4,chunked\n"]),
        {"Content-Type": CSV},
    )  # fmt: skip
    assert counts(answer)[0] == {"accepted": 2}


def test_later_line_of_a_body_meets_the_earlier_one(rest):
    lines = ["1,1,1,meet", "1,1,1,meet", "2,2,1,meet"]
    found = rest.post_lines(lines)
    assert (found["accepted"], found["duplicate"], found["conflict"]) == (1, 1, 1)
