"""docs/PROXIES.md: the real nginx and HAProxy with the files of packaging/, and the probes of Kubernetes."""

import csv
import gzip
import io
import re
import socket
import subprocess
from urllib.parse import quote

import pytest
import yaml
from telemetryd import ROOT, Rest, wait_until
from websocket_client import WebSocket

pytestmark = pytest.mark.embedded

PACKAGING = ROOT / "packaging"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def changed(text, *replacements):
    """`text` with each pattern, which must be there once, replaced."""
    for pattern, replacement in replacements:
        text, count = re.subn(pattern, replacement, text)
        assert count == 1, f"{pattern} is there {count} times"
    return text


class Proxy:
    """A proxy program with a file of packaging/, at free ports, in front of `server`."""

    host = "127.0.0.1"

    def __init__(self, server, directory):
        self.server, self.directory = server, directory
        self.port = free_port()
        self.log = directory / "proxy.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command(), cwd=directory, stdout=log, stderr=log)
        wait_until(self.answers, f"{type(self).__name__} answers; log: {self.log.read_text()}")

    def answers(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.rest().get("/livez").status == 200
        except OSError:
            return False

    def rest(self):
        return Rest(self.host, self.port)

    def close(self):
        self.process.terminate()
        self.process.wait(20)


class Nginx(Proxy):
    def command(self):
        scratch = "".join(
            f"  {kind}_temp_path {self.directory}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = changed(
            (PACKAGING / "nginx.conf").read_text(),
            (r"\bserver 127\.0\.0\.1:8000;", f"server {self.server.host}:{self.server.port};"),
            (r"\blisten 8080;", f"listen {self.host}:{self.port};"),
            (r"(?m)^http \{\n", f"http {{\n  access_log off;\n{scratch}"),
        )
        (self.directory / "nginx.conf").write_text(text)
        main = f"daemon off; master_process off; pid {self.directory}/pid; error_log stderr;"
        return ["nginx", "-p", self.directory, "-c", self.directory / "nginx.conf", "-g", main]


class Haproxy(Proxy):
    check = "GET /readyz"

    def command(self):
        self.admin = self.directory / "admin"
        text = changed(
            (PACKAGING / "haproxy.cfg").read_text(),
            (r"127\.0\.0\.1:8000 check inter 2s", f"{self.server.host}:{self.server.port} check inter 50ms"),
            (r"bind 0\.0\.0\.0:8080", f"bind {self.host}:{self.port}"),
            (r"maxconn 10000", f"maxconn 100\n  stats socket {self.admin}"),
            ("option httpchk GET /readyz", f"option httpchk {self.check}".rstrip()),
        )
        (self.directory / "haproxy.cfg").write_text(text)
        return ["haproxy", "-db", "-f", self.directory / "haproxy.cfg"]

    def check_result(self):
        """State of the server, e.g. UP, and what the latest check got, e.g. L7OK 200."""
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(self.admin))
            admin.sendall(b"show stat\n")
            text = b"".join(iter(lambda: admin.recv(65536), b"")).decode()
        (row,) = [r for r in csv.DictReader(io.StringIO(text.lstrip("# "))) if r["svname"] == "one"]
        return row["status"], f"{row['check_status']} {row['check_code']}"


class HaproxyAsIs(Haproxy):
    """Plain `option httpchk`: OPTIONS / HTTP/1.0 without Host."""

    check = ""


@pytest.fixture(scope="module")
def server(make_module_server):
    return make_module_server({"ingest.future_limit": 0}).start()


@pytest.fixture(params=[Nginx, Haproxy])
def proxy(request, server, tmp_path):
    one = request.param(server, tmp_path)
    yield one
    one.close()


def test_websocket_passes(proxy):
    name = f"through {type(proxy).__name__}"
    with WebSocket(proxy) as producer:
        assert producer.ask(f"1,2,3,{name}") == "OK"
        assert producer.ask("\n".join(f"1,2,{t},{name}" for t in range(4, 1000))).split("\n") == ["OK"] * 996
    assert proxy.rest().robot(name)["events"] == 997


@pytest.mark.parametrize("name", ["a/b", "a%2Fb", "..", "a b+c", "é"])
def test_names_of_robots_pass_in_path_and_query(proxy, name):
    rest = proxy.rest()
    rest.post_lines([f"1,2,3,{name}", f"4,6,7,{name}"])
    query = quote(name, safe="")
    assert [robot["name"] for robot in rest.get(f"/api/robots?name={query}").json()] == [name]
    assert rest.get(f"/api/odometer?robot={query}").json() == {"odometer": 5.0, "robot": name}
    assert len(rest.get(f"/api/events?robot={query}").json()) == 2
    if name != "..":
        assert rest.robot(name)["name"] == name


def test_long_bodies_and_answers_pass_compressed_or_not(proxy):
    name = f"long {type(proxy).__name__}"
    lines = "".join(f"{t / 7},{t},{t},{name}\n" for t in range(100_000))
    rest = proxy.rest()
    coded = {"Content-Type": "text/csv", "Content-Encoding": "gzip"}
    posted = rest.request("POST", "/api/events", gzip.compress(lines.encode(), 1), coded)
    assert posted.json()["accepted"] == 100_000, posted
    path = f"/api/events?robot={quote(name)}&format=csv"
    plain = rest.get(path)
    assert plain.text.count("\r\n") == 100_001
    packed = rest.get(path, Accept_Encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body


def test_errors_are_those_of_the_server(proxy):
    for method, path, status in [("GET", "/api/robots/nobody", 404), ("GET", "/upstream", 426), ("PUT", "/livez", 405)]:
        answer = proxy.rest().request(method, path)
        assert (answer.status, answer.content_type) == (status, "application/problem+json")


@pytest.mark.parametrize("program", [Haproxy, HaproxyAsIs])
def test_haproxy_sees_the_server_up_and_down(make_server, tmp_path, program):
    server = make_server().start()
    proxy = program(server, tmp_path)
    try:
        code = "200" if program is Haproxy else "204"
        wait_until(lambda: proxy.check_result() == ("UP", f"L7OK {code}"), f"UP: {proxy.check_result()}")
        server.kill()
        wait_until(lambda: proxy.check_result()[0] == "DOWN", "DOWN")
    finally:
        proxy.close()


def test_probes_of_kubernetes_are_answered(server):
    service, workload = yaml.safe_load_all((PACKAGING / "kubernetes.yaml").read_text())
    pod = workload["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (port,) = container["ports"]
    assert service["spec"]["ports"][0]["port"] == port["containerPort"] == 8000
    assert f"EXPOSE {port['containerPort']}\n" in (PACKAGING / "Dockerfile").read_text()
    assert f"--uid {pod['securityContext']['runAsUser']} " in (PACKAGING / "Dockerfile").read_text()
    probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("liveness", "readiness")}
    assert {kind: probe["path"] for kind, probe in probes.items()} == {"liveness": "/livez", "readiness": "/readyz"}
    for probe in probes.values():
        assert probe["port"] == port["name"]
        assert server.rest().get(probe["path"], User_Agent="kube-probe/1.28").status == 200
    limits = re.findall(r"(?:drain|finish)_patience\{([\d']+)\}", (ROOT / "main.cpp").read_text())
    seconds = sum(int(n.replace("'", "")) / (1000 if "'" in n else 1) for n in limits)
    assert len(limits) == 2 and pod["terminationGracePeriodSeconds"] > 2 * seconds
    assert workload["spec"]["replicas"] == 1
