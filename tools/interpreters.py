"""The CPython interpreters of this machine that the extension can be built for."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .shell import Failure

OLDEST = (3, 11)
_NAME = re.compile(r"python3\.\d+t?$")
_PROBE = """
import importlib.util, json, os, platform, sys, sysconfig
def found(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False
print(json.dumps({
    "program": getattr(sys, "_base_executable", None) or sys.executable,
    "prefix": sys.base_prefix,
    "version": list(sys.version_info[:3]),
    "cpython": platform.python_implementation() == "CPython",
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "has_headers": os.path.exists(
        os.path.join(sysconfig.get_path("include"), "Python.h")),
    "has_ensurepip": found("ensurepip") and found("venv"),
    "has_own_tests": found("test.test_select"),
}))
"""


@dataclass(frozen=True)
class Interpreter:
    program: str
    prefix: str
    version: tuple[int, int, int]
    cpython: bool
    free_threaded: bool
    has_headers: bool
    has_ensurepip: bool
    has_own_tests: bool

    @property
    def name(self) -> str:
        """3.13, or 3.13t where there is no GIL."""
        return f"{self.version[0]}.{self.version[1]}{'t' * self.free_threaded}"

    @property
    def suitable(self) -> bool:
        return self.cpython and self.version >= OLDEST

    @property
    def of_debian(self) -> bool:
        """Whether packages of the distribution can complete it."""
        return self.prefix == "/usr" and Path("/etc/debian_version").exists()

    def _worth(self) -> tuple[bool, bool, tuple[int, int, int]]:
        return self.has_headers, self.has_own_tests, self.version

    def better_than(self, other: Interpreter) -> bool:
        return self._worth() > other._worth()


@cache
def probe(program: str) -> Interpreter | None:
    """The interpreter behind a program, which may be a shim; None if there is none."""
    try:
        answer = subprocess.run(
            [program, "-I", "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        facts = json.loads(answer)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    facts["version"] = tuple(facts["version"])
    return Interpreter(**facts)


def _programs() -> Iterator[str]:
    folders = [Path(word) for word in os.environ.get("PATH", "").split(os.pathsep)]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders += sorted(pyenv.glob("versions/*/bin"))
    for folder in folders:
        if folder.is_dir():
            names = sorted(path for path in folder.iterdir() if _NAME.match(path.name))
            yield from (str(path) for path in names)


@cache
def find_all() -> dict[str, Interpreter]:
    """One interpreter for each version, by name, oldest first."""
    found: dict[str, Interpreter] = {}
    for program in [sys.executable, *_programs()]:
        candidate = probe(program)
        if candidate is None or not candidate.suitable:
            continue
        rival = found.get(candidate.name)
        if rival is None or candidate.better_than(rival):
            found[candidate.name] = candidate
    return dict(sorted(found.items(), key=lambda item: item[1].version))


def running() -> Interpreter:
    """The one that runs this program, outside of any virtual environment."""
    interpreter = probe(sys.executable)
    if interpreter is None or not interpreter.suitable:
        raise Failure(f"{sys.executable} is no CPython 3.11 or newer; say PYTHON=…")
    return interpreter


def named(name: str) -> Interpreter:
    try:
        return find_all()[name]
    except KeyError:
        raise Failure(f"no Python {name} with headers on this machine") from None
