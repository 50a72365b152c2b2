"""What README shows under "Try it" is what its commands print."""

import os
import re
import subprocess

import pytest
from telemetryd import BINARY, ROOT, environment_without_settings
from tls_kit import tls_port_of

pytestmark = pytest.mark.embedded

TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00")
PROMPT = "    $ "


def shown_commands(title):
    """(command, output) of each line with a prompt; a command goes on after a pipe sign."""
    section = (ROOT / "README.md").read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    found = []
    for line in section.splitlines():
        if line.startswith(PROMPT):
            found.append([line.removeprefix(PROMPT), ""])
        elif line.startswith("    ") and found and found[-1][0].endswith("|"):
            found[-1][0] += line
        elif line.startswith("    "):
            found[-1][1] += line.removeprefix("    ") + "\n"
    return found


def test_commands_print_what_the_readme_shows(make_server, tmp_path):
    server = make_server().start()
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    ran = 0
    for command, shown in shown_commands("Try it"):
        if command.startswith("./run"):
            continue  # this server is running
        command = command.replace("127.0.0.1:8000", f"{server.host}:{server.port}")
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
        )
        printed = done.stdout if done.stdout.endswith("\n") or not done.stdout else done.stdout + "\n"
        assert TIME.sub("TIME", printed) == TIME.sub("TIME", shown), command
        ran += 1
    assert ran >= 7


def test_a_server_on_a_network_is_set_up_as_the_readme_shows(make_server, tmp_path):
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "build/release").mkdir(parents=True)
    (tmp_path / "build/release/telemetryd").symlink_to(BINARY)
    port, ran = None, 0
    for command, shown in shown_commands("On a network"):
        ran += 1
        if command.startswith("./run"):
            settings = dict(re.findall(r"--(\S+)=(\S+)", command))
            paths = {key: tmp_path / value for key, value in settings.items()}
            port = tls_port_of(make_server({**paths, "tls.port": 0}).start())
            continue
        done = subprocess.run(
            ["bash", "-c", command.replace(":8443", f":{port}")],
            cwd=tmp_path,
            env=environment_without_settings(),
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        assert done.stdout == shown, command
    assert ran == 4


def test_commands_of_mysql_and_redis_are_legal():
    section = (ROOT / "README.md").read_text().split("\n## MySQL and Redis\n")[1].split("\n## ")[0]
    commands = re.findall(r"^    \./run (.*?) *# ", section, re.MULTILINE)
    assert len(commands) == 4
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TELEMETRY_")}
    for arguments in commands:
        command = [BINARY, "--check-config", *arguments.split()]
        done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
