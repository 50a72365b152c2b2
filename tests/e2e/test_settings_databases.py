"""The settings of MySQL, Redis and the cache: changing each changes what the server does."""

import socket
import time

import pytest
from certificates import make_certificates
from mariadb import MariaDb
from redis_server import RedisServer
from telemetryd import wait_until

pytestmark = pytest.mark.redis


@pytest.fixture
def closed_port():
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield probe.getsockname()[1]


@pytest.fixture
def silent_port():
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as silent:
        yield silent.getsockname()[1]


def serves(server, robot="probe"):
    """Whether events go in and come out."""
    return server.rest().post_lines([f"1,2,3,{robot}"])["accepted"] == 1


def refusal(server):
    """What a server that must not come up logs."""
    server.launch()
    assert server.wait_exit(20) != 0
    return server.log()


def start_seconds(server):
    begin = time.monotonic()
    server.start()
    return time.monotonic() - begin


RIGHT, WRONG = "right word", "wrong word"


class Login:
    """A telemetryd that logs in to `what` ("mysql", "redis") as user fleet, whose password is RIGHT."""

    def __init__(self, server, what):
        self.server = server
        self.key = f"{what}.password"
        self.variable = f"TELEMETRY_{what.upper()}_PASSWORD"

    def check_password_from_environment(self):
        """Returns what is logged of a wrong one."""
        self.server.env[self.variable] = WRONG
        log = refusal(self.server)
        assert WRONG not in log
        self.server.env[self.variable] = RIGHT
        assert serves(self.server.start())
        return log

    def check_password_in_settings(self):
        """On the command line everyone could read it."""
        self.server.settings[self.key] = RIGHT
        log = refusal(self.server)
        assert self.variable in log and RIGHT not in log

    def check_password_from_file(self, file):
        self.server.settings[f"{self.key}_file"] = file
        assert f"{self.key}_file" in refusal(self.server)
        file.write_text(f"{RIGHT}\n")
        assert serves(self.server.start())


# storage


@pytest.mark.parametrize("journal", ["file", "mysql", "redis"])
def test_setting_storage_journal(make_server, journal):
    server = make_server({"storage.journal": journal}).start()
    store = f"{MariaDb.brand} "
    journals = {"file": f"journal files in front of {store}", "mysql": f'"{store}',
                "redis": f"redis .* in front of {store}"}
    server.wait_log(f"engine=.*{journals[journal]}")
    assert serves(server)


def test_setting_storage_store(make_server):
    embedded = {"storage.store": "rocksdb", "storage.journal": "file"}
    one = make_server(embedded).start()
    assert serves(one) and "in front of" not in one.log()
    other = make_server().start()
    assert serves(other) and f"in front of {MariaDb.brand} " in other.log()


# mysql


def test_setting_mysql_hosts_are_tried_in_order(make_server, storages, closed_port):
    server = make_server()
    works = server.settings["mysql.hosts"]
    server.settings["mysql.hosts"] = f"127.0.0.1:{closed_port},{works}"
    assert serves(server.start())
    assert works in server.log()


def test_setting_mysql_socket(make_server, storages, closed_port):
    server = make_server({"mysql.hosts": f"127.0.0.1:{closed_port}"})
    server.settings["mysql.socket"] = storages.mariadb.socket
    assert serves(server.start())


@pytest.fixture
def mysql_login(make_server, storages):
    server = make_server({"mysql.user": "fleet"})
    database = server.settings["mysql.database"]
    storages.mariadb.sql(
        "DROP USER IF EXISTS fleet@'127.0.0.1';"
        f"CREATE USER fleet@'127.0.0.1' IDENTIFIED BY '{RIGHT}';"
        f"GRANT ALL ON {database}.* TO fleet@'127.0.0.1'"
    )
    yield Login(server, "mysql")
    storages.mariadb.sql("DROP USER fleet@'127.0.0.1'")


def test_setting_mysql_user_and_mysql_password(mysql_login):
    assert "fleet" in mysql_login.check_password_from_environment()


def test_setting_mysql_password(mysql_login):
    mysql_login.check_password_in_settings()


