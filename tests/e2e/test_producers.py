"""The example producers, run as they stand, over a line that breaks again and again."""

import os
import socket
import subprocess
import threading

import pytest
from example_producers import EXAMPLES, PRODUCERS
from keys import Keys
from telemetryd import ROOT

pytestmark = pytest.mark.embedded

EVENTS = 2000


class BreakingLine:
    """A TCP proxy that cuts its first connections, each after some bytes of answers."""

    def __init__(self, target, cuts):
        self._target = target
        self._cuts = list(cuts)
        self.broken = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            limit = self._cuts.pop(0) if self._cuts else None
            threading.Thread(target=self._copy, args=(near, far, None), daemon=True).start()
            threading.Thread(target=self._copy, args=(far, near, limit), daemon=True).start()

    def _copy(self, source, sink, limit):
        copied = 0
        try:
            while data := source.recv(1000):
                copied += len(data)
                if limit is not None and copied > limit:
                    self.broken += 1
                    break
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        # Closing alone would leave it open for as long as the other thread waits in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.mark.parametrize("command", PRODUCERS)
def test_producer_loses_nothing_over_a_line_that_breaks(make_server, tmp_path, command):
    server = make_server().start()
    line = BreakingLine((server.host, server.port), cuts=[300, 700, 1900])
    events = [f"{n}.5,{n},{n + 1},robot" for n in range(EVENTS)]
    done = subprocess.run(
        command(f"ws://127.0.0.1:{line.port}/upstream", tmp_path),
        input="\n".join(events) + "\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    line.close()
    assert line.broken == 3
    assert done.stdout.splitlines() == [f"{event} OK" for event in events]
    assert server.rest().robot("robot")["events"] == EVENTS


# Empty lines first, in a row and last, while nothing is in flight; a name with a space at its end.
NASTY_FILES = [
    "\n1,1,1,robot\n\n\n2,2,2,robot\n\n",
    "\n" * 250 + "1,1,1,robot\n2,2,2,robot ",
    "bad\n \n1,1,1,robot\n2,2,2,robot \n",
    "",
]


@pytest.mark.parametrize("command", PRODUCERS)
def test_producer_sends_every_line_of_a_nasty_file(make_server, tmp_path, command):
    server = make_server().start()
    words = command(server.url, tmp_path)
    for text in NASTY_FILES:
        done = subprocess.run(
            words, input=text, capture_output=True, text=True, timeout=120, check=True
        )
        lines = text.split("\n")[: -1 if text.endswith("\n") or not text else None]
        answers = done.stdout.split("\n")[:-1]
        assert len(answers) == len(lines)
        for line, answer in zip(lines, answers, strict=True):
            assert answer.startswith(f"{line} {'OK' if ',' in line else 'ERR '}")
    assert server.rest().robot("robot")["events"] == 2
    assert server.rest().robot("robot ")["events"] == 1


@pytest.mark.parametrize("command", PRODUCERS)
def test_producer_shows_its_key_until_the_key_ends(make_server, tmp_path, command):
    keys = Keys(tmp_path / "keys")
    key = keys.add("producer", "ingest", prefixes=["site-a/"])
    viewer = keys.add("viewer", "read")
    server = make_server(keys.settings).start()
    words = command(server.url, tmp_path)

    def produce(**shown):
        return subprocess.run(
            words,
            input="1,2,3,site-a/1\n1,2,3,site-b/1\n",
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, **shown},
            check=False,
        )

    done = produce(TELEMETRY_KEY=key)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "1,2,3,site-a/1 OK",
        "1,2,3,site-b/1 ERR not allowed for this robot",
    ]
    keys.revoke("producer")
    server.wait_log(r'keys file taken.*(changed|removed)"?[=:]"?[^"]*producer')
    for shown, status in ((key, "401"), (viewer, "403"), ("", "401")):
        done = produce(TELEMETRY_KEY=shown)
        assert done.returncode == 2 and status in done.stderr, done
        assert key not in done.stderr and viewer not in done.stderr


def test_readme_shows_the_producer_that_is_tested():
    lines = (EXAMPLES / "producer.py").read_text().splitlines()
    begin = next(n for n, line in enumerate(lines) if "produce" in line and "(" in line)
    end = next(n for n, line in enumerate(lines[begin:], begin) if n > begin and line == "")
    shown = "\n".join(lines[begin:end]).rstrip()
    readme = (ROOT / "README.md").read_text()
    assert len(shown.splitlines()) > 10
    assert shown in readme
    for name in ("producer.mjs", "producer.cpp"):
        assert f"(docs/examples/{name})" in readme and (EXAMPLES / name).exists()
