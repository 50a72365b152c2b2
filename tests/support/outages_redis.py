"""Scenarios in which Redis goes wrong, as a journal or as a cache."""

import shutil
import subprocess

from mariadb import find_tool
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
from outage_world import REDIS_CACHE_RIGHTS


@scenario
def redis_killed(world):
    """The Redis of the journal killed and restarted."""
    world.use("redis")
    killed_and_restarted(world, world.redis)


@scenario
def redis_frozen(world):
    """The Redis of the journal hangs for 30 s."""
    world.use("redis")
    frozen(world, world.redis)


@scenario
def redis_disk_full(world):
    """The file system of Redis fills up: it ends, and is started when there is room. Needs root."""
    world.mount(world.directory / "redis", "64m")
    world.use("redis")
    world.start()
    world.note("disk filled")
    ballast = fill(world.redis.directory)
    hold(5)
    for line in world.redis.log().splitlines()[-2:]:
        world.watch.tell("redis", line)
    ballast.unlink()
    world.redis.kill9()
    world.note("room again, and Redis started")
    world.redis.start()
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


@scenario
def redis_taken_over(world):
    """Another telemetryd, of a copy of the store, takes the journal in Redis over."""
    world.use("redis")
    world.start()
    world.mariadb.sql("CREATE DATABASE copy; GRANT ALL ON copy.* TO telemetryd@'127.0.0.1'")
    dump = [find_tool("mariadb-dump", "mysqldump"), "--no-defaults", "--single-transaction",
            f"--socket={world.mariadb.socket}", "-u", "root", "telemetryd"]
    done = subprocess.run(dump, capture_output=True, text=True, check=True)
    world.mariadb.sql(done.stdout, "copy")
    world.note("another telemetryd is started on a copy of the store, with the same Redis")
    world.refuse(mysql__database="copy")
    world.wait_exit()
    start_with_loss(world)


@scenario
def store_restored_behind_redis(world):
    """MySQL is restored from an older state, the journal in Redis is as it was."""
    world.use("redis")
    one_half_restored(world, world.mariadb, world.mariadb.data_dir)


@scenario
def cache_killed(world):
    """The Redis of the cache is killed, started empty, flushed, frozen."""
    world.use("file")
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
