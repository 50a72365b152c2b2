"""Settings from defaults, file, environment and command line; refusals; --help and its like."""

import os
import re
import subprocess

import pytest
from telemetryd import BINARY

pytestmark = pytest.mark.embedded

SETTING_ROW = re.compile(r"^  ([a-z]+\.[a-z_]+) ", re.MULTILINE)


def run(*arguments, env=None, cwd="/"):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TELEMETRY_")}
    return subprocess.run(
        [str(BINARY), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**clean, **(env or {})},
        cwd=cwd,
        check=False,
    )


def effective(key, *arguments, env=None):
    """The value of `key` that --print-config tells."""
    done = run("--print-config", *arguments, env=env)
    assert done.returncode == 0, done.stderr
    group, name = key.split(".")
    section = done.stdout.split(f"[{group}]")[1].split("\n[")[0]
    return re.search(rf"^{name} *= *(\S+)", section, re.MULTILINE).group(1)


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / "telemetryd.conf"
    path.write_text("[net]\nport = 7001\n[reorder]\nwindow = 7s\n")
    return path


def test_later_sources_win(config_file):
    port = {"TELEMETRY_NET_PORT": "7002"}
    file = f"--config={config_file}"
    assert effective("net.port") == "8000"
    assert effective("net.port", file) == "7001"
    assert effective("net.port", file, env=port) == "7002"
    assert effective("net.port", file, "--net.port=7003", env=port) == "7003"
    assert effective("reorder.window", file, env=port) == "7s"


def test_server_obeys_file_and_environment(make_server, tmp_path):
    file = tmp_path / "telemetryd.conf"
    file.write_text("[ingest]\nmax_body = 1KiB\n")
    server = make_server(env={"TELEMETRY_CONFIG": str(file), "TELEMETRY_INGEST_FUTURE_LIMIT": "0"})
    rest = server.start().rest()
    assert rest.post("/api/events", "0,0,1,r\n" * 1000, "text/csv").status == 413
    assert rest.post_lines(["0,0,9007199254740991,r"])["accepted"] == 1


@pytest.mark.parametrize(
    "argument, named",
    [
        ("--net.prot=9000", ["net.prot", "net.port"]),
        ("--net.port=65536", ["net.port", "0 to 65535"]),
        ("--net.port=-1", ["net.port", "0 to 65535"]),
        ("--net.port=abc", ["net.port"]),
        ("--reorder.window=0", ["reorder.window", "1ms to 1h"]),
        ("--reorder.window=2h", ["reorder.window", "1ms to 1h"]),
        ("--log.level=loud", ["log.level", "debug|info|warn|error"]),
        ("--storage.shards=1025", ["storage.shards", "0 to 1024"]),
        ("stray", ["stray"]),
    ],
)
def test_bad_setting_is_refused_with_its_key_and_legal_range(argument, named):
    for done in (run(argument), run("--check-config", argument)):
        assert done.returncode != 0
        for text in named:
            assert text in done.stderr, done.stderr


def test_unknown_environment_setting_is_refused():
    done = run("--check-config", env={"TELEMETRY_NET_PROT": "1"})
    assert done.returncode != 0 and "TELEMETRY_NET_PROT" in done.stderr


def test_check_config_accepts_a_good_file(config_file):
    assert run("--check-config", f"--config={config_file}").returncode == 0


def test_missing_config_file_is_refused(tmp_path):
    done = run("--check-config", f"--config={tmp_path}/missing")
    assert done.returncode != 0 and "missing" in done.stderr


def test_help_names_every_setting():
    keys = SETTING_ROW.findall(run("--help").stdout)
    assert len(keys) > 20 and "ingest.max_in_flight" in keys and "log.format" in keys


def test_every_setting_has_a_test():
    """A setting without a test in test_settings*.py is one that may be parsed and ignored."""
    text = ""
    for name in ("test_settings.py", "test_settings_databases.py", "test_settings_tls.py"):
        with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
            text += file.read()
    for key in SETTING_ROW.findall(run("--help").stdout):
        name = "test_setting_" + key.replace(".", "_")
        assert f"def {name}" in text, f"{key} has no test"


def test_printed_config_can_be_read_back(tmp_path):
    printed = run("--print-config", "--net.port=9123", "--log.format=json")
    file = tmp_path / "printed.conf"
    file.write_text(printed.stdout)
    assert effective("net.port", f"--config={file}") == "9123"
    assert effective("log.format", f"--config={file}") == "json"


def test_version_is_told():
    done = run("--version")
    assert done.returncode == 0 and re.search(r"\d+\.\d+\.\d+", done.stdout)
