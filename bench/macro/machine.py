"""What a result depends on besides the code: processor, disk, kernel, compiler, revision."""
import os
import platform
import re
import subprocess
import tempfile
import time


def _first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()[0] if done.stdout else ""
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _value(path, pattern):
    with open(path, encoding="utf-8") as text:
        found = re.search(pattern, text.read())
    return found.group(1) if found else "unknown"


def sync_ms(directory):
    """Median time of a synced 4 KiB append in `directory`, in ms."""
    spent = []
    with tempfile.TemporaryFile(dir=directory) as file:
        for _ in range(200):
            start = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
            spent.append((time.perf_counter() - start) * 1e3)
    return sorted(spent)[len(spent) // 2]


def busy_seconds():
    """Cpu time of all processes since boot (/proc/stat without idle and iowait)."""
    with open("/proc/stat", encoding="ascii") as stat:
        fields = [int(field) for field in stat.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def facts(build_dir, data_root):
    """Pairs of name and value."""
    changed = _first_line("git", "status", "--porcelain", "--untracked-files=no")
    return [
        ("processor", _value("/proc/cpuinfo", r"model name\s*:\s*(.*)")),
        ("cores", str(os.cpu_count())),
        ("memory", _value("/proc/meminfo", r"MemTotal:\s*(.*)")),
        ("kernel", platform.release()),
        ("compiler", _first_line("c++", "--version")),
        ("build", _value(os.path.join(build_dir, "CMakeCache.txt"), r"CMAKE_BUILD_TYPE\S*=(\S+)")),
        ("revision", _first_line("git", "rev-parse", "--short=12", "HEAD")
         + (" with local changes" if changed else "")),
        ("synced 4 KiB append, median", f"{sync_ms(data_root):.3f} ms"),
    ]
