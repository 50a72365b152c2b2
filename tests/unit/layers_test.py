#!/usr/bin/env python3
"""Checks who may include what, and that actors/ never blocks (docs/ARCHITECTURE.md, layers).

usage: layers_test.py SOURCE_DIR

First proves on small samples that every rule can fail, then checks the tree. Exit code 1 and one
line per breach: path:line: why.
"""
import pathlib
import re
import sys

LAYERS = ("core", "access", "storage", "net", "config", "actors")

# Third-party headers by their beginning; everything else without a slash or dot is std or POSIX.
PACKAGES = {
    "xxhash": r"xxh",
    "zlib": r"zlib\.h",
    "rocksdb": r"rocksdb/",
    "mysql": r"mysql|cppconn/|jdbc/",
    "hiredis": r"hiredis/",
    "asio": r"boost/(asio|beast|system)[/.]|boost/optional|boost/config",
    "program_options": r"boost/program_options",
    "nlohmann": r"nlohmann/",
    "spdlog": r"spdlog/",
    "openssl": r"openssl/",
    "absl": r"absl/",
    "caf": r"caf/",
}
ALLOWED = {  # layer: (own layers, packages)
    "core": ({"core"}, {"xxhash"}),
    "storage": ({"storage", "core", "config"}, {"rocksdb", "mysql", "hiredis", "openssl", "xxhash"}),
    "access": ({"access", "core", "config"}, {"nlohmann", "openssl", "zlib", "program_options"}),
    "net": ({"net", "access", "core", "config"}, {"asio", "nlohmann", "openssl", "zlib"}),
    "config": ({"config"}, {"spdlog", "program_options", "nlohmann"}),
    "actors": (set(LAYERS), set(PACKAGES)),
}
# Folders that may include less than their layer does. An engine of storage/ sees the contracts at
# the top of storage/ and data_dir/, never another engine; open_storage.cpp alone names them all.
ENGINES = ("mysql", "redis", "rocksdb", "file_journal", "memory")
NAMES_ENGINES = "storage/open_storage.cpp"

SLEEPING = {r"\bsleep_for\b|\bsleep_until\b|\b(u|nano)?sleep\s*\(": "sleeps"}
WAITING = {  # what a scheduled actor or an I/O thread must never do
    r"\bscoped_actor\b": "a scoped_actor blocks on receive",
    r"(->|\.)\s*receive(_for|_while)?\s*\(": "receive() blocks",
    r"\bstd::(shared_)?(future|promise)\b|\bget_future\b|\bstd::async\b": "a future blocks",
    r"\bcondition_variable\b": "a condition_variable blocks",
    r"\bawait_all_(other_)?actors_done\b": "waits for actors",
}
# main's thread starts and stops the engine here, outside every actor: it may wait, not sleep.
MAY_WAIT = "actors/engine"

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def package_of(header):
    """The package of a third-party header; "" for std and POSIX; None if nobody knows it."""
    for name, beginning in PACKAGES.items():
        if re.match(beginning, header):
            return name
    return "" if re.fullmatch(r"[a-z0-9_]+(\.h)?|(sys|netinet|arpa)/[a-z_]+\.h", header) else None


def folder_breach(name, header):
    """Why the folder of file `name` may not include `header` though its layer may; None if it may."""
    engine = re.match(r"storage/(\w+)/", header)
    if engine and engine[1] in ENGINES and name != NAMES_ENGINES:
        if not name.startswith(f"storage/{engine[1]}/"):
            return f"only storage/{engine[1]}/ and {NAMES_ENGINES} may include {header}"
    if name.startswith("net/rest/") and package_of(header) == "asio":
        return f"net/rest/ must not use Boost: {header}"
    return None


def include_breach(layer, header):
    """Why `layer` may not include `header`; None if it may."""
    layers, packages = ALLOWED[layer]
    first = header.split("/")[0]
    if first in LAYERS:
        return None if first in layers else f"{layer}/ must not include {first}/"
    package = package_of(header)
    if package is None:
        return f"{header} belongs to no known package"
    return None if package == "" or package in packages else f"{layer}/ must not use {package}"


def reached(root, name):
    """All third-party headers that a file includes itself or through headers of ours."""
    names, headers, todo = {name}, set(), [name]
    while todo:
        for line in (root / todo.pop()).read_text(encoding="utf-8").splitlines():
            include = INCLUDE.match(line)
            if not include:
                continue
            if include[1].split("/")[0] not in LAYERS:
                headers.add(include[1])
            elif include[1] not in names:
                names.add(include[1])
                todo.append(include[1])
    return headers


def without_comments(line):
    return re.sub(r'"(\\.|[^"\\])*"', '""', line).split("//")[0]


