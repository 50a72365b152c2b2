"""The database servers below telemetryd die, hang and come back: producers wait, nothing answered is
lost or doubled, and work goes on by itself."""

import random
import re
import shutil
import time
from contextlib import suppress

import pytest
from checker import Ledger
from producer import finish_all, run_through_fault
from storages import JOURNAL
from telemetryd import wait_until
from test_kill_loop import check_verdicts_stay, make_producers
from websocket_client import WebSocket

pytestmark = pytest.mark.databases

VICTIMS = ["mariadb", "redis"] if JOURNAL == "redis" else ["mariadb"]
SETTINGS = {"reorder.window": "50ms", "checkpoint.interval": "200ms"}


def kill_and_start(database, rng):
    """kill -9, and a start some random time later."""

    def fault():
        time.sleep(rng.uniform(0, 0.05))
        database.kill9()
        time.sleep(rng.uniform(0, 1.0))
        database.start()

    return fault


@pytest.mark.parametrize("victim", VICTIMS)
def test_kill_9_of_a_database_under_load_loses_and_doubles_nothing(
    make_server, storages, seed, soak, victim
):
    rng = random.Random(seed)
    ledger = Ledger()
    producers = make_producers(ledger, rng)
    server = make_server(SETTINGS).start()
    database = storages.victims()[victim]
    for _ in range(50 if soak else 5):
        answers = rng.randint(200, 3000)
        run_through_fault(server, producers, ledger, kill_and_start(database, rng), answers)
    finish_all(server, producers)
    wait_until(server.is_ready, "ready again")
    ledger.check(server.rest(), rng)
    server.kill().start()
    ledger.check(server.rest(), rng)
    check_verdicts_stay(server, ledger, rng)


def check_reads_while_frozen(server, victim):
    """What memory knows is answered; what only a frozen store knows is 503 with the reason."""
    assert server.rest().robot("frozen")["last_timestamp"] >= 3
    if victim == "mariadb":
        wait_until(lambda: server.rest().get("/api/robots").status == 503, "503 instead of 504")
        answer = server.rest().get("/api/robots")
        assert answer.headers["retry-after"] == "1"
        assert "the store has not answered for" in answer.text


@pytest.mark.parametrize("victim", VICTIMS)
def test_frozen_database_holds_producers_back_and_says_so(make_server, storages, victim):
    server = make_server({**SETTINGS, "query.timeout": "1s"}).start()
    database = storages.victims()[victim]
    is_journal = victim == "redis" or JOURNAL == "mysql"
    what = "journal" if is_journal else "store"
    with WebSocket(server) as socket:
        assert socket.ask("1,2,3,frozen") == "OK"
        database.freeze()
        try:
            socket.send("1,2,4,frozen")
            wait_until(lambda: server.rest().get("/readyz").status == 503, "not ready")
            assert f"the {what} has not answered for" in server.rest().get("/readyz").text
            server.wait_log(f"{what} does not answer: .* reason=.the {what} has not answered for")
            if not is_journal:
                assert socket.receive() == "OK"
            check_reads_while_frozen(server, victim)
        finally:
            database.thaw()
        if is_journal:
            assert socket.receive() == "OK"
        assert socket.ask("1,2,5,frozen") == "OK"
        server.wait_log(rf"{what} answers again.* away_seconds=\d")
    wait_until(server.is_ready, "ready again")
    assert [e["timestamp"] for e in server.rest().events("frozen")] == [3, 4, 5]


@pytest.mark.parametrize("victim", VICTIMS)
def test_database_that_comes_later_is_waited_for(make_server, storages, victim):
    first = make_server(SETTINGS, name="later").start()
    assert first.rest().post_lines(["1,2,3,later"])["accepted"] == 1
    assert first.terminate() == 0
    database = storages.victims()[victim]
    database.stop()
    try:
        first.launch()
        first.find_port()
        first.wait_log("storage cannot be reached; trying again")
        answer = first.rest().get("/readyz")
        assert (answer.status, first.rest().get("/livez").status) == (503, 200)
        assert first.rest().get("/api/robots").status == 503
        with WebSocket(first) as refused:
            assert refused.closing() == (1013, "the store is away")
    finally:
        database.start()
    wait_until(first.is_ready, "ready once the database is there")
    assert first.rest().robot("later")["events"] == 1


def test_stop_while_a_database_is_away_is_quick(make_server, storages):
    server = make_server(SETTINGS).start()
    storages.mariadb.freeze()
    try:
        assert server.terminate() == 0
        server.launch()
        server.find_port()
        assert server.terminate() == 0
    finally:
        storages.mariadb.thaw()


