"""What an outage is played on: private database servers, a telemetryd, and a watch that tells what
an operator and a producer see. Used by outages.py; a test may use it too.

Everything is told as it happens: `+12.3 s  log     level=warn ...`. Lines that were told before are
counted, not repeated.
"""

import os
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

from mariadb import MariaDb, wait_until
from redis_server import RedisServer
from telemetryd import Server
from websocket_client import Closed, WebSocket

PASSWORD = "not-for-production"
MYSQL_RIGHTS = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, CREATE VIEW, SHOW VIEW"
REDIS_JOURNAL_RIGHTS = (
    "+@connection +@scripting +info +role +config|get +exists +get +set +hget +hset +hmget "
    "+hgetall +hincrby +hdel +rpush +xadd +xrange +xrevrange +xlen +xtrim"
).split()
REDIS_CACHE_RIGHTS = "+@connection +@scripting +info +role +exists +hget +hset +zadd".split()
POLL_SECONDS = 0.1
#: Between two attempts of the producer to connect.
RETRY_SECONDS = 0.5
#: A pause between two answers OK that is worth telling.
GAP_SECONDS = 1.0


def without_time(line):
    """A log line without the field that is different every time."""
    return line.split(" ", 1)[1] if line.startswith("time=") else line


class Watch:
    """Threads that follow a telemetryd: its log, /readyz, a read from memory, a list from the store
    and one producer on a WebSocket. Each tells what changes."""

    def __init__(self, server):
        self.server = server
        self.begin = time.monotonic()
        self.acknowledged = []  # timestamps of robot rover that were answered OK
        self.told = {}  # what was told, and how often it came again
        self._timestamp = 1_700_000_000_000
        self._lock = threading.Lock()
        self._is_ending = threading.Event()
        self._threads = []

    def tell(self, source, text):
        with self._lock:
            key = (source, text)
            if source in ("log", "producer") and key in self.told:
                self.told[key] += 1
                return
            self.told[key] = 0
            print(f"+{time.monotonic() - self.begin:5.1f} s  {source:7} {text}", flush=True)

    def start(self):
        reads = {
            "readyz": "/readyz",
            "memory": "/api/robots/rover",
            "store": "/api/robots",
        }
        jobs = [(self._follow_log, ()), (self._produce, ())]
        jobs += [(self._follow, (name, path)) for name, path in reads.items()]
        for job, arguments in jobs:
            thread = threading.Thread(target=job, args=arguments, daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def end(self):
        self._is_ending.set()
        for thread in self._threads:
            thread.join(3)  # one may still wait for an answer; it is a daemon
        for (source, text), again in self.told.items():
            if again:
                print(f"         {source:7} {again} more times: {text[:100]}", flush=True)

    def _follow_log(self):
        done = 0  # of the file, which holds what every start wrote
        is_last = False
        while not is_last:
            is_last = self._is_ending.wait(POLL_SECONDS)
            written = self.server.log_path.read_bytes()
            end = written.rfind(b"\n") + 1
            for line in written[done:end].decode(errors="replace").splitlines():
                self.tell("log", without_time(line))
            done = end

    def _follow(self, name, path):
        before = None
        while not self._is_ending.wait(POLL_SECONDS):
            try:
                answer = self.server.rest(40).get(path)
            except (OSError, TypeError, ValueError):  # not there, or not yet known where
                now = "no connection"
            else:
                now = str(answer.status)
                if answer.status >= 400 and answer.status != 404:
                    retry = answer.headers.get("retry-after")
                    now += f" {answer.json()['detail']}"
                    now += f" (Retry-After: {retry})" if retry else ""
                    now = re.sub(r" for \d+ s\b", " for … s", now)  # it counts; tell it once
            if now != before:
                self.tell(name, now)
            before = now

    def _produce(self):
        is_away = False
        while not self._is_ending.wait(RETRY_SECONDS):
            try:
                with WebSocket(self.server, seconds=120) as socket:
                    is_away = False
                    self._feed(socket)
            except Closed as closed:
                self.tell("producer", f"closed with {closed.code} {closed.reason}".rstrip())
            except (OSError, AssertionError):
                if not is_away:
                    self.tell("producer", "no connection")
                is_away = True

    def _feed(self, socket):
        """Sends one event after the other, each when the one before was answered."""
        while not self._is_ending.wait(0.02):
            sent = time.monotonic()
            answer = socket.ask(f"1,2,{self._timestamp},rover")
            took = time.monotonic() - sent
            if answer == "OK":
                self.acknowledged.append(self._timestamp)
                if took > GAP_SECONDS:
                    self.tell("producer", f"OK after {took:.1f} s")
            else:
                self.tell("producer", answer)
            self._timestamp += 1


class World:
    """The servers of one scenario, in a directory of their own, and what happens to them."""

    def __init__(self, directory, template):
        self.directory = Path(directory)
        self.template = Path(template)  # a fresh data directory to copy; made if it is missing
        self.settings = {"reorder.window": "100ms", "checkpoint.interval": "1s"}
        self.env = {"TELEMETRY_MYSQL_PASSWORD": PASSWORD}
        self.servers = []  # everything to be ended
        self.mariadb = None
        self.redis = None
        self.server = None
        self.watch = None
        self._mounted = []

    def add_mariadb(self, name="mariadb", settings=None, copy_of=None):
        """A MariaDB with the database and the user that OPERATIONS.md tells to create. With
        `copy_of`: the data of another, stopped one, as if a replica had received everything."""
        database = MariaDb(self.directory / name, settings)
        self._fill(database.data_dir, copy_of.data_dir if copy_of else self.template)
        self.servers.append(database)
        database.start()
        if not copy_of:
            database.sql(
                "CREATE DATABASE telemetryd;"
                f"CREATE USER telemetryd@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';"
                f"GRANT {MYSQL_RIGHTS} ON telemetryd.* TO telemetryd@'127.0.0.1'"
            )
        if self.mariadb is None:
            self.mariadb = database
        self.settings |= {"storage.store": "mysql", "mysql.hosts": f"127.0.0.1:{database.port}"}
        return database

    def _fill(self, data_dir, source):
        if not (self.template / "mysql").exists():
            maker = MariaDb(self.template.parent)
            maker.data_dir = self.template
            maker.install()
        shutil.copytree(source, data_dir, dirs_exist_ok=True)

    def add_redis(self, settings=None, rights=None, name="redis"):
        """A Redis; with `rights`, telemetryd logs in as a user that has only these."""
        settings = dict(settings or {})
        if rights:
            settings["aclfile"] = self._write_users(rights)
            self.settings["redis.user"] = "telemetryd"
            self.env["TELEMETRY_REDIS_PASSWORD"] = PASSWORD
        self.redis = RedisServer(self.directory / name, settings)
        self.redis.start()
        self.servers.append(self.redis)
        self.settings["redis.hosts"] = f"127.0.0.1:{self.redis.port}"
        return self.redis

    def _write_users(self, rights):
        """The file of Redis's users: everybody as before, and telemetryd."""
        users = self.directory / "users.acl"
        users.write_text(
            "user default on nopass ~* &* +@all\n"
            f"user telemetryd on >{PASSWORD} ~telemetryd:* {' '.join(rights)}\n"
        )
        return users

    def use(self, journal, database_settings=None):
        """One of the pairs of engines: file, mysql or redis in front of MySQL."""
        self.add_mariadb(settings=database_settings)
        if journal == "redis":
            self.add_redis(rights=REDIS_JOURNAL_RIGHTS)
        self.settings["storage.journal"] = journal
        return self

    def make_server(self, name="telemetryd", **settings):
        """Another telemetryd with the same settings and a directory of its own."""
        given = {key.replace("__", "."): value for key, value in settings.items()}
        server = Server(self.directory / name, self.settings | given, self.env)
        self.servers.append(server)
        return server

    def start(self):
        """Starts telemetryd, stores a robot, and begins to watch."""
        self.server = self.make_server().start()
        self.server.rest().post_lines(["5,5,1000,parked"])
        self.watch = Watch(self.server).start()
        self.wait_acknowledged(50)
        return self.server

    def launch(self, server=None):
        """Starts telemetryd without waiting until it is ready, and begins to watch."""
        self.server = server or self.make_server()
        self.server.launch()
        self.server.find_port()
        self.watch = self.watch or Watch(self.server).start()

    def databases(self):
        """The MySQL servers that run."""
        return [one for one in self.servers if isinstance(one, MariaDb) and one.process]

    def note(self, text):
        """What is done to the servers."""
        self.watch.tell("#", text)

    def wait_ready(self, seconds=90):
        try:
            wait_until(self.server.is_ready, "ready again", seconds)
        except AssertionError as never:
            self.watch.tell("#", f"NOT READY: {never}")

    def wait_acknowledged(self, more=20, seconds=90):
        """Waits for some more answers OK."""
        goal = len(self.watch.acknowledged) + more
        try:
            wait_until(lambda: len(self.watch.acknowledged) >= goal, "answered", seconds)
        except AssertionError:
            self.watch.tell("#", f"NO OK within {seconds} s")

    def wait_exit(self, seconds=60):
        try:
            code = self.server.wait_exit(seconds)
            self.watch.tell("#", f"telemetryd ended with exit code {code}")
        except AssertionError:
            self.watch.tell("#", f"NO EXIT within {seconds} s")

    def check(self):
        """Compares what was answered OK with what the server gives back."""
        acknowledged = set(self.watch.acknowledged)
        stored = [event["timestamp"] for event in self.server.rest().events("rover")]
        lost = len(acknowledged - set(stored))
        twice = len(stored) - len(set(stored))
        self.watch.tell("#", f"answered OK: {len(acknowledged)}, lost: {lost}, doubled: {twice}")

    def refuse(self, seconds=30, **settings):
        """Starts a telemetryd that is to refuse, and tells its last words and exit code."""
        server = self.make_server("refused", **settings)
        server.launch()
        try:
            code = server.wait_exit(seconds)
        except AssertionError:
            code = None
        for line in server.log().splitlines():
            print(f"         log     {without_time(line)}")
        print("         #       " + ("NO EXIT" if code is None else f"exit code {code}"))
        server.close()

    def mount(self, path, size):
        """A file system of its own, to be filled. Needs root."""
        Path(path).mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
        self._mounted.append(path)

    def close(self):
        if self.watch:
            self.watch.end()
        for one in reversed(self.servers):
            if isinstance(one, RedisServer):
                one.kill9()
            else:
                if one.process is not None and isinstance(one, MariaDb):
                    one.thaw()
                one.close()
        for path in self._mounted:
            subprocess.run(["umount", path], check=True)
        if not os.environ.get("OUTAGES_KEEP"):
            shutil.rmtree(self.directory, ignore_errors=True)
