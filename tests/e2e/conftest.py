"""Fixtures of the end-to-end tests: every server is the real binary on a free port."""

import os
import random
import signal
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from faults import Faults, SmallDisk, build_shim  # noqa: E402
from storages import COMBINATION, IS_EMBEDDED, JOURNAL, Storages  # noqa: E402
from telemetryd import BINARY, Server  # noqa: E402
from websocket_client import WebSocket  # noqa: E402

SEED = int(os.environ.get("TELEMETRY_SEED", random.SystemRandom().randrange(1 << 32)))
SOAK = os.environ.get("TELEMETRY_SOAK") == "1"


def pytest_report_header():
    soak = " (soak)" if SOAK else ""
    return f"telemetryd: {BINARY}\nstorage: {COMBINATION}\nTELEMETRY_SEED={SEED}{soak}"


def pytest_collection_modifyitems(config, items):
    """Leaves out what says nothing about this storage; it is not counted as skipped."""
    unwanted = ["databases"] if IS_EMBEDDED else ["embedded"]
    if JOURNAL != "redis":
        unwanted.append("redis")
    left_out = [item for item in items if any(map(item.get_closest_marker, unwanted))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session", autouse=True)
def storages(tmp_path_factory):
    """The database servers of this run."""
    servers = Storages(tmp_path_factory.mktemp("storages"))
    Server.storage_settings = staticmethod(servers.settings)
    yield servers
    servers.close()


@pytest.fixture(autouse=True)
def deadline():
    """No test runs for ever: after this time it fails where it stands."""

    def expire(*_):
        raise AssertionError("the test takes too long")

    signal.signal(signal.SIGALRM, expire)
    signal.alarm(3600 if SOAK else 900)
    yield
    signal.alarm(0)


@pytest.fixture
def seed():
    """Seed of this run; shown with a failing test."""
    print(f"repeat with TELEMETRY_SEED={SEED}")
    return SEED


@pytest.fixture(scope="session")
def soak():
    return SOAK


def _maker(directory):
    servers = []

    def make(settings=None, env=None, name=None):
        server = Server(directory / (name or f"server{len(servers)}"), settings, env)
        servers.append(server)
        return server

    return servers, make


@pytest.fixture
def make_server(tmp_path):
    """Makes servers, not started, that end with the test."""
    servers, make = _maker(tmp_path)
    yield make
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def make_module_server(tmp_path_factory):
    """The same for a server that the tests of a module share."""
    servers, make = _maker(tmp_path_factory.mktemp("servers"))
    yield make
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def faults(shim, tmp_path):
    """Fault switches; give `faults.env` to the server."""
    switches = Faults(tmp_path / "faults", shim)
    yield switches
    for fault in ("hold-syncs", "hold-reads", "fail-syncs", "fail-writes"):
        switches.switch_off(fault)


@pytest.fixture
def small_disk(tmp_path):
    """Makes small disks that vanish with the test, after its servers."""
    disks = []

    def make(size):
        disks.append(SmallDisk(tmp_path / f"disk{len(disks)}", size))
        return disks[-1]

    yield make
    for disk in disks:
        disk.close()


@pytest.fixture
def connect():
    """Opens WebSockets that are closed with the test."""
    open_ones = []

    def open_one(server, **options):
        open_ones.append(WebSocket(server, **options))
        return open_ones[-1]

    yield open_one
    for one in open_ones:
        one.__exit__()