def test_second_process_on_the_same_database_is_refused(make_server):
    first = make_server(SETTINGS).start()
    second = make_server({**SETTINGS, **{k: v for k, v in first.settings.items() if "." in k}})
    second.settings |= {"net.port": 0, "storage.data_dir": second.data_dir}
    second.launch()
    assert second.wait_exit(20) != 0
    assert "another telemetryd" in second.log()
    assert first.rest().post_lines(["1,2,3,first"])["accepted"] == 1


def test_wrong_password_and_missing_database_are_refused_by_name(make_server):
    for key, value, said in (
        ("mysql.user", "nobody", "nobody"),
        ("mysql.database", "absent_db", "absent_db"),
    ):
        server = make_server({key: value}).launch()
        assert server.wait_exit(20) != 0
        assert said in server.log()


def test_journal_changes_only_once_the_store_has_all_of_it(make_server, storages):
    server = make_server({**SETTINGS, "storage.journal": "file", "reorder.window": "10s"}).start()
    assert server.rest().post_lines(["1,2,3,moved"])["accepted"] == 1
    assert server.terminate() == 0
    server.wait_log("journal_drained=false")
    server.settings["storage.journal"] = "mysql"
    server.launch()
    assert server.wait_exit(20) != 0
    assert "start once more with storage.journal=file" in server.log()
    server.settings |= {"storage.journal": "file", "reorder.window": "50ms"}
    server.start()
    assert server.rest().post_lines(["1,2,4,moved"])["accepted"] == 1
    rows = f"SELECT COUNT(*) FROM {server.settings['mysql.database']}.events"
    wait_until(lambda: storages.mariadb.sql(rows) == [["2"]], "stored")
    assert server.terminate() == 0
    server.wait_log("journal_drained=true")
    server.settings["storage.journal"] = "mysql"
    server.start()
    assert server.rest().robot("moved")["events"] == 2
    assert server.rest().post_lines(["1,2,5,moved"])["accepted"] == 1


def test_journal_that_is_gone_is_not_passed_over(make_server, storages):
    server = make_server({**SETTINGS, "storage.journal": "file"}).start()
    assert server.rest().post_lines(["1,2,3,gone"])["accepted"] == 1
    server.kill()
    shutil.rmtree(server.data_dir)
    server.launch()
    assert server.wait_exit(20) != 0
    accept = re.search(r"(UPDATE \S+ SET value = '' WHERE name = 'journal')", server.log())
    assert accept, server.log()
    storages.mariadb.sql(accept.group(1))
    server.start()
    assert server.rest().post_lines(["1,2,4,gone"])["accepted"] == 1


@pytest.mark.redis
def test_flushed_redis_is_refused_until_the_loss_is_accepted(make_server, storages):
    server = make_server(SETTINGS).start()
    assert server.rest().post_lines(["1,2,3,kept"])["accepted"] == 1
    name = server.settings["mysql.database"]
    cut = f"SELECT MAX(cut) > 0 FROM {name}.markers"
    wait_until(lambda: storages.mariadb.sql(cut) == [["1"]], "checkpointed")
    server.kill()
    prefix = server.settings["redis.prefix"]
    for key in storages.redis.cli("KEYS", f"{prefix}:*").splitlines():
        storages.redis.cli("DEL", key)
    server.launch()
    assert server.wait_exit(20) != 0
    command = re.search(r"redis-cli (-n \d+ HSET \S+ accept_loss \w+)", server.log())
    assert command, server.log()
    storages.redis.cli(*command.group(1).split())
    server.start()
    server.wait_log("storage has changed since the last run; events may be lost")
    assert server.rest().robot("kept")["events"] == 1
    assert server.rest().post_lines(["1,2,4,kept"])["accepted"] == 1


@pytest.mark.redis
def test_redis_in_an_older_state_is_refused_though_it_is_whole(make_server, storages):
    server = make_server(SETTINGS).start()
    assert server.terminate() == 0
    server.start()
    assert server.rest().post_lines(["1,2,3,older"])["accepted"] == 1
    server.kill()
    key = server.settings["redis.prefix"] + ":meta"
    opening = int(storages.redis.cli("HGET", key, "opening"))
    storages.redis.cli("HSET", key, "opening", str(opening - 1))
    server.launch()
    assert server.wait_exit(20) != 0
    assert "is not the one that was used last, or an older state of it" in server.log()


@pytest.mark.redis
def test_redis_flushed_under_the_server_ends_it_with_a_clear_message(make_server, storages):
    server = make_server(SETTINGS).start()
    assert server.rest().post_lines(["1,2,3,r"])["accepted"] == 1
    prefix = server.settings["redis.prefix"]
    with WebSocket(server) as socket:
        for key in storages.redis.cli("KEYS", f"{prefix}:*").splitlines():
            storages.redis.cli("DEL", key)
        with suppress(OSError):  # its own work may have told it before this event does
            socket.send("1,2,4,r")
        assert server.wait_exit(20) != 0
    assert "has lost acknowledged parts of the journal" in server.log()
