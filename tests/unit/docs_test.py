#!/usr/bin/env python3
"""Checks what a reader of the pages relies on: links lead somewhere, decisions are indexed and cited right.

usage: docs_test.py SOURCE_DIR

Prints one line per breach and exits with 1 if there is any.
"""
import pathlib
import re
import subprocess
import sys

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
ADR_HEAD = re.compile(r"# (\d{4}) (\S.*)\n\nDate: \d{4}-\d\d-\d\d\. Status: (accepted|replaced by ADR \d{4})\.\n")
OUTSIDE = re.compile(r"\.\./shared/|\b(rules|design|facts|faults|security|cluster|live|takeback)\.md\b")
README_LINES_MAX = 150


def tracked(root):
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    return [root / name.decode() for name in listed.split(b"\0") if name]


def link_breaches(page, text):
    """Relative links of a page that lead nowhere."""
    for target in LINK.findall(text):
        if "://" not in target and not (page.parent / target).exists():
            yield f"{target} does not exist"


def decision_breaches(root):
    """Decisions without the common head, or missing in the index."""
    index = (root / "docs/adr/README.md").read_text()
    for page in sorted((root / "docs/adr").glob("[0-9]*.md")):
        head = ADR_HEAD.match(page.read_text())
        if not head or head[1] != page.name[:4]:
            yield f"{page.name}: does not start with '# NNNN Title' and its date and status"
        elif f"| [{head[1]}]({page.name}) | {head[2]} |" not in index:
            yield f"{page.name}: the index does not list it with its title"


def main():
    root = pathlib.Path(sys.argv[1])
    decisions = {page.name[:4] for page in (root / "docs/adr").glob("[0-9]*.md")}
    breaches = list(decision_breaches(root))
    for path in tracked(root):
        name = path.relative_to(root).as_posix()
        if path.suffix not in {".md", ".cpp", ".hpp", ".py"} or not path.exists() or path.name == "docs_test.py":
            continue
        text = path.read_text(encoding="utf-8")
        found = [f"ADR {one} does not exist" for one in re.findall(r"\bADR (\d{4})\b", text) if one not in decisions]
        found += [f"cites {one[0]}, which is outside the repository" for one in OUTSIDE.finditer(text)]
        if path.suffix == ".md":
            found += link_breaches(path, text)
        breaches += [f"{name}: {why}" for why in found]
    lines = len((root / "README.md").read_text().splitlines())
    if lines > README_LINES_MAX:
        breaches.append(f"README.md has {lines} lines; {README_LINES_MAX} is the limit")
    for breach in breaches:
        print(breach)
    return 1 if breaches or not decisions else 0


if __name__ == "__main__":
    sys.exit(main())
