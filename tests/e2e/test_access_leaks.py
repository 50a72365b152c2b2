"""No secret that was used is found anywhere it could be read later."""

import base64
import hashlib
import json
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest
from keys import Keys, bearer
from telemetryd import BINARY, environment_without_settings, wait_until
from websocket_client import Closed, Refused, WebSocket

pytestmark = pytest.mark.embedded

NAMES = ("reader", "producer", "admin", "site", "rotated", "revoked", "expired", "spare")


@pytest.fixture
def keys(tmp_path):
    folder = tmp_path / "rights"
    folder.mkdir()
    made = Keys(folder / "keys")
    for name in NAMES:
        prefixes = ["site/"] if name == "site" else ()
        made.add(name, "admin" if name == "admin" else "read", "ingest", prefixes=prefixes)
    made.made["rotated-newer"] = made.rotate("rotated")
    made.revoke("revoked")
    lines = [json.loads(line) for line in made.path.read_text().splitlines()]
    lines[NAMES.index("expired")]["expires"] = "2020-01-01T00:00:00Z"
    made.path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return made


@pytest.fixture
def server(make_server, keys):
    return make_server({**keys.settings, "log.level": "debug"}).start()


def hash_of(key):
    return hashlib.sha256(key.encode()).hexdigest()


def traces_of(key):
    """Texts that tell a secret, or a good part of it, in the forms in which it could be written."""
    secret = key.split(".")[1] if "." in key else key
    yield secret[:12]
    yield secret[15:27]
    yield secret[-12:]
    for offset in range(3):  # base64 of a longer text has the secret at one of three shifts
        coded = base64.b64encode(b"x" * offset + secret.encode()).decode()
        yield coded[4:20]
    yield secret.encode().hex()[:24]
    yield hash_of(key)[:16]
    yield base64.b64encode(hashlib.sha256(key.encode()).digest()).decode()[:16]


