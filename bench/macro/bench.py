"""What a row of the speed table may do: start servers, load them, ask them."""
import contextlib
import json
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import time

import machine
from server import Server

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Bench:
    """Servers and instruments for the rows. Remembers every command."""

    def __init__(self, options):
        self.options = options
        self.commands = []

    def size(self, events):
        """So many, or a tenth with --quick."""
        return events // 10 if self.options.quick else events

    @property
    def rounds(self):
        """How often short runs of server and sink alternate."""
        return 1 if self.options.quick else 3

    @contextlib.contextmanager
    def server(self, row, *settings):
        """A telemetryd on a free port with a new data directory, removed afterwards."""
        data_dir = self.data_dir = os.path.join(self.options.data_root, row)
        shutil.rmtree(data_dir, ignore_errors=True)
        os.makedirs(self.options.data_root, exist_ok=True)
        self.row = row
        self.command = [os.path.join(self.options.build_dir, "telemetryd"), "--net.port=0",
                        f"--storage.data_dir={self.data_dir}", *settings, *self.options.set]
        try:
            with self._running(self.command) as server:
                yield server
        finally:
            if not self.options.keep:
                shutil.rmtree(data_dir, ignore_errors=True)

    def again(self, _ended):
        """The same server on the same data, with default checkpoints."""
        return self._running([part for part in self.command if "checkpoint" not in part])

    @contextlib.contextmanager
    def _running(self, command):
        self._remember(command)
        log = os.path.join(self.options.data_root, f"{self.row}.log")
        server = Server(command, log)
        try:
            server.wait_until_ready()
            yield server
            if server.process.poll() is None:
                server.stop()
        finally:
            if server.process.poll() is None:
                server.kill()

    @contextlib.contextmanager
    def reference(self, program, *arguments):
        """telemetry_sink or bare_http."""
        command = [os.path.join(self.options.build_dir, "bench", program), *arguments]
        self._remember(command)
        running = Server(command, os.path.join(self.options.data_root, f"{program}.log"))
        try:
            yield running
        finally:
            running.stop()

    def _remember(self, command):
        text = " ".join(os.path.relpath(command[0], TREE) if part == command[0] else
                        part.replace(TREE + "/", "").replace("\n", "\\n") for part in command)
        # What differs in the prefix of the names alone stands there once.
        if re.sub(r"--prefix=\S+", "", text) not in [re.sub(r"--prefix=\S+", "", known)
                                                     for known in self.commands]:
            self.commands.append(text)

    def _command(self, program, server, options):
        """An instrument's command line."""
        named = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
        path = os.path.join(self.options.build_dir, "bench", program)
        self._remember([path, "--port=PORT", "--pid=PID", *named])
        return [path, f"--port={server.port}", f"--pid={server.pid}", *named]

    def _measure(self, program, server, **options):
        """Runs an instrument against a server; the figures of its JSON line, and how many cores
        other processes used meanwhile."""
        command = self._command(program, server, options)
        wall, busy, own = time.monotonic(), machine.busy_seconds(), self._own(server)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wall, busy = time.monotonic() - wall, machine.busy_seconds() - busy
        own = self._own(server) - own
        out = self._figures(command, done.returncode, done.stdout, done.stderr)
        out["others_cores"] = round(max(busy - own, 0) / wall, 2)
        return out

    @staticmethod
    def _figures(command, status, printed, errors):
        if status != 0:
            raise RuntimeError(f"{' '.join(command)}:\n{printed}{errors}")
        return json.loads(printed.splitlines()[-1])

    @staticmethod
    def _own(server):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return server.cpu_seconds() + used.ru_utime + used.ru_stime

    def load(self, server, **options):
        """telemetry_load; raises unless every answer is OK and every odometer right."""
        return self._measure("telemetry_load", server, **{"data_dir": self.data_dir, **options})

    @contextlib.contextmanager
    def load_beside(self, server, **options):
        """telemetry_load in the background; raises as load()."""
        command = self._command("telemetry_load", server, {"seconds": 3600, **options})
        load = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            yield
            load.send_signal(signal.SIGINT)  # it stops, and verifies what it has sent
            printed, errors = load.communicate()
            self._figures(command, load.returncode, printed, errors)
        finally:
            if load.poll() is None:
                load.kill()
                load.communicate()

    @staticmethod
    def wait_until(holds, what, seconds=30):
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise RuntimeError(f"after {seconds} s still not: {what}")
            time.sleep(0.05)

    def get(self, server, path, **options):
        """telemetry_get."""
        return self._measure("telemetry_get", server, path=path, **options)

    def prefill(self, server):
        """Older events of other robots, if --prefill asks for them."""
        if self.options.prefill > 0:
            self.load(server, events=self.options.prefill, lines=100, window=4, prefix="old-",
                      verify="no")

    def sink(self, lines=1, **options):
        """The figures of the sink under the same load."""
        with self.reference("telemetry_sink", f"--lines={lines}") as sink:
            return self._measure("telemetry_load", sink, lines=lines, settle=0, verify="no",
                                 **options)

    @contextlib.contextmanager
    def profile(self, server, part=""):
        """With --perf: samples the server meanwhile; its threads and top symbols go to
        DATA_ROOT/ROW.perf.txt."""
        if not self.options.perf:
            yield
            return
        base = os.path.join(self.options.data_root, self.row + ("-" + part if part else ""))
        record = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", "997",
                                   "-p", str(server.pid), "-o", base + ".perf"])
        try:
            yield
        finally:
            record.send_signal(signal.SIGINT)
            record.wait()
            with open(base + ".perf.txt", "w", encoding="utf-8") as text:
                for keys in ("comm", "comm,dso,sym"):
                    subprocess.run(["perf", "report", "--stdio", "--percent-limit=0.4", "-s", keys,
                                    "-i", base + ".perf"], stdout=text,
                                   stderr=subprocess.DEVNULL, check=False)

    def describe(self, out, prefill=None):
        """The data of a load in words."""
        loop = (f"open loop {out['rate_events_s']:,}/s on {out['connections']:,} connections"
                if out["rate_events_s"] else
                f"{out['connections']:,} × {out['window_messages']} in flight")
        asked = f"{self.options.prefill:,} events of others" if self.options.prefill else "none"
        return (f"{out['events']:,} events, {out['robots']:,} robots, {out['order']}, {loop}, "
                f"{out['payload_bytes_per_event']:.0f} bytes per event, prefill {prefill or asked}")


def median(runs, key):
    """Of one figure over several outputs of an instrument."""
    return statistics.median(run[key] for run in runs)


def pick(out, *keys):
    """These figures of an instrument's output."""
    return {key: out[key] for key in keys}
