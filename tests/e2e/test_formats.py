"""docs/PROTOCOL.md §4: JSON, CSV, NDJSON and GeoJSON, and that an export can be posted back."""

import csv
import io
import json
import math
import re
from decimal import Decimal

import pytest
from checker import Event, Ledger
from producer import send_events
from telemetryd import robot_path

NAMES = ["plain", 'with "quotes"', '"quoted"', "ünï 🤖", " space ", "a/b?c&d", "back\\slash"]
VALUES = [
    0.0, 1.0, -2.5, 0.1, 1 / 3, 1e15, -1e15, 5e-324, 2.2250738585072014e-308, 1e-7, 123456789.125,
    1e22 / 1e8, math.pi, -math.e, 4.35, 1e3, 99999.99999999999,
]  # fmt: skip
TYPES = {
    "json": "application/json",
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "geojson": "application/geo+json",
}
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")


@pytest.fixture(scope="module")
def server(make_module_server):
    server = make_module_server({"reorder.window": "1h"}, name="origin").start()
    events = [
        Event(name, t, value, VALUES[-1 - t]) for name in NAMES for t, value in enumerate(VALUES)
    ]
    send_events(server, Ledger(), events + [Event("point", 1, 1.5, -2.0)])
    return server


@pytest.fixture(scope="module")
def twin(make_module_server):
    """A second server that gets the exports of the first."""
    return make_module_server({"reorder.window": "1h"}, name="twin").start()


@pytest.fixture
def rest(server):
    return server.rest()


def export(rest, name, form, query=""):
    answer = rest.get(f"{robot_path(name)}/events?format={form}{query}")
    assert answer.status == 200
    assert answer.content_type == TYPES[form]
    return answer


@pytest.mark.parametrize("form", ["json", "csv", "ndjson"])
@pytest.mark.parametrize("name", NAMES)
def test_export_posted_back_is_all_duplicates(rest, name, form):
    answer = rest.post("/api/events", export(rest, name, form).body, TYPES[form])
    assert answer.status == 200
    expected = {"accepted": 0, "conflict": 0, "duplicate": len(VALUES), "errors": []}
    assert answer.json() == {**expected, "invalid": 0, "stale": 0}


@pytest.mark.parametrize("form", ["json", "csv", "ndjson"])
def test_export_rebuilds_the_robot_elsewhere_bit_by_bit(rest, twin, form):
    name = NAMES[["json", "csv", "ndjson"].index(form)]
    answer = twin.rest().post("/api/events", export(rest, name, form).body, TYPES[form])
    assert answer.json()["accepted"] == len(VALUES)
    assert twin.rest().events(name) == rest.events(name)
    assert twin.rest().odometer(name) == rest.odometer(name)


@pytest.mark.parametrize("name", NAMES)
def test_all_formats_hold_the_same_events(rest, name):
    events = rest.events(name)
    assert [event["timestamp"] for event in events] == list(range(len(VALUES)))
    lines = export(rest, name, "ndjson").text.splitlines()
    assert [json.loads(line) for line in lines] == events
    rows = list(csv.reader(io.StringIO(export(rest, name, "csv").text, newline="")))
    assert rows[0] == ["x", "y", "timestamp", "robot_name"]
    assert [[float(r[0]), float(r[1]), int(r[2]), r[3]] for r in rows[1:]] == [
        [e["x"], e["y"], e["timestamp"], e["robot"]] for e in events
    ]
    feature = export(rest, name, "geojson").json()
    assert feature["geometry"]["coordinates"] == [[e["x"], e["y"]] for e in events]


def test_csv_has_the_line_ends_of_rfc_4180(rest):
    text = export(rest, "plain", "csv").text
    assert text.endswith("\r\n")
    assert text.count("\r\n") == text.count("\n") == len(VALUES) + 1


def test_ndjson_ends_each_line_with_a_newline(rest):
    text = export(rest, "plain", "ndjson").text
    assert text.endswith("}\n") and text.count("\n") == len(VALUES)


