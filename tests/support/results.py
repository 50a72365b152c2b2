#!/usr/bin/python3
"""Counts the results of ./test, whose stages run one program after another.

    results.py start                     begins a run: forgets results in the same file
    results.py add STAGE PASSED FAILED   counts tests that something else has counted
    results.py command STAGE STATUS      counts one test that is a command, by its exit status
    results.py junit STAGE FILE STATUS   counts a JUnit report, and the exit status of its runner
    results.py total                     prints the failures, then "N passed, M failed"

A skipped test counts as failed. A runner that failed, or left no report, counts as one failure even
when no test failed. `total` exits with 1 if a test failed or no test ran.
The results stand in $TELEMETRY_TEST_RESULTS, one JSON object per call. Each run of ./test has a file
of its own, because two may run at once in one tree.
"""

import json
import os
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

RESULTS = Path(os.environ.get("TELEMETRY_TEST_RESULTS", "build/test/results.jsonl"))
SAID_LINES = 30  # of the output of a failed test
BAD = ("failure", "error", "skipped")


def start():
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text("")


def add(stage, passed, failed, complaints=()):
    record = {"stage": stage, "passed": passed, "failed": failed, "complaints": list(complaints)}
    with open(RESULTS, "a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def command(stage, status):
    add(stage, int(status == 0), int(status != 0))


def complaints_of(case):
    """One text for each verdict of a test case that is not a pass."""
    for verdict in case:
        if verdict.tag in BAD:
            said = case.findtext("system-out") or verdict.text or verdict.get("message", "")
            tail = "\n".join(said.splitlines()[-SAID_LINES:])
            yield f"{case.get('classname')} {case.get('name')} {verdict.tag}\n{tail}"


def junit(stage, report, status):
    try:
        root = xml.parse(report).getroot()
    except (OSError, xml.ParseError) as error:
        add(stage, 0, 1, [f"{stage}: no report: {error}"])
        return
    cases = list(root.iter("testcase"))
    failed = sum(any(verdict.tag in BAD for verdict in case) for case in cases)
    complaints = [text for case in cases for text in complaints_of(case)]
    passed = len(cases) - failed
    if failed == 0 and (status != 0 or passed == 0):
        failed = 1
        complaints.append(f"{stage}: no test failed, but the runner ended with status {status}")
    add(stage, passed, failed, complaints)


def total():
    records = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    for record in records:
        print(*record["complaints"], sep="\n", end="\n" if record["complaints"] else "")
    for record in records:
        if record["failed"]:
            print(f"failed: {record['failed']} in {record['stage']}", file=sys.stderr)
    passed, failed = (sum(record[key] for record in records) for key in ("passed", "failed"))
    print(f"{passed} passed, {failed} failed", flush=True)
    return 0 if passed and not failed else 1


def main(verb, *arguments):
    if verb == "start":
        return start()
    if verb == "add":
        return add(arguments[0], *map(int, arguments[1:]))
    if verb == "command":
        return command(arguments[0], int(arguments[1]))
    if verb == "junit":
        return junit(arguments[0], arguments[1], int(arguments[2]))
    if verb == "total":
        return total()
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["help"])))
