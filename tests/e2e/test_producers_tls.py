"""The example programs over TLS and with a key, against a server that is not telemetryd."""

import os
import subprocess

import pytest
from certificates import make_certificates
from example_producers import EXAMPLES, PRODUCERS
from telemetryd import wait_until
from tls_upstream import TlsUpstream

pytestmark = pytest.mark.embedded

KEY = "tmk_gw-7.0123456789abcdefghijklmnopqrstuvwxyzABCDEFG000000"
EVENTS = [f"{n}.5,{n},{n + 1},robot" for n in range(1000)]


def replay_command(url, directory):
    (directory / "drive.csv").write_text("\n".join(EVENTS))
    program = [str(EXAMPLES / "replay.py"), str(directory / "drive.csv"), "--url", url]
    return ["/usr/bin/python3", *program]


PROGRAMS = [*PRODUCERS, replay_command]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def make_upstream(certificates):
    made = []

    def make(**options):
        made.append(TlsUpstream(certificates, KEY, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key"
    path.write_text(KEY + "\n")
    return str(path)


def run(command, key=None):
    """Runs a program to its end, with a key in its environment."""
    env = {k: v for k, v in os.environ.items() if k != "TELEMETRY_KEY"}
    return subprocess.run(
        command,
        input="\n".join(EVENTS) + "\n",
        capture_output=True,
        text=True,
        timeout=120,
        env=env | ({"TELEMETRY_KEY": key} if key else {}),
        check=False,
    )


def expect_all_answered(done, server):
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    if "odometer" not in lines[-1]:  # the producers
        assert lines == [f"{event} OK" for event in EVENTS]
    else:
        assert "1000 OK" in lines and lines[-1].endswith("(equal)")
    assert server.lines == set(EVENTS)


@pytest.mark.parametrize("command", PROGRAMS)
def test_program_shows_its_key_over_a_line_that_breaks(
    make_upstream, certificates, tmp_path, key_file, command
):
    server = make_upstream(cuts=[30, 70, 190])
    ca = str(certificates / "ca.pem")
    done = run([*command(server.url, tmp_path), "--key-file", key_file, "--ca", ca])
    expect_all_answered(done, server)
    assert server.broken == 3
    assert len(server.authorizations) >= 4
    assert all(shown == [f"Bearer {KEY}"] for shown in server.authorizations)


@pytest.mark.parametrize("command", PROGRAMS)
def test_program_takes_the_key_from_its_environment(
    make_upstream, certificates, tmp_path, command
):
    server = make_upstream()
    done = run([*command(server.url, tmp_path), "--ca", str(certificates / "ca.pem")], KEY)
    expect_all_answered(done, server)


@pytest.mark.parametrize("command", PROGRAMS)
def test_program_without_a_key_shows_none(make_upstream, certificates, tmp_path, command):
    server = make_upstream(refusal=None)
    done = run([*command(server.url, tmp_path), "--ca", str(certificates / "ca.pem")])
    expect_all_answered(done, server)
    assert server.authorizations and not any(server.authorizations)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("command", PROGRAMS)
def test_refused_key_ends_the_program(make_upstream, certificates, tmp_path, command, status):
    server = make_upstream(refusal=status)
    done = run([*command(server.url, tmp_path), "--ca", str(certificates / "ca.pem")], "tmk_wrong")
    assert done.returncode == 2
    assert str(status) in done.stderr and "Traceback" not in done.stderr
    assert server.authorizations == [["Bearer tmk_wrong"]], "it tried again"
    assert "tmk_wrong" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    "certificate, authority",
    [("stranger", "ca"), ("server", "other"), ("server", None)],
    ids=["of another host", "of another authority", "of no authority of the system"],
)
@pytest.mark.parametrize("command", PROGRAMS)
def test_program_tells_no_key_to_a_server_that_it_does_not_know(
    make_upstream, certificates, tmp_path, key_file, command, certificate, authority
):
    server = make_upstream(certificate=certificate)
    trusted = ["--ca", str(certificates / f"{authority}.pem")] if authority else []
    log = tmp_path / "log"
    with open(log, "w", encoding="utf-8") as output:
        program = subprocess.Popen(
            [*command(server.url, tmp_path), "--key-file", key_file, *trusted],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            text=True,
        )
    try:
        program.stdin.write("\n".join(EVENTS))
        program.stdin.close()
        wait_until(lambda: "certificate" in log.read_text().lower(), "a reason in the log")
        assert program.poll() is None, "it should try again, because the server may be repaired"
    finally:
        program.kill()
        program.wait(30)
    assert server.authorizations == []
