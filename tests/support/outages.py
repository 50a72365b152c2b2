"""Causes the outages of docs/OPERATIONS.md for real and prints what is to be seen of each.

    /usr/bin/python3 tests/support/outages.py list
    /usr/bin/python3 tests/support/outages.py run NAME...      (or: run all)

$TELEMETRYD names the program (default: build/release/telemetryd). Each scenario gets database servers,
a telemetryd and a producer of its own on loopback and is over in seconds, a few in a minute. A line is
the time, the source and what it said: `log` of telemetryd, `readyz`, `memory` (GET a robot that is
active), `store` (GET a robot that must be fetched), `producer` (its WebSocket), `#` what was done.
With OUTAGES_KEEP=1 the directories stay.
"""

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from outage_world import REDIS_CACHE_RIGHTS, World

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


@scenario
def store_killed(world):
    """MySQL killed and restarted, journal in RocksDB: producers go on, the store is away."""
    world.use("rocksdb")
    killed_and_restarted(world, world.mariadb)


@scenario
def mysql_killed(world):
    """MySQL killed and restarted, journal and store in it."""
    world.use("mysql")
    killed_and_restarted(world, world.mariadb)


@scenario
def redis_killed(world):
    """The Redis of the journal killed and restarted."""
    world.use("redis")
    killed_and_restarted(world, world.redis)


@scenario
def mysql_away_long(world):
    """MySQL away for longer than ingest.stall_limit (here 5 s)."""
    world.use("mysql").settings["ingest.stall_limit"] = "5s"
    killed_and_restarted(world, world.mariadb, 15)


@scenario
def unreachable_at_start(world):
    """Neither database runs when telemetryd starts; MySQL comes first, then Redis."""
    world.use("redis")
    world.mariadb.stop()
    world.redis.stop()
    world.launch()
    hold(4)
    world.note("MySQL started")
    world.mariadb.start()
    hold(4)
    world.note("Redis started")
    world.redis.start()
    recover(world)


def frozen(world, database):
    world.start()
    world.note("frozen (SIGSTOP)")
    database.freeze()
    hold(30)
    world.note("goes on (SIGCONT)")
    database.thaw()
    recover(world)


@scenario
def mysql_frozen(world):
    """MySQL hangs for 30 s, journal and store in it."""
    world.use("mysql")
    frozen(world, world.mariadb)


@scenario
def store_frozen(world):
    """MySQL hangs for 30 s, journal in RocksDB."""
    world.use("rocksdb")
    frozen(world, world.mariadb)


@scenario
def redis_frozen(world):
    """The Redis of the journal hangs for 30 s."""
    world.use("redis")
    frozen(world, world.redis)


def with_second_host(world, port):
    first = world.mariadb.port
    world.settings["mysql.hosts"] = f"127.0.0.1:{first},127.0.0.1:{port}"


@scenario
def failover(world):
    """The first of mysql.hosts stops; the second one, which has everything, takes its place."""
    world.use("mysql")
    second = world.add_mariadb("second")
    second.stop()
    with_second_host(world, second.port)
    world.start()
    world.note("first host stopped")
    world.mariadb.stop()
    shutil.rmtree(second.data_dir)
    shutil.copytree(world.mariadb.data_dir, second.data_dir)
    world.note("second host started with all data of the first")
    second.start()
    recover(world)


@scenario
def failover_to_lagging_replica(world):
    """The first of mysql.hosts stops; the second one lacks commits that were answered OK."""
    world.use("mysql")
    second = world.add_mariadb("second")
    second.stop()
    with_second_host(world, second.port)
    world.start()
    world.server.kill()
    world.mariadb.stop()
    shutil.rmtree(second.data_dir)
    shutil.copytree(world.mariadb.data_dir, second.data_dir)
    world.note("copied; both go on, and the copy will lack what comes now")
    world.mariadb.start()
    world.launch(world.server)
    world.wait_ready()
    world.wait_acknowledged()
    world.mariadb.stop()
    world.note("first host stopped, second one started")
    second.start()
    world.wait_exit()


@scenario
def became_read_only(world):
    """The server turns read-only (SET GLOBAL read_only = 1), then back."""
    world.use("mysql")
    world.start()
    world.note("read_only = 1")
    world.mariadb.sql("SET GLOBAL read_only = 1")
    hold(8)
    world.note("read_only = 0")
    world.mariadb.sql("SET GLOBAL read_only = 0")
    recover(world)


@scenario
def read_only_at_start(world):
    """The server is read-only when telemetryd starts."""
    world.use("mysql")
    world.mariadb.sql("SET GLOBAL read_only = 1")
    world.refuse()


