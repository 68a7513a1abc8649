"""What several test files need: objects with a fileno(), conditions to wait
for, children to run code in. Stands on the standard library and Linux's /proc.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, ModuleType

import pytest

# How long a condition that must come true may take before the test has failed.
LIMIT = 60.0

# What every method but close() of a closed epoll object says, as a pattern.
EPOLL_IS_CLOSED = "^I/O operation on closed epoll object$"

# The system calls in which a thread waits for readiness.
_GENERIC_WAITS = {22, 72, 73, 441}
_WAITS = {"x86_64": {7, 23, 232, 270, 271, 281, 441}}


class File:
    """An object that has a descriptor."""

    def __init__(self, fd: object) -> None:
        self.fd = fd

    def fileno(self) -> object:
        return self.fd


class Calling:
    """An object whose fileno() does something first."""

    def __init__(self, fd: object, action: Callable[[], object]) -> None:
        self.fd = fd
        self.action = action

    def fileno(self) -> object:
        self.action()
        return self.fd


class Index:
    """An object that is as good as an integer."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


def raising(error: BaseException) -> Callable[..., None]:
    """A function that raises the given exception."""

    def function(*args: object) -> None:
        raise error

    return function


def wait_for(condition: Callable[[], bool]) -> None:
    """Lets other threads run until the condition holds."""
    limit = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < limit, f"waited {LIMIT} s in vain"
        time.sleep(0.001)


def _system_call(thread_id: int | None) -> int | None:
    text = Path(f"/proc/self/task/{thread_id}/syscall").read_text()
    number = text.split()[0]
    return int(number) if number.isdigit() else None


def wait_until_waiting(thread: threading.Thread) -> None:
    """Returns when the thread sleeps in a system call of the poll family."""
    waits = _WAITS.get(platform.machine(), _GENERIC_WAITS)
    wait_for(lambda: _system_call(thread.native_id) in waits)


class Background(threading.Thread):
    """A thread that keeps the result or the exception of its function."""

    def __init__(self, function: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._function = function
        self._result: object = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._result = self._function()
        except BaseException as error:
            self._error = error
        finally:
            del self._function

    def result(self) -> object:
        self.join(LIMIT)
        assert not self.is_alive(), "the thread did not come back"
        if self._error is not None:
            raise self._error
        return self._result


def in_child(function: Callable[[], object]) -> None:
    """Runs the function in a forked child and asserts that it succeeded."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            function()
            status = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def run_isolated(code: str, *arguments: str, **environment: str) -> str:
    """Runs Python code in a process of its own and returns what it printed.

    A crash of the interpreter is then a failed test and no more.
    """
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=2 * LIMIT,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, f"status {done.returncode}\n{done.stderr}"
    return done.stdout


def passes(code: str, *arguments: str, **environment: str) -> None:
    """Runs code that has polymux, in an interpreter that has yet to import `select`."""
    preamble = "import sys\nassert 'select' not in sys.modules\nimport polymux\n"
    preamble += "finders = len(sys.meta_path)\n"
    output = run_isolated(
        preamble + code + "\nprint('done')", *arguments, **environment
    )
    assert output.splitlines()[-1:] == ["done"], output


@contextlib.contextmanager
def interrupted(
    handler: Callable[[int, FrameType | None], object], interval: float = 0.02
) -> Iterator[None]:
    """Has SIGALRM delivered at the interval while the block runs."""
    old = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, interval, interval)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def out_of_range() -> contextlib.AbstractContextManager[object]:
    """Where a number has more bits than its place: since 3.15 there is a warning."""
    if sys.version_info < (3, 15):
        return contextlib.nullcontext()
    return pytest.warns(DeprecationWarning, match="integer value out of range")


@contextlib.contextmanager
def waits_at_least(seconds: float) -> Iterator[None]:
    """Asserts that the block does not end early, to the nanosecond."""
    begin = time.monotonic_ns()
    yield
    assert time.monotonic_ns() - begin >= seconds * 1e9


@contextlib.contextmanager
def soft_limit(kind: int, limit: int) -> Iterator[None]:
    """A limit of this process, of resource.RLIMIT_*."""
    before, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(kind, (before, hard))


@contextlib.contextmanager
def no_descriptor_left() -> Iterator[None]:
    lowest = os.dup(0)
    os.close(lowest)
    with soft_limit(resource.RLIMIT_NOFILE, lowest):
        yield


def duplicate_high(fd: int, lowest: int) -> int:
    """A duplicate of the descriptor with a number not below lowest."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest)


def open_descriptors() -> set[str]:
    """The descriptors of the process and what they refer to."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.add(f"{name} -> {os.readlink(f'/proc/self/fd/{name}')}")
    return found


def is_polymux(mux: ModuleType) -> bool:
    return mux.__name__.startswith("polymux")