def test_setting_mysql_password_file(mysql_login, tmp_path):
    mysql_login.check_password_from_file(tmp_path / "secret")


def test_setting_mysql_database(make_server):
    one, other = make_server().start(), make_server().start()
    assert serves(one, "only here")
    assert other.rest().robots() == []
    missing = make_server({"mysql.database": "nowhere"})
    log = refusal(missing)
    assert "nowhere" in log and "mysql.database" in log


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def make_tls_mariadb(tmp_path_factory, certificates):
    servers = []

    def make(name):
        ours = {"ssl-cert": certificates / f"{name}.pem", "ssl-key": certificates / f"{name}.key"}
        servers.append(MariaDb(tmp_path_factory.mktemp(name), ours).start())
        servers[-1].sql("CREATE DATABASE fleet")
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def tls_mariadb(make_tls_mariadb):
    return make_tls_mariadb("server")


@pytest.fixture
def plain_mariadb(tmp_path):
    server = MariaDb(tmp_path / "plain", MariaDb.program.without_tls).start()
    server.sql("CREATE DATABASE fleet")
    yield server
    server.close()


def with_tls(make_server, mariadb, **settings):
    return make_server({
        "storage.journal": "mysql",
        "mysql.hosts": f"127.0.0.1:{mariadb.port}",
        "mysql.database": "fleet",
        "mysql.tls": "on",
        **{f"mysql.{key}": value for key, value in settings.items()},
    })


def test_setting_mysql_tls(make_server, plain_mariadb, tls_mariadb):
    assert "offers no TLS" in refusal(with_tls(make_server, plain_mariadb))
    assert with_tls(make_server, plain_mariadb, tls="off").start()
    server = with_tls(make_server, tls_mariadb).start()
    assert serves(server)
    used = tls_mariadb.sql("SHOW GLOBAL STATUS LIKE 'Ssl_finished_accepts'")
    assert int(used[0][1]) > 0


def test_user_that_must_use_tls_is_refused_with_a_hint(make_server, tls_mariadb):
    tls_mariadb.sql("CREATE USER careful@'127.0.0.1' REQUIRE SSL;"
                    "GRANT ALL ON fleet.* TO careful@'127.0.0.1'")
    plain = with_tls(make_server, tls_mariadb, user="careful", tls="off")
    assert "mysql.tls is off" in refusal(plain)
    assert with_tls(make_server, tls_mariadb, user="careful").start()


def test_setting_mysql_tls_ca(make_server, tls_mariadb, certificates):
    wrong = with_tls(make_server, tls_mariadb, tls_ca=certificates / "other.pem")
    assert "certificate" in refusal(wrong)
    assert with_tls(make_server, tls_mariadb, tls_ca=certificates / "ca.pem").start()


def test_mysql_of_another_host_is_refused_if_the_authority_is_known(
    make_server, make_tls_mariadb, certificates
):
    stranger = make_tls_mariadb("stranger")
    server = with_tls(make_server, stranger, tls_ca=certificates / "ca.pem")
    assert "TLS" in refusal(server)
    assert with_tls(make_server, stranger).start()


def test_setting_mysql_connect_timeout(make_server, silent_port):
    def seconds(timeout):
        server = make_server({"mysql.connect_timeout": timeout})
        server.settings["mysql.hosts"] = f"127.0.0.1:{silent_port},{server.settings['mysql.hosts']}"
        return start_seconds(server)

    assert seconds("1s") < 3 <= seconds("3s")


def refuses_writes(server, database):
    """Whether an append to a frozen database is given up soon."""
    assert serves(server)
    database.freeze()
    try:
        with socket.create_connection((server.host, server.port)) as client:
            body = b"1,2,3,frozen\n"
            head = f"POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}"
            client.sendall(head.encode() + b"\r\n\r\n" + body)
            wait_until(lambda: "journal refuses writes" in server.log(), "given up", 6)
        return True
    except AssertionError:
        return False
    finally:
        database.thaw()


