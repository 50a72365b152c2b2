"""Runs the programs of build/*/bench and remembers how."""
import json
import os
import shlex
import subprocess


class Instruments:
    """The instruments of one build directory. `commands` is what was run, in order, once each."""

    def __init__(self, tree, build_dir):
        self.tree = tree
        self.build_dir = build_dir
        self.commands = []

    def command(self, program, **options):
        """Its command line; underscores in names of options stand for dashes, lists for several."""
        words = []
        for key, value in options.items():
            name = "--" + key.replace("_", "-")
            if value is True:
                words.append(name)
                continue
            values = value if isinstance(value, list) else [value]
            words += [f"{name}={one}" for one in values]
        return [os.path.join(self.build_dir, "bench", program), *words]

    def run(self, program, port, **options):
        """Runs it to the end. Its figures; RuntimeError with its output if it fails."""
        return self.finish(self.start(program, port, **options))

    def start(self, program, port, **options):
        """Starts it. The process, for finish()."""
        self._remember(self.command(program, port="PORT", **options))
        return subprocess.Popen(self.command(program, port=port, **options), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    @staticmethod
    def finish(process):
        """Waits for it. Its figures; RuntimeError with its output if it has failed."""
        text, _ = process.communicate()
        if process.returncode != 0:
            raise RuntimeError(text.strip() or f"{process.args[0]}: status {process.returncode}")
        return json.loads(text.splitlines()[-1])

    def _remember(self, command):
        text = shlex.join(command).replace(self.tree + "/", "")
        if text not in self.commands:
            self.commands.append(text)
