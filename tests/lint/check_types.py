#!/usr/bin/env python3
"""mypy over all Python, and the stub against the installed extension.

What is shipped and what checks it is typed strictly. Tests hand wrong types to
functions on purpose, so they get the ordinary checks.
"""

from __future__ import annotations

import sys
from pathlib import Path

import lint

# A folder of scripts each, whose modules import one another by their bare names.
SCRIPTS = ("tests/python", "tests/cpython", "tests/c", "tests/commands", "bench")
# Programs import packages that the checkers' environment does not have.
FOREIGN = [f"--disable-error-code=import-{how}" for how in ("untyped", "not-found")]
COMMON = ("--no-error-summary", "--python-version=3.11", "--check-untyped-defs")


def _run(path: Path | None, module: str, *words: str | Path) -> list[str]:
    env = {"MYPYPATH": str(path), "PYTHONPATH": str(path)} if path else {}
    return lint.complaints_of([sys.executable, "-m", module, *words], env)


def mypy(path: Path | None, *words: str | Path) -> list[str]:
    return _run(path, "mypy", *COMMON, *words)


def stubtest(path: Path | None, module: str) -> list[str]:
    return _run(path, "mypy.stubtest", "--concise", module)


def _of_scripts(folder: Path, *options: str) -> list[str]:
    modules = sorted(folder.rglob("*.py"))
    return mypy(folder, *options, *modules) if modules else []


def check(root: Path) -> list[str]:
    return [
        *mypy(None, "--strict", "-p", "tools"),
        *mypy(root / "python", "--strict", "-p", "polymux"),
        *_of_scripts(root / "tests" / "lint", "--strict"),
        *(line for name in SCRIPTS for line in _of_scripts(root / name)),
        *_of_scripts(root / "tests" / "programs", *FOREIGN),
        *stubtest(None, "polymux"),
    ]


def self_test() -> None:
    with lint.planted({"fault.py": "x: int = ''\n"}) as root:
        lint.expect_some(mypy(root, root / "fault.py"), "fault.py:1: error")
    faults = {
        "fault.py": "def f(a): ...\n",
        "fault.pyi": "def f(b: int) -> None: ...\n",
    }
    with lint.planted(faults) as root:
        lint.expect_some(stubtest(root, "fault"), "fault.f")


if __name__ == "__main__":
    lint.main(check, self_test)
