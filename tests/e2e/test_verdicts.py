"""docs/PROTOCOL.md §2, what happens to an event: order, seal, duplicates, conflicts, odometer."""

import random
import re
import time

import pytest
from checker import Event, Ledger, running_odometer
from producer import send_events
from telemetryd import wait_until
from websocket_client import WebSocket


@pytest.fixture(scope="module")
def patient(make_module_server):
    """A server whose window never ends within a test."""
    return make_module_server({"reorder.window": "1h"}, name="patient").start()


@pytest.fixture(scope="module")
def hasty(make_module_server):
    """A server that seals after 20 ms."""
    return make_module_server({"reorder.window": "20ms", "checkpoint.interval": "100ms"}).start()


def until_stale(socket, robot, below):
    """Offers ever smaller timestamps until one is STALE; returns (accepted, the stale timestamp)."""
    accepted = []
    timestamp = below

    def is_stale():
        nonlocal timestamp
        timestamp -= 1
        answer = socket.ask(f"0,0,{timestamp},{robot}")
        if answer == "OK":
            accepted.append(timestamp)
        return answer.startswith("STALE ")

    wait_until(is_stale, "STALE")
    return accepted, timestamp


def test_event_inside_the_window_takes_its_place_in_timestamp_order(patient, connect):
    socket = connect(patient)
    for timestamp in (50, 10, 40, 20, 30):
        assert socket.ask(f"{timestamp},0,{timestamp},order") == "OK"
    assert [e["timestamp"] for e in patient.rest().events("order")] == [10, 20, 30, 40, 50]
    assert patient.rest().odometer("order") == 40.0


def test_event_in_front_of_all_others_is_accepted_inside_the_window(patient, connect):
    socket = connect(patient)
    assert socket.ask("3,4,1000,front") == "OK"
    assert socket.ask("0,0,0,front") == "OK"
    assert patient.rest().robot("front")["odometer"] == 5.0
    assert patient.rest().robot("front")["last_timestamp"] == 1000


def test_query_after_the_ok_sees_the_event(patient, connect):
    socket, rest = connect(patient), patient.rest()
    for n in range(1, 30):
        assert socket.ask(f"{n},0,{n},seen") == "OK"
        assert rest.robot("seen")["events"] == n
        assert rest.events("seen")[-1]["timestamp"] == n
        assert rest.odometer("seen") == float(n - 1)


def test_event_at_or_below_the_seal_point_is_stale_and_told_the_seal_point(hasty, connect):
    socket = connect(hasty)
    assert socket.ask("1,1,100,sealed") == "OK"
    accepted, timestamp = until_stale(socket, "sealed", 100)
    assert socket.ask(f"9,9,{timestamp - 1},sealed") == "STALE 100"
    times = sorted(accepted + [100])
    assert [e["timestamp"] for e in hasty.rest().events("sealed")] == times


def test_quiet_robot_is_sealed_by_time_alone(make_server):
    server = make_server({"reorder.window": "1ms", "checkpoint.interval": "10ms"})
    assert server.start().rest().post_lines(["1,1,100,quiet"])["accepted"] == 1

    def replays_nothing():
        server.kill().start()
        return re.search(r"journal replayed.* events=0 ", server.log())

    wait_until(replays_nothing, "sealed, checkpointed and trimmed without another event")


def test_events_inside_the_window_survive_checkpoints_and_kill_9(make_server):
    server = make_server({"reorder.window": "1h", "checkpoint.interval": "20ms"}).start()
    begin = time.monotonic()
    count = 0
    with WebSocket(server) as socket:
        while time.monotonic() - begin < 0.5:
            assert socket.ask(f"0,0,{count},r{count % 5}") == "OK"
            count += 1
    server.kill().start()
    assert sum(robot["events"] for robot in server.rest().robots()) == count


