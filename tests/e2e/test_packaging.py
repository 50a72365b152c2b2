"""packaging/: no container engine is at hand, so everything that can be checked without one is: the
settings, the packages, and both database servers with the options that compose.yaml gives them."""

import os
import re
import socket
import subprocess
from pathlib import Path

import pytest
import yaml
from mariadb import MariaDb
from outage_world import MYSQL_RIGHTS, REDIS_CACHE_RIGHTS, REDIS_JOURNAL_RIGHTS
from telemetryd import BINARY, IS_ASAN, ROOT, wait_until

pytestmark = pytest.mark.embedded

PACKAGING = ROOT / "packaging"
COMPOSE = yaml.safe_load((PACKAGING / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (PACKAGING / "Dockerfile").read_text()
#: What only MySQL knows; here a MariaDB runs.
MYSQL_ONLY = ["innodb-redo-log-capacity"]
#: Of the sanitizers, with which the tests may run, and of every Debian.
NOT_IN_THE_IMAGE = {"libasan8", "libubsan1", "libc6"}


def telemetryd_environment():
    """What the image and compose.yaml tell telemetryd."""
    image = dict(re.findall(r"^ENV (TELEMETRY_\w+)=(\S+)$", DOCKERFILE, re.MULTILINE))
    assert len(image) == 2, image
    return image | SERVICES["telemetryd"]["environment"]


def unescaped(text):
    """Compose replaces $NAME itself; $$ is a dollar sign."""
    assert not re.search(r"(?<!\$)\$(?!\$)", text), text
    return text.replace("$$", "$")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_settings_are_accepted():
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TELEMETRY_")}
    env = clean | telemetryd_environment()
    assert all(isinstance(value, str) for value in env.values()), "on and off need quotes in YAML"
    done = subprocess.run([BINARY, "--check-config"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_everything_that_a_service_names_is_declared():
    for name, service in SERVICES.items():
        assert set(service["secrets"]) <= set(COMPOSE["secrets"]), name
        assert {v.split(":")[0] for v in service["volumes"]} <= set(COMPOSE["volumes"]), name
        for path in re.findall(r"/run/secrets/([\w-]+)", str(service)):
            assert path in service["secrets"], f"{name} cannot read {path}"
        for other, wanted in service.get("depends_on", {}).items():
            assert wanted == {"condition": "service_healthy"} and "healthcheck" in SERVICES[other]
    env = telemetryd_environment()
    hosts = {env[f"TELEMETRY_{kind}_HOSTS"].split(":")[0] for kind in ("MYSQL", "REDIS")}
    assert hosts < set(SERVICES)
    build = SERVICES["telemetryd"]["build"]
    assert (PACKAGING / build["context"]).resolve() == ROOT and (ROOT / build["dockerfile"]).exists()


def test_rights_are_those_that_the_outages_are_played_with():
    journal, cache = set(REDIS_JOURNAL_RIGHTS), set(REDIS_CACHE_RIGHTS)
    operations = (ROOT / "docs/OPERATIONS.md").read_text()
    user = re.compile(r"^ *user telemetryd on >\S.* ~telemetryd:\*( .*)$", re.MULTILINE)
    assert [set(line.split()) for line in user.findall(operations)] == [journal, cache]
    (both,) = user.findall(SERVICES["redis"]["command"][-1])
    assert set(both.split()) == journal | cache
    assert f"GRANT {MYSQL_RIGHTS} ON" in " ".join(operations.split())


def package_of(library):
    """The Debian package of a shared library that the loader has found."""
    path = Path(library)
    names = {str(path), str(path.resolve()), str(path.resolve()).removeprefix("/usr")}
    done = subprocess.run(["dpkg-query", "-S", *names], capture_output=True, text=True)
    assert done.stdout, f"{library} is of no package"
    return done.stdout.split(":")[0]


def test_image_has_the_packages_of_all_shared_libraries_and_no_others():
    installed = DOCKERFILE.split("--no-install-recommends")[1].split("&&")[0]
    packages = set(installed.replace("\\", "").split()) - {"curl", "ca-certificates"}
    linked = subprocess.run(["ldd", BINARY], capture_output=True, text=True, check=True).stdout
    assert "not found" not in linked
    needed = {package_of(path) for path in re.findall(r"=> (/\S+)", linked)} - NOT_IN_THE_IMAGE
    if IS_ASAN:
        needed.add("libjemalloc2")  # a sanitizer has a heap of its own
    assert packages == needed


def mysql_of_compose(directory):
    """A MariaDB with the options of compose.yaml, and with TLS, which MySQL has by itself."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=db",
         "-keyout", directory / "key.pem", "-out", directory / "cert.pem"],
        check=True, capture_output=True,
    )
    settings = {"ssl-cert": directory / "cert.pem", "ssl-key": directory / "key.pem"}
    for option in SERVICES["mysql"]["command"]:
        name, value = option.removeprefix("--").split("=")
        settings[f"loose-{name}" if name in MYSQL_ONLY else name] = value
    database = MariaDb(directory / "mariadb", settings | {"innodb-buffer-pool-size": "64M"})
    database.start()
    return database


def set_up_as_the_image_does(database, password):
    """The variables MYSQL_DATABASE, MYSQL_USER and MYSQL_PASSWORD of the image of MySQL."""
    given = SERVICES["mysql"]["environment"]
    name, user = given["MYSQL_DATABASE"], given["MYSQL_USER"]
    database.sql(f"CREATE DATABASE {name}; CREATE USER {user}@'%' IDENTIFIED BY '{password}';"
                 f"GRANT ALL ON {name}.* TO {user}@'%'")


class ComposeRedis:
    """The command and the health check of the service redis, with other paths and another port."""

    def __init__(self, directory, secrets):
        self.port = free_port()
        self._replaced = {
            "/run/secrets": str(secrets),
            "/tmp/users.acl": str(directory / "users.acl"),
            "exec redis-server": f"exec redis-server --dir {directory} --port {self.port} --bind 127.0.0.1",
            "redis-cli": f"redis-cli -p {self.port}",
        }
        *shell, script = SERVICES["redis"]["command"]
        self.process = subprocess.Popen([*shell, self._here(script)], stdout=subprocess.DEVNULL)

    def _here(self, text):
        text = unescaped(text)
        for old, new in self._replaced.items():
            text = text.replace(old, new)
        return text

    def run(self, command):
        return subprocess.run(["sh", "-c", self._here(command)], capture_output=True, text=True)

    def is_healthy(self):
        kind, test = SERVICES["redis"]["healthcheck"]["test"]
        assert kind == "CMD-SHELL"
        return self.run(test).returncode == 0

    def close(self):
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture
def servers(tmp_path):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in COMPOSE["secrets"]:
        (secrets / name).write_text(f"secret-of-{name}\n")
    database = mysql_of_compose(tmp_path)
    (tmp_path / "redis").mkdir()
    redis = ComposeRedis(tmp_path / "redis", secrets)
    yield secrets, database, redis
    redis.close()
    database.close()


def test_telemetryd_serves_over_the_servers_of_compose(make_server, servers):
    secrets, database, redis = servers
    set_up_as_the_image_does(database, "secret-of-mysql-password")
    wait_until(redis.is_healthy, "Redis healthy")
    env = {key: value.replace("/run/secrets", str(secrets))
           .replace("mysql:3306", f"127.0.0.1:{database.port}")
           .replace("redis:6379", f"127.0.0.1:{redis.port}")
           for key, value in telemetryd_environment().items()}
    server = make_server({"net.host": "127.0.0.1", "cache.interval": "10ms"}, env).start()
    assert server.rest().post_lines(["1,2,3,shipped"])["accepted"] == 1
    assert "redis" in server.log() and MariaDb.brand in server.log()
    ask = ("REDISCLI_AUTH=$$(cat /run/secrets/redis-password) redis-cli --user telemetryd "
           "HGET telemetryd:robot:shipped x")
    wait_until(lambda: redis.run(ask).stdout.strip() == "1.0", "in the cache")


def test_health_check_of_the_image_follows_readyz(make_server):
    command = re.search(r'CMD (\["curl".*\])', DOCKERFILE).group(1)
    server = make_server().start()
    check = yaml.safe_load(command.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}"))
    assert subprocess.run(check, capture_output=True).returncode == 0
    check[-1] = check[-1].replace("/readyz", "/nothing")
    assert subprocess.run(check, capture_output=True).returncode != 0
