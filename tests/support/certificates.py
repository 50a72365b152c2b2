"""Certificates for servers of tests on loopback.

usage: certificates.py DIR

writes into DIR: ca.pem and other.pem, two authorities; server.pem with server.key, which the first has
signed for 127.0.0.1 and localhost; stranger.pem with stranger.key, which it has signed for another host.
"""

import subprocess
import sys
from pathlib import Path

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
HOSTS = {"server": "IP:127.0.0.1,DNS:localhost", "stranger": "DNS:elsewhere.example"}


def make_certificates(directory):
    """@returns `directory`, as a Path."""
    home = Path(directory)

    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], cwd=home, check=True,
                       stdin=subprocess.DEVNULL, capture_output=True)

    for name in ("ca", "other"):
        openssl("req", "-x509", *NEW_KEY, "-days", 2, "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.pem")
    for name, hosts in HOSTS.items():
        (home / f"{name}.ext").write_text(f"subjectAltName={hosts}\n")
        openssl("req", *NEW_KEY, "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", 2, "-extfile", f"{name}.ext", "-out", f"{name}.pem")
    return home


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make_certificates(sys.argv[1])
