"""A MySQL Group Replication of three members below telemetryd: its primary dies, freezes and wakes,
its majority goes away. Producers wait, no answered event is lost or doubled, and work goes on."""

import os
import random
import re
from contextlib import contextmanager

import pytest
from checker import Ledger
from group_replication import GroupReplication
from outage_world import PASSWORD
from producer import finish_all, run_through_fault
from storages import JOURNAL
from telemetryd import wait_until
from test_kill_loop import check_verdicts_stay, make_producers
from websocket_client import WebSocket

# These tests run once, over the pair of engines that they use, and only if a MySQL 9 is given.
__test__ = JOURNAL == "mysql" and "TELEMETRY_TEST_MYSQLD" in os.environ

SETTINGS = {
    "reorder.window": "50ms",
    "checkpoint.interval": "200ms",
    "ingest.stall_limit": "5min",
    "storage.store": "mysql",
    "storage.journal": "mysql",
    "mysql.connect_timeout": "1s",
    "mysql.read_timeout": "5s",
}


@pytest.fixture(scope="module")
def group_of_module(tmp_path_factory):
    group = GroupReplication(tmp_path_factory.mktemp("group"))
    try:
        yield group.start()
    finally:
        group.close()


@pytest.fixture
def group(group_of_module):
    """Three members online. After the test they are so again."""
    yield group_of_module
    group_of_module.repair()


@pytest.fixture
def make_group_server(group, make_server, request):
    """Makes a telemetryd, not started, with a database of its own in the group."""

    def make(user="telemetryd", may_see_group=True, **settings):
        database = request.node.originalname[:60]
        group.create_database(database, user, may_see_group)
        named = {"mysql.hosts": group.hosts, "mysql.user": user, "mysql.database": database}
        return make_server(
            {**SETTINGS, **named, **settings}, env={"TELEMETRY_MYSQL_PASSWORD": PASSWORD}
        )

    return make


def check_fault_under_load(server, seed, fault):
    """Has producers feed while `fault()` happens, and compares all that was answered."""
    rng = random.Random(seed)
    ledger = Ledger()
    producers = make_producers(ledger, rng)
    server.start()
    run_through_fault(server, producers, ledger, fault, answers=2000)
    finish_all(server, producers)
    wait_until(server.is_ready, "ready again")
    ledger.check(server.rest(), rng)
    server.kill().start()
    ledger.check(server.rest(), rng)
    check_verdicts_stay(server, ledger, rng)


def test_killed_primary_is_replaced_and_nothing_is_lost(group, make_group_server, seed):
    def fault():
        killed = group.primary().kill9()
        group.wait_primary(other_than=killed)

    check_fault_under_load(make_group_server(), seed, fault)


def test_frozen_primary_is_given_up_and_may_wake(group, make_group_server, seed):
    def fault():
        frozen = group.primary()
        frozen.freeze()
        group.wait_primary(other_than=frozen)
        frozen.thaw()

    check_fault_under_load(make_group_server(), seed, fault)


@contextmanager
def woken_primary(group, server, socket):
    """Inside, the only server that takes sessions is one that calls itself the primary, but lacks
    commits: it was frozen, has been replaced and woke just now. Events 1 to 49 were answered OK."""
    frozen = group.primary()
    assert socket.ask("1,2,1,woken") == "OK"
    frozen.freeze()
    assert [socket.ask(f"1,2,{i},woken") for i in range(2, 50)] == ["OK"] * 48
    replacement = group.wait_primary(other_than=frozen)
    stored = f"SELECT COUNT(*) FROM {server.settings['mysql.database']}.events"
    wait_until(lambda: replacement.sql(stored) == [["49"]], "stored")
    frozen.thaw()
    replacement.sql("SET GLOBAL offline_mode = 1")  # refuses sessions, but remains the primary
    try:
        yield replacement
    finally:
        replacement.sql("SET GLOBAL offline_mode = 0")


