"""Faults under a running telemetryd: syncs and writes that fail, syncs and reads that hang, a full disk."""

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

SHIM_SOURCE = Path(__file__).with_name("failing_sync.c")


def build_library(source, directory):
    """Compiles an LD_PRELOAD library; returns its path."""
    library = Path(directory) / source.with_suffix(".so").name
    command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(command + ["-o", str(library), str(source)], check=True)
    return library


def build_shim(directory):
    return build_library(SHIM_SOURCE, directory)


class Faults:
    """Switches of the shim: a fault is on while its file exists."""

    def __init__(self, directory, shim):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.env = {
            "LD_PRELOAD": str(shim),
            "FAULTS_DIRECTORY": str(self.directory),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }

    @contextmanager
    def on(self, fault):
        """`fault`: fail-syncs, fail-writes, hold-syncs or hold-reads."""
        self.switch_on(fault)
        try:
            yield
        finally:
            self.switch_off(fault)

    def switch_on(self, fault):
        (self.directory / fault).touch()

    def switch_off(self, fault):
        (self.directory / fault).unlink(missing_ok=True)


class SmallDisk:
    """A tmpfs of `size` bytes that a ballast file can fill. Needs the right to mount."""

    def __init__(self, directory, size):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(self.directory)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"this test needs the right to mount a tmpfs: {done.stderr}"
        self._ballast = self.directory / "ballast"

    def fill(self, leave=0):
        """Takes all space but `leave` bytes."""
        with open(self._ballast, "ab", buffering=0) as ballast:
            step = 1 << 20
            while step >= 4096:
                try:
                    ballast.write(bytes(step))
                except OSError:
                    step //= 2
            if leave:
                ballast.truncate(max(0, ballast.seek(0, 2) - leave))

    def free(self):
        """Gives the space back."""
        self._ballast.unlink(missing_ok=True)

    def close(self):
        subprocess.run(["umount", "-l", str(self.directory)], check=False)
