"""Keys: who may do what, while the keys file changes under the server."""

import json
import os
import re
import signal
import subprocess
import time

import pytest
from certificates import make_certificates
from example_producers import PRODUCERS
from keys import Keys, bearer
from telemetryd import BINARY, environment_without_settings, wait_until
from tls_kit import client_context, get, settings_of, sign_client, tls_port_of
from websocket_client import Closed, Refused, WebSocket

pytestmark = pytest.mark.embedded


@pytest.fixture
def keys(tmp_path):
    """Three keys: of a viewer, of a producer, and of both for the robots of one site."""
    made = Keys(tmp_path / "keys")
    made.add("viewer", "read")
    made.add("producer", "ingest")
    made.add("site-a", "read", "ingest", prefixes=["site-a/"])
    return made


@pytest.fixture
def server(make_server, keys):
    return make_server(keys.settings).start()


def status(server, key, path="/api/robots"):
    return server.rest().request("GET", path, headers=bearer(key) if key else {}).status


def wait_taken(server, keys, changed):
    """Waits until the server has taken the change of these ids."""
    server.wait_log(rf'keys file taken.*(added|changed|removed)"?[=:]"?[^"]*{changed}')


def ask(server, key, line):
    with WebSocket(server, headers=bearer(key)) as socket:
        return socket.ask(line)


def test_asks_for_keys_and_gives_what_they_permit(server, keys):
    assert status(server, None) == 401
    assert status(server, keys.made["viewer"]) == 200
    assert status(server, keys.made["producer"]) == 403
    assert ask(server, keys.made["producer"], "1,2,3,any") == "OK"
    with pytest.raises(Refused) as refused:
        ask(server, keys.made["viewer"], "1,2,3,any")
    assert refused.value.status == 403
    assert server.rest().get("/readyz").json() == {"status": "ready"}


def test_prefixes_bound_what_a_key_writes_and_sees(server, keys):
    site = keys.made["site-a"]
    assert ask(server, site, "0,0,1,site-a/1\n0,0,1,site-b/1") == (
        "OK\nERR not allowed for this robot"
    )
    rest = server.rest()
    for name in ("site-b/1", "site-a/2", "site-a", "SITE-A/3"):
        assert ask(server, keys.made["producer"], f"0,0,1,{name}\n3,4,2,{name}") == "OK\nOK"
    answer = rest.request(
        "POST",
        "/api/events",
        b"9,9,9,site-b/1\n9,9,9,site-a/1\n",
        {"Content-Type": "text/csv", **bearer(site)},
    ).json()
    assert (answer["accepted"], answer["invalid"]) == (1, 1)
    assert answer["errors"] == [{"line": 1, "reason": "not allowed for this robot"}]

    def get(path, key=site):
        return rest.request("GET", path, headers=bearer(key))

    assert [robot["name"] for robot in get("/api/robots").json()] == ["site-a/1", "site-a/2"]
    pages, path = [], "/api/robots?limit=1"
    while path:
        page = get(path)
        pages += [robot["name"] for robot in page.json()]
        link = re.match(r'<(.*)>; rel="next"', page.headers.get("link", ""))
        path = "/api/robots" + link[1] if link else None
    assert pages == ["site-a/1", "site-a/2"]
    assert get("/api/robots/site-b%2F1").status == 404
    assert get("/api/robots/site-b%2F1/events").json() == []
    assert get("/api/robots/site-b%2F1/odometer").json()["odometer"] == 0.0
    assert get("/api/robots/site-a%2F2/odometer").json()["odometer"] == 5.0
    names = [robot["name"] for robot in get("/api/robots", keys.made["viewer"]).json()]
    assert names == ["SITE-A/3", "site-a", "site-a/1", "site-a/2", "site-b/1"]


def test_revoking_a_key_closes_its_sockets_within_a_second(server, keys, connect):
    producer = keys.made["producer"]
    ended = [connect(server, headers=bearer(producer)) for _ in range(20)]
    other = connect(server, headers=bearer(keys.made["site-a"]))
    for index, socket in enumerate(ended):
        assert socket.ask(f"1,2,3,r{index}") == "OK"
    keys.revoke("producer")
    since = time.monotonic()
    for socket in ended:
        with pytest.raises(Closed) as closed:
            socket.receive()
        assert closed.value.code == 1008
    assert time.monotonic() - since < 1.5, "250 ms until it is seen, 250 ms at rest, and the rest"
    assert other.ask("1,2,3,site-a/1") == "OK"
    assert status(server, producer) == 401
    server.wait_log(r"access refused.*revoked.*producer")


