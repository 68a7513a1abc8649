"""What the tests of the commands share: running them, and telling how it went.

A test is a function marked @test; main() runs those of a module and prints TAP.
No test sleeps: what has to happen after a command began to wait happens after it
said so, with -v. A command that would wait for ever ends by its own --timeout,
long after anything here takes.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMIT = "60s"
NEVER = "100ms"  # how long nothing happens when nothing should

TIMEOUT, TROUBLE = 124, 125


class Skip(Exception):
    """This machine does not have what the test needs."""


class Failure(Exception):
    """Something is not as it should be."""


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str

    def lines(self) -> list[str]:
        return self.out.splitlines()

    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]


class Running:
    """A command that was started, and is told to say what it does."""

    def __init__(self, program: str, *words: str | Path, **options: Any) -> None:
        folder = os.environ["COMMANDS"]
        self.argv = [str(Path(folder, program)), "-v", "-t", LIMIT, *map(str, words)]
        self.said: list[str] = []
        self.process = subprocess.Popen(
            self.argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **({"stdin": subprocess.DEVNULL} | options),
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def until(self, pattern: str) -> str:
        """Reads what it says until a line matches."""
        assert self.process.stderr
        for line in self.process.stderr:
            self.said.append(line)
            if re.search(pattern, line):
                return line
        raise Failure(f"{self.argv} never said {pattern}:\n{''.join(self.said)}")

    def watching(self) -> Running:
        self.until(": watching$")
        return self

    def line(self) -> str:
        """The next line it prints."""
        assert self.process.stdout
        return self.process.stdout.readline().rstrip("\n")

    def end(self) -> Ended:
        out, err = self.process.communicate()
        return Ended(self.process.returncode, out, "".join(self.said) + err)

    def gives(self, *lines: str, status: int = 0) -> None:
        """It ends after printing just that."""
        ended = self.end()
        expect(ended.lines(), list(lines), ended.err)
        expect(ended.status, status, ended.err)

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


def waitany(*words: str | Path, **options: Any) -> Running:
    return Running("waitany", *words, **options)


def waitall(*words: str | Path, **options: Any) -> Running:
    return Running("waitall", *words, **options)


def never(*words: str | Path, **options: Any) -> None:
    """The conditions do not come true."""
    waitany("-t", NEVER, *words, **options).gives(status=TIMEOUT)


def expect(actual: object, expected: object, context: str = "") -> None:
    if actual != expected:
        raise Failure(f"is        {actual}\nshould be {expected}\n{context}")


def expect_match(text: str, pattern: str) -> None:
    if not re.search(pattern, text):
        raise Failure(f"{text!r} does not match {pattern!r}")


Test = Callable[[Path], None]
_TESTS: list[Test] = []


def test(function: Test) -> Test:
    _TESTS.append(function)
    return function


def _run(function: Test) -> str:
    """What stands behind the name in the line of TAP; raises what went wrong."""
    with tempfile.TemporaryDirectory(prefix="polymux-") as folder:
        try:
            function(Path(folder).resolve())
        except Skip as reason:
            return f" # SKIP {reason}"
    return ""


def main() -> None:
    print(f"1..{len(_TESTS)}", flush=True)
    failures = 0
    for number, function in enumerate(_TESTS, 1):
        name = function.__name__.replace("_", " ")
        try:
            print(f"ok {number} - {name}{_run(function)}", flush=True)
        except Exception:
            failures += 1
            trouble = traceback.format_exc().splitlines()
            print("\n".join(f"# {line}" for line in trouble))
            print(f"not ok {number} - {name}", flush=True)
    sys.exit(failures > 0)
