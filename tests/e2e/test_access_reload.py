"""A keys file that changes under load: no caller whose key stays notices, and ended rights end."""

import json
import os
import re
import resource
import select
import shutil
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from crowd import allow_files, handshake_with, masked
from keys import Keys, bearer
from telemetryd import EAGER_HEAP, wait_until
from websocket_client import WebSocket

pytestmark = pytest.mark.embedded

SWAPS = 100
NOBODY = 65534  # a user who is neither root nor that of the server
TOLD = r"keys file (?:not )?taken"


@pytest.fixture
def keys(tmp_path):
    made = Keys(tmp_path / "keys")
    made.add("reader", "read")
    made.add("producer", "ingest")
    made.add("doomed", "read", "ingest")
    return made


@pytest.fixture
def server(make_server, keys):
    return make_server({**keys.settings, "net.io_threads": 2}, env=EAGER_HEAP).start()


def status(server, key, path="/api/robots?limit=1"):
    return server.rest().request("GET", path, headers=bearer(key)).status


def told(server):
    """How often the server has told what it makes of the file."""
    return len(re.findall(TOLD, server.log()))


def wait_told(server, before, seconds=10.0):
    wait_until(lambda: told(server) > before, "the file is looked at", seconds)


def lines_of(keys):
    return keys.path.read_text().splitlines(keepends=True)


def rewrite(keys, change):
    """Writes the file anew with the keys as `change` leaves them: a function of objects by id."""
    by_id = {one["id"]: one for one in map(json.loads, lines_of(keys))}
    change(by_id)
    made = keys.path.with_suffix(".made")
    made.write_text("".join(json.dumps(one) + "\n" for one in by_id.values()))
    made.chmod(0o600)
    made.replace(keys.path)


def utc(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Load:
    """A producer with one WebSocket and a GET loop, until close(). Both keep their keys."""

    def __init__(self, server, producer_key, reader_key):
        self.faults, self.events, self.gets = [], 0, 0
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._guard, args=(work, server, key))
            for work, key in ((self._produce, producer_key), (self._read, reader_key))
        ]
        for one in self._threads:
            one.start()

    def _guard(self, work, server, key):
        try:
            work(server, key)
        except Exception as fault:  # told by close(), because nobody sees it in a thread
            self.faults.append(f"{work.__name__}: {fault!r}")

    def _produce(self, server, key):
        with WebSocket(server, headers=bearer(key)) as producer:
            while not self._stop.is_set():
                answer = producer.ask(f"1,2,{self.events},load")
                assert answer == "OK", answer
                self.events += 1

    def _read(self, server, key):
        rest = server.rest()
        while not self._stop.is_set():
            answer = rest.request("GET", "/api/robots?name=load", headers=bearer(key))
            assert answer.status == 200, answer
            self.gets += 1

    def close(self):
        self._stop.set()
        for one in self._threads:
            one.join(30)
        assert not self.faults


