"""TLS for tests: certificates, servers with a TLS listener, and clients of Python's ssl."""

import os
import socket
import ssl
import subprocess

from crowd import allow_files


def settings_of(files, **more):
    pair = {"tls.host": "127.0.0.1", "tls.port": 0, "tls.certificate": files / "server.pem",
            "tls.key": files / "server.key"}
    return {**pair, **{key.replace("__", "."): value for key, value in more.items()}}


def tls_port_of(server):
    return int(server.wait_log(r"tls_address=\S+?:(\d+)").group(1))


class TlsAddress:
    """The TLS listener of a server, for a Crowd."""

    def __init__(self, server):
        self.host, self.port = "127.0.0.1", tls_port_of(server)


def add_tls_sockets(crowd, context, count):
    """Adds plain sockets whose handshake is made. Bytes that go into them are not encrypted."""
    allow_files(len(crowd) + count + 500)
    for _ in range(count):
        one = socket.socket(fileno=connect(crowd.address[1], context).detach())
        one.setblocking(False)
        crowd.sockets.append(one)


def client_context(files, **changes):
    """For clients that take an end without close_notify for a fault."""
    context = ssl.create_default_context(cafile=files / "ca.pem")
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    for name, value in changes.items():
        setattr(context, name, value)
    return context


def connect(port, context, seconds=20.0):
    plain = socket.create_connection(("127.0.0.1", port), timeout=seconds)
    return context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)


def read_to_end(stream):
    parts = []
    while part := stream.recv(65536):
        parts.append(part)
    return b"".join(parts)


def get(port, context, path="/livez"):
    """The whole answer to a GET, which closes the connection."""
    with connect(port, context) as stream:
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return read_to_end(stream)


def replace_pair(files, target):
    """Replaces server.pem and server.key in `target` by a new pair of the first CA."""
    _sign(files, target, "new", "/CN=server", "-extfile", files / "server.ext")
    os.replace(target / "new.key", target / "server.key")
    os.replace(target / "new.pem", target / "server.pem")


def sign_client(files, name="client"):
    """NAME.pem and NAME.key of a client, which the first CA signs. @returns both paths."""
    _sign(files, files, name, f"/CN={name}")
    return files / f"{name}.pem", files / f"{name}.key"


def _sign(files, target, name, subject, *extensions):
    subprocess.run(
        ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", subject, "-keyout", target / f"{name}.key", "-out", target / f"{name}.csr"],
        check=True, capture_output=True, stdin=subprocess.DEVNULL)
    subprocess.run(
        ["openssl", "x509", "-req", "-in", target / f"{name}.csr", "-CA", files / "ca.pem", "-CAkey",
         files / "ca.key", "-CAcreateserial", "-days", "2", *extensions,
         "-out", target / f"{name}.pem"], check=True, capture_output=True)
