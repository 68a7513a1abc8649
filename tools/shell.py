"""Running programs and saying in one line why something cannot be done."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"


class Failure(Exception):
    """Ends the program; the message is all that the user sees."""


def say(message: str) -> None:
    print(message, flush=True)


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
) -> None:
    """Runs a program whose output the user sees; Failure if it fails."""
    words = [str(word) for word in argv]
    environ = {**os.environ, **(env or {})}
    code = subprocess.run(words, cwd=cwd, env=environ, check=False).returncode
    if code:
        raise Failure(f"exit status {code}: {' '.join(words)}")


def succeeds(
    argv: Sequence[str | Path],
    log: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> bool:
    """Whether a program exits with 0. Its output goes to log, or nowhere."""
    with open(log or os.devnull, "wb") as sink:
        ended = subprocess.run(
            [str(word) for word in argv],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdout=sink,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return ended.returncode == 0


def _files(places: Iterable[Path]) -> Iterable[Path]:
    for place in places:
        if place.is_dir():
            inside = sorted(place.rglob("*"))
            yield from (path for path in inside if "__pycache__" not in path.parts)
        else:
            yield place


def fingerprint(places: Iterable[Path], *words: str) -> str:
    """Changes when a file in places (name, size, time) or a word changes."""
    digest = hashlib.sha256("\0".join(words).encode())
    for path in _files(places):
        if path.is_file():
            status = path.stat()
            facts = f"\0{path}\0{status.st_size}\0{status.st_mtime_ns}"
            digest.update(facts.encode())
    return digest.hexdigest()


class Stamp:
    """A file that remembers what a result was made of."""

    def __init__(self, path: Path, facts: str) -> None:
        self._path = path
        self._facts = facts

    def is_fresh(self) -> bool:
        try:
            return self._path.read_text() == self._facts
        except OSError:
            return False

    def write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(self._facts)
