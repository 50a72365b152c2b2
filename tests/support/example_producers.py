"""How to start the producers of docs/examples."""

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

from telemetryd import ROOT

EXAMPLES = ROOT / "docs/examples"


def python_command(url, _):
    return ["/usr/bin/python3", str(EXAMPLES / "producer.py"), url]


def javascript_command(url, directory):
    """Beside a node_modules with Debian's ws, as `npm install ws` would make it."""
    modules = directory / "node_modules"
    if not modules.exists():
        modules.mkdir()
        (modules / "ws").symlink_to("/usr/share/nodejs/ws")
    program = directory / "producer.mjs"
    program.write_bytes((EXAMPLES / "producer.mjs").read_bytes())
    return ["node", str(program), url]


@functools.cache
def cpp_program():
    """Compiles it as its head says, once in a run of tests."""
    directory = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, directory)
    program = Path(directory) / "producer"
    compiler = ["g++", "-std=c++20", "-Wall", "-Wextra", EXAMPLES / "producer.cpp"]
    libraries = ["-pthread", "-lssl", "-lcrypto"]
    subprocess.run([*compiler, "-o", program, *libraries], check=True, timeout=300)
    return program


def cpp_command(url, _):
    return [str(cpp_program()), url]


#: Each takes the URL, and a directory that it may fill, and returns the command.
PRODUCERS = [python_command, javascript_command, cpp_command]
