"""net.unix_socket: the way in for users of this machine."""

import asyncio
import grp
import json
import os
import signal
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
import websockets
from keys import Keys
from telemetryd import wait_until

pytestmark = pytest.mark.embedded

EVENTS = 500


@pytest.fixture
def directory():
    """A directory that every user can reach; its path is short."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def path(directory):
    return directory / "socket"


def curl(path, target, *arguments, **options):
    command = ["curl", "-sS", "--max-time", "60", "--unix-socket", str(path), *arguments]
    return subprocess.run(
        [*command, f"http://localhost{target}"], capture_output=True, text=True, check=False, **options
    )


def get(path, target):
    done = curl(path, target)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def start(server):
    """Starts a server that may have no TCP port."""
    server.launch()
    server.wait_log("telemetryd is serving", 120)
    return server


def test_curl_reads_and_posts(make_server, path):
    server = make_server({"net.unix_socket": path}).start()
    assert f"address={path}" in server.log()
    body = ["-H", "Content-Type: text/csv", "--data-binary", "0,0,1,r\n3,4,2,r\n"]
    assert json.loads(curl(path, "/api/events", *body).stdout)["accepted"] == 2
    assert get(path, "/api/robots/r")["odometer"] == 5.0
    assert server.rest().robot("r")["odometer"] == 5.0


def test_producer_is_answered(make_server, path):
    start(make_server({"net.unix_socket": path}))

    async def produce():
        async with websockets.unix_connect(str(path), "ws://localhost/upstream") as connection:
            for n in range(EVENTS):
                await connection.send(f"{n},0,{n},r")
            return [await connection.recv() for _ in range(EVENTS)]

    assert asyncio.run(produce()) == ["OK"] * EVENTS
    assert get(path, "/api/robots/r")["events"] == EVENTS


def test_long_answer_reaches_a_slow_reader_whole(make_server, path):
    """The kernel's room for a Unix domain socket is reported otherwise than that of TCP."""
    server = make_server({"net.unix_socket": path}).start()
    lines = [f"{n},0,{n},r" for n in range(100_000)]
    assert server.rest().post_lines(lines)["accepted"] == len(lines)
    done = curl(path, "/api/robots/r/events?format=csv", "--limit-rate", "2M")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [f"{n}.0,0.0,{n},r" for n in range(len(lines))]


def listening_ports(server):
    shown = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    return [line for line in shown.splitlines() if f"pid={server.pid}," in line]


def test_without_a_host_there_is_no_port(make_server, path):
    assert listening_ports(make_server({"net.unix_socket": path}).start())
    other = f"{path}-only"
    server = start(make_server({"net.unix_socket": other, "net.host": "none"}))
    assert get(other, "/api/robots") == []
    assert listening_ports(server) == []
    assert f"telemetryd is serving address={other}" in server.log().replace('"', "")


def test_kill_9_leaves_a_socket_that_the_next_start_replaces(make_server, path):
    server = start(make_server({"net.unix_socket": path}))
    before = path.lstat()
    server.kill()
    assert stat.S_ISSOCK(path.lstat().st_mode)
    start(server)
    assert get(path, "/api/robots") == []
    assert path.lstat().st_mtime_ns != before.st_mtime_ns


def test_second_server_is_refused_while_the_first_goes_on(make_server, path):
    first = start(make_server({"net.unix_socket": path}))
    second = make_server({"net.unix_socket": path}).launch()
    assert second.wait_exit(60) == 1
    assert f"net.unix_socket {path} is a socket that another process listens on" in second.log()
    assert "stop it, or set another path" in second.log()
    assert get(path, "/api/robots") == []
    assert first.terminate() == 0
    assert not path.exists()


def test_file_that_is_no_socket_is_refused_and_stays(make_server, path):
    path.write_text("of somebody")
    server = make_server({"net.unix_socket": path}).launch()
    assert server.wait_exit(60) == 1
    assert f"net.unix_socket {path} is there already and is no socket" in server.log()
    assert path.read_text() == "of somebody"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_regular_stop_removes_the_socket(make_server, path, number):
    server = start(make_server({"net.unix_socket": path}))
    server.signal(number)
    assert server.wait_exit() == 0
    assert list(path.parent.iterdir()) == []


def test_stop_before_the_storage_is_open_removes_the_socket(make_server, path):
    nobody = {"storage.store": "mysql", "mysql.hosts": "127.0.0.1:1"}
    server = make_server({"net.unix_socket": path, **nobody}).launch()
    server.wait_log("storage cannot be reached", 60)
    assert curl(path, "/readyz", "-o", "/dev/null", "-w", "%{http_code}").stdout == "503"
    assert server.terminate() == 0
    assert not path.exists()


def test_stop_leaves_a_socket_that_has_taken_the_place(make_server, path):
    first = start(make_server({"net.unix_socket": path}))
    path.rename(f"{path}-moved")
    second = start(make_server({"net.unix_socket": path}))
    assert first.terminate() == 0
    assert get(path, "/api/robots") == []
    assert second.terminate() == 0
    assert not path.exists()


def test_mode_and_owner_decide_who_connects(make_server, path):
    """As root with a user of its own; without root only with a group of this user."""
    is_root = os.geteuid() == 0
    owner = "nobody:nogroup" if is_root else f":{grp.getgrgid(os.getegid()).gr_name}"
    settings = {"net.unix_socket": path, "net.unix_mode": "0600", "net.unix_owner": owner}
    start(make_server(settings))
    status = path.lstat()
    assert stat.S_IMODE(status.st_mode) == 0o600
    if not is_root:
        assert status.st_gid == os.getegid()
        assert get(path, "/api/robots") == []
        return
    assert path.owner() == "nobody" and path.group() == "nogroup"
    assert curl(path, "/api/robots", user="nobody", extra_groups=[]).stdout.strip() == "[]"
    stranger = curl(path, "/api/robots", user="daemon", extra_groups=[])
    assert stranger.returncode == 7 and stranger.stdout == "", "curl: failed to connect"


def test_idle_client_does_not_delay_the_stop(make_server, path):
    server = start(make_server({"net.unix_socket": path}))

    async def stay():
        async with websockets.unix_connect(str(path), "ws://localhost/upstream") as connection:
            server.signal()
            await connection.wait_closed()
            return connection.close_code

    assert asyncio.run(stay()) == 1001
    assert server.wait_exit() == 0
    wait_until(lambda: not path.exists(), "the file is gone", 1)


def test_local_users_need_no_key_but_one_that_is_shown_must_be_right(make_server, path, tmp_path):
    keys = Keys(tmp_path / "keys")
    viewer = keys.add("viewer", "read")
    make_server({"net.unix_socket": path, **keys.settings}).start()
    status = ["-o", "/dev/null", "-w", "%{http_code}"]
    for shown, code in ((None, "200"), (viewer, "200"), (viewer[:-1] + "!", "401")):
        header = ["-H", f"Authorization: Bearer {shown}"] if shown else []
        assert curl(path, "/api/robots", *status, *header).stdout == code, shown
    post = ["-H", "Content-Type: text/csv", "--data-binary", "0,0,1,r\n"]
    assert curl(path, "/api/events", *status, *post).stdout == "200"
    with_key = ["-H", f"Authorization: Bearer {viewer}"]
    assert curl(path, "/api/events", *status, *post, *with_key).stdout == "403"
    keys.revoke("viewer")
    assert get(path, "/api/robots")[0]["name"] == "r"