def test_setting_mysql_read_timeout(make_server, storages):
    for timeout, gives_up in (("1s", True), ("1h", False)):
        server = make_server({"storage.journal": "mysql", "mysql.read_timeout": timeout,
                              "mysql.connect_timeout": "1s"}).start()
        assert refuses_writes(server, storages.mariadb) == gives_up
        server.close()


def test_setting_mysql_writers(make_server, storages):
    def connections(writers):
        server = make_server({"mysql.writers": writers, "checkpoint.interval": "4s",
                              "reorder.window": "10ms"}).start()
        lines = [f"{n},0,{n},r{n % 97}" for n in range(100_000)]
        for start in range(0, len(lines), 20_000):
            server.rest().post_lines(lines[start : start + 20_000])
        name = server.settings["mysql.database"]
        count = f"SELECT COUNT(*) FROM {name}.events"
        wait_until(lambda: storages.mariadb.sql(count) == [["100000"]], "stored")
        held = storages.mariadb.sql(
            f"SELECT COUNT(*) FROM information_schema.processlist WHERE db = '{name}'")
        server.close()
        return int(held[0][0])

    assert connections(8) > connections(1)


# redis


def test_setting_redis_hosts_are_tried_in_order(make_server, closed_port):
    server = make_server()
    works = server.settings["redis.hosts"]
    server.settings["redis.hosts"] = f"127.0.0.1:{closed_port},{works}"
    assert serves(server.start())
    assert "redis 7" in server.log() and works in server.log()


def test_setting_redis_socket(make_server, storages, closed_port):
    server = make_server({"redis.hosts": f"127.0.0.1:{closed_port}"})
    server.settings["redis.socket"] = storages.redis.socket
    assert serves(server.start())


@pytest.fixture
def redis_login(make_server, storages):
    storages.redis.cli("ACL", "SETUSER", "fleet", "on", f">{RIGHT}", "~*", "&*", "+@all")
    yield Login(make_server({"redis.user": "fleet"}), "redis")
    storages.redis.cli("ACL", "DELUSER", "fleet")


def test_setting_redis_user_and_redis_password(redis_login):
    redis_login.check_password_from_environment()


def test_setting_redis_password(redis_login):
    redis_login.check_password_in_settings()


def test_setting_redis_password_file(redis_login, tmp_path):
    redis_login.check_password_from_file(tmp_path / "secret")


def test_setting_redis_database_and_redis_prefix(make_server, storages):
    server = make_server({"redis.database": 3, "redis.prefix": "elsewhere"}).start()
    assert serves(server)
    assert storages.redis.cli("-n", 3, "KEYS", "elsewhere:*").splitlines()
    assert storages.redis.cli("-n", 0, "KEYS", "elsewhere:*") == ""


def test_setting_redis_prefix(make_server, storages):
    one = make_server({"redis.prefix": "one"}).start()
    assert serves(one) and storages.redis.cli("KEYS", "one:*")
    assert "another journal" in refusal(make_server({"redis.prefix": "one"}))


@pytest.fixture(scope="module")
def tls_redis(tmp_path_factory, certificates):
    settings = {"tls-cert-file": certificates / "server.pem",
                "tls-key-file": certificates / "server.key",
                "tls-ca-cert-file": certificates / "ca.pem", "tls-auth-clients": "no"}
    with RedisServer(tmp_path_factory.mktemp("tls"), settings) as server:
        yield server


def with_redis_tls(make_server, redis, **settings):
    return make_server({
        "redis.hosts": f"127.0.0.1:{redis.tls_port}",
        "redis.tls": "on",
        **{f"redis.{key}": value for key, value in settings.items()},
    })


def test_setting_redis_tls(make_server, tls_redis, certificates):
    server = with_redis_tls(make_server, tls_redis, tls_ca=certificates / "ca.pem").start()
    assert serves(server)
    assert f"laddr=127.0.0.1:{tls_redis.tls_port} " in tls_redis.cli("CLIENT", "LIST")
    to_plain_text = {"hosts": f"127.0.0.1:{tls_redis.port}", "connect_timeout": "200ms"}
    assert "speaks no TLS" in refusal(with_redis_tls(make_server, tls_redis, **to_plain_text))
    assert serves(with_redis_tls(make_server, tls_redis, tls="off", **to_plain_text).start())


