#!/usr/bin/env python3
"""Runs real programs on polymux, each beside itself on the standard module.

    python tests/programs/run.py --python VENV/bin/python [--quick] [NAME]...

Every process proves which `select` it had; catalogue.py says what is run, and
what has to come of it.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from catalogue import PROGRAMS, Judgement, Program

HERE = Path(__file__).resolve().parent
LIMIT = 1800.0
TAIL = 60

ON_STANDARD: tuple[str, ...] = ()
ON_POLYMUX = ("-m", "polymux")

_RAN = re.compile(r"^Ran (\d+) tests?", re.MULTILINE)
_FAILED = re.compile(r"^(?:FAIL|ERROR): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """What came of a program once."""

    status: int
    output: str
    modules: list[str]
    seconds: float

    @property
    def tests(self) -> int:
        return sum(map(int, _RAN.findall(self.output)))

    @property
    def failed(self) -> set[str]:
        return set(_FAILED.findall(self.output))

    @property
    def on_polymux(self) -> list[bool]:
        """Of each process that told."""
        return ["polymux" in Path(module).parts for module in self.modules]


def _communicate(process: subprocess.Popen[str]) -> str:
    """All that the program and its children print; they have to end in time."""
    try:
        return process.communicate(timeout=LIMIT)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate()[0] + f"\nnot ended after {LIMIT:.0f} s\n"


def run(python: str, launcher: Sequence[str], words: Sequence[str]) -> Run:
    """Runs a program in an empty folder of its own."""
    with tempfile.TemporaryDirectory(prefix="polymux-programs-") as folder:
        log = Path(folder, "log")
        log.touch()
        where = Path(folder, "cwd")
        where.mkdir()
        began = time.monotonic()
        with subprocess.Popen(
            [python, *launcher, *words],
            cwd=where,
            env={
                **os.environ,
                "PYTHONPATH": str(HERE / "proof"),
                "PROGRAMS_LOG": str(log),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            output = _communicate(process)
        seconds = time.monotonic() - began
        modules = log.read_text().split("\n")
    return Run(process.returncode, output, [m for m in modules if m], seconds)


def _faults_of_proof(standard: Run, polymux: Run) -> list[str]:
    faults = []
    if any(standard.on_polymux):
        faults.append("the standard run had polymux")
    if not polymux.on_polymux or not all(polymux.on_polymux):
        faults.append(f"not all of it ran on polymux: {set(polymux.modules)}")
    return faults


def _faults_of_suite(standard: Run, polymux: Run) -> list[str]:
    faults = [f"fails: {name}" for name in sorted(polymux.failed - standard.failed)]
    if not standard.tests or standard.tests != polymux.tests:
        faults.append(f"{standard.tests} tests ran, {polymux.tests} on polymux")
    if standard.status == 0 != polymux.status:
        faults.append(f"status {polymux.status}")
    return faults


def _faults_of_refusal(program: Program, standard: Run) -> list[str]:
    if standard.status == 0:
        return ["the standard module could do it, too"]
    if program.refusal not in standard.output:
        return [f"the standard module did not say {program.refusal!r}"]
    return []


def faults(program: Program, standard: Run, polymux: Run) -> list[str]:
    """What is not as it has to be."""
    found = _faults_of_proof(standard, polymux)
    if program.judgement is Judgement.SUITE:
        return found + _faults_of_suite(standard, polymux)
    if polymux.status != 0:
        found.append(f"status {polymux.status} on polymux")
    if program.judgement is Judgement.SAME and standard.status != 0:
        found.append(f"status {standard.status} on the standard module")
    if program.judgement is Judgement.ONLY:
        found += _faults_of_refusal(program, standard)
    return found


def _result(program: Program, standard: Run, polymux: Run) -> str:
    if program.judgement is Judgement.SUITE:
        common = len(standard.failed & polymux.failed)
        either = f", {common} fail on either" if common else ""
        return f"{polymux.tests} tests{either}"
    return "ends well" if program.judgement is Judgement.SAME else "only on polymux"


def check(python: str, program: Program) -> bool:
    """Runs a program twice and prints a line; more where there are faults."""
    script = program.words[0].endswith(".py")
    words = (str(HERE / program.words[0]), *program.words[1:])
    words = words if script else program.words
    standard = run(python, ON_STANDARD, words)
    polymux = run(python, (*ON_POLYMUX, *program.options), words)
    found = faults(program, standard, polymux)
    times = f"{polymux.seconds:6.1f} s  ({standard.seconds:.1f} s)"
    result = "FAILED" if found else _result(program, standard, polymux)
    print(f"{program.name:<32}{result:<34}{times}", flush=True)
    if found:
        print(*(f"    {fault}" for fault in found), sep="\n")
        print(*polymux.output.splitlines()[-TAIL:], sep="\n    | ", flush=True)
    return not found


def _has_test(python: str, name: str) -> bool:
    code = f"import importlib.util as u; exit(u.find_spec('test.{name}') is None)"
    ended = subprocess.run([python, "-c", code], stderr=subprocess.DEVNULL, check=False)
    return ended.returncode == 0


def chosen(names: Sequence[str], quick: bool) -> list[Program]:
    known = {program.name: program for program in PROGRAMS}
    for name in names:
        if name not in known:
            sys.exit(f"no program {name}; there are {', '.join(known)}")
    if names:
        return [known[name] for name in names]
    return [program for program in PROGRAMS if program.quick or not quick]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--quick", action="store_true", help="under two minutes")
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    python = os.path.abspath(args.python)
    good = True
    print(f"{'program':<32}{'on polymux':<34}{'time':>8}  (standard module)")
    for program in chosen(args.names, args.quick):
        if program.needs and not _has_test(python, program.needs):
            print(f"{program.name:<32}not run: the interpreter came without it")
            continue
        good = check(python, program) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