def test_stale_event_changes_nothing(hasty, connect):
    socket = connect(hasty)
    assert socket.ask("1,1,100,unmoved") == "OK"
    until_stale(socket, "unmoved", 100)
    before = hasty.rest().robot("unmoved")
    assert socket.ask("5,5,1,unmoved") == "STALE 100"
    assert hasty.rest().robot("unmoved") == before


@pytest.mark.parametrize("interval", ["20ms", "1h"], ids=["in the store", "in memory only"])
def test_robot_with_a_clock_gone_wrong_is_named_once(make_server, interval):
    server = make_server({"reorder.window": "1ms", "checkpoint.interval": interval}).start()
    with WebSocket(server) as socket:
        assert socket.ask("1,1,1000000,lagging") == "OK"
        until_stale(socket, "lagging", 1_000_000)
        answers = socket.ask(*[f"1,1,{n},lagging" for n in range(500)])
    assert set(answers) == {"STALE 1000000"}
    server.wait_log("many stale events.* robot=lagging seal_point=1000000")
    assert server.log().count("many stale events") == 1


def test_newer_event_is_accepted_whatever_is_sealed(hasty, connect):
    socket = connect(hasty)
    assert socket.ask("1,1,100,onward") == "OK"
    until_stale(socket, "onward", 100)
    assert socket.ask("1,1,101,onward") == "OK"


def test_each_robot_has_a_seal_point_of_its_own(hasty, connect):
    socket = connect(hasty)
    assert socket.ask("1,1,100,one") == "OK"
    until_stale(socket, "one", 100)
    assert socket.ask("1,1,5,another") == "OK"


def test_window_is_server_time_not_event_time(patient, connect):
    socket = connect(patient)
    assert socket.ask("0,0,0,times") == "OK"
    assert socket.ask(f"0,0,{int(time.time() * 1000)},times") == "OK"
    assert socket.ask("0,0,1,times") == "OK"


@pytest.mark.parametrize("age", ["in memory", "sealed", "after kill -9", "after a clean restart"])
def test_duplicate_is_ok_and_conflict_is_told_however_old(make_server, connect, age):
    server = make_server({"reorder.window": "20ms", "checkpoint.interval": "50ms"}).start()
    socket = connect(server)
    assert socket.ask("1,2,100,r") == "OK"
    if age != "in memory":
        accepted, stale = until_stale(socket, "r", 100)
    if age == "after kill -9":
        server.kill().start()
    if age == "after a clean restart":
        socket.close()
        assert server.terminate() == 0
        server.start()
    socket, rest = connect(server), server.rest()
    before = rest.robot("r")
    assert socket.ask("1,2,100,r") == "OK"
    assert socket.ask("1.5,2,100,r") == "CONFLICT"
    assert socket.ask("1,2.5,100,r") == "CONFLICT"
    assert socket.ask("1.0,+2.0,100,r") == "OK", "compared as numbers, not as text"
    assert rest.robot("r") == before, "neither changes anything"
    if age != "in memory":
        assert socket.ask(f"0,0,{stale},r") == "STALE 100"
        assert [e["timestamp"] for e in rest.events("r")] == sorted(accepted + [100])


def test_first_event_of_a_millisecond_stays(patient, connect):
    socket = connect(patient)
    assert socket.ask("1,1,7,first\n2,2,7,first\n1,1,7,first") == "OK\nCONFLICT\nOK"
    assert patient.rest().events("first") == [{"robot": "first", "timestamp": 7, "x": 1.0, "y": 1.0}]


def test_minus_zero_equals_zero(patient, connect):
    socket = connect(patient)
    assert socket.ask("0,0,1,zero\n-0,-0.0,1,zero") == "OK\nOK"


def test_event_too_far_in_the_future_is_an_error(patient, connect):
    socket = connect(patient)
    now = int(time.time() * 1000)
    assert socket.ask(f"0,0,{now + 30_000},soon") == "OK"
    assert socket.ask(f"0,0,{now + 90_000},soon").startswith("ERR timestamp ")
    assert len(patient.rest().events("soon")) == 1


