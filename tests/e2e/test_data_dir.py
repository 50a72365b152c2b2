"""The data directory: one process at a time, foreign and damaged contents, what a crash may leave."""

import shutil

import pytest
from telemetryd import wait_until

pytestmark = pytest.mark.embedded


def refused(server):
    """Launches a server that must not come up; returns what it logged."""
    server.launch()
    assert server.wait_exit() != 0
    return server.log()


PAGE = 4096  # records of the journal begin at multiples of it, with RECORD
RECORD = b"TELMJRC1"


def newest_journal(server):
    """The segment of the journal that is written."""
    return max((server.data_dir / "journal").glob("*.segment"))


def records(journal):
    """Offsets of the records of a segment."""
    content = journal.read_bytes()
    return [at for at in range(0, len(content), PAGE) if content.startswith(RECORD, at)]


def end_of(journal):
    """Offset of the last byte that is not zero."""
    return len(journal.read_bytes().rstrip(b"\0")) - 1


def overwrite(journal, offset, content):
    with open(journal, "r+b") as file:
        file.seek(offset)
        file.write(content)


def fill(server, events=2000):
    """Stores events that stay in the journal."""
    rest = server.rest()
    for start in range(0, events, 100):
        lines = [f"{n},0,{n},r{n % 7}" for n in range(start, start + 100)]
        assert rest.post_lines(lines)["accepted"] == 100


JOURNAL_ONLY = {"checkpoint.interval": "1h", "reorder.window": "1h"}


def test_second_process_on_the_same_directory_is_refused(make_server):
    first = make_server().start()
    second = make_server({"storage.data_dir": first.data_dir})
    assert "another process" in refused(second)
    assert first.rest().post_lines(["1,2,3,first"])["accepted"] == 1
    assert first.terminate() == 0
    assert second.start().rest().robot("first")["events"] == 1


def test_lock_of_a_killed_process_does_not_stay(make_server):
    server = make_server().start()
    server.kill().start()


@pytest.mark.parametrize("name", ["notes.txt", "ibdata1", "CURRENT"])
def test_foreign_directory_is_refused_and_left_alone(make_server, name):
    server = make_server()
    server.data_dir.mkdir()
    (server.data_dir / name).write_text("something of somebody else\n")
    log = refused(server)
    assert str(server.data_dir) in log
    assert (server.data_dir / name).read_text() == "something of somebody else\n"


def test_other_formats_are_refused_and_left_alone(make_server):
    server = make_server().start()
    assert server.rest().post_lines(["1,2,3,old"])["accepted"] == 1
    assert server.terminate() == 0
    stamp = server.data_dir / "FORMAT"
    ours = stamp.read_text()
    for other in "format 4", "format 1":
        stamp.write_text(ours.replace("format 3", other))
        assert other in refused(server)
        assert other in stamp.read_text()
    stamp.write_text(ours)
    assert server.start().rest().robot("old")["events"] == 1


def test_format_before_is_opened_and_brought_up_to_date(make_server):
    server = make_server().start()
    assert server.rest().post_lines(["1,2,3,old"])["accepted"] == 1
    assert server.terminate() == 0
    stamp = server.data_dir / "FORMAT"
    ours = stamp.read_text()
    stamp.write_text(ours.replace("format 3", "format 2"))
    assert server.start().rest().robot("old")["events"] == 1
    assert stamp.read_text() == ours


def test_format_of_something_else_is_refused(make_server):
    server = make_server()
    server.data_dir.mkdir()
    (server.data_dir / "FORMAT").write_text("another program 1\n")
    assert "FORMAT" in refused(server)


def test_data_directory_that_is_a_file_is_refused(make_server):
    server = make_server()
    server.data_dir.write_text("")
    assert str(server.data_dir) in refused(server)


def test_empty_directory_is_taken(make_server):
    server = make_server()
    server.data_dir.mkdir()
    server.start()


def test_parents_of_the_data_directory_are_created(make_server):
    server = make_server()
    server.settings["storage.data_dir"] = server.directory / "a" / "b" / "c"
    server.start()
    assert server.rest().post_lines(["1,2,3,deep"])["accepted"] == 1


def test_incomplete_last_record_of_the_journal_is_tolerated(make_server):
    server = make_server(JOURNAL_ONLY).start()
    fill(server)
    server.kill()
    journal = newest_journal(server)
    begun = (end_of(journal) // PAGE + 1) * PAGE
    overwrite(journal, begun, RECORD + bytes(range(48)))
    server.start()
    assert sum(robot["events"] for robot in server.rest().robots()) == 2000


def test_torn_write_of_an_unanswered_event_is_tolerated(make_server, connect, faults):
    server = make_server(JOURNAL_ONLY, env=faults.env).start()
    fill(server)
    journal = newest_journal(server)
    before = len(records(journal))
    with faults.on("hold-syncs"):
        connect(server).send("1,2,3," + "unanswered" * 10)
        wait_until(lambda: len(records(journal)) > before, "the append is written")
        server.kill()
    overwrite(journal, end_of(journal), b"\0")
    server.start()
    assert sum(robot["events"] for robot in server.rest().robots()) == 2000
    assert connect(server).ask("1,2,3," + "unanswered" * 10) == "OK"


@pytest.mark.parametrize("part", [0.2, 0.5, 0.8])
def test_flipped_byte_in_the_journal_is_refused_by_name(make_server, part):
    server = make_server(JOURNAL_ONLY).start()
    fill(server)
    server.kill()
    journal = newest_journal(server)
    places = records(journal)
    at = places[int(len(places) * part)]
    overwrite(journal, at + 100, bytes([journal.read_bytes()[at + 100] ^ 0x40]))
    log = refused(server)
    assert "corrupt" in log.lower()
    assert journal.name in log and f"offset {at}" in log


def test_cut_segment_is_refused_by_name(make_server):
    server = make_server(JOURNAL_ONLY).start()
    fill(server)
    server.kill()
    journal = newest_journal(server)
    with open(journal, "r+b") as cut:
        cut.truncate(journal.stat().st_size - PAGE)
    assert str(journal) in refused(server)


def test_lost_journal_is_refused(make_server):
    server = make_server(JOURNAL_ONLY).start()
    fill(server)
    assert server.terminate() == 0
    shutil.rmtree(server.data_dir / "journal")
    log = refused(server)
    assert "corrupt" in log and str(server.data_dir / "journal") in log


def test_lost_file_is_refused(make_server):
    server = make_server({"reorder.window": "1ms"}).start()
    server.rest().post_lines([f"1,2,3,r{n}" for n in range(20_000)])
    assert server.terminate() == 0
    tables = list(server.data_dir.rglob("*.sst"))
    assert tables, "so many robots go to files of their own"
    for table in tables:
        table.unlink()
    refused(server)