def test_a_key_that_stays_keeps_its_socket_with_its_new_rights(server, keys, connect):
    socket = connect(server, headers=bearer(keys.made["site-a"]))
    assert socket.ask("1,2,3,site-b/1") == "ERR not allowed for this robot"
    lines = [json.loads(line) for line in keys.path.read_text().splitlines()]
    lines[2]["prefixes"] = ["site-b/"]
    keys.path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    wait_taken(server, keys, "site-a")
    assert socket.ask("1,2,3,site-b/1") == "OK"
    assert socket.ask("1,2,4,site-a/1") == "ERR not allowed for this robot"


def test_both_secrets_of_a_rotation_work_until_the_older_ends(server, keys, connect):
    older = keys.made["producer"]
    socket = connect(server, headers=bearer(older))
    lines = keys.path.read_text()
    newer = keys.rotate("producer")
    wait_taken(server, keys, "producer")
    assert ask(server, older, "1,2,3,a") == "OK"
    assert ask(server, newer, "1,2,3,b") == "OK"
    assert socket.ask("1,2,3,c") == "OK"
    later = json.loads(keys.path.read_text().splitlines()[1])
    later["hashes"][1]["until"] = time.strftime(
        "%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2)
    )
    first, _, third = lines.splitlines()
    keys.path.write_text("\n".join([first, json.dumps(later), third]) + "\n")
    with pytest.raises(Closed) as closed:
        socket.receive()
    assert closed.value.code == 1008
    with pytest.raises(Refused) as refused:
        ask(server, older, "1,2,4,a")
    assert refused.value.status == 401
    assert ask(server, newer, "1,2,4,b") == "OK"


@pytest.mark.parametrize("broken", ["", "# nothing\n", '{"id":"vie', '{"id":"a","prefix":"x"}\n'])
def test_a_broken_keys_file_leaves_the_old_keys(server, keys, broken):
    text = keys.path.read_text()
    keys.path.write_text(broken)
    server.wait_log("keys file not taken")
    assert status(server, keys.made["viewer"]) == 200
    assert server.rest().get("/readyz").json() == {"status": "ready", "warnings": 1}
    keys.path.write_text(text + "# again\n")
    wait_until(
        lambda: server.rest().get("/readyz").json() == {"status": "ready"}, "no warning any more"
    )
    assert text.splitlines()[0] not in server.log()


def test_a_keys_file_that_is_gone_or_writable_by_all_leaves_the_old_keys(server, keys):
    os.chmod(keys.path, 0o666)
    server.wait_log("keys file not taken.*chmod")
    keys.path.unlink()
    server.wait_log("keys file not taken.*No such file")
    assert status(server, keys.made["viewer"]) == 200
    assert status(server, None) == 401


def test_sighup_reads_the_keys_at_once(server, keys):
    before = server.log().count("keys file taken")
    server.signal(signal.SIGHUP)
    wait_until(lambda: server.log().count("keys file taken") > before, "the file is read again")


def test_no_secret_is_in_log_or_command_line(server, keys):
    for text in keys.made.values():
        status(server, text)
        status(server, text[:-1])
        server.rest().get(f"/api/robots?access_token={text}")
    shown = server.log() + open(f"/proc/{server.pid}/cmdline").read()
    for text in keys.made.values():
        assert text.split(".")[1] not in shown
    for line in keys.path.read_text().splitlines():
        assert json.loads(line)["hashes"][0]["sha256"] not in shown


# Start-up


def refusal(*arguments):
    """What a server that must not start says; the same as --check-config."""
    answers = set()
    for extra in ([], ["--check-config"]):
        done = subprocess.run(
            [BINARY, *arguments, *extra],
            capture_output=True,
            text=True,
            timeout=20,
            env=environment_without_settings(),
        )
        assert done.returncode == 2, done
        answers.add(done.stderr)
    assert len(answers) == 1, answers
    return answers.pop()


