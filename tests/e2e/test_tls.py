"""The TLS listener of the real binary, with the clients that people use: Python's ssl, curl, openssl."""

import asyncio
import concurrent.futures
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading

import pytest
import websockets
from certificates import make_certificates
from telemetryd import BINARY, wait_until
from tls_kit import (
    client_context, connect, get, read_to_end, replace_pair, settings_of, tls_port_of,
)

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(make_module_server, files):
    one = make_module_server(settings_of(files)).start()
    one.tls_port = tls_port_of(one)
    return one


def curl(files, port, *arguments):
    return subprocess.run(
        ["curl", "--silent", "--show-error", "--cacert", files / "ca.pem", "--max-time", "60",
         *map(str, arguments[:-1]), f"https://localhost:{port}{arguments[-1]}"],
        capture_output=True, timeout=90, check=False)


def s_client(port, *arguments, text=b"", seconds=30):
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments], input=text,
        capture_output=True, timeout=seconds, check=False)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def test_log_tells_address_names_and_end_of_the_certificate(server):
    line = server.wait_log(r".*tls_address=.*").group(0)
    assert "127.0.0.1, localhost" in line, line
    assert re.search(r"ends=20\d\d-\d\d-\d\dT", line), line


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl_gets_and_posts(server, files, version):
    which = ["--tlsv" + version, "--tls-max", version]
    done = curl(files, server.tls_port, *which, "--data-binary", f"1,2,3,curl-{version}\n",
                "-H", "Content-Type: text/csv", "/api/events")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accepted"] == 1
    done = curl(files, server.tls_port, *which, f"/api/robots/curl-{version}")
    assert json.loads(done.stdout)["events"] == 1


def test_certificate_of_the_pair_is_shown(server, files):
    with connect(server.tls_port, client_context(files)) as stream:
        names = [value for _, value in stream.getpeercert()["subjectAltName"]]
        assert names == ["127.0.0.1", "localhost"]
        assert stream.version() == "TLSv1.3"


def test_both_listeners_serve_the_same_robots(server, files):
    assert server.rest().post_lines(["1,2,3,both"])["accepted"] == 1
    answer = get(server.tls_port, client_context(files), "/api/robots/both")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_producer_of_websockets(server, files):
    async def produce():
        async with websockets.connect(f"wss://localhost:{server.tls_port}/upstream",
                                      ssl=client_context(files), max_queue=2000) as stream:
            for n in range(2000):
                await stream.send(f"{n},0,{n + 1},wss")
            return [await stream.recv() for _ in range(2000)]

    assert set(asyncio.run(produce())) == {"OK"}
    assert server.rest().robot("wss")["events"] == 2000


def test_long_list_is_whole_for_a_slow_reader(server, files):
    lines = 200_000
    body = "".join(f"{n},1,{n + 1},long\n" for n in range(lines)).encode()
    assert server.rest(120).post("/api/events", body, "text/csv").json()["accepted"] == lines
    with connect(server.tls_port, client_context(files), 120) as stream:
        stream.sendall(b"GET /api/robots/long/events?format=csv HTTP/1.1\r\nHost: localhost\r\n"
                       b"Connection: close\r\n\r\n")
        parts = []
        while part := stream.recv(3000):  # small reads, so that the socket fills up
            parts.append(part)
    answer = b"".join(parts)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"0\r\n\r\n"), "the body is whole"
    assert len(re.findall(rb"(?m)^\d+\.0,1\.0,\d+,long", answer)) >= lines * 0.99, "chunks cut a few lines"


def test_gzip_and_json_lists_are_whole(server, files):
    done = curl(files, server.tls_port, "--compressed", "/api/robots/long/events")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 200_000


def test_regular_ends_have_a_close_notify(server, files):
    with connect(server.tls_port, client_context(files)) as stream:
        stream.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert stream.recv(10000)
        stream.unwrap()  # our close_notify; the server answers with its own
    with connect(server.tls_port, client_context(files)) as stream:
        stream.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
        assert read_to_end(stream).startswith(b"HTTP/1.0 200"), "with a close_notify behind it"