class Swaps:
    """Ways to change a keys file; the bad ones leave a file that must not be taken."""

    def __init__(self, path):
        self.path = path
        self._made = 0

    def _beside(self):
        self._made += 1
        return self.path.with_name(f"beside{self._made}")

    def rename_over(self, text):
        made = self._beside()
        made.write_text(text)
        made.chmod(0o600)
        made.replace(self.path)

    def write_in_place(self, text):
        if not self.path.is_file():
            return self.rename_over(text)
        self.path.chmod(0o600)
        os.chown(self.path, os.geteuid(), -1)
        with open(self.path, "r+") as file:
            file.write(text)
            file.truncate()

    def truncate_then_write(self, text):
        if not self.path.is_file():
            return self.rename_over(text)
        self.path.chmod(0o600)
        os.chown(self.path, os.geteuid(), -1)
        with open(self.path, "w") as file:
            file.flush()
            for begin in range(0, len(text), 100):  # half lines are in the file for a moment
                file.write(text[begin : begin + 100])
                file.flush()

    def link_as_kubernetes(self, text):
        """The file is a link into `..data`, which is a link to a folder and is swapped."""
        folder = self._beside()
        folder.mkdir()
        (folder / "keys").write_text(text)
        (folder / "keys").chmod(0o600)
        data, link = self.path.with_name("..data"), self._beside()
        link.symlink_to(folder.name)
        old = data.resolve() if data.is_symlink() else None
        link.replace(data)
        if not self.path.is_symlink():
            link.symlink_to("..data/keys")
            link.replace(self.path)
        if old:
            shutil.rmtree(old)

    def emptied(self, text):
        self.rename_over("")

    def half_written(self, text):
        self.rename_over(text[: len(text) // 2 + 20])

    def cut_in_its_last_line(self, text):
        self.rename_over(text[:-3])

    def full_of_zeros(self, text):
        self.rename_over("\0" * len(text))

    def writable_by_all(self, text):
        self.rename_over(text)
        self.path.chmod(0o666)

    def of_another_user(self, text):
        made = self._beside()
        made.write_text(text)
        os.chown(made, NOBODY, -1)
        made.replace(self.path)

    def gone(self, text):
        self.path.unlink(missing_ok=True)

    def folder(self, text):
        self.path.unlink(missing_ok=True)
        self.path.mkdir()

    def fifo(self, text):
        self.path.unlink(missing_ok=True)
        os.mkfifo(self.path, 0o600)

    def dangling_link(self, text):
        link = self._beside()
        link.symlink_to("nowhere")
        link.replace(self.path)

    def clear(self):
        if self.path.is_dir() and not self.path.is_symlink():
            self.path.rmdir()


GOOD = (
    Swaps.rename_over,
    Swaps.write_in_place,
    Swaps.truncate_then_write,
    Swaps.link_as_kubernetes,
    Swaps.link_as_kubernetes,
)
BAD = (
    Swaps.emptied,
    Swaps.half_written,
    Swaps.cut_in_its_last_line,
    Swaps.full_of_zeros,
    Swaps.writable_by_all,
    Swaps.of_another_user,
    Swaps.gone,
    Swaps.folder,
    Swaps.fifo,
    Swaps.dangling_link,
)


def test_100_swaps_disturb_no_caller_whose_key_stays(server, keys, tmp_path):
    """Every second swap is bad. SIGHUP makes the server look at once, also in the middle of one."""
    kept = "".join(lines_of(keys)[:2])
    spare = Keys(tmp_path / "spare")
    fresh = [spare.add(f"fresh{n}", "read") for n in range(5)]
    fresh_lines = lines_of(spare)
    swaps = Swaps(keys.path)
    load = Load(server, keys.made["producer"], keys.made["reader"])
    try:
        for number in range(SWAPS):
            swaps.clear()
            before, turn = told(server), number // 2
            if number % 2 == 0:
                valid = turn % len(fresh)
                text = kept + fresh_lines[valid]
                swap = GOOD[turn % len(GOOD)] if turn % 7 else Swaps.rename_over
            else:
                text = kept + fresh_lines[(turn + 1) % len(fresh)]
                swap = BAD[turn % len(BAD)]
            swap(swaps, text)
            if number % 10 < 8:  # and otherwise by itself
                server.signal(signal.SIGHUP)
            wait_told(server, before)
            wait_until(
                lambda: status(server, fresh[valid]) == 200, f"{swap.__name__}: its key is valid"
            )
            others = {status(server, key) for key in fresh if key != fresh[valid]}
            assert others == {401}, (number, swap.__name__)
            assert not load.faults, (number, swap.__name__)
    finally:
        load.close()
    assert load.events > SWAPS and load.gets > SWAPS
    assert server.rest().get("/readyz").json()["warnings"] == 1, "the last one was bad"
    assert f'"events":{load.events}' in (
        server.rest().get("/api/robots/load", **bearer(keys.made["reader"])).text
    )


def test_hundreds_of_hangups_in_a_row_do_no_harm(server, keys):
    load = Load(server, keys.made["producer"], keys.made["reader"])
    for _ in range(300):
        server.signal(signal.SIGHUP)
    before = told(server)
    server.signal(signal.SIGHUP)
    wait_told(server, before)
    load.close()


def test_a_key_that_comes_back_is_valid_again(server, keys, connect):
    for _ in range(3):
        before = keys.path.read_text()
        doomed = connect(server, headers=bearer(keys.made["doomed"]))
        assert doomed.ask("1,2,3,r") == "OK"
        rewrite(keys, lambda by_id: by_id.pop("doomed"))
        assert doomed.closing()[0] == 1008
        # The other I/O thread may not have the new set yet.
        wait_until(lambda: status(server, keys.made["doomed"]) == 401, "it has ended")
        keys.path.write_text(before)
        wait_until(lambda: status(server, keys.made["doomed"]) == 200, "it is back")
        assert connect(server, headers=bearer(keys.made["doomed"])).ask("1,2,3,r") == "OK"


def test_expiry_closes_sockets_in_time(server, keys, connect):
    end = int(time.time()) + 3
    rewrite(keys, lambda by_id: by_id["doomed"].update(expires=utc(end)))
    server.wait_log(r"keys file taken.*doomed")
    sockets = [connect(server, headers=bearer(keys.made["doomed"])) for _ in range(20)]
    stays = connect(server, headers=bearer(keys.made["producer"]))
    for one in sockets:
        assert one.ask("1,2,3,r") == "OK"
    assert time.time() < end, "the machine is too slow for this test"
    codes = [one.closing()[0] for one in sockets]
    assert codes == [1008] * len(sockets)
    assert end <= time.time() < end + 1.5
    assert status(server, keys.made["doomed"]) == 401
    assert stays.ask("1,2,3,r") == "OK"


def test_fewer_scopes_end_a_socket_and_more_do_not(server, keys, connect):
    doomed = connect(server, headers=bearer(keys.made["doomed"]))
    before = told(server)
    rewrite(keys, lambda by_id: by_id["doomed"].update(scopes=["ingest", "admin", "read"]))
    wait_told(server, before)
    assert doomed.ask("1,2,3,r") == "OK"
    rewrite(keys, lambda by_id: by_id["doomed"].update(scopes=["read"]))
    assert doomed.closing()[0] == 1008
    assert status(server, keys.made["doomed"]) == 200


# Long requests


def pour(server, key, robot, count):
    lines = "".join(f"{n % 7},2,{n},{robot}\n" for n in range(count)).encode()
    headers = {"Content-Type": "text/csv", **bearer(key)}
    answer = server.rest(60).request("POST", "/api/events", lines, headers)
    assert answer.json()["accepted"] == count


def begin_to_read(server, key, robot):
    """A socket that has received the beginning of a long answer and reads no more for now."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.settimeout(30)
    one.connect((server.host, server.port))
    one.sendall(
        f"GET /api/events?robot={robot} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {key}\r\n\r\n".encode()
    )
    assert one.recv(64).startswith(b"HTTP/1.1 200")
    return one


def finishes(one):
    """Whether the rest of a chunked answer comes to its end."""
    last = b""
    try:
        while not last.endswith(b"0\r\n\r\n"):
            part = one.recv(1 << 18)
            if not part:
                return False
            last = last[-4:] + part
    except ConnectionResetError:
        return False
    finally:
        one.close()
    return True


@pytest.mark.parametrize("how", ["revoked", "other scope", "other prefix", "expired"])
def test_a_long_answer_is_reset_when_its_right_ends(server, keys, how):
    pour(server, keys.made["producer"], "long", 300_000)
    answers = [begin_to_read(server, keys.made[name], "long") for name in ("doomed", "reader")]
    changes = {
        "revoked": lambda by_id: by_id.update(
            doomed={"id": "doomed", "revoked": "2026-01-01T00:00:00Z"}
        ),
        "other scope": lambda by_id: by_id["doomed"].update(scopes=["ingest"]),
        "other prefix": lambda by_id: by_id["doomed"].update(prefixes=["lo", "short"]),
        "expired": lambda by_id: by_id["doomed"].update(expires=utc(time.time() + 2)),
    }
    if how == "other prefix":
        answers.insert(1, None)
    before = told(server)
    rewrite(keys, changes[how])
    wait_told(server, before)
    if how == "expired":
        wait_until(lambda: status(server, keys.made["doomed"]) == 401, "it is over")
    # The end is noticed at once, not when the client reads on.
    peers = wait_until(lambda: closed_by_peer(answers[0]), "the answer is reset", seconds=2)
    assert peers and not finishes(answers[0])
    assert finishes(answers[-1]), "that of a key that stays"


def closed_by_peer(one):
    """Whether the peer has reset the connection, although bytes may wait to be read."""
    poll = select.poll()
    poll.register(one, select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


def test_a_long_answer_goes_on_while_other_keys_change(server, keys):
    pour(server, keys.made["producer"], "long", 300_000)
    answer = begin_to_read(server, keys.made["reader"], "long")
    keys.rotate("reader")
    keys.add("another", "read")
    keys.revoke("doomed")
    server.wait_log("keys file taken.*doomed")
    assert finishes(answer)


def test_a_body_whose_right_has_ended_is_not_taken(server, keys):
    """A client that sends its body slowly must not go on for minutes after its key was revoked."""
    lines = b"".join(b"1,2,%d,slow\n" % n for n in range(1000))
    with socket.create_connection((server.host, server.port), timeout=30) as one:
        one.sendall(
            f"POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
            f"Authorization: Bearer {keys.made['doomed']}\r\n"
            f"Content-Length: {len(lines)}\r\n\r\n".encode()
            + lines[:5000]
        )
        wait_until(lambda: status(server, keys.made["doomed"]) == 200, "the head has been read")
        keys.revoke("doomed")
        wait_until(lambda: status(server, keys.made["doomed"]) == 401, "it has ended")
        try:
            one.sendall(lines[5000:])
            answer = one.recv(1 << 16)
        except ConnectionError:
            answer = b""
    assert not answer.startswith(b"HTTP/1.1 200"), answer
    stored = server.rest().get("/api/events?robot=slow", **bearer(keys.made["reader"])).json()
    assert stored == []


# Many connections


class Peer:
    """One WebSocket of a crowd: what it has sent and received. Never blocks."""

    def __init__(self, server, key, number):
        self.robot = f"crowd{number}"
        self.sent, self.answers, self.close_code, self.closed_at = 0, [], None, None
        self.socket = socket.create_connection((server.host, server.port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(handshake_with(key))
        head = b""
        while b"\r\n\r\n" not in head:
            part = self.socket.recv(4096)
            if not part:
                break
            head += part
        self.status = int(head.split()[1]) if head else None
        self._input = head.partition(b"\r\n\r\n")[2]
        self.socket.setblocking(False)
        if self.status == 101:
            self._take_frames()  # the close may come with the answer

    def send(self):
        try:
            self.socket.send(masked(f"1,2,{self.sent},{self.robot}".encode()))
            self.sent += 1
        except OSError:
            pass  # the close is on its way

    def receive(self):
        """Takes what has come. @returns whether more may come."""
        try:
            while part := self.socket.recv(1 << 16):
                self._input += part
                self._take_frames()
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def _take_frames(self):
        while len(self._input) >= 2 and len(self._input) >= 2 + self._input[1]:
            opcode, size = self._input[0] & 15, self._input[1]
            payload, self._input = self._input[2 : 2 + size], self._input[2 + size :]
            if opcode == 1:
                self.answers.append(payload.decode())
            elif opcode == 8:
                self.close_code = int.from_bytes(payload[:2], "big")
                self.closed_at = time.monotonic()
                try:
                    self.socket.send(masked(payload, 0x88))
                except OSError:
                    pass


def test_revoking_a_key_of_many_connections(server, keys, soak):
    count = 10_000 if soak else 1_000
    allow_files(count + 500)
    status(server, keys.made["reader"])
    files, rss = server.open_files(), server.rss_bytes()
    stays = [Peer(server, keys.made["producer"], f"-stays{n}") for n in range(10)]
    with ThreadPoolExecutor(4) as pool:
        peers = list(pool.map(lambda n: Peer(server, keys.made["doomed"], n), range(count)))
    assert {one.status for one in peers} == {101}
    by_file = {one.socket.fileno(): one for one in peers}
    poll = select.poll()
    for one in peers:
        one.send()
        poll.register(one.socket, select.POLLIN)
    keys.revoke("doomed")
    taken_at = None
    deadline = time.monotonic() + 60
    while by_file and time.monotonic() < deadline:
        if taken_at is None and re.search(r"keys file taken.*doomed", server.log()):
            taken_at = time.monotonic()
        for file, _ in poll.poll(10):
            one = by_file[file]
            if taken_at is None and one.sent < 20:
                one.send()  # so that events are on their way when the right ends
            if not one.receive():
                poll.unregister(file)
                del by_file[file]
    server.wait_log(r"keys file taken.*doomed")
    assert not by_file, f"{len(by_file)} are still open"
    assert {one.close_code for one in peers} == {1008}
    last = max(one.closed_at for one in peers)
    assert taken_at is None or last - taken_at < 1, f"the last after {last - taken_at:.2f} s"
    assert all(set(one.answers) == {"OK"} for one in peers)
    rest = server.rest()
    for one in peers[:: max(1, count // 200)]:
        robot = rest.get(f"/api/robots/{one.robot}", **bearer(keys.made["reader"])).json()
        assert robot["events"] == len(one.answers), "what was taken is what was answered"
    for one in stays:
        one.send()
        wait_until(lambda: one.receive() and one.answers == ["OK"], "others are served")
    for one in peers + stays:
        one.socket.close()
    wait_until(lambda: server.open_files() <= files + 2, "the descriptors are back")
    wait_until(lambda: server.rss_bytes() < rss + (24 << 20), "the memory is back")


def test_no_connection_slips_in_while_its_key_is_revoked(server, keys):
    """Handshakes before, at and after the moment at which the set is taken."""
    peers, stop = [], threading.Event()

    def keep_connecting():
        while not stop.is_set():
            peers.append(Peer(server, keys.made["doomed"], f"-slips{len(peers)}"))

    thread = threading.Thread(target=keep_connecting)
    thread.start()
    wait_until(lambda: len(peers) > 20, "some are open")
    keys.revoke("doomed")
    wait_until(lambda: peers[-1].status == 401, "handshakes are refused")
    stop.set()
    thread.join()
    opened = [one for one in peers if one.status == 101]
    wait_until(lambda: not any([one.receive() for one in opened]), "all are closed", seconds=2)
    assert {one.close_code for one in opened} == {1008}
    for one in peers:
        one.socket.close()


# Failures that pass


def test_a_change_that_could_not_be_read_is_taken_once_it_can(server, keys):
    """Descriptors run out just when a key is revoked. The file itself does not change any more."""
    soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (3, hard))
    try:
        keys.revoke("doomed")
        server.wait_log("keys file not taken")
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: status(server, keys.made["doomed"]) == 401, "it has ended", seconds=5)
    assert server.rest().get("/readyz").json() == {"status": "ready"}


def test_a_file_whose_owner_was_mended_is_taken(server, keys, tmp_path):
    """`chown` changes neither content nor time, but it is what the log asks for."""
    spare = Keys(tmp_path / "spare")
    fresh = spare.add("fresh", "read")
    Swaps(keys.path).of_another_user("".join(lines_of(keys) + lines_of(spare)))
    server.wait_log("keys file not taken.*another user")
    os.chown(keys.path, os.geteuid(), -1)
    wait_until(lambda: status(server, fresh) == 200, "the file is taken", seconds=5)


def test_a_folder_that_could_not_be_entered_is_looked_at_again(make_server, tmp_path):
    """A file system that is away for a while, as an NFS server is."""
    keys = Keys(tmp_path / "mount" / "keys")
    keys.path.parent.mkdir()
    reader = keys.add("reader", "read")
    server = make_server(keys.settings).start()
    away = tmp_path / "away"
    keys.path.parent.rename(away)
    server.wait_log("keys file not taken")
    assert status(server, reader) == 200
    before = told(server)
    away.rename(keys.path.parent)
    wait_told(server, before)
    assert server.rest().get("/readyz").json() == {"status": "ready"}
