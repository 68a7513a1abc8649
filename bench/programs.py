"""The C side: compiles the programs of c/ and talks to them while they run.

The raw program is linked to nothing; the library's is linked to libpolymux's
static archive, which Meson builds in the same temporary directory if none is
given.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

BENCH = Path(__file__).resolve().parent
SOURCE = BENCH.parent
FLAGS = ("-std=gnu11", "-D_GNU_SOURCE", "-O2")
SHARED = ("harness.c", "children.c")
"""The files of c/ that every program is made with."""


class BuildError(Exception):
    """Something on the C side cannot be built here."""


@dataclass(frozen=True)
class Library:
    """A static archive and the build tree with the headers generated for it."""

    archive: Path
    build: Path


def _run(*command: str | Path) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BuildError(f"{command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        raise BuildError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


def _meson() -> str:
    beside = Path(sys.executable).with_name("meson")
    found = str(beside) if beside.exists() else shutil.which("meson")
    if not found:
        raise BuildError("no meson to build libpolymux with")
    return found


def build_library(directory: Path) -> Library:
    """Builds libpolymux as a release does."""
    build = directory / "libpolymux"
    options = ("-Dpython=disabled", "-Dtests=false", "-Dman=false", "-Db_ndebug=true")
    meson = _meson()
    _run(meson, "setup", "--buildtype=release", *options, build, SOURCE)
    _run(meson, "compile", "-C", build)
    return given_library(build / "src" / "libpolymux.a")


def given_library(archive: Path) -> Library:
    if not archive.is_file():
        raise BuildError(f"{archive} is not there")
    return Library(archive, archive.resolve().parent.parent)


def _compile(program: Path, *arguments: str | Path) -> Path:
    compiler = os.environ.get("CC", "cc").split()
    shared = (BENCH / "c" / name for name in SHARED)
    _run(*compiler, *FLAGS, *shared, *arguments, "-o", program)
    return program


def compile_raw(directory: Path, name: str) -> Path:
    return _compile(directory / name, BENCH / "c" / f"{name}.c")


def compile_library(directory: Path, library: Library, name: str) -> Path:
    headers = (f"-I{SOURCE / 'include'}", f"-I{library.build / 'include'}")
    source = BENCH / "c" / f"{name}.c"
    program = directory / name
    return _compile(program, *headers, source, library.archive, "-pthread")


@dataclass(frozen=True)
class Task:
    """A scenario of a C program, but for the number of repetitions."""

    scenario: str
    ready: int
    timeout_ns: int = 0
    first_fd: int = 0
    idle: int = 0
    """How many are watched besides, and not ready; at least one is watched."""

    @property
    def watched(self) -> int:
        return max(1, self.ready + self.idle)

    def line(self, loops: int) -> str:
        idle = self.watched - self.ready
        words = (self.scenario, self.ready, idle, self.first_fd, self.timeout_ns, loops)
        return " ".join(map(str, words)) + "\n"


class Program:
    """A running benchmark program; each task is one line there and back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._process = subprocess.Popen(
            [path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.__exit__(kind, error, trace)

    def answer(self, task: Task, loops: int) -> int:
        """What the program says of the task: nanoseconds, most often."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(task.line(loops))
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._process.args!r} ended in {task}")
        return int(answer)

    def seconds(self, task: Task, loops: int) -> float:
        """The time that the task takes with so many repetitions."""
        return self.answer(task, loops) / 1e9


@dataclass(frozen=True)
class Programs:
    """All that run; without libpolymux those that are linked to it are missing."""

    raw: Program
    raw_kqueue: Program
    library: Program | None
    kqueue: Program | None
