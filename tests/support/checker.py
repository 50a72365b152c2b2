"""Recomputes what telemetryd must hold from everything that was sent and answered.

Shares no code with the server: the rules are written down again from docs/PROTOCOL.md, the odometer
is folded in Python floats (IEEE doubles), and every difference fails with the robot that shows it.
"""

import math
import threading
from dataclasses import dataclass
from urllib.parse import quote

UNKNOWN = "unknown"  # sent, not answered


@dataclass(frozen=True)
class Event:
    robot: str
    timestamp: int
    x: float
    y: float

    @property
    def line(self):
        return f"{self.x!r},{self.y!r},{self.timestamp},{self.robot}"

    @property
    def key(self):
        return (self.robot, self.timestamp)

    @property
    def at(self):
        return (self.x + 0.0, self.y + 0.0)  # -0 equals 0


def running_odometer(points):
    """The odometer at each of `points`: the in-order fold of docs/PROTOCOL.md §2."""
    values = []
    total = 0.0
    for i, (x, y) in enumerate(points):
        if i > 0:
            dx = x - points[i - 1][0]
            dy = y - points[i - 1][1]
            total += math.sqrt(dx * dx + dy * dy)
        values.append(total)
    return values


class Ledger:
    """Everything sent to a server over all its restarts, with the answers it gave."""

    def __init__(self):
        self._keys = {}  # (robot, timestamp) -> {(x, y): verdict}
        self._seals = {}  # robot -> greatest seal point told
        self._never_stale = set()
        self._lock = threading.Lock()
        self.answers = 0

    def expect_never_stale(self, robot):
        """`robot` is fed in order by one connection at a time: nothing of it may turn stale."""
        self._never_stale.add(robot)

    def sent(self, event):
        with self._lock:
            self._keys.setdefault(event.key, {}).setdefault(event.at, UNKNOWN)

    def answered(self, event, line):
        """Takes an answer line in; fails if it contradicts an earlier one."""
        word, _, rest = line.partition(" ")
        assert word in ("OK", "STALE", "CONFLICT"), f"{event} was answered {line!r}"
        with self._lock:
            self.answers += 1
            verdicts = self._keys[event.key]
            before = verdicts[event.at]
            assert before in (UNKNOWN, word), f"{event} was answered {before}, now {line!r}"
            verdicts[event.at] = word
            if word == "OK":
                others = [at for at, v in verdicts.items() if v in ("OK", "STALE") and at != event.at]
                assert not others, f"{event} got OK although {others} of its millisecond did not lose"
            if word == "STALE":
                self._take_stale(event, rest, verdicts)

    def _take_stale(self, event, seal_point, verdicts):
        assert event.robot not in self._never_stale, f"{event} was fed in order: STALE {seal_point}"
        assert int(seal_point) >= event.timestamp, f"{event}: STALE {seal_point}"
        assert "OK" not in verdicts.values(), f"{event} is STALE though its millisecond is stored"
        assert "CONFLICT" not in verdicts.values(), f"{event} is STALE, was CONFLICT"
        self._seals[event.robot] = max(self._seals.get(event.robot, -1), int(seal_point))

    def decided(self):
        """Every event with a known verdict, as (event, verdict)."""
        for (robot, timestamp), verdicts in self._keys.items():
            for (x, y), verdict in verdicts.items():
                if verdict != UNKNOWN:
                    yield Event(robot, timestamp, x, y), verdict

    def robots(self):
        return {robot for robot, _ in self._keys}

    def stored_count(self):
        return sum("OK" in verdicts.values() for verdicts in self._keys.values())

    def check(self, rest, rng):
        """Compares all that the server holds with what it must hold."""
        events = {robot: rest.events(robot) for robot in sorted(self.robots())}
        held = {robot: {row["timestamp"]: row for row in rows} for robot, rows in events.items()}
        self._check_verdicts(held)
        for robot, rows in events.items():
            check_robot(rest, robot, rows, rng)
        check_list(rest, {robot: rows for robot, rows in events.items() if rows})

    def _check_verdicts(self, held):
        for (robot, timestamp), verdicts in self._keys.items():
            row = held[robot].pop(timestamp, None)
            at = None if row is None else (row["x"], row["y"])
            where = f"{robot!r} at {timestamp}: holds {at}, was told {verdicts}"
            if at is not None:
                assert verdicts.get(at) in ("OK", UNKNOWN), f"must not be there: {where}"
                assert "STALE" not in verdicts.values(), f"stale and stored: {where}"
            else:
                assert "OK" not in verdicts.values(), f"an OK is lost: {where}"
                assert "CONFLICT" not in verdicts.values(), f"conflict with nothing: {where}"
        for robot, rows in held.items():
            assert not rows, f"{robot!r} holds events that nobody sent: {list(rows.values())[:3]}"
        for robot, seal_point in self._seals.items():
            assert "OK" in self._keys[(robot, seal_point)].values() or UNKNOWN in self._keys[
                (robot, seal_point)
            ].values(), f"{robot!r} told a seal point {seal_point} where nothing is stored"


