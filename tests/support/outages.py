"""Causes the outages of docs/OUTAGES.md for real and prints what is to be seen of each.

    /usr/bin/python3 tests/support/outages.py list
    /usr/bin/python3 tests/support/outages.py run NAME...      (or: run all)

$TELEMETRYD names the program (default: build/release/telemetryd). Each scenario gets database
servers, a telemetryd and a producer of its own on loopback and is over in seconds, a few in a
minute. A line: time, source and what it said. Sources: `log` of telemetryd, `readyz`, `memory` (GET
a robot that is active), `store` (GET the list of robots), `producer` (its WebSocket),
`#` what was done. With OUTAGES_KEEP=1 the directories stay.
"""

import sys
import tempfile
from pathlib import Path

import outages_embedded  # noqa: F401 (each registers its scenarios)
import outages_group  # noqa: F401
import outages_mysql  # noqa: F401
import outages_redis  # noqa: F401
from mariadb import MariaDb
from outage_kit import SCENARIOS
from outage_world import World


def run(name):
    print(f"== {name}: {SCENARIOS[name].__doc__}", flush=True)
    root = Path(tempfile.gettempdir()) / "outages"
    root.mkdir(exist_ok=True)
    world = World(tempfile.mkdtemp(dir=root), root / f"template-{MariaDb.brand}")
    try:
        SCENARIOS[name](world)
    finally:
        world.close()


def main(arguments):
    if arguments == ["list"]:
        for name, do in SCENARIOS.items():
            print(f"{name:32} {do.__doc__}")
        return 0
    names = list(SCENARIOS) if arguments[1:] == ["all"] else arguments[1:]
    if arguments[:1] != ["run"] or not names or not set(names) <= set(SCENARIOS):
        print(__doc__, file=sys.stderr)
        return 2
    for name in names:
        run(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
