"""The engines below the servers of an end-to-end run: $TELEMETRY_TEST_STORAGE, as journal+store.

file+rocksdb (the default) needs nothing. The others get a private MariaDB, and Redis if it is the
journal, on loopback with directories of their own; each server has a database, or keys, of its own.
"""

import hashlib
import os

from mariadb import MariaDb
from redis_server import RedisServer

COMBINATIONS = ("file+rocksdb", "file+mysql", "mysql+mysql", "redis+mysql")
COMBINATION = os.environ.get("TELEMETRY_TEST_STORAGE", COMBINATIONS[0])
assert COMBINATION in COMBINATIONS, f"TELEMETRY_TEST_STORAGE is one of {', '.join(COMBINATIONS)}"
JOURNAL, STORE = COMBINATION.split("+")
IS_EMBEDDED = STORE == "rocksdb"


class Storages:
    """The database servers of a run; started when the first telemetryd asks for its settings."""

    def __init__(self, directory):
        self.directory = directory
        self.mariadb = None
        self.redis = None

    def settings(self, server_directory):
        """Settings of the telemetryd that lives in `server_directory`: the same at every start."""
        if IS_EMBEDDED:
            return {}
        self._start()
        name = "t" + hashlib.sha256(str(server_directory).encode()).hexdigest()[:16]
        self.mariadb.sql(f"CREATE DATABASE IF NOT EXISTS {name}")
        settings = {
            "storage.store": STORE,
            "storage.journal": JOURNAL,
            "mysql.hosts": f"127.0.0.1:{self.mariadb.port}",
            "mysql.user": "root",
            "mysql.database": name,
        }
        if self.redis is not None:
            settings |= {"redis.hosts": f"127.0.0.1:{self.redis.port}", "redis.prefix": name}
        return settings

    def victims(self):
        """The database servers by name, for tests that kill them. @pre settings() was called."""
        return {"mariadb": self.mariadb} | ({"redis": self.redis} if self.redis else {})

    def _start(self):
        if self.mariadb is None:
            self.mariadb = MariaDb(self.directory / "mariadb")
            self.mariadb.start()
        if self.redis is None and JOURNAL == "redis":
            self.redis = RedisServer(self.directory / "redis")
            self.redis.start()

    def close(self):
        for one in (self.mariadb, self.redis):
            if one is not None:
                one.stop()
