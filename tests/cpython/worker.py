"""Runs one test file in a process of its own and collects its outcomes.

A process that dies or makes no progress costs the test it was in, which counts
as failed; the rest of the file is then run in a new process. Every process must
prove which `select` it had, in its own words and by the log of replacements.
"""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from driver import BROKEN
from inject import Environment, InjectionError
from selection import resources

STALL_SECONDS = 150.0
OUTPUT_TAIL = 4000


@dataclass(frozen=True)
class Outcome:
    kind: str  # "passed", "skipped" or "failed"
    detail: str = ""


@dataclass
class FileRun:
    """What became of the tests of one file."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)
    seconds: float = 0.0

    def of_kind(self, kind: str) -> list[str]:
        return [name for name, o in self.outcomes.items() if o.kind == kind]


@dataclass
class Session:
    """One process's report, read back."""

    run: FileRun = field(default_factory=FileRun)
    running: str | None = None
    end: dict | None = None

    @classmethod
    def read(cls, results: Path) -> "Session":
        session = cls()
        for text in results.read_text(encoding="utf-8").splitlines():
            session._take(json.loads(text))
        return session

    def _take(self, line: dict) -> None:
        if "running" in line:
            self.running = line["running"]
        elif "defined" in line:
            self.run.defined.update(line["defined"])
        elif "end" in line:
            self.end = line
        else:
            self._take_outcome(line)

    def _take_outcome(self, line: dict) -> None:
        name, outcome = line["id"], Outcome(line["outcome"], line["detail"])
        if name == self.running:
            self.running = None
        previous = self.run.outcomes.get(name)
        if previous is None or previous.kind != "failed":
            self.run.outcomes[name] = outcome


def target(name: str) -> str:
    """The test, class or module a name stands for.

    Class and module fixtures are reported as "setUpClass (module.Class)".
    """
    return name.partition("(")[2].rstrip(")") if name.endswith(")") else name


class Worker:
    """Runs test files in one environment, each process in its own directory."""

    def __init__(
        self,
        environment: Environment,
        directory: Path,
        deselected: list[str],
        selector: str | None = None,
    ) -> None:
        self.environment = environment
        self.directory = directory
        self.deselected = deselected
        self.selector = selector
        self.cancelled = threading.Event()

    def run(self, module: str, only: Collection[str] | None = None) -> FileRun:
        """Run the tests of `module` that `only` names, as far as they can be run."""
        total = FileRun()
        started = time.monotonic()
        without: list[str] = []
        while True:
            session, failure = self._run_process(module, only, without)
            victim = session.running or module
            if failure:
                session.run.outcomes[victim] = Outcome("failed", failure)
            total.outcomes.update(session.run.outcomes)
            total.defined.update(session.run.defined)
            if not failure or victim == module:
                break
            without += [target(name) for name in session.run.outcomes]
        total.seconds = time.monotonic() - started
        return total

    def _run_process(
        self, module: str, only: Collection[str] | None, without: list[str]
    ) -> tuple[Session, str]:
        """Run one process; return its report and why it ended badly, if so."""
        place = self._prepare(module, only, without)
        process = self._start(module, place)
        try:
            failure = self._wait(process, place / "results")
        except BaseException:
            stop(process)
            raise
        session = Session.read(place / "results")
        output = (place / "output").read_text(errors="replace")
        if process.returncode == BROKEN:
            raise InjectionError(f"the driver of {module} failed:\n{output}")
        self._prove(process.pid, session)
        if not failure and session.end is None:
            failure = "the process ended before the last test had"
        if failure:
            failure = f"{failure}; its output ended in:\n{output[-OUTPUT_TAIL:]}"
        return session, failure

    def _prepare(
        self, module: str, only: Collection[str] | None, without: list[str]
    ) -> Path:
        """Make the directory of a process, with all that the driver reads."""
        place = Path(tempfile.mkdtemp(dir=self.directory))
        place.chmod(0o755)
        (place / "cwd").mkdir()
        (place / "results").touch()
        choice = {
            "only": None if only is None else [target(name) for name in only],
            "without": without,
            "resources": resources(module),
            "deselected": self.deselected,
            "selector": self.selector,
        }
        (place / "choice").write_text(json.dumps(choice))
        return place

    def _start(self, module: str, place: Path) -> subprocess.Popen:
        command = [self.environment.python, "-m", "_cpython_driver", module]
        command += ["--results", str(place / "results")]
        command += ["--choose", str(place / "choice")]
        variables = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        variables["TMPDIR"] = str(place / "cwd")
        with (place / "output").open("wb") as output:
            return subprocess.Popen(
                command,
                cwd=place / "cwd",
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _wait(self, process: subprocess.Popen, results: Path) -> str:
        """Wait for a process while its report grows; return what went wrong, if so."""
        size, since = 0, time.monotonic()
        while not ended(process):
            if self.cancelled.is_set():
                raise InjectionError("cancelled")
            now = results.stat().st_size
            if now != size:
                size, since = now, time.monotonic()
            elif time.monotonic() - since > STALL_SECONDS:
                stop(process)
                return f"no progress in {STALL_SECONDS:.0f} s"
        kill_group(process)
        code = process.returncode
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit status {code}" if code else ""

    def _prove(self, pid: int, session: Session) -> None:
        """Raise unless the process had the `select` it should have had."""
        wanted = self.environment.on_polymux
        if session.end is not None:
            found, strays = session.end["end"], session.end["strays"]
            if found != wanted or strays:
                raise InjectionError(f"on polymux: {found}, not {wanted}; {strays=}")
        if self.environment.log and pid not in self.environment.logged_processes():
            raise InjectionError(f"process {pid} did not replace select")


def ended(process: subprocess.Popen) -> bool:
    """Wait a moment; tell whether the process has ended."""
    try:
        process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        return False
    return True


def stop(process: subprocess.Popen) -> None:
    """End a hung process, first asking faulthandler for a traceback."""
    process.send_signal(signal.SIGABRT)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
    kill_group(process)
    process.wait()


def kill_group(process: subprocess.Popen) -> None:
    """End the children that a test has left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
