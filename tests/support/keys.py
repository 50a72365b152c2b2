"""Keys of a server that asks for them, made by `telemetryd keys`."""

import subprocess

from telemetryd import BINARY, environment_without_settings


class Keys:
    """A keys file. Every method runs the command and returns what it printed.

    run() checks the exit code, unless `code` is None.
    """

    def __init__(self, path):
        self.path = path
        self.made = {}  # the key's text by its id

    def run(self, *arguments, code=0):
        done = subprocess.run(
            [BINARY, "keys", *arguments, "--file", self.path],
            capture_output=True,
            text=True,
            env=environment_without_settings(),
        )
        assert code is None or done.returncode == code, done
        return done

    def add(self, name, *scopes, prefixes=(), expires="365d"):
        robots = [f"--prefix={one}" for one in prefixes] or ["--all-robots"]
        asked = [f"--scope={one}" for one in scopes]
        made = self.run("add", name, *asked, *robots, f"--expires={expires}")
        self.made[name] = made.stdout.strip()
        return self.made[name]

    def rotate(self, name, overlap="24h"):
        return self.run("rotate", name, f"--overlap={overlap}").stdout.strip()

    def revoke(self, name):
        self.run("revoke", name)

    @property
    def settings(self):
        return {"auth.keys_file": self.path}


def bearer(text):
    return {"Authorization": f"Bearer {text}"}