def check_robot(rest, robot, rows, rng):
    """The robot object, its order, its odometer and some ranges, against its events `rows`."""
    times = [row["timestamp"] for row in rows]
    assert all(a < b for a, b in zip(times, times[1:])), f"{robot!r} is not strictly ascending"
    assert all(row["robot"] == robot for row in rows)
    values = running_odometer([(row["x"], row["y"]) for row in rows])
    found = rest.robot(robot)
    if not rows:
        assert found is None, f"{robot!r} has no event but {found}"
        assert rest.odometer(robot) == 0.0
        return
    check_object(found, robot, rows, values)
    assert rest.odometer(robot) == values[-1], f"{robot!r}: odometer is not the in-order fold"
    for _ in range(2):
        a, b = sorted(rng.choice(times) + rng.randrange(-1, 2) for _ in range(2))
        a = max(a, 0)
        got = rest.odometer(robot, f"?start_time={a}&end_time={max(a, b)}")
        want = range_odometer(times, values, a, max(a, b))
        assert got == want, f"{robot!r}: odometer of [{a}, {b}] is {got!r}, not {want!r}"


def check_object(found, robot, rows, values):
    """The robot object against the robot's events and their running odometer."""
    last = rows[-1]
    expected = {
        "events": len(rows),
        "last_timestamp": last["timestamp"],
        "last_x": last["x"],
        "last_y": last["y"],
        "name": robot,
        "odometer": values[-1],
        "removed_time": 0,
    }
    times = {"created_time", "updated_time"}
    assert found is not None, f"{robot!r} is unknown but has {len(rows)} events"
    assert set(found) == set(expected) | times, found
    got = {key: value for key, value in found.items() if key not in times}
    assert got == expected, f"{robot!r}: {got} instead of {expected}"
    assert (found["updated_time"] is None) == (len(rows) == 1), found
    if found["updated_time"] is not None:
        assert found["created_time"] <= found["updated_time"], found


def range_odometer(times, values, start, end):
    """Difference of the running values at the last event <= end and the first >= start."""
    inside = [value for time, value in zip(times, values) if start <= time <= end]
    return inside[-1] - inside[0] if inside else 0.0


def check_list(rest, events):
    """GET /api/robots: complete, bytewise ordered, in pages too, equal to the single objects."""
    listed = rest.robots()
    names = [robot["name"] for robot in listed]
    assert names == sorted(events, key=str.encode), "the list is not complete or not in order"
    for robot in listed:
        assert robot["events"] == len(events[robot["name"]])
    if len(names) > 1:
        middle = names[len(names) // 2]
        page = rest.get(f"/api/robots?limit=100000&after={quote(middle, safe='')}").json()
        assert page == listed[len(names) // 2 + 1 :]
