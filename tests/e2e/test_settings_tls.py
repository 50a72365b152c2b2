"""The settings of TLS: changing each changes what the server does."""

import socket
import ssl
import subprocess
import time

import pytest
from certificates import make_certificates
from tls_kit import client_context, connect, get, settings_of, sign_client, tls_port_of

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def start(make_server, files):
    """Starts a server with a TLS listener and the settings given. @returns it and its port."""

    def start_one(**more):
        server = make_server(settings_of(files, **more)).start()
        return server, tls_port_of(server)

    return start_one


def is_refused(port, context):
    """Whether the server ends the connection instead of an answer."""
    try:
        get(port, context)
    except (ssl.SSLError, ConnectionResetError):
        return True
    return False


def answers(port, context):
    return get(port, context).startswith(b"HTTP/1.1 200 OK")


def test_setting_tls_host(start, files):
    server, port = start(tls__host="*", net__insecure="on")
    for host in ("127.0.0.1", "127.0.0.2"):
        with socket.create_connection((host, port), timeout=20):
            pass
    assert answers(port, client_context(files))
    server, port = start(tls__host="127.0.0.2")
    with pytest.raises(ConnectionRefusedError):
        connect(port, client_context(files))
    with socket.create_connection(("127.0.0.2", port), timeout=20):
        pass


def test_setting_tls_port(start, files):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    _, port = start(tls__port=free)
    assert port == free
    assert answers(free, client_context(files))


def test_setting_tls_certificate(make_server, start, files):
    server = make_server({"tls.port": 0}).start()
    assert "tls_address" not in server.log(), "there is no TLS listener without a certificate"
    _, port = start(tls__certificate=files / "stranger.pem", tls__key=files / "stranger.key")
    context = client_context(files, check_hostname=False)
    with connect(port, context) as stream:
        assert stream.getpeercert()["subjectAltName"] == (("DNS", "elsewhere.example"),)


def test_setting_tls_key(make_server, files):
    server = make_server(settings_of(files, tls__key=files / "stranger.key")).launch()
    assert server.wait_exit(20) == 2
    assert "stranger.key is not the key of the first certificate" in server.log()


def test_setting_tls_client_certificate(start, files):
    ca = {"tls__client_ca": files / "ca.pem"}
    without, with_one = client_context(files), client_context(files)
    with_one.load_cert_chain(*sign_client(files))
    _, optional = start(tls__client_certificate="optional", **ca)
    assert answers(optional, without) and answers(optional, with_one)
    _, required = start(tls__client_certificate="required", **ca)
    assert is_refused(required, without)
    assert answers(required, with_one)


def test_setting_tls_client_ca(start, files):
    context = client_context(files)
    context.load_cert_chain(*sign_client(files))
    _, port = start(tls__client_certificate="optional", tls__client_ca=files / "other.pem")
    assert is_refused(port, context), "it is signed by another CA"


def test_setting_tls_client_crl(start, files, tmp_path):
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=tmp_path)

    (tmp_path / "index").write_text("")
    (tmp_path / "ca.conf").write_text(
        f"[ca]\ndefault_ca=it\n[it]\ndatabase={tmp_path}/index\ndefault_md=sha256\n"
        "default_crl_days=2\n")
    authority = ("ca", "-config", "ca.conf", "-keyfile", files / "ca.key", "-cert", files / "ca.pem")
    good, revoked = client_context(files), client_context(files)
    good.load_cert_chain(*sign_client(files, "good"))
    certificate, key = sign_client(files, "revoked")
    revoked.load_cert_chain(certificate, key)
    openssl(*authority, "-revoke", certificate)
    openssl(*authority, "-gencrl", "-out", "crl.pem")
    _, port = start(tls__client_certificate="required", tls__client_ca=files / "ca.pem",
                    tls__client_crl=tmp_path / "crl.pem")
    assert is_refused(port, revoked)
    assert answers(port, good)


def test_setting_tls_threads(start, files):
    server, port = start(tls__threads=3)
    more = server.threads()
    assert answers(port, client_context(files))
    server, _ = start(tls__threads=1)
    assert more - server.threads() == 2


def test_setting_tls_handshakes_max(start, files):
    _, port = start(tls__handshakes_max=4, tls__handshake_timeout="2s")
    silent = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(8)]
    begun = time.monotonic()
    assert answers(port, client_context(files))
    assert time.monotonic() - begun > 1, "the backlog waits until others have ended"
    del silent
    _, port = start(tls__handshakes_max=9, tls__handshake_timeout="60s")
    silent = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(8)]
    assert answers(port, client_context(files)), "there is room for one more"
    del silent


def test_setting_tls_handshake_timeout(start):
    _, port = start(tls__handshake_timeout="1s")
    begun = time.monotonic()
    silent = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(3)]
    silent[1].sendall(b"\x16\x03\x01\x02\x00\x01")
    for each in silent:
        assert each.recv(1) == b""
    assert 0.9 < time.monotonic() - begun < 15
