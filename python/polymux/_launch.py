"""Runs a program on polymux: `python -m polymux script.py args…`.

The interpreter begins anew, in the same process, with an environment that has
it install polymux first. So the program has the interpreter's own conventions,
and its children inherit the environment.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

OPTIONS_VARIABLE = "POLYMUX_INSTALL"
SITE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_site")
_OURSELVES = re.compile(r"-(\w*)m(polymux)?")


class LaunchError(Exception):
    """The program would not run on polymux; says what to do instead."""


def environment(options: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which interpreters install polymux when they start."""
    if os.pathsep in SITE:
        raise LaunchError(
            f"polymux is installed in {SITE}, and PYTHONPATH cannot name a folder "
            f"with a {os.pathsep!r} in it; install it elsewhere"
        )
    path = environ.get("PYTHONPATH", "").split(os.pathsep)
    others = [entry for entry in path if entry != SITE] if any(path) else []
    return {
        **environ,
        "PYTHONPATH": os.pathsep.join([SITE, *others]),
        OPTIONS_VARIABLE: ",".join(options),
    }


def interpreter_options(command: Sequence[str], own: int) -> list[str]:
    """What precedes `-m polymux` in a command that ends in so many words of ours.

    None where the command is not of that kind, as in an embedded interpreter.
    """
    words = list(command[1 : len(command) - own])
    if words and words[-1] == "polymux":
        words.pop()
    found = _OURSELVES.fullmatch(words.pop()) if words else None
    if not found:
        return []
    return [*words, f"-{found[1]}"] if found[1] else words


def _check_interpreter() -> None:
    if sys.flags.ignore_environment or sys.flags.no_site:
        raise LaunchError(
            "with -I, -E or -S, Python reads neither PYTHONPATH nor sitecustomize, "
            "which carry polymux to a program; leave the option out, or call "
            "polymux.install() first thing in the program"
        )
    if not sys.executable:
        raise LaunchError("no sys.executable to run the program with")


def launch(options: Sequence[str], target: Sequence[str], own: int) -> NoReturn:
    """Becomes the interpreter that runs the target; own counts our arguments."""
    _check_interpreter()
    flags = interpreter_options(sys.orig_argv, own)
    variables = environment(options, os.environ)
    command = [sys.executable, *flags, *target]
    try:
        os.execve(sys.executable, command, variables)
    except OSError as error:
        raise LaunchError(f"{sys.executable}: {error.strerror}") from error
