"""What the scenarios of outages_*.py have in common: how they are listed, and what happens again
and again."""

import re
import shutil
import time
from pathlib import Path

SCENARIOS = {}


def scenario(do):
    """Registers a function of a World; its docstring is what `list` prints."""
    SCENARIOS[do.__name__.replace("_", "-")] = do
    return do


def hold(seconds):
    """How long an outage lasts; nothing is waited for here but time."""
    time.sleep(seconds)


def recover(world):
    """What should happen once the cause is gone."""
    world.wait_ready()
    world.wait_acknowledged()
    world.check()


def killed_and_restarted(world, database, seconds=8):
    world.start()
    world.note("database killed (kill -9)")
    database.kill9()
    hold(seconds)
    world.note("database started")
    database.start()
    recover(world)


def frozen(world, database):
    world.start()
    world.note("frozen (SIGSTOP)")
    database.freeze()
    hold(30)
    world.note("goes on (SIGCONT)")
    database.thaw()
    recover(world)


def fill(path):
    """Takes all room of a file system; returns the file to remove."""
    ballast = Path(path) / "ballast"
    with open(ballast, "wb") as out:
        try:
            while True:
                out.write(bytes(1 << 16))
                out.flush()
        except OSError:
            pass
    return ballast


def one_half_restored(world, database, directory):
    """Puts back what one of the two databases held some seconds and checkpoints ago."""
    world.start()
    world.server.kill()
    stop_and(database, lambda: shutil.copytree(directory, world.directory / "backup",
                                               ignore=shutil.ignore_patterns("socket", "*.sock")))
    world.launch(world.server)
    world.wait_ready()
    world.wait_acknowledged(150)
    world.server.terminate()
    stop_and(database, lambda: put_back(world.directory / "backup", directory))
    world.note("stopped, restored, started")
    start_with_loss(world)


def put_back(backup, directory):
    shutil.rmtree(directory)
    shutil.copytree(backup, directory)


def stop_and(database, do):
    if database is None:
        return do()
    database.stop()
    do()
    return database.start()


def start_with_loss(world):
    """Starts again; accepts what is lost by the statements that the log names, if it names some."""
    for _ in range(3):
        world.launch(world.server)
        wait = time.monotonic() + 20
        while world.server.process.poll() is None and not is_ready(world):
            assert time.monotonic() < wait, "neither ready nor refused"
            time.sleep(0.05)
        if world.server.process.poll() is None:
            return recover(world)
        world.wait_exit()
        accept(world, world.server.log().splitlines()[-1])
    return None


def accept(world, refusal):
    """Does what a refusal names as the way to go on."""
    in_redis = re.search(r"redis-cli -n \d+ (HSET \S+ accept_loss \w+)", refusal)
    in_mysql = re.search(r"(UPDATE \S+\.meta SET value = ''|DELETE FROM \S+\.meta) WHERE name = '\w+'",
                         refusal)
    if in_redis:
        world.note(in_redis.group(0))
        world.redis.cli(*in_redis.group(1).split())
    if in_mysql:
        world.note(in_mysql.group(0))
        world.mariadb.sql(in_mysql.group(0))


def is_ready(world):
    try:
        return world.server.is_ready()
    except (AssertionError, OSError, TypeError):
        return False