def test_killed_server_leaves_no_close_notify(make_server, files):
    one = make_server(settings_of(files)).start()
    stream = connect(tls_port_of(one), client_context(files))
    stream.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert stream.recv(1000).startswith(b"HTTP/1.1 200"), "nothing is unread, which would be a reset"
    one.kill()
    with pytest.raises(ssl.SSLError, match="UNEXPECTED_EOF"):
        stream.recv(1000)


def test_plain_http_is_told_that_the_port_speaks_tls(server):
    with socket.create_connection(("127.0.0.1", server.tls_port), timeout=20) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = read_to_end(plain)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"\r\n\r\nThis port speaks TLS: use https:// or wss://\n")


@pytest.mark.parametrize("text", [b"\x00", b"SSH-2.0-x\r\n"[1:].lower(), b"\x16\x03\x01\x40\x00\x01\x02\x00\x00"])
def test_anything_else_is_closed_without_an_answer(server, text):
    with socket.create_connection(("127.0.0.1", server.tls_port), timeout=20) as plain:
        plain.sendall(text)
        assert plain.recv(100) == b""


def test_old_versions_are_refused(server):
    for version in ("-tls1", "-tls1_1"):
        code, text = s_client(server.tls_port, version, "-cipher", "DEFAULT@SECLEVEL=0")
        assert code != 0
        assert "alert protocol version" in text, text


def test_renegotiation_is_refused(server):
    code, text = s_client(server.tls_port, "-tls1_2", text=b"R\n")
    assert "no renegotiation" in text, text
    assert "Secure Renegotiation IS supported" in text  # the extension that makes it safe to refuse


def test_there_are_no_sessions_and_no_compression(server):
    _, text = s_client(server.tls_port, "-tls1_3")
    assert "New Session Ticket" not in text
    _, text = s_client(server.tls_port, "-tls1_2", "-reconnect")
    assert "Reused" not in text, text
    assert "Compression: NONE" in text


def test_other_application_protocols_are_refused(server):
    code, text = s_client(server.tls_port, "-alpn", "h2")
    assert code != 0
    assert "no application protocol" in text, text
    code, text = s_client(server.tls_port, "-alpn", "h2,http/1.1")
    assert code == 0
    assert "ALPN protocol: http/1.1" in text


def test_weak_ciphers_are_refused(server):
    for cipher in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256"):
        code, text = s_client(server.tls_port, "-tls1_2", "-cipher", cipher + ":@SECLEVEL=0")
        assert code != 0
        assert "handshake failure" in text, text


def test_a_pause_of_tls_leaves_the_plain_listener_alone(make_server, files):
    one = make_server(settings_of(files, tls__handshakes_max=1, tls__handshake_timeout="60s")).start()
    silent = [socket.create_connection(("127.0.0.1", tls_port_of(one)), timeout=20) for _ in range(3)]
    for _ in range(20):
        assert one.rest().get("/livez").status == 200
    assert one.terminate() == 0
    del silent


def test_handshakes_and_requests_of_many_at_once(server, files):
    context = client_context(files)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: get(server.tls_port, context), range(200)))
    assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)


def serial_of(port, context):
    with connect(port, context) as stream:
        return stream.getpeercert()["serialNumber"]


def test_pairs_are_swapped_under_load(make_server, files, tmp_path):
    for name in ("server.pem", "server.key"):
        shutil.copy(files / name, tmp_path / name)
    one = make_server({**settings_of(files), "tls.certificate": tmp_path / "server.pem",
                       "tls.key": tmp_path / "server.key"}).start()
    port, context = tls_port_of(one), client_context(files)
    kept = connect(port, context)
    stop, faults, counts = threading.Event(), [], []

    def load():
        done = 0
        while not stop.is_set():
            answer = get(port, context)
            if not answer.startswith(b"HTTP/1.1 200"):
                faults.append(answer)
            done += 1
        counts.append(done)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for each in threads:
        each.start()
    seen = {serial_of(port, context)}
    for swap in range(30):
        replace_pair(files, tmp_path)
        one.signal(signal.SIGHUP)
        wait_until(lambda: serial_of(port, context) not in seen, f"swap {swap}")
        seen.add(serial_of(port, context))
    (tmp_path / "server.key").write_text("no key")
    one.signal(signal.SIGHUP)
    one.wait_log(r"certificate not taken.*server\.key")
    assert one.rest().get("/readyz").json()["warnings"] == 1
    assert serial_of(port, context) in seen
    stop.set()
    for each in threads:
        each.join()
    assert not faults
    assert min(counts) > 0
    kept.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert kept.recv(1000).startswith(b"HTTP/1.1 200"), "connections keep their context"
    kept.close()
    assert one.terminate() == 0