def breaches(layer, name, text):
    """All (line number, reason) of one file."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        include = INCLUDE.match(line)
        if include:
            reason = include_breach(layer, include[1]) or folder_breach(name, include[1])
            if reason:
                found.append((number, reason))
        elif layer == "actors":
            code = without_comments(line)
            banned = SLEEPING if name.startswith(MAY_WAIT + ".") else SLEEPING | WAITING
            found += [(number, why) for ban, why in banned.items() if re.search(ban, code)]
    return found


def prove_that_rules_can_fail():
    for layer, line in [
        ("core", "#include <rocksdb/db.h>"), ("core", "#include <zlib.h>"), ("core", "#include <caf/all.hpp>"),
        ("core", '#include "storage/journal.hpp"'), ("core", "#include <boost/asio.hpp>"),
        ("storage", '#include "net/server.hpp"'), ("storage", "#include <nlohmann/json.hpp>"),
        ("net", '#include "storage/journal.hpp"'), ("net", '#include "actors/messages.hpp"'),
        ("net", "#include <rocksdb/db.h>"), ("net", "#include <caf/all.hpp>"),
        ("config", '#include "core/event.hpp"'), ("config", "#include <boost/asio.hpp>"),
        ("actors", "#include <fmt/core.h>"),
        ("actors", "std::this_thread::sleep_for(1ms);"), ("actors", "usleep(5);"),
        ("actors", "caf::scoped_actor self{system};"), ("actors", "self->receive(f);"),
        ("actors", "promise.get_future().get();"), ("actors", "std::future<int> answer;"),
    ]:
        assert breaches(layer, "sample.cpp", line), f"{layer}: {line} must be refused"
    for name, line in [
        ("storage/mysql/a.cpp", '#include "storage/redis/redis_reply.hpp"'),
        ("storage/rocksdb/a.hpp", '#include "storage/file_journal/file_journal.hpp"'),
        ("storage/journal_loss.hpp", '#include "storage/mysql/mysql_text.hpp"'),
        ("storage/data_dir/a.cpp", '#include "storage/rocksdb/rocksdb_options.hpp"'),
        ("actors/reader.cpp", '#include "storage/memory/memory_journal.hpp"'),
        ("net/rest/router.hpp", "#include <boost/asio/post.hpp>"),
        ("net/rest/router.cpp", "#include <boost/beast/http/message.hpp>"),
    ]:
        assert breaches(name.split("/")[0], name, line), f"{name}: {line} must be refused"
    for name, line in [
        ("storage/mysql/a.cpp", '#include "storage/mysql/mysql_text.hpp"'),
        ("storage/rocksdb/a.cpp", '#include "storage/data_dir/data_directory.hpp"'),
        ("storage/redis/a.cpp", '#include "storage/journal.hpp"'),
        (NAMES_ENGINES, '#include "storage/mysql/mysql_database.hpp"'),
        ("net/http_session.cpp", "#include <boost/asio/post.hpp>"),
        ("net/rest/router.cpp", "#include <nlohmann/json.hpp>"),
    ]:
        assert not breaches(name.split("/")[0], name, line), f"{name}: {line} must be accepted"
    for layer, line in [
        ("core", "#include <xxhash.h>"), ("core", "#include <vector>"),
        ("storage", '#include "core/result.hpp"'), ("net", "#include <boost/beast/core.hpp>"),
        ("net", "#include <sys/socket.h>"), ("config", "#include <spdlog/spdlog.h>"),
        ("actors", '#include "net/server.hpp"'), ("actors", "// never sleep_for() here"),
        ("actors", "pointer.get();"), ("actors", "boost_beast->async_receive(f);"),
    ]:
        assert not breaches(layer, "sample.cpp", line), f"{layer}: {line} must be accepted"


def main():
    prove_that_rules_can_fail()
    root = pathlib.Path(sys.argv[1])
    assert any(package_of(h) == "asio" for h in reached(root, "net/http_session.hpp")), "reaches none"
    checked = 0
    failed = False
    for layer in LAYERS:
        for path in sorted((root / layer).rglob("*.[hc]pp")):
            checked += 1
            name = path.relative_to(root).as_posix()
            for number, reason in breaches(layer, name, path.read_text(encoding="utf-8")):
                print(f"{name}:{number}: {reason}")
                failed = True
            if name.startswith("net/rest/"):
                for header in sorted(h for h in reached(root, name) if package_of(h) == "asio"):
                    print(f"{name}: net/rest/ must not use Boost, and reaches {header}")
                    failed = True
    print(f"{checked} files checked")
    return 1 if failed or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