def found_in(text, keys):
    """The ids of the keys of which `text` tells something."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    return [name for name, key in keys.made.items() if any(one in text for one in traces_of(key))]


def talk(server, data):
    with socket.create_connection((server.host, server.port), timeout=20) as one:
        one.sendall(data)
        one.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while part := one.recv(1 << 16):
                answer += part
        except ConnectionResetError:
            pass
        return answer


def request(key, method="GET", path="/api/robots", further="", body=b"", scheme="Bearer "):
    size = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: {scheme}{key}\r\n{size}{further}\r\n"
    ).encode() + body


def mistyped(key):
    yield key[:-1]
    yield key[1:]
    yield key + "x"
    yield key.replace(".", "")
    yield key.replace("tmk_", "")
    yield key.upper()
    yield "x" + key
    yield key[:-6] + "000000"
    yield key.split(".")[1]


def use_everywhere(server, keys):
    """Shows every key in every way, right and wrong. @returns everything that was answered."""
    answers = []
    for name, key in keys.made.items():
        csv = "Content-Type: text/csv\r\n"
        answers += [
            talk(server, request(key)),
            talk(server, request(key, "HEAD")),
            talk(server, request(key, path="/livez")),
            talk(server, request(key, path="/nowhere")),
            talk(server, request(key, path="/upstream")),
            talk(server, request(key, "PUT")),
            talk(server, request(key, "DELETE", "/api/robots/x")),
            talk(server, request(key, "POST", "/api/events", csv, b"1,2,3,site/r\nbad\n")),
            talk(server, request(key, "POST", "/api/events", "", b"1,2,3,site/r\n")),
            talk(server, request(key) * 3),
            talk(server, request(key, further=f"Authorization: Bearer {key}\r\n")),
            talk(server, request(key, path=f"/api/robots?access_token={key}")),
            talk(server, request("", path=f"/upstream?access_token={key}")),
            talk(server, request(key, path="/api/robots?limit=x")),
            talk(server, request(key, scheme="Basic ")),
            talk(server, request(key, scheme="")),
            talk(server, request(key, further="No Field\r\n")),
            talk(server, request(key, further="X: " + "x" * 17_000 + "\r\n")),
            talk(server, request(key)[:-2]),
            talk(server, b"nonsense " + key.encode() + b"\r\n\r\n"),
            talk(server, b"GET /api/robots HTTP/1.1\r\nHost: " + key.encode() + b"\r\n\r\n"),
            talk(server, request("", further=f"Cookie: key={key}\r\n")),
            talk(server, request("", further=f"Proxy-Authorization: Bearer {key}\r\n")),
            talk(server, request("", further=f"X-Request-Id: {key}\r\n")),
        ]
        answers += [talk(server, request(wrong)) for wrong in mistyped(key)]
        for headers in (bearer(key), bearer(key[:-1])):
            try:
                with WebSocket(server, headers=headers) as opened:
                    answers.append(opened.ask(f"1,2,3,site/{name}\nbad,line").encode())
                    opened.send_raw(b"\x82\x80\0\0\0\0")  # binary, which closes it
                    answers.append(repr(opened.closing()).encode())
            except Refused as refused:
                answers.append(refused.body + repr(refused.headers).encode())
            except Closed as closed:
                answers.append(closed.reason.encode())
    return answers


def test_no_secret_is_in_anything_that_the_server_writes(server, keys):
    for answer in use_everywhere(server, keys):
        assert not found_in(answer, keys), answer
    before = server.rest().get("/readyz").body
    text = keys.path.read_text()
    # Somebody has pasted keys into the file, and broken lines hold hashes.
    pasted = "".join(f"{key}\n" for key in keys.made.values())
    for broken in (pasted, text.replace('"id"', '"name"'), text[:-20], text.replace('"', "'")):
        seen = server.log().count("keys file not taken")
        keys.path.write_text(broken)
        wait_until(lambda: server.log().count("keys file not taken") > seen, "it is refused")
        assert not found_in(server.rest().get("/readyz").body, keys)
    keys.path.write_text(text)
    wait_until(lambda: server.rest().get("/readyz").body == before, "the file is taken")
    keys.revoke("spare")
    server.wait_log("keys file taken.*spare")
    for file in ("cmdline", "environ", "comm"):
        assert not found_in(Path(f"/proc/{server.pid}/{file}").read_bytes(), keys)
    assert server.terminate() == 0
    assert not found_in(server.log(), keys)
    files = [one for one in server.data_dir.rglob("*") if one.is_file()]
    assert len(files) > 3
    for file in files:
        assert not found_in(file.read_bytes(), keys), file


def test_an_offered_subprotocol_is_not_logged(server, keys):
    """A ticket is offered as one, so what stands there may be a secret."""
    secret = keys.made["spare"]
    offer = f"ticket.{secret}, telemetry.v0"
    with WebSocket(server, protocols=offer, headers=bearer(keys.made["producer"])) as opened:
        assert opened.ask("1,2,3,r") == "OK"
    with pytest.raises(Refused):
        WebSocket(server, protocols=offer)
    assert not found_in(server.log(), keys)


def test_the_keys_file_holds_hashes_and_no_key(keys):
    for file in keys.path.parent.iterdir():
        text = file.read_text()
        for key in keys.made.values():
            assert key.split(".")[1] not in text
    assert keys.path.stat().st_mode & 0o777 == 0o600
    assert hash_of(keys.made["reader"]) in keys.path.read_text()


def run(*arguments, **environment):
    done = subprocess.run(
        [BINARY, *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        env={**environment_without_settings(), **environment},
    )
    return done.stdout + done.stderr


def test_no_command_tells_a_secret(keys, tmp_path):
    """`add` and `rotate` print a new key once; `show` prints the line of the file."""
    file = f"--file={keys.path}"
    told = [
        run("keys", "list", file),
        run("keys", "check", file),
        run("keys", "check", str(keys.path)),
        run("keys", "show", "nobody", file),
        run("keys", "add", "reader", "--scope=read", "--all-robots", file),
        run("keys", "rotate", "rotated", file),
        run("keys", "revoke", "nobody", file),
        run("keys", "prune", file),
        run("--print-config", f"--auth.keys_file={keys.path}"),
        run("--print-config", TELEMETRY_AUTH_KEYS_FILE=str(keys.path)),
        run("--check-config", f"--auth.keys_file={keys.path}"),
    ]
    broken = tmp_path / "broken"
    text = keys.path.read_text()
    for bad in (
        *(f"{key}\n" for key in keys.made.values()),
        text.replace('"id"', '"name"'),
        text.replace("sha256", "sha512"),
        text[:-20],
        text + text,
    ):
        broken.write_text(bad)
        broken.chmod(0o600)
        told += [
            run("keys", "check", str(broken)),
            run("keys", "list", f"--file={broken}"),
            run("keys", "revoke", "reader", f"--file={broken}"),
            run("--check-config", f"--auth.keys_file={broken}"),
            run(f"--auth.keys_file={broken}", f"--storage.data_dir={tmp_path}", "--net.port=0"),
        ]
    for text in told:
        assert text, "a test needs output"
        assert not found_in(text, keys), text
    shown = run("keys", "show", "reader", file)
    assert keys.made["reader"].split(".")[1][:12] not in shown


@pytest.mark.parametrize("command", ["add", "show", "rotate", "revoke"])
def test_a_key_that_is_pasted_as_an_id_is_not_repeated(keys, command):
    """An advice says "revoke it", so somebody will try `keys revoke KEY`, perhaps in a CI job."""
    further = ("--scope=read", "--all-robots") if command == "add" else ()
    told = run("keys", command, keys.made["reader"], *further, f"--file={keys.path}")
    assert told and not found_in(told, keys)


# Memory


#: A larger mapping is the shadow of AddressSanitizer, which has no bytes of the program.
SANITIZERS_OWN_BYTES = 1 << 40


def copies_in_memory(server, key):
    """How often the secret part of a key stands in the memory of the process."""
    secret, count = key.split(".")[1][:40].encode(), 0
    maps = Path(f"/proc/{server.pid}/maps").read_text().splitlines()
    with open(f"/proc/{server.pid}/mem", "rb", 0) as memory:
        for line in maps:
            begin, end = (int(one, 16) for one in line.split()[0].split("-"))
            if "r" not in line.split()[1] or line.endswith(("[vvar]", "[vsyscall]")):
                continue
            if end - begin > SANITIZERS_OWN_BYTES:
                continue
            try:
                memory.seek(begin)
                count += memory.read(end - begin).count(secret)
            except (OSError, OverflowError, ValueError):
                pass  # mapped, but not there
    return count


def overwrite_read_buffer(server):
    """A request without a secret that is longer than those before it."""
    answer = talk(
        server, b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 12_000 + b"\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 200")


def show_key(server, key):
    csv = "Content-Type: text/csv\r\n"
    rest = server.rest()
    for _ in range(3):
        assert rest.get("/api/robots", **bearer(key)).status == 200
    talk(server, request(key, "POST", "/api/events", csv, b"1,2,3,site/r\n"))
    with WebSocket(server, headers=bearer(key)) as opened:
        assert opened.ask("1,2,3,site/r") == "OK"


def test_a_key_is_forgotten_once_another_request_has_come(server, keys):
    for name in ("reader", "producer", "admin", "site"):
        show_key(server, keys.made[name])
    overwrite_read_buffer(server)
    copies = {name: copies_in_memory(server, key) for name, key in keys.made.items()}
    assert set(copies.values()) == {0}, copies


def test_a_key_is_forgotten_once_its_request_is_answered(server, keys):
    """Also that of the last request, which stays in a buffer for as long as no other comes."""
    show_key(server, keys.made["reader"])
    assert copies_in_memory(server, keys.made["reader"]) == 0


def test_keys_of_pipelined_requests_are_forgotten(server, keys):
    names = ("reader", "producer", "admin", "site")
    talk(server, b"".join(request(keys.made[name]) for name in names))
    overwrite_read_buffer(server)
    copies = {name: copies_in_memory(server, keys.made[name]) for name in names}
    assert set(copies.values()) == {0}, copies


def test_refusals_are_logged_with_bounds(server, keys):
    """Many wrong keys make 10 lines a second. The next line tells how many were left out."""
    rest, begin, shown = server.rest(), time.monotonic(), 0
    while time.monotonic() - begin < 2:
        for wrong in mistyped(keys.made["reader"]):
            assert rest.get("/api/robots", **bearer(wrong)).status in (400, 401)
            shown += 1
    refused = server.log().count("access refused")
    assert 0 < refused <= 10 * (time.monotonic() - begin + 2)
    assert shown > 3 * refused
    left_out = sum(map(int, re.findall(r'access refused".*left_out"?[=:]"?(\d+)', server.log())))
    assert refused + left_out <= shown