def test_renewed_files_are_taken_without_a_signal(make_server, files, tmp_path):
    for name in ("server.pem", "server.key"):
        shutil.copy(files / name, tmp_path / name)
    one = make_server({**settings_of(files), "tls.certificate": tmp_path / "server.pem",
                       "tls.key": tmp_path / "server.key"}).start()
    port, context = tls_port_of(one), client_context(files)
    old = serial_of(port, context)
    replace_pair(files, tmp_path)
    wait_until(lambda: serial_of(port, context) != old, "the new pair is served")


def test_a_network_needs_keys(files):
    code, text = refusal("--check-config", f"--tls.certificate={files}/server.pem",
                         f"--tls.key={files}/server.key")
    assert code == 2
    assert "0.0.0.0:8443 can be reached from the network and nobody is asked for a key" in text


def refusal(*arguments):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TELEMETRY_")}
    done = subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False, cwd="/tmp", env=clean)
    return done.returncode, done.stderr


@pytest.mark.parametrize("check", [(), ("--check-config",)])
def test_bad_pairs_are_refused_with_file_and_cure(files, tmp_path, check):
    def start(certificate, key):
        return refusal(f"--tls.certificate={certificate}", f"--tls.key={key}",
                       f"--storage.data_dir={tmp_path}/data", "--net.port=0", "--tls.port=0",
                       "--tls.host=127.0.0.1", *check)

    code, text = start(files / "server.pem", files / "stranger.key")
    assert code == 2
    assert "stranger.key is not the key of" in text and "set tls.certificate and tls.key" in text
    code, text = start(files / "missing.pem", files / "server.key")
    assert code == 2
    assert "missing.pem cannot be opened" in text
    open_key = tmp_path / "open.key"
    open_key.write_bytes((files / "server.key").read_bytes())
    open_key.chmod(0o644)
    code, text = start(files / "server.pem", open_key)
    assert code == 2
    assert "open.key can be read by every user" in text and "chmod o-r" in text
    assert not (tmp_path / "data").exists(), "the storage was not opened"


def test_settings_of_tls_belong_together(files):
    code, text = refusal("--check-config", "--tls.host=127.0.0.1",
                         f"--tls.certificate={files}/server.pem")
    assert code == 2 and "tls.key is not set" in text
    code, text = refusal("--check-config", f"--tls.key={files}/server.key")
    assert code == 2 and "tls.certificate is not set" in text
    code, text = refusal("--check-config", f"--tls.client_ca={files}/ca.pem")
    assert code == 2 and "tls.client_certificate is off" in text


def test_core_files_are_off_once_a_key_is_loaded(server):
    limits = open(f"/proc/{server.pid}/limits").read()
    assert re.search(r"Max core file size\s+0\s+0\s", limits)


def test_handshakes_run_on_a_niced_thread(server):
    nices = []
    for task in os.listdir(f"/proc/{server.pid}/task"):
        fields = open(f"/proc/{server.pid}/task/{task}/stat").read().rsplit(")", 1)[1].split()
        nices.append(int(fields[16]))
    own = os.getpriority(os.PRIO_PROCESS, os.getpid())
    assert nices.count(min(19, own + 5)) >= 1, nices


def test_drain_ends_openings_and_connections(make_server, files):
    one = make_server(settings_of(files)).start()
    port = tls_port_of(one)
    silent = socket.create_connection(("127.0.0.1", port), timeout=20)
    idle = connect(port, client_context(files))
    idle.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert idle.recv(1000)
    assert one.terminate() == 0
    assert silent.recv(10) == b""
    assert idle.recv(10) == b"", "with a close_notify: this is no cut answer"
