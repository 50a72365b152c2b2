"""What REST answers over MySQL is what plain SQL computes from the tables: from the events alone, by
window functions, and through the views that people read."""

import random

import pytest
from telemetryd import wait_until

pytestmark = pytest.mark.databases

SETTINGS = {"reorder.window": "50ms", "checkpoint.interval": "100ms", "robots.idle": "1s"}
NAMES = ["rover", "Rover", "ROVER ", "Zoë", "r'); DROP TABLE events; --", "back\\slash", "名前"]
DAY_MS = 86_400_000
START = 1_700_000_000_000
TOLERANCE = 1e-12  # the server adds up in an order of its own


@pytest.fixture(scope="module")
def fleet(make_module_server, storages):
    """A server whose robots have all their events in the store; and a function that asks SQL."""
    rng = random.Random(7)
    server = make_module_server(SETTINGS).start()
    lines = []
    for name in NAMES:
        times = rng.sample(range(START, START + 5 * DAY_MS), 300)
        lines += [f"{rng.uniform(-50, 50)!r},{rng.uniform(-50, 50)!r},{at},{name}" for at in times]
    assert server.rest().post_lines(lines)["accepted"] == len(lines)

    def sql(text):
        return storages.mariadb.sql(text, server.settings["mysql.database"])

    wait_until(lambda: sql("SELECT COUNT(*) FROM events") == [[str(len(lines))]], "stored")
    return server, sql


def as_sql(name):
    return "x'" + name.encode().hex() + "'"


def path_length(name, start, end):
    """SQL for the length of the path through the events of a range, and their number."""
    return (
        "SELECT COALESCE(SUM(step), 0), COUNT(*) FROM (SELECT SQRT("
        "  POW(x - LAG(x) OVER (ORDER BY timestamp), 2)"
        "  + POW(y - LAG(y) OVER (ORDER BY timestamp), 2)) AS step"
        f" FROM events JOIN robots ON robot = id WHERE name = {as_sql(name)}"
        f" AND timestamp BETWEEN {start} AND {end}) steps"
    )


@pytest.mark.parametrize("name", NAMES)
def test_ranges_are_those_of_sql(fleet, name):
    server, sql = fleet
    rng = random.Random(name)
    rest = server.rest()
    ranges = [(0, START + 6 * DAY_MS), (START + 7 * DAY_MS, START + 8 * DAY_MS)]
    ranges += [sorted(rng.sample(range(START, START + 5 * DAY_MS), 2)) for _ in range(20)]
    for start, end in ranges:
        query = f"?start_time={start}&end_time={end}"
        ((length, count),) = sql(path_length(name, start, end))
        assert rest.odometer(name, query) == pytest.approx(float(length), rel=TOLERANCE, abs=0)
        assert len(rest.events(name, query)) == int(count)


@pytest.mark.parametrize("name", NAMES)
def test_events_are_the_rows(fleet, name):
    server, sql = fleet
    rows = sql("SELECT timestamp, x, y FROM events JOIN robots ON robot = id"
               f" WHERE name = {as_sql(name)} ORDER BY timestamp")
    told = [[event["timestamp"], event["x"], event["y"]] for event in server.rest().events(name)]
    assert told == [[int(at), float(x), float(y)] for at, x, y in rows]


def test_robots_are_the_rows_and_the_view(fleet):
    server, sql = fleet
    told = {one["name"]: one for one in server.rest().robots()}
    assert sorted(told) == sorted(NAMES)
    for source, name in (("robots", "name"), ("latest_positions", "name")):
        at = "last_timestamp" if source == "robots" else "timestamp"
        x, y = ("last_x", "last_y") if source == "robots" else ("x", "y")
        for key, last, last_x, last_y, odometer, events in sql(
            f"SELECT HEX({name}), {at}, {x}, {y}, odometer, events FROM {source}"
        ):
            one = told[bytes.fromhex(key).decode()]
            assert one["last_timestamp"] == int(last) and one["events"] == int(events)
            assert (one["last_x"], one["last_y"]) == (float(last_x), float(last_y))
            assert one["odometer"] == float(odometer)


@pytest.mark.parametrize("name", NAMES)
def test_distances_of_the_days_add_up_to_the_odometer(fleet, name):
    server, sql = fleet
    days = sql(f"SELECT distance, events FROM distance_per_day WHERE name = {as_sql(name)}")
    robot = server.rest().robot(name)
    assert sum(int(events) for _, events in days) == robot["events"]
    assert sum(float(distance) for distance, _ in days) == pytest.approx(robot["odometer"], rel=1e-9)
