"""Cpu time of a process and all its descendants, from /proc."""
import os
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    """(parent, ticks of it and of its ended children), or None if it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(fields[1]), sum(int(field) for field in fields[11:15])


def cpu_seconds(root):
    """User and system time so far of `root` and its descendants, also ended and awaited ones."""
    stats = {int(name): _stat(name) for name in os.listdir("/proc") if name.isdigit()}
    stats = {pid: stat for pid, stat in stats.items() if stat}
    if root not in stats:
        raise RuntimeError(f"process {root} has ended")
    tree, grown = {root}, True
    while grown:
        more = {pid for pid, (parent, _) in stats.items() if parent in tree} - tree
        tree |= more
        grown = bool(more)
    return sum(stats[pid][1] for pid in tree) / TICKS_PER_SECOND


def wait_until_quiet(root, least_seconds):
    """Waits `least_seconds`, then until the tree used under 2 % of a core for a second (1 min at
    most). Returns whether it came to rest."""
    time.sleep(least_seconds)
    before = cpu_seconds(root)
    for _ in range(60):
        time.sleep(1)
        now = cpu_seconds(root)
        if now - before < 0.0201:
            return True
        before = now
    return False