def test_odometer_is_bit_equal_to_the_in_order_fold_of_any_order(patient, seed):
    rng = random.Random(seed)
    events = [
        Event("walk", 10 * t, rng.uniform(-1e3, 1e3), rng.uniform(-1e-3, 1e9)) for t in range(400)
    ]
    in_order = running_odometer([event.at for event in events])
    rng.shuffle(events)
    ledger = Ledger()
    assert set(send_events(patient, ledger, events)) == {"OK"}
    assert patient.rest().odometer("walk") == in_order[-1]
    for a, b in [(0, 3990), (100, 200), (105, 111), (3990, 3990), (101, 109), (5000, 6000)]:
        inside = [v for t, v in zip(range(0, 4000, 10), in_order) if a <= t <= b]
        want = inside[-1] - inside[0] if inside else 0.0
        assert patient.rest().odometer("walk", f"?start_time={a}&end_time={b}") == want, (a, b)


def test_odometer_survives_sealing_and_restart_bit_by_bit(make_server, seed):
    rng = random.Random(seed)
    server = make_server({"reorder.window": "20ms", "checkpoint.interval": "50ms"}).start()
    ledger = Ledger()
    for part in range(4):
        events = [
            Event(f"r{i % 3}", 1000 * part + i, rng.gauss(0, 1e5), rng.gauss(0, 1e-5))
            for i in range(100)
        ]
        assert set(send_events(server, ledger, events)) == {"OK"}
        ledger.check(server.rest(), rng)
        if part % 2 == 0:
            server.kill()
        else:
            assert server.terminate() == 0
        server.start()
        ledger.check(server.rest(), rng)


def test_extreme_coordinates_do_not_overflow_the_odometer(patient, connect):
    socket = connect(patient)
    lines = [f"{'-' if t % 2 else ''}1e15,{'-' if t % 2 else ''}1e15,{t},far" for t in range(9)]
    assert socket.ask("\n".join(lines)) == "\n".join(["OK"] * 9)
    points = [((-1) ** t * 1e15, (-1) ** t * 1e15) for t in range(9)]
    assert patient.rest().odometer("far") == running_odometer(points)[-1]


def test_created_is_the_first_arrival_and_updated_the_latest_that_stored_an_event(patient, connect):
    socket, rest = connect(patient), patient.rest()
    assert socket.ask("1,1,10,clock") == "OK"
    first = rest.robot("clock")
    assert first["updated_time"] is None
    assert socket.ask("1,1,10,clock\n3,3,10,clock") == "OK\nCONFLICT"
    assert rest.robot("clock") == first

    def grown():
        """One more event; True once the clock has moved on."""
        timestamp = 10 + rest.robot("clock")["events"]
        assert socket.ask(f"0,0,{timestamp},clock") == "OK"
        return rest.robot("clock")["updated_time"] > first["created_time"]

    wait_until(grown, "updated_time after created_time")
    assert rest.robot("clock")["created_time"] == first["created_time"]


@pytest.mark.parametrize("stop", ["kill", "terminate"])
def test_robot_object_survives_a_restart_unchanged(make_server, stop):
    server = make_server({"reorder.window": "20ms"}).start()
    with WebSocket(server) as socket:
        socket.ask("\n".join(f"{t},{t * t},{t},r" for t in range(5)), "7,7,9,r")
    before = server.rest().robot("r")
    getattr(server, stop)()
    server.start()
    assert server.rest().robot("r") == before


def test_robots_that_many_connections_feed_keep_one_order(patient):
    with WebSocket(patient) as a, WebSocket(patient) as b:
        for t in range(0, 200, 2):
            a.send(f"{t},0,{t},crowd")
            b.send(f"{t + 1},0,{t + 1},crowd")
        assert {a.receive() for _ in range(100)} | {b.receive() for _ in range(100)} == {"OK"}
    assert [e["timestamp"] for e in patient.rest().events("crowd")] == list(range(200))
    assert patient.rest().odometer("crowd") == 199.0