def test_a_network_needs_keys_and_they_need_tls_or_a_proxy(keys, tmp_path):
    everywhere = f"--storage.data_dir={tmp_path}/data", "--net.host=0.0.0.0", "--net.port=0"
    asked = f"--auth.keys_file={keys.path}"
    assert "0.0.0.0:0 can be reached from the network and nobody is asked" in refusal(*everywhere)
    assert "can be reached from the network without TLS" in refusal(*everywhere, asked)
    assert "the proxy would open this server to its clients" in refusal(
        "--net.trusted_proxies=10.0.0.1", f"--storage.data_dir={tmp_path}/data"
    )
    assert not (tmp_path / "data").exists()


def test_a_keys_file_that_cannot_be_used_stops_the_start(keys, tmp_path):
    assert "No such file" in refusal(f"--auth.keys_file={tmp_path}/none")
    os.chmod(keys.path, 0o666)
    assert "chmod go-w" in refusal(f"--auth.keys_file={keys.path}")
    os.chmod(keys.path, 0o600)
    keys.path.write_text("{}\n")
    assert "line 1" in refusal(f"--auth.keys_file={keys.path}")


def test_trusted_proxies_are_checked():
    for wrong in ("10.0.0.0/0", "::/0", "proxy.example", "10.0.0.0/33"):
        assert "net.trusted_proxies: " in refusal(f"--net.trusted_proxies={wrong}")


def test_insecure_serves_a_network_without_keys_but_gives_nobody_admin(make_server):
    server = make_server({"net.host": "0.0.0.0", "net.insecure": "on"}).start()
    server.wait_log("INSECURE: 0.0.0.0:0 can be reached from the network")
    server.host = "127.0.0.1"
    assert server.rest().post_lines(["1,2,3,r"])["accepted"] == 1
    assert server.rest().robot("r")["events"] == 1


def test_only_a_trusted_proxy_may_use_a_plain_port_on_the_network(make_server, keys):
    server = make_server(
        {**keys.settings, "net.host": "0.0.0.0", "net.trusted_proxies": "127.0.0.2"}
    )
    server.launch()
    server.find_port()
    server.host = "127.0.0.1"
    with pytest.raises(OSError):
        server.rest().get("/livez")
    server.wait_log("no trusted proxy made it")
    proxied = subprocess.run(
        ["curl", "-s", "--interface", "127.0.0.2", f"http://127.0.0.1:{server.port}/livez"],
        capture_output=True,
        text=True,
    )
    assert proxied.stdout == '{"status":"live"}\n'


# TLS


@pytest.fixture
def files(tmp_path):
    return make_certificates(tmp_path)


def test_a_client_certificate_speaks_for_the_key_that_lists_it(make_server, keys, files, connect):
    listed, foreign, without = client_context(files), client_context(files), client_context(files)
    listed.load_cert_chain(*sign_client(files, "listed"))
    foreign.load_cert_chain(*sign_client(files, "foreign"))
    line = {
        "id": "by-certificate",
        "hashes": [],
        "scopes": ["read"],
        "prefixes": "all",
        "expires": "never",
        "certificates": ["subject:CN=listed"],
    }
    text = keys.path.read_text()
    keys.path.write_text(text + json.dumps(line) + "\n")
    ca = {"tls__client_certificate": "optional", "tls__client_ca": files / "ca.pem"}
    server = make_server({**settings_of(files, **ca), **keys.settings}).start()
    port = tls_port_of(server)

    def status_over_tls(context):
        return int(get(port, context, "/api/robots").split()[1])

    assert [status_over_tls(one) for one in (listed, foreign, without)] == [200, 401, 401]
    keys.path.write_text(text)
    wait_taken(server, keys, "by-certificate")
    wait_until(lambda: status_over_tls(listed) == 401, "the key is gone")


@pytest.mark.parametrize("command", PRODUCERS)
def test_producers_send_over_tls_with_a_key(make_server, keys, files, tmp_path, command):
    server = make_server({**settings_of(files), **keys.settings}).start()
    url = f"wss://localhost:{tls_port_of(server)}/upstream"
    (tmp_path / "key").write_text(keys.made["producer"] + "\n")
    shown = ["--ca", str(files / "ca.pem"), "--key-file", str(tmp_path / "key")]
    lines = "".join(f"{n},0,{n + 1},r\n" for n in range(500))
    done = subprocess.run(
        [*command(url, tmp_path), *shown],
        input=lines,
        capture_output=True,
        text=True,
        timeout=300,
        env=environment_without_settings(),
    )
    assert done.returncode == 0, done
    assert done.stdout.count(" OK\n") == 500
