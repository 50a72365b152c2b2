"""Scenarios in which MySQL (here: MariaDB) or what telemetryd knows of it goes wrong."""

import shutil
import threading

from mariadb import MariaDb
from outage_kit import (
    fill,
    frozen,
    hold,
    killed_and_restarted,
    one_half_restored,
    recover,
    scenario,
    start_with_loss,
)


@scenario
def store_killed(world):
    """MySQL killed and restarted, journal in files: producers go on, the store is away."""
    world.use("file")
    killed_and_restarted(world, world.mariadb)


@scenario
def mysql_killed(world):
    """MySQL killed and restarted, journal and store in it."""
    world.use("mysql")
    killed_and_restarted(world, world.mariadb)


@scenario
def mysql_away_long(world):
    """MySQL away for longer than ingest.stall_limit (here 5 s)."""
    world.use("mysql").settings["ingest.stall_limit"] = "5s"
    killed_and_restarted(world, world.mariadb, 15)


@scenario
def memory_full(world):
    """MySQL away, journal in files, until storage.memory_max (here 1 MiB) is reached."""
    world.use("file").settings["storage.memory_max"] = "1MiB"
    world.start()
    world.note("database killed (kill -9)")
    world.mariadb.kill9()
    lines = [f"1,2,{2000 + i},parked" for i in range(60_000)]
    sender = threading.Thread(target=world.server.rest(60).post_lines, args=(lines,))
    sender.start()
    hold(15)
    world.note("database started")
    world.mariadb.start()
    sender.join()
    world.note("all of a POST of 60,000 events were answered")
    recover(world)


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


@scenario
def mysql_frozen(world):
    """MySQL hangs for 30 s, journal and store in it."""
    world.use("mysql")
    frozen(world, world.mariadb)


@scenario
def store_frozen(world):
    """MySQL hangs for 30 s, journal in files."""
    world.use("file")
    frozen(world, world.mariadb)


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
    world.note("telemetryd started again")
    start_with_loss(world)


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
    world.mariadb.sql("ALTER USER telemetryd@'127.0.0.1' IDENTIFIED BY 'other'")
    world.mariadb.kill_sessions("telemetryd")
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
    world.use("mysql", MariaDb.program.without_tls)
    world.refuse(mysql__tls="on")


@scenario
def killed_connections(world):
    """KILL for every connection of telemetryd, five times."""
    world.use("mysql")
    world.start()
    for _ in range(5):
        world.note("KILL of every connection")
        world.mariadb.kill_sessions("telemetryd")
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
    """Another client locks the journal's heads, then the robots, for longer than waits last."""
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
    rows = world.mariadb.sql(
        "SELECT count FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'"
    )
    return int(rows[0][0])


def load(world, robots=50, events=100_000):
    """Stores events in bulk, so that tables grow; ends when the server stops taking them."""

    def send():
        start = 1_600_000_000_000
        for first in range(0, events, 5000):
            numbers = range(first, first + 5000)
            lines = [f"{i % 97},{i % 89},{start + i},load-{i % robots}" for i in numbers]
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
def store_restored_behind_files(world):
    """MySQL is restored from an older state, the journal in files is as it was."""
    world.use("file")
    one_half_restored(world, world.mariadb, world.mariadb.data_dir)


@scenario
def file_journal_restored(world):
    """storage.data_dir is restored from an older state, MySQL is as it was."""
    world.use("file")
    one_half_restored(world, None, world.directory / "telemetryd" / "data")


@scenario
def journal_switched(world):
    """storage.journal goes from redis to mysql while the one in Redis holds events; and back."""
    world.use("redis")
    world.settings["checkpoint.interval"] = "1h"
    world.start()
    world.server.kill()
    for journal in ("mysql", "redis"):
        world.note(f"telemetryd stopped, started with storage.journal={journal}")
        world.server.settings["storage.journal"] = journal
        start_with_loss(world)
        if world.server.process is not None:
            world.server.terminate()


@scenario
def second_telemetryd(world):
    """Another telemetryd is started on the same database."""
    world.use("mysql")
    world.start()
    world.refuse()
    world.check()


@scenario
def taken_over(world):
    """Another telemetryd takes the database over, past the lock (here: its epochs are raised)."""
    world.use("mysql")
    world.start()
    world.note("epochs raised")
    for table in ("shards", "markers"):
        world.mariadb.sql(f"UPDATE {table} SET epoch = epoch + 1", "telemetryd")
    world.wait_exit()
    start_with_loss(world)


@scenario
def new_journal_directory(world):
    """storage.data_dir is empty, the MySQL behind it is not; and then it is another store's."""
    world.use("file")
    world.start()
    world.server.kill()
    shutil.rmtree(world.server.data_dir)
    world.note("telemetryd killed, storage.data_dir removed")
    start_with_loss(world)
    world.mariadb.sql("CREATE DATABASE other; GRANT ALL ON other.* TO telemetryd@'127.0.0.1'")
    world.server.terminate()
    world.note("stopped; started with the same data_dir and another database")
    world.refuse(mysql__database="other", storage__data_dir=world.server.data_dir)