def test_setting_redis_tls_ca(make_server, tls_redis, certificates):
    for authority in (certificates / "other.pem", "none"):  # none: those of the system
        wrong = with_redis_tls(make_server, tls_redis, tls_ca=authority)
        assert "certificate is refused" in refusal(wrong)
    missing = with_redis_tls(make_server, tls_redis, tls_ca=certificates / "missing.pem")
    assert "missing.pem" in refusal(missing)
    assert serves(with_redis_tls(make_server, tls_redis, tls_ca=certificates / "ca.pem").start())


def test_redis_tls_on_a_unix_socket_is_refused(make_server, tls_redis):
    assert "unix socket" in refusal(with_redis_tls(make_server, tls_redis, socket=tls_redis.socket))


def test_cache_over_tls(make_server, tls_redis, certificates):
    server = with_redis_tls(make_server, tls_redis, tls_ca=certificates / "ca.pem")
    server.settings |= {"storage.journal": "file", "cache.redis": "on", "cache.interval": "20ms"}
    assert serves(server.start(), "seen")
    key = f"{server.settings['redis.prefix']}:robot:seen"
    wait_until(lambda: tls_redis.cli("HGET", key, "events") == "1", "cached")


def test_setting_redis_connect_timeout(make_server, silent_port):
    def seconds(timeout):
        server = make_server({"redis.connect_timeout": timeout, "redis.timeout": timeout})
        server.settings["redis.hosts"] = f"127.0.0.1:{silent_port},{server.settings['redis.hosts']}"
        return start_seconds(server)

    assert seconds("200ms") < 2.5 <= seconds("3s")


def test_setting_redis_timeout(make_server, storages):
    for timeout, gives_up in (("1s", True), ("1h", False)):
        server = make_server({"redis.timeout": timeout}).start()
        assert refuses_writes(server, storages.redis) == gives_up
        server.close()


# cache


def cached(storages, server, robot, field="events"):
    prefix = server.settings["redis.prefix"]
    return storages.redis.cli("HGET", f"{prefix}:robot:{robot}", field)


def test_setting_cache_redis(make_server, storages):
    on = make_server({"cache.redis": "on", "cache.interval": "20ms"}).start()
    off = make_server({"cache.redis": "off", "cache.interval": "20ms"}).start()
    for server in (on, off):
        assert serves(server, "seen")
    wait_until(lambda: cached(storages, on, "seen") == "1", "cached")
    assert (cached(storages, on, "seen", "x"), cached(storages, on, "seen", "y")) == ("1.0", "2.0")
    assert cached(storages, off, "seen") == ""


def test_setting_cache_interval(make_server, storages):
    def seconds_until_cached(interval):
        server = make_server({"cache.redis": "on", "cache.interval": interval}).start()
        assert serves(server, "first")
        wait_until(lambda: cached(storages, server, "first") == "1", "cached")
        begin = time.monotonic()
        assert serves(server, "second")
        wait_until(lambda: cached(storages, server, "second") == "1", "cached")
        return time.monotonic() - begin

    assert seconds_until_cached("20ms") < 5 < seconds_until_cached("8s")


def test_cache_that_dies_delays_nothing_and_is_filled_again(make_server, storages, tmp_path):
    forgets = {"appendonly": "no"}  # when it is killed
    with RedisServer(tmp_path / "cache", forgets) as cache:
        server = make_server({
            "storage.journal": "file",
            "cache.redis": "on",
            "cache.interval": "20ms",
            "redis.hosts": f"127.0.0.1:{cache.port}",
        }).start()
        assert serves(server, "before")
        key = f"{server.settings['redis.prefix']}:robot:"
        wait_until(lambda: cache.cli("HGET", key + "before", "events") == "1", "cached")
        cache.kill9()
        begin = time.monotonic()
        assert serves(server, "meanwhile") and server.is_ready()
        assert time.monotonic() - begin < 1
        cache.start()
        for robot in ("before", "meanwhile"):
            wait_until(lambda: cache.cli("HGET", key + robot, "events") == "1", "cached again")
        assert server.terminate() == 0
