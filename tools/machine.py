"""What the machine itself has to bring, and getting it where that is possible."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

from .interpreters import Interpreter
from .shell import Failure, run, say

# A thing that is missing, as people call it, and the Debian package with it.
Missing = dict[str, str | None]


def c_compiler() -> Missing:
    compiler = os.environ.get("CC", "cc").split()[0]
    return {} if shutil.which(compiler) else {f"a C compiler ({compiler})": "gcc"}


def programs(names: Iterable[str]) -> Missing:
    packages = {"nm": "binutils"}
    return {n: packages.get(n, n) for n in names if not shutil.which(n)}


def parts_of(python: Interpreter, *, own_tests: bool = False) -> Missing:
    """What a virtual environment and an extension need of an interpreter."""
    name = f"Python {python.name}"
    package = f"python{python.name}"
    missing: Missing = {}
    if not python.has_headers:
        missing[f"the headers of {name}"] = f"{package}-dev"
    if not python.has_ensurepip:
        missing[f"venv of {name}"] = f"{package}-venv"
    if own_tests and not python.has_own_tests:
        missing[f"the test package of {name}"] = f"lib{package}-testsuite"
    if not python.of_debian:
        return dict.fromkeys(missing)
    return missing


def _can_install(packages: Iterable[str | None]) -> bool:
    return os.geteuid() == 0 and bool(shutil.which("apt-get")) and all(packages)


def provide(missing: Missing) -> None:
    """Installs what is missing, or says what it is and fails."""
    if not missing:
        return
    packages = sorted({package for package in missing.values() if package})
    if not _can_install(missing.values()):
        hint = f" (Debian: apt-get install {' '.join(packages)})" if packages else ""
        raise Failure(f"missing on this machine: {', '.join(missing)}{hint}")
    say(f"installing {' '.join(packages)}")
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "-qq", "update"], env=env)
    install = ["apt-get", "-qq", "install", "--yes", "--no-install-recommends"]
    run([*install, *packages], env=env)