def test_geojson_of_several_events_is_a_line(rest):
    feature = export(rest, "plain", "geojson").json()
    assert feature["type"] == "Feature"
    assert feature["geometry"]["type"] == "LineString"
    assert isinstance(feature["properties"], dict)


def test_geojson_of_one_event_is_a_point(rest):
    feature = export(rest, "point", "geojson").json()
    assert feature["geometry"] == {"type": "Point", "coordinates": [1.5, -2.0]}


@pytest.mark.parametrize("name, query", [("point", "&start_time=2"), ("nobody", "")])
def test_geojson_of_no_event_has_null_geometry(rest, name, query):
    feature = export(rest, name, "geojson", query).json()
    assert feature["type"] == "Feature" and feature["geometry"] is None


@pytest.mark.parametrize("form, expected", [("csv", "x,y,timestamp,robot_name\r\n"), ("ndjson", ""), ("json", "[]\n")])  # fmt: skip
def test_export_of_nothing(rest, form, expected):
    assert export(rest, "nobody", form).text == expected


@pytest.mark.parametrize(
    "accept, form",
    [
        ("application/json", "json"),
        ("text/csv", "csv"),
        ("application/x-ndjson", "ndjson"),
        ("application/geo+json", "geojson"),
        ("image/png", "json"),
        ("*/*", "json"),
        ("text/csv;q=0.5, application/x-ndjson", "ndjson"),
        ("image/png, text/csv", "csv"),
        ("TEXT/CSV", "csv"),
        ("text/csv;q=0", "json"),
    ],
)
def test_accept_chooses_the_format(rest, accept, form):
    answer = rest.get("/api/robots/plain/events", Accept=accept)
    assert (answer.status, answer.content_type) == (200, TYPES[form])
    assert answer.body == export(rest, "plain", form).body


def test_format_parameter_beats_accept(rest):
    answer = rest.get("/api/robots/plain/events?format=csv", Accept="application/json")
    assert answer.content_type == "text/csv"


@pytest.mark.parametrize("form", ["xml", "", "JSON"])
def test_unknown_format_is_400(rest, form):
    answer = rest.get(f"/api/robots/plain/events?format={form}")
    assert answer.status == 400
    assert "format" in answer.json()["detail"]


@pytest.mark.parametrize("form", ["csv", "ndjson", "geojson"])
def test_every_format_pages(rest, form):
    first = export(rest, "plain", form, "&limit=5")
    assert f"format={form}" in first.headers["link"]
    assert "link" not in export(rest, "plain", form, f"&limit=5&after={len(VALUES) - 3}").headers


@pytest.mark.parametrize(
    "path", ["/api/robots", "/api/robots/plain", "/api/robots/plain/events", "/version",
             "/api/robots/plain/odometer", "/api/robots/nobody", "/nowhere"],
)  # fmt: skip
def test_json_is_compact_with_sorted_keys_and_one_newline(rest, path):
    text = rest.get(path).text
    assert text.endswith("\n") and text.count("\n") == 1
    outside_strings = re.sub(r'"(\\.|[^"\\])*"', '""', text[:-1])
    assert not re.search(r"\s", outside_strings)

    def check_order(pairs):
        keys = [key for key, _ in pairs]
        assert keys == sorted(keys), keys
        return dict(pairs)

    json.loads(text, object_pairs_hook=check_order)


@pytest.mark.parametrize("form", ["json", "csv", "ndjson", "geojson"])
def test_numbers_are_the_shortest_form_that_reads_back(rest, form):
    text = export(rest, "plain", form).text
    found = {
        match.group(0) for match in NUMBER.finditer(text) if re.search(r"[.eE]", match.group(0))
    }
    for number in found:
        shortest = Decimal(repr(float(number))).normalize().as_tuple().digits
        assert Decimal(number).normalize().as_tuple().digits == shortest, number
    assert {float(number) for number in found} == set(VALUES)
