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
    """Starts again. While it is refused with a command by which an operator goes on all the same,
    runs that command and starts once more."""
    world.launch(world.server)
    while not is_up(world) and accept(world):
        world.launch(world.server)
    if world.server.process is not None:
        recover(world)


def is_up(world, seconds=20):
    """Whether it becomes ready; False once it has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and world.server.process.poll() is None and not is_ready(world):
        time.sleep(0.05)
    if world.server.process.poll() is None:
        return True
    world.wait_exit()
    return False


def accept(world):
    """Runs the command that the last log line tells. False if there is none."""
    line = world.server.log().rstrip().splitlines()[-1]
    redis = re.search(r"redis-cli -n 0 (HSET \S+ accept_loss \w+)", line)
    sql = re.search(r"(UPDATE|DELETE FROM) \S+\.meta [^\"]*'\w+'", line)
    if redis:
        world.note(f"redis-cli {redis[1]}")
        world.redis.cli(*redis[1].split())
    elif sql:
        world.note(f"SQL: {sql[0]}")
        for database in world.databases():
            database.sql(sql[0])
    return bool(redis or sql)


def is_ready(world):
    try:
        return world.server.is_ready()
    except (AssertionError, OSError, TypeError):
        return False
