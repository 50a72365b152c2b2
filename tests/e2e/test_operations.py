"""docs/OPERATIONS.md and OUTAGES.md name what is there: settings, scenarios, a legal configuration."""

import re

import outages
import pytest
from telemetryd import ROOT
from test_command_line import SETTING_ROW, run

pytestmark = pytest.mark.embedded

OPERATIONS = (ROOT / "docs/OPERATIONS.md").read_text()
OUTAGES = (ROOT / "docs/OUTAGES.md").read_text()


def test_every_scenario_has_a_section():
    described = set(re.findall(r"^Scenario `([a-z0-9-]+)`\.$", OUTAGES, re.MULTILINE))
    assert len(described) > 30 and described == set(outages.SCENARIOS)


def test_settings_that_are_named_exist():
    known = set(SETTING_ROW.findall(run("--help").stdout))
    groups = {key.split(".")[0] for key in known}
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)(?:=\w+)?`", OPERATIONS + OUTAGES))
    files = {name for name in named if name.endswith((".conf", ".ibd"))}
    wrong = {key for key in named if key.split(".")[0] in groups} - known - files
    assert len(named & known) > 15 and not wrong


def test_example_of_a_configuration_is_legal(tmp_path):
    example = OPERATIONS.split("    # /etc/telemetryd.conf")[1].split("\n\nThe same")[0]
    lines = [line.removeprefix("    ") for line in example.splitlines()[1:]]
    assert "[redis]" in lines
    file = tmp_path / "telemetryd.conf"
    file.write_text("\n".join(lines) + "\n")
    done = run("--check-config", f"--config={file}")
    assert done.returncode == 0, done.stderr
