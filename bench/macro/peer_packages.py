"""Installs the servers that bench/macro/peers compares with, from Debian."""
import contextlib
import os
import shutil
import subprocess

POLICY = "/usr/sbin/policy-rc.d"


@contextlib.contextmanager
def _no_services():
    """Meanwhile no package starts its service: the benchmark starts its own, on free ports."""
    if os.path.exists(POLICY):
        yield
        return
    with open(POLICY, "w", encoding="ascii") as policy:
        policy.write("#!/bin/sh\nexit 101\n")
    os.chmod(POLICY, 0o755)
    try:
        yield
    finally:
        os.remove(POLICY)


def _apt(*words):
    done = subprocess.run(["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", *words],
                          env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reasons = done.stderr.strip().splitlines()
        raise RuntimeError(reasons[-1] if reasons else f"apt-get {words[0]} failed")


def find(program):
    """Its path, or None. Servers may stand where only root looks."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")


def version(package):
    """Of an installed package, as Debian counts it."""
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True,
                          text=True, check=False)
    return done.stdout or "unknown"


def ensure(program, package):
    """Installs `package` if `program` is missing. RuntimeError with the reason if that fails."""
    if find(program):
        return
    if shutil.which("apt-get") is None:
        raise RuntimeError(f"{program} is missing, and there is no apt-get to install {package}")
    if os.geteuid() != 0:
        raise RuntimeError(f"{program} is missing; as root: apt-get install {package}")
    with _no_services():
        try:
            _apt("install", "--no-install-recommends", package)
        except RuntimeError:  # its list may be older than the archive
            _apt("update")
            _apt("install", "--no-install-recommends", package)
    if not find(program):
        raise RuntimeError(f"package {package} has no {program}")