def is_behind(server):
    """A write, or the opening of a session, has found that the server lacks commits."""
    return re.search(r"is behind(, next host: journal entry|: it lacks checkpoints)", server.log())


def test_woken_primary_that_lacks_commits_is_left_for_the_next_host(group, make_group_server):
    server = make_group_server().start()
    with WebSocket(server, seconds=120) as socket:
        with woken_primary(group, server, socket) as replacement:
            socket.send("1,2,50,woken")
            wait_until(lambda: is_behind(server), "behind")
        assert socket.receive() == "OK"
    database = server.settings["mysql.database"]
    assert replacement.sql(f"SELECT * FROM {database}.meta WHERE name = 'lost'") == []
    assert [e["timestamp"] for e in server.rest().events("woken")] == list(range(1, 51))


def test_no_read_is_answered_by_a_woken_primary_that_lacks_commits(group, make_group_server):
    server = make_group_server(**{"query.timeout": "2s"}).start()

    def is_behind_after_a_read():
        answer = server.rest().get("/api/robots/woken/events")
        if answer.status == 200:
            assert len(answer.json()) >= 49, "a read lacked events that were answered OK"
        return is_behind(server)

    with WebSocket(server, seconds=120) as socket:
        with woken_primary(group, server, socket):
            socket.send("1,2,50,woken")
            wait_until(is_behind_after_a_read, "behind")
        assert socket.receive() == "OK"


def test_primary_without_a_majority_commits_nothing(group, make_group_server):
    server = make_group_server().start()
    secondaries = group.secondaries()
    with WebSocket(server, seconds=120) as socket:
        assert socket.ask("1,2,3,minority") == "OK"
        for member in secondaries:
            member.freeze()
        socket.send("1,2,4,minority")
        wait_until(
            lambda: "the journal has not answered for" in server.rest().get("/readyz").text,
            "not ready",
        )
        socket.set_timeout(2)
        with pytest.raises(TimeoutError):
            socket.receive()
        socket.set_timeout(120)
        for member in secondaries:
            member.thaw()
        assert socket.receive() == "OK"
        assert socket.ask("1,2,5,minority") == "OK"
    assert [e["timestamp"] for e in server.rest().events("minority")] == [3, 4, 5]


def test_secondary_as_the_only_host_is_waited_for(group, make_group_server):
    only = group.secondaries()[0]
    server = make_group_server(**{"mysql.hosts": f"{only.host}:{only.port}"})
    server.launch()
    server.find_port()
    server.wait_log("storage cannot be reached; trying again.* is a secondary of its group")
    group.make_primary(only)
    wait_until(server.is_ready, "ready")
    assert server.rest().post_lines(["1,2,3,only"])["accepted"] == 1


def refusal(server):
    """What a server that must not come up logs."""
    server.launch()
    assert server.wait_exit(20) != 0
    return server.log()


def test_group_that_the_user_may_not_see_is_refused(make_group_server):
    server = make_group_server(user="blind", may_see_group=False)
    assert "GRANT SELECT ON performance_schema.replication_group_members" in refusal(server)


def test_group_with_eventual_consistency_is_refused(group, make_group_server):
    server = make_group_server()
    for member in group.members:
        member.sql("SET GLOBAL group_replication_consistency = EVENTUAL")
    try:
        assert "group_replication_consistency is EVENTUAL" in refusal(server)
    finally:
        for member in group.members:
            member.sql("SET GLOBAL group_replication_consistency = DEFAULT")


def test_group_with_several_primaries_is_refused(group, make_group_server):
    server = make_group_server()
    primary = group.primary()
    primary.sql("SELECT group_replication_switch_to_multi_primary_mode()")
    try:
        assert "set group_replication_single_primary_mode to ON" in refusal(server)
    finally:
        primary.sql("SELECT group_replication_switch_to_single_primary_mode()")