@scenario
def wrong_password(world):
    """Wrong password for MySQL, then for Redis."""
    world.use("redis")
    password = dict(world.env)
    world.env["TELEMETRY_MYSQL_PASSWORD"] = "wrong"
    world.refuse()
    world.env = password | {"TELEMETRY_REDIS_PASSWORD": "wrong"}
    world.refuse()


@scenario
def password_changed(world):
    """The password is changed while telemetryd runs, and connections are killed; then back."""
    world.use("mysql")
    world.start()
    world.note("password changed, connections killed")
    world.mariadb.sql("ALTER USER telemetryd@'127.0.0.1' IDENTIFIED BY 'other'; KILL USER telemetryd")
    hold(6)
    world.note("password as it was")
    world.mariadb.sql("ALTER USER telemetryd@'127.0.0.1' IDENTIFIED BY 'not-for-production'")
    recover(world)


@scenario
def missing_database(world):
    """The database does not exist; then it does, and a right is missing."""
    world.use("mysql")
    world.refuse(mysql__database="elsewhere")
    world.mariadb.sql("REVOKE CREATE ON telemetryd.* FROM telemetryd@'127.0.0.1'")
    world.refuse()


@scenario
def wrong_flush(world):
    """Commits of the server are not durable: innodb_flush_log_at_trx_commit = 2."""
    world.use("mysql")
    world.mariadb.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
    world.refuse()


@scenario
def no_tls(world):
    """mysql.tls=on, but the server has none."""
    world.use("mysql")
    world.refuse(mysql__tls="on")


@scenario
def killed_connections(world):
    """KILL for every connection of telemetryd, five times."""
    world.use("mysql")
    world.start()
    for _ in range(5):
        world.note("KILL USER telemetryd")
        world.mariadb.sql("KILL USER telemetryd")
        world.wait_acknowledged(30)
    recover(world)


def locked_rows(world, statement, seconds):
    """Another client holds row locks in a transaction of its own."""
    work = f"BEGIN; {statement}; SELECT SLEEP({seconds}); ROLLBACK"
    client = threading.Thread(target=world.mariadb.sql, args=(work, "telemetryd"))
    client.start()
    return client


@scenario
def lock_wait(world):
    """Another client locks the heads of the journal, then the robots, for longer than lock waits last."""
    world.use("mysql")
    world.start()
    for table, seconds in (("shards", 12), ("robots", 32)):
        world.note(f"another client locks the table {table} for {seconds} s")
        locked_rows(world, f"SELECT COUNT(*) FROM {table} FOR UPDATE", seconds).join()
        world.note("lock released")
    recover(world)


@scenario
def deadlock(world):
    """Another client takes the locks of a checkpoint in the other order, again and again."""
    world.use("mysql")
    world.start()
    before = deadlocks(world)
    for _ in range(20):
        work = ("BEGIN; UPDATE robots SET events = events; SELECT SLEEP(0.4);"
                " UPDATE markers SET writes = writes + 1; ROLLBACK")
        try:
            world.mariadb.sql(work, "telemetryd")
        except AssertionError:
            pass  # it was the victim
    world.note(f"deadlocks that the server counted: {deadlocks(world) - before}")
    recover(world)


def deadlocks(world):
    rows = world.mariadb.sql("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")
    return int(rows[0][1])


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


def load(world, robots=50, events=100_000):
    """Stores events in bulk, so that tables grow; ends when the server stops taking them."""

    def send():
        start = 1_600_000_000_000
        for first in range(0, events, 5000):
            lines = [f"{i % 97},{i % 89},{start + i},load-{i % robots}" for i in range(first, first + 5000)]
            try:
                world.server.rest(120).post_lines(lines)
            except (AssertionError, OSError):
                return

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    return sender


@scenario
def mysql_disk_full(world):
    """The file system of MySQL fills up, then has room again. Needs root, for a small tmpfs."""
    world.mount(world.directory / "mariadb" / "data", "400m")
    world.use("mysql")
    world.start()
    world.note("disk filled")
    ballast = fill(world.mariadb.data_dir)
    sender = load(world, events=400_000)
    hold(20)
    world.note("room again")
    ballast.unlink()
    recover(world)
    sender.join(60)


@scenario
def redis_disk_full(world):
    """The file system of Redis fills up, then has room again. Needs root, for a small tmpfs."""
    world.mount(world.directory / "redis", "64m")
    world.use("redis")
    world.start()
    world.note("disk filled")
    ballast = fill(world.redis.directory)
    hold(10)
    world.note("room again")
    ballast.unlink()
    recover(world)


@scenario
def redis_memory_full(world):
    """Redis reaches maxmemory with noeviction; then the limit is raised."""
    world.use("redis")
    world.start()
    world.note("CONFIG SET maxmemory 1mb")
    world.redis.cli("CONFIG", "SET", "maxmemory", "1mb")
    hold(8)
    world.note("CONFIG SET maxmemory 0")
    world.redis.cli("CONFIG", "SET", "maxmemory", "0")
    recover(world)


