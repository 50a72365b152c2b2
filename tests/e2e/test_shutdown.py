"""SIGTERM and SIGINT: answer what was read, close with 1001, checkpoint, exit 0 within 10 s."""

import random
import signal
import socket

import pytest
from checker import Ledger
from producer import Course, Kill, Producer, finish_all, run_until_killed
from websocket_client import Closed, WebSocket

EXIT_SECONDS = 10.0


def make_producers(ledger, rng):
    producers = []
    for p in range(4):
        courses = [Course(f"{p}-{i}", rng) for i in range(50)]
        for course in courses:
            ledger.expect_never_stale(course.robot)
        producers.append(Producer(ledger, rng, courses, in_flight=50))
    return producers


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_shutdown_under_load_answers_closes_with_1001_and_exits_0(make_server, seed, number):
    rng = random.Random(seed)
    ledger = Ledger()
    producers = make_producers(ledger, rng)
    server = make_server({"reorder.window": "50ms"}).start()
    stop = Kill(ledger, rng, 5000, lambda: server.signal(number))
    run_until_killed(server, producers, stop)
    assert server.wait_exit(EXIT_SECONDS) == 0
    assert [producer.close_code for producer in producers] == [1001] * 4
    server.start()
    ledger.check(server.rest(), rng)
    finish_all(server, producers)
    ledger.check(server.rest(), rng)


def test_what_was_read_is_answered_before_1001(make_server):
    server = make_server().start()
    with WebSocket(server) as producer:
        producer.send(*[f"0,0,{n},last words" for n in range(1000)])
        assert producer.receive() == "OK"
        server.signal(signal.SIGTERM)
        answers = 1
        with pytest.raises(Closed) as closed:
            while True:
                assert producer.receive() == "OK"
                answers += 1
    assert closed.value.code == 1001
    assert server.wait_exit(EXIT_SECONDS) == 0
    server.start()
    assert server.rest().robot("last words")["events"] >= answers


def test_idle_connections_of_all_kinds_do_not_delay_the_exit(make_server):
    server = make_server().start()
    sockets = [WebSocket(server) for _ in range(20)]
    rests = [server.rest() for _ in range(5)]
    assert {rest.get("/livez").status for rest in rests} == {200}
    half = socket.create_connection((server.host, server.port))
    half.sendall(b"GET /livez HT")
    server.signal(signal.SIGTERM)
    for one in sockets:
        assert one.close_code() == 1001
        one.__exit__()
    assert server.wait_exit(EXIT_SECONDS) == 0
    half.close()


def test_peer_that_never_answers_the_close_does_not_delay_the_exit(make_server):
    server = make_server().start()
    with WebSocket(server) as silent:
        assert silent.ask("1,2,3,silent") == "OK"
        assert server.terminate(EXIT_SECONDS) == 0


def test_many_robots_do_not_delay_the_exit(make_server):
    server = make_server().start()
    assert server.rest().post_lines([f"1,2,3,r{n}" for n in range(100_000)])["accepted"] == 100_000
    assert server.terminate(EXIT_SECONDS) == 0
    server.start()
    assert len(server.rest().robots()) == 100_000


def test_clean_stop_leaves_little_to_replay(make_server):
    server = make_server({"reorder.window": "1ms", "checkpoint.interval": "1h"}).start()
    server.rest().post_lines([f"1,2,{n},r" for n in range(1000)])
    for n in range(5000, 5020):  # over so many commits more than the window passes
        server.rest().post_lines([f"1,2,{n},r"])
    assert server.terminate() == 0
    server.start()
    assert replayed_events(server) < 1000


def replayed_events(server):
    """Events that the latest start took from the journal, as its log tells."""
    return int(server.wait_log(r'journal replayed.*\bevents"?[=:](\d+)').group(1))


def test_start_and_stop_are_logged_once_each(make_server):
    server = make_server().start()
    assert server.terminate() == 0
    lines = server.log().lower().splitlines()
    assert sum("is serving" in line for line in lines) == 1
    assert sum("stopped" in line for line in lines) == 1


def test_sighup_is_logged_and_stops_nothing(make_server, connect):
    server = make_server().start()
    for count in range(1, 3):
        server.signal(signal.SIGHUP)
        server.wait_log(r"(?s)(SIGHUP: keys and certificates are read.*){%d}" % count)
        assert connect(server).ask(f"1,2,{count},r") == "OK"
    assert server.terminate() == 0
