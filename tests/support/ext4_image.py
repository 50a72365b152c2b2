"""A real ext4 in a file: what is on it can be copied as a power cut would leave it. Needs root."""

import os
import subprocess
import time
from pathlib import Path

COPIES_MAX = 100
UMOUNT_SECONDS = 20.0


def _run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} needs root: {done.stderr}"


def _extents(source):
    """(offset, bytes) of the parts of an open sparse file that hold data, at most 4 MiB each."""
    at, size = 0, os.fstat(source).st_size
    while at < size:
        try:
            at = os.lseek(source, at, os.SEEK_DATA)
        except OSError:  # only a hole is left
            return
        end = os.lseek(source, at, os.SEEK_HOLE)
        while at < end:
            part = min(end - at, 4 << 20)
            yield at, part
            at += part


class Ext4Image:
    """An ext4 in `directory`/image.N, mounted at `directory`/disk."""

    def __init__(self, directory, size):
        self.directory = Path(directory)
        self.mount_point = self.directory / "disk"
        self.mount_point.mkdir(parents=True)
        self._size = size
        self._number = 0
        self._is_mounted = False
        self.image = self._name()

    def _name(self):
        return self.directory / f"image.{self._number}"

    def make(self):
        """An empty file system."""
        with open(self.image, "wb") as image:
            image.truncate(self._size)
        _run("mkfs.ext4", "-q", "-m", "0", self.image)
        return self

    def mount(self):
        _run("mount", "-o", "loop", self.image, self.mount_point)
        self._is_mounted = True
        return self

    def unmount(self):
        """Waits for processes that have just been killed."""
        deadline = time.monotonic() + UMOUNT_SECONDS
        while self._is_mounted:
            done = subprocess.run(["umount", str(self.mount_point)], capture_output=True, check=False)
            self._is_mounted = done.returncode != 0
            assert not self._is_mounted or time.monotonic() < deadline, done.stderr
            time.sleep(0.01 if self._is_mounted else 0)

    def copy(self):
        """Copies the device, not the files: what the kernel has not written yet is not in the copy.

        The kernel may write while it is being read. So the copy is compared with the device until
        nothing has changed: then it is the state of one moment.
        @returns the copy, for switch_to().
        """
        self._number += 1
        copy = self._name()
        with open(self.image, "rb", buffering=0) as source, open(copy, "w+b", buffering=0) as to:
            os.ftruncate(to.fileno(), self._size)
            for _ in range(COPIES_MAX):
                if not self._bring_up_to_date(source.fileno(), to.fileno()):
                    return copy
        raise AssertionError(f"the device changed during each of {COPIES_MAX} copies")

    @staticmethod
    def _bring_up_to_date(source, to):
        """Whether anything had to be changed."""
        is_changed = False
        for offset, size in _extents(source):
            now = os.pread(source, size, offset)
            if os.pread(to, size, offset) != now:
                os.pwrite(to, now, offset)
                is_changed = True
        return is_changed

    def switch_to(self, copy):
        """The machine is on again, with `copy` as its disk."""
        self.unmount()
        self.image.unlink()
        self.image = copy
        self.mount()

    def close(self):
        self.unmount()
        self.image.unlink(missing_ok=True)