@scenario
def redis_wrong_settings(world):
    """appendfsync everysec, no append-only file, an eviction policy: each refused at start."""
    world.use("redis")
    for name, wrong, right in (("appendfsync", "everysec", "always"),
                               ("maxmemory-policy", "allkeys-lru", "noeviction"),
                               ("appendonly", "no", "yes")):
        world.redis.cli("CONFIG", "SET", name, wrong)
        world.refuse()
        world.redis.cli("CONFIG", "SET", name, right)


@scenario
def redis_flushed_while_running(world):
    """FLUSHALL while telemetryd runs; then it is started again, by hand, with the loss accepted."""
    world.use("redis")
    world.start()
    world.note("FLUSHALL")
    world.redis.cli("FLUSHALL")
    world.wait_exit()
    start_with_loss(world)


@scenario
def redis_flushed_while_stopped(world):
    """FLUSHALL while telemetryd is stopped in an orderly way."""
    world.use("redis")
    world.start()
    world.server.terminate()
    world.note("stopped; FLUSHALL")
    world.redis.cli("FLUSHALL")
    start_with_loss(world)


@scenario
def redis_restored_from_older_state(world):
    """Redis gets the files back that it had a while ago."""
    world.use("redis")
    world.settings["checkpoint.interval"] = "3s"
    world.start()
    world.redis.stop()
    shutil.copytree(world.redis.directory, world.directory / "backup",
                    ignore=shutil.ignore_patterns("socket"))
    world.redis.start()
    world.wait_ready()
    world.wait_acknowledged(300)
    world.server.kill()
    world.redis.stop()
    shutil.copytree(world.directory / "backup", world.redis.directory, dirs_exist_ok=True)
    world.note("telemetryd killed, Redis started with its files of some seconds ago")
    world.redis.start()
    start_with_loss(world)


def start_with_loss(world):
    """Starts again; accepts the loss with the command that the log tells, if it does."""
    world.launch(world.server)
    wait = time.monotonic() + 20
    while time.monotonic() < wait and world.server.process.poll() is None and not is_ready(world):
        time.sleep(0.05)
    if world.server.process.poll() is not None:
        world.wait_exit()
        words = world.server.log().split("accept_loss ")
        if len(words) > 1:
            code = words[1].split(",")[0]
            world.note(f"HSET telemetryd:meta accept_loss {code}")
            world.redis.cli("HSET", "telemetryd:meta", "accept_loss", code)
            world.launch(world.server)
    recover(world)


def is_ready(world):
    try:
        return world.server.is_ready()
    except (AssertionError, OSError, TypeError):
        return False


@scenario
def second_telemetryd(world):
    """Another telemetryd is started on the same database."""
    world.use("mysql")
    world.start()
    world.refuse()
    world.check()


@scenario
def new_journal_directory(world):
    """storage.data_dir is empty, the MySQL behind it is not; and then it is another store's."""
    world.use("rocksdb")
    world.start()
    world.server.kill()
    shutil.rmtree(world.server.data_dir)
    world.note("telemetryd killed, storage.data_dir removed")
    world.launch(world.server)
    recover(world)
    world.mariadb.sql("CREATE DATABASE other; GRANT ALL ON other.* TO telemetryd@'127.0.0.1'")
    world.server.terminate()
    world.note("stopped; started with the same data_dir and another database")
    world.refuse(mysql__database="other", storage__data_dir=world.server.data_dir)


@scenario
def cache_killed(world):
    """The Redis of the cache is killed, started empty, flushed, frozen."""
    world.use("rocksdb")
    world.add_redis({"appendonly": "no"}, rights=REDIS_CACHE_RIGHTS)
    world.settings |= {"cache.redis": "on", "cache.interval": "200ms"}
    world.start()
    world.note("Redis killed")
    world.redis.kill9()
    hold(4)
    world.note("Redis started, empty")
    world.redis.start()
    hold(4)
    show_cache(world)
    world.note("FLUSHALL")
    world.redis.cli("FLUSHALL")
    hold(2)
    show_cache(world)
    world.note("frozen (SIGSTOP)")
    world.redis.freeze()
    hold(5)
    world.note("goes on (SIGCONT)")
    world.redis.thaw()
    hold(2)
    show_cache(world)
    recover(world)


def show_cache(world):
    for command in (("HGETALL", "telemetryd:cache"), ("ZRANGE", "telemetryd:robots", 0, -1)):
        world.watch.tell("redis", world.redis.cli(*command).replace("\n", " "))


def run(name):
    print(f"== {name}: {SCENARIOS[name].__doc__}", flush=True)
    root = Path(tempfile.gettempdir()) / "outages"
    root.mkdir(exist_ok=True)
    world = World(tempfile.mkdtemp(dir=root), root / "template")
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
