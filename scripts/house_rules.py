#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of this house that no general linter knows; prints each breach as FILE:LINE: RULE and fails on any.

Each rule is a function from a file's path and text to (line number, words). The rules look at the files git would commit.
"""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

TREE = Path(__file__).resolve().parent.parent
SOURCE = {".py", ".pyx", ".pxd", ".pyi", ".c", ".h", ".i", ".sh"}
LONG = 400

Breach = tuple[int, str]
Rule = Callable[[PurePosixPath, str], Iterable[Breach]]


def lines_matching(text: str, pattern: str, words: str) -> Iterator[Breach]:
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(pattern, line):
            yield number, words


def imports_of(text: str, package: str = "") -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import, relative ones resolved against `package`; `from a import b` gives a and a.b."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield node.lineno, base
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def licensed(path: PurePosixPath, text: str) -> Iterator[Breach]:
    is_source = path.suffix in SOURCE or text.startswith("#!")
    if is_source and text.strip() and "SPDX-License-Identifier: GPL-3.0-or-later" not in "\n".join(text.splitlines()[:3]):
        yield 1, "no SPDX licence line at the head"


def never_takes_the_gil(path: PurePosixPath, text: str) -> Iterator[Breach]:
    if path.suffix in {".pyx", ".pxd"}:
        yield from lines_matching(text, r"\bwith\s+gil\b", "native code takes the GIL (with gil)")


def pjsua2_in_one_room(path: PurePosixPath, text: str) -> Iterator[Breach]:
    if path.suffix == ".py" and path.parts[0] in {"sipagent", "mediacore"} and path.parts[:2] != ("sipagent", "signalling"):
        for line, name in imports_of(text):
            if "pjsua2" in name.split(".") or "_pjsua2" in name.split("."):
                yield line, "pjsua2 outside sipagent/signalling"


def arrows(path: PurePosixPath, text: str) -> Iterator[Breach]:
    """csrc <- mediacore <- sipagent; PJSIP is seen by csrc/pjsip alone."""
    if path.parts[0] == "csrc":
        yield from lines_matching(text, r'#\s*include\s*[<"]Python\.h', "csrc knows Python")
        if path.parts[:2] != ("csrc", "pjsip"):
            yield from lines_matching(text, r'#\s*include\s*[<"]pj', "csrc outside csrc/pjsip knows PJSIP")
    elif path.parts[0] == "mediacore":
        yield from lines_matching(text, r"^\s*(c?import|from)\s+sipagent\b", "mediacore imports sipagent")
    elif path.parts[0] == "sipagent" and path.suffix == ".py":
        apart = path.name.endswith("_process.py")  # a process of its own: what it breaks is not the switch
        for line, name in imports_of(text):
            if name.split(".")[0] in ({"cffi", "tests"} if apart else {"ctypes", "cffi", "tests"}):
                yield line, f"sipagent imports {name}"


def of_no_machine(path: PurePosixPath, text: str) -> Iterator[Breach]:
    """Nothing that is true of one machine only: its directories, the registries and mirrors it uses."""
    if path.name in {"LICENSE", "house_rules.py", "test_house_rules.py"}:
        return
    yield from lines_matching(text, r"(?<![\w.])/(work|root|home/\w+)/\w", "a path of one machine")
    yield from lines_matching(text, r"(?<![\w.$}])/tmp/\w", "a fixed path under /tmp")
    hosts = r"\b(\w+\.debian\.org|pypi\.org|files\.pythonhosted\.org|registry\.npmjs\.org|proxy\.golang\.org)\b"
    yield from lines_matching(text, hosts, "the name of a registry or mirror")


RULES: list[Rule] = [licensed, never_takes_the_gil, pjsua2_in_one_room, arrows, of_no_machine]


def module_name(path: PurePosixPath) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph(files: dict[PurePosixPath, str], top: str) -> dict[str, set[str]]:
    """module -> modules of the same top package that it imports."""
    modules = {module_name(p): (p, t) for p, t in files.items() if p.parts[0] == top and p.suffix == ".py"}
    graph: dict[str, set[str]] = {}
    for module, (path, text) in modules.items():
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        names = {name for _, name in imports_of(text, package)}
        # `from a import b` names a.b too: when b is a module that is the edge, and a itself only if nothing deeper matched.
        found = {n for n in names if n in modules}
        graph[module] = {n for n in found if n != module and not any(d.startswith(n + ".") for d in found)}
    return graph


def import_cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """One example for each knot of modules that import one another."""
    done: set[str] = set()
    cycles = []

    def visit(module: str, trail: list[str]) -> None:
        if module in trail:
            cycles.append([*trail[trail.index(module) :], module])
        elif module not in done:
            for other in sorted(graph.get(module, ())):
                visit(other, [*trail, module])
            done.add(module)

    for module in sorted(graph):
        visit(module, [])
    return cycles


def committed_files() -> dict[PurePosixPath, str]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TREE,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    files = {}
    for name in filter(None, listing.split("\0")):
        path = TREE / name
        if path.is_file():
            data = path.read_bytes()
            if b"\0" not in data:
                files[PurePosixPath(name)] = data.decode("utf-8")
    return files


def size_report(files: dict[PurePosixPath, str]) -> str:
    counts = {p: len(t.splitlines()) for p, t in files.items() if p.suffix in SOURCE and t.strip()}
    if not counts:
        return "no sources"
    long = [f"{p} {n}" for p, n in sorted(counts.items(), key=lambda row: -row[1]) if n > LONG]
    tail = f"; over {LONG}: {', '.join(long)}" if long else ""
    lines = counts.values()
    return f"{len(lines)} sources, {sum(lines)} lines, median {statistics.median(lines):.0f}, largest {max(lines)}{tail}"


def main() -> int:
    files = committed_files()
    breaches = [f"{path}:{line}: {words}" for path, text in files.items() for rule in RULES for line, words in rule(path, text)]
    for top in ("mediacore", "sipagent"):
        breaches += [f"import cycle: {' -> '.join(cycle)}" for cycle in import_cycles(import_graph(files, top))]
    print("\n".join(breaches) if breaches else "house rules: kept", flush=True)
    print(f"sizes: {size_report(files)}")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
