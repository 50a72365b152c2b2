"""What a running telemetryd asks of the kernel: calls counted by an LD_PRELOAD library, and wake-ups."""

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from faults import build_library

SOURCE = Path(__file__).with_name("count_calls.c")
LAYOUT = struct.Struct("5Q")  # as `enum call`


@dataclass
class Counts:
    """Calls since the start of the process."""

    receives: int  # of sockets
    sends: int
    syncs: int  # fsync and fdatasync
    positioned_writes: int
    waits: int  # epoll_wait

    def __sub__(self, before):
        return Counts(*(getattr(self, name) - getattr(before, name) for name in vars(self)))


class CallCounts:
    """The counters of one server: give it `env`."""

    def __init__(self, directory):
        self._path = Path(directory) / "calls"
        self.env = {
            "LD_PRELOAD": str(build_library(SOURCE, directory)),
            "CALL_COUNTS": str(self._path),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }

    def now(self):
        return Counts(*LAYOUT.unpack(self._path.read_bytes()))


def wake_ups(pid):
    """How often threads of a process have waited for something."""
    found = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        status = (task / "status").read_text()
        found += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.MULTILINE).group(1))
    return found
