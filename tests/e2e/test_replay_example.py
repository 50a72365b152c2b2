"""Real input: a drive through a town, made up here, streamed by docs/examples/replay.py."""

import math
import random
import subprocess

import pytest
from checker import running_odometer
from telemetryd import ROOT

pytestmark = pytest.mark.embedded

ROBOT = "town 00"
START = 1_317_014_400_000


def make_drive(rng, events=2000):
    """(x, y, timestamp) of a car that follows streets with bends and crossings, 10 times a second."""
    x = y = heading = 0.0
    speed, bend, timestamp = 8.0, 0.0, START
    drive = []
    for n in range(events):
        if n % 150 == 0:
            bend = rng.choice([-0.1, -0.02, 0.0, 0.0, 0.02, 0.1])
        heading += bend + rng.gauss(0, 0.003)
        speed = min(14.0, max(0.0, speed + rng.gauss(0, 0.3)))
        timestamp += rng.choice([103, 104])
        x += math.sin(heading) * speed * 0.1
        y += math.cos(heading) * speed * 0.1
        drive.append((float(f"{x:.7g}"), float(f"{y:.7g}"), timestamp))
    return drive


@pytest.mark.parametrize("speed", ["max", "200"])
def test_example_streams_a_drive_and_finds_its_length(make_server, tmp_path, seed, speed):
    drive = make_drive(random.Random(seed))
    file = tmp_path / "drive.csv"
    file.write_text("".join(f"{x},{y},{t},{ROBOT}\n" for x, y, t in drive))
    server = make_server().start()
    command = ["/usr/bin/python3", ROOT / "docs/examples/replay.py", file, "--speed", speed]
    done = subprocess.run(
        [*map(str, command), "--url", server.url],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    values = running_odometer([(x, y) for x, y, _ in drive])
    assert f"{ROBOT}: odometer {values[-1]!r} (equal)" in done.stdout
    assert f"{len(drive)} OK" in done.stdout
    assert server.rest().odometer(ROBOT) == values[-1]
    a, b = drive[500][2], drive[1500][2]
    assert server.rest().odometer(ROBOT, f"?start_time={a}&end_time={b}") == values[1500] - values[500]


def test_example_survives_a_restart_of_the_server(make_server, tmp_path, seed):
    drive = make_drive(random.Random(seed))
    file = tmp_path / "drive.csv"
    file.write_text("".join(f"{x},{y},{t},{ROBOT}\n" for x, y, t in drive))
    server = make_server().start()
    command = ["/usr/bin/python3", ROOT / "docs/examples/replay.py", file, "--speed", "100"]
    process = subprocess.Popen(
        [*map(str, command), "--url", server.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    rest = server.rest()
    while (rest.robot(ROBOT) or {"events": 0})["events"] < 200:
        assert process.poll() is None, process.stdout.read()
    server.settings["net.port"] = server.port
    server.kill().start()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert f"{ROBOT}: odometer {running_odometer([p[:2] for p in drive])[-1]!r} (equal)" in output
