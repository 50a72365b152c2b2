"""telemetryd keys among accidents: many at once, killed, without room, strange words and files."""

import json
import os
import random
import signal
import subprocess
import time

import pytest
from keys import Keys
from telemetryd import BINARY, environment_without_settings, wait_until

pytestmark = pytest.mark.embedded

HASH, OTHER_HASH = "ab" * 32, "cd" * 32
ADD = ("--scope=read", "--all-robots")


@pytest.fixture
def keys(tmp_path):
    made = Keys(tmp_path / "rights" / "keys")
    made.path.parent.mkdir()
    made.add("first", "read")
    return made


def start(keys, *arguments):
    return subprocess.Popen(
        [BINARY, "keys", *arguments, f"--file={keys.path}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment_without_settings(),
    )


def ids(keys):
    return [json.loads(line)["id"] for line in keys.path.read_text().splitlines()]


def test_twenty_commands_at_once_lose_no_key(keys):
    running = [start(keys, "add", f"k{n}", *ADD) for n in range(20)]
    shown = [one.communicate(timeout=60)[0] for one in running]
    assert [one.returncode for one in running] == [0] * 20
    assert sorted(ids(keys)) == sorted(["first"] + [f"k{n}" for n in range(20)])
    assert len(set(shown)) == 20
    assert sorted(os.listdir(keys.path.parent)) == ["keys", "keys.lock"]


def test_a_killed_command_leaves_a_whole_file(keys, seed):
    chance = random.Random(seed)
    for number in range(30):
        one = start(keys, "add", f"k{number}", *ADD)
        try:
            one.wait(timeout=chance.uniform(0, 0.05))  # to be killed at any place
        except subprocess.TimeoutExpired:
            one.kill()
        shown = one.communicate(timeout=60)[0]
        keys.run("check")
        assert not shown.endswith(b"\n") or f"k{number}" in ids(keys), "shown, but not kept"
    keys.add("last", "read")
    assert "keys.new" not in os.listdir(keys.path.parent)


def test_without_room_the_old_keys_stay(small_disk):
    disk = small_disk(1 << 20)
    keys = Keys(disk.directory / "keys")
    keys.add("first", "read")
    disk.fill()
    before = keys.path.read_text()
    refused = keys.run("add", "more", *ADD, "--comment=" + "c" * 100_000, code=1)
    assert "No space left" in refused.stderr and refused.stdout == ""
    assert keys.path.read_text() == before
    assert "keys.new" not in os.listdir(disk.directory), "it takes the room that is left"
    disk.free()
    keys.add("more", "read")


def test_in_a_read_only_folder_nothing_changes_and_reading_works(small_disk):
    disk = small_disk(1 << 20)
    keys = Keys(disk.directory / "keys")
    keys.add("first", "read")
    before = keys.path.read_text()
    subprocess.run(["mount", "-o", "remount,ro", disk.directory], check=True)
    for arguments in (("add", "more", *ADD), ("rotate", "first"), ("revoke", "first"), ("prune",)):
        refused = keys.run(*arguments, code=1)
        assert refused.stdout == ""
        assert refused.stderr.startswith("telemetryd keys: cannot ")
    assert keys.path.read_text() == before
    assert keys.run("list").stdout.startswith("first\t")
    keys.run("show", "first")
    keys.run("check")


@pytest.mark.parametrize("command", [("add", "lost", *ADD), ("rotate", "first"), ("list",)])
def test_a_key_that_could_not_be_shown_is_a_failure(keys, command):
    """A script would go on with an empty key, and after `rotate` the old one ends in a day."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [BINARY, "keys", *command, f"--file={keys.path}"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment_without_settings(),
        )
    assert done.returncode != 0


REFUSED_WORDS = {
    "no id": ("add", *ADD),
    "two ids": ("add", "a", "b", *ADD),
    "an upper-case id": ("add", "A", *ADD),
    "a long id": ("add", "a" * 33, *ADD),
    "an id with a line end": ("add", "a\nb", *ADD),
    "an id that is taken": ("add", "first", *ADD),
    "no scope": ("add", "a", "--all-robots"),
    "an unknown scope": ("add", "a", "--scope=all", "--all-robots"),
    "a list of scopes": ("add", "a", "--scope=read,ingest", "--all-robots"),
    "no robots": ("add", "a", "--scope=read"),
    "both kinds of robots": ("add", "a", *ADD, "--prefix=x"),
    "257 prefixes": ("add", "a", "--scope=read", *(f"--prefix=p{n}" for n in range(257))),
    "a prefix that is no text": ("add", "a", "--scope=read", b"--prefix=\xff"),
    "a comment that is no text": ("add", "a", *ADD, b"--comment=\xff"),
    "an end in the past": ("add", "a", *ADD, "--expires=2020-01-01"),
    "an end at once": ("add", "a", *ADD, "--expires=0d"),
    "an end on no day": ("add", "a", *ADD, "--expires=2027-02-30"),
    "an end without a number": ("add", "a", *ADD, "--expires=d"),
    "an end before": ("add", "a", *ADD, "--expires=-1d"),
    "two ends": ("add", "a", *ADD, "--expires=1d", "--expires=2d"),
    "a part of an option": ("add", "a", "--sco=read", "--all-robots"),
    "an unknown option": ("add", "a", *ADD, "--admin"),
    "an overlap without a number": ("rotate", "first", "--overlap=h"),
    "an overlap without an end": ("rotate", "first", "--overlap=never"),
    "an unknown key to rotate": ("rotate", "nobody"),
    "an unknown key to revoke": ("revoke", "nobody"),
    "an unknown key to show": ("show", "nobody"),
    "an unknown command": ("frobnicate",),
    "an id to list": ("list", "first"),
    "an id to prune": ("prune", "first"),
    "two files to check": ("check", "/dev/null", "/dev/null"),
}


@pytest.mark.parametrize("what", REFUSED_WORDS)
def test_strange_words_are_refused_with_a_sentence(keys, what):
    before = keys.path.read_text()
    one = start(keys, *REFUSED_WORDS[what])
    shown, told = one.communicate(timeout=60)
    assert one.returncode in (1, 2) and shown == b"", (shown, told)
    assert told.startswith(b"telemetryd keys: ") and told.count(b"\n") == 1, told
    assert b"exception" not in told and b"stoll" not in told
    assert keys.path.read_text() == before


def test_a_list_has_one_line_for_each_key_whatever_its_texts_are(keys):
    """Or a comment could look like another key, and colour the terminal of whoever reads it."""
    keys.run("add", "forged", *ADD, "--comment=x\nadmin\tvalid\tadmin\tall\tnever\t\x1b[31mred")
    keys.run("add", "turned", "--scope=read", "--prefix=a\u009b31m")
    listed = keys.run("list").stdout
    assert len(listed.splitlines()) == 3 and listed.count("\n") == 3
    assert "\x1b" not in listed and "\u009b" not in listed


def test_a_rotation_gives_no_secret_more_time_than_it_had(keys):
    line = json.loads(keys.path.read_text())
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    line["hashes"][0]["until"] = end
    keys.path.write_text(json.dumps(line) + "\n")
    keys.rotate("first", overlap="24h")
    older = json.loads(keys.path.read_text())["hashes"][1]
    assert older["sha256"] == line["hashes"][0]["sha256"]
    assert older["until"][:19] == end[:19]


# Lines of a keys file


def line(**changes):
    members = {
        "id": "a",
        "hashes": [{"sha256": HASH}],
        "scopes": ["read"],
        "prefixes": "all",
        "expires": "never",
    } | changes
    return json.dumps({name: value for name, value in members.items() if value is not None})


GOOD_FILES = {
    "one line": line() + "\n",
    "no line end": line(),
    "CRLF": f"# x\r\n\r\n{line()}\r\n",
    "comments": f"# x\n\n{line()}\n#{line(id='b')}\n",
    "another order": json.dumps(dict(reversed(json.loads(line()).items()))),
    "two secrets": line(
        hashes=[{"sha256": HASH}, {"sha256": OTHER_HASH, "until": "2030-01-01T00:00:00Z"}]
    ),
    "only a revoked key": '{"id":"a","revoked":"2020-01-01T00:00:00Z"}\n',
    "256 prefixes": line(prefixes=[f"p{n}" for n in range(256)]),
    "a long prefix": line(prefixes=["\U0001f916" * 150]),
}
BAD_FILES = {
    "empty": "",
    "only comments": "# x\n\n",
    "half a line": line()[:60],
    "a whole line and half a line": f"{line()}\n{line(id='b')[:60]}",
    "NUL behind a line": line() + "\0" * 100,
    "a key behind a NUL": f"{line()}\0{line(id='b')}\n",
    "NUL in front": "\0" * 100 + "\n" + line(),
    "only NUL": "\0" * 4096,
    "a byte order mark in the middle": f"{line()}\n\ufeff{line(id='b')}\n",
    "UTF-16": line().encode("utf-16"),
    "invalid UTF-8": line(comment="x").encode().replace(b'"x"', b'"\xff"'),
    "invalid UTF-8 in a prefix": line(prefixes=["x"]).encode().replace(b'"x"', b'"\xff"'),
    "half a surrogate": line(prefixes=["x"]).replace('"x"', '"\\ud800"'),
    "two keys in a line": line() + line(id="b"),
    "an array": f"[{line()}]",
    "several lines": json.dumps(json.loads(line()), indent=1),
    "deep arrays": line(id="x").replace('"x"', "[" * 100_000 + "]" * 100_000),
    "a repeated id": f"{line()}\n{line()}\n",
    "a repeated id of a revoked key": line() + '\n{"id":"a","revoked":"2020-01-01T00:00:00Z"}\n',
    "a repeated member": line()[:-1] + ',"prefixes":"all"}',
    "a repeated member, escaped": line()[:-1] + ',"\\u0070refixes":"all"}',
    "a repeated member of a hash": line().replace('"sha256"', f'"sha256": "{HASH}", "sha256"', 1),
    "an unknown member": line(prefix="x"),
    "an unknown member of a hash": line(hashes=[{"sha256": HASH, "x": 1}]),
    "another case": line(Comment="x"),
    "null": line()[:-1] + ',"comment":null}',
    "no prefixes": line(prefixes=None),
    "prefixes []": line(prefixes=[]),
    "prefixes ''": line(prefixes=""),
    "prefixes ['']": line(prefixes=[""]),
    "prefixes *": line(prefixes="*"),
    "prefixes ALL": line(prefixes="ALL"),
    "prefixes true": line(prefixes=True),
    "257 prefixes": line(prefixes=[f"p{n}" for n in range(257)]),
    "a prefix with a comma": line(prefixes=["a,b"]),
    "a prefix with 7f": line(prefixes=["a\x7f"]),
    "no expires": line(expires=None),
    "expires in the zone of somebody": line(expires="2030-01-01T00:00:00+01:00"),
    "expires as a number": line(expires=1900000000),
    "expires ''": line(expires=""),
    "no scopes": line(scopes=None),
    "scopes []": line(scopes=[]),
    "a scope twice": line(scopes=["read", "read"]),
    "another scope": line(scopes=["none"]),
    "scopes as a text": line(scopes="read"),
    "no secret": line(hashes=[]),
    "three secrets": line(hashes=[{"sha256": HASH, "until": "2030-01-01T00:00:00Z"}] * 3),
    "two secrets without an end": line(hashes=[{"sha256": HASH}, {"sha256": OTHER_HASH}]),
    "a short hash": line(hashes=[{"sha256": HASH[:-1]}]),
    "a revoked key with rights": line(revoked="2020-01-01T00:00:00Z"),
    "revoked: false": '{"id":"a","revoked":false}',
}


def check(path):
    done = subprocess.run(
        [BINARY, "keys", "check", path],
        capture_output=True,
        timeout=60,
        env=environment_without_settings(),
    )
    assert done.returncode in (0, 1) and HASH.encode() not in done.stdout + done.stderr
    return done


@pytest.mark.parametrize("what", GOOD_FILES)
def test_good_files_are_taken(tmp_path, what):
    path = tmp_path / "keys"
    path.write_text(GOOD_FILES[what])
    assert check(path).returncode == 0


@pytest.mark.parametrize("what", BAD_FILES)
def test_bad_files_are_refused(tmp_path, what):
    path, text = tmp_path / "keys", BAD_FILES[what]
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert check(path).returncode == 1


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    for path in ("fifo", "folder", "dangling", "loop", "/dev/null", "/dev/zero"):
        assert check(tmp_path / path).returncode == 1, path


def test_a_link_stays_a_link(keys):
    """Its target is edited, and made if it is not there yet."""
    real, link = keys.path.with_name("real"), keys.path
    keys.path.rename(real)
    link.symlink_to(real.name)
    keys.add("more", "read")
    assert link.is_symlink() and ids(keys) == ["first", "more"]
    real.unlink()
    made = keys.run("add", "again", *ADD, code=None)
    assert link.is_symlink()
    assert made.returncode != 0 or real.exists()


def test_a_start_without_keys_file_survives_a_hangup(make_server):
    server = make_server().start()
    server.signal(signal.SIGHUP)
    server.wait_log("SIGHUP")
    wait_until(server.is_ready, "ready")
