"""Who may run during a wait: nobody while it need not sleep, everybody while
it sleeps or scans long.

A thread is kept ready to run; with a switch interval of many minutes it does
so only when the waiting thread gives the GIL up of its own accord. That it
would be seen to run is proved with the standard module, which always does.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
from conftest import Pipe
from support import LIMIT, Background, wait_for, wait_until_waiting

Call = Callable[[], object]

pytestmark = pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(),
    reason="this interpreter has no GIL",
)


class Observer:
    """A thread that wants the GIL all the time and counts when it has it."""

    def __init__(self) -> None:
        self.count = 0
        self.stopping = False
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self.stopping:
            self.count += 1
            time.sleep(0)  # gives the GIL up and asks for it again

    @contextlib.contextmanager
    def running(self) -> Iterator[Observer]:
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1000)
        try:
            self.thread.start()
            wait_for(lambda: self.count > 0)
            yield self
        finally:
            self.stopping = True
            sys.setswitchinterval(interval)
            self.thread.join()

    def ran_during(self, call: Call, times: int) -> bool:
        before = self.count
        for _ in range(times):
            call()
        return self.count != before

    def calls_until_it_ran(self, call: Call) -> int:
        """How many calls it took for the observer to run."""
        before, limit, calls = self.count, time.monotonic() + LIMIT, 0
        while self.count == before:
            call()
            calls += 1
            assert time.monotonic() < limit, "the GIL was never given up"
        return calls


@pytest.fixture
def observer() -> Iterator[Observer]:
    with Observer().running() as observer:
        yield observer


def select_call(mux: ModuleType, pipe: Pipe, limit: float | None) -> Call:
    return lambda: mux.select([pipe.r], [], [], limit)


def poll_call(mux: ModuleType, pipe: Pipe, limit: float | None) -> Call:
    poll = mux.poll()
    poll.register(pipe.r, mux.POLLIN)
    return lambda: poll.poll(limit)


def epoll_call(mux: ModuleType, pipe: Pipe, limit: float | None) -> Call:
    epoll = mux.epoll()
    epoll.register(pipe.r, mux.EPOLLIN)
    return lambda: epoll.poll(limit)


def devpoll_call(mux: ModuleType, pipe: Pipe, limit: float | None) -> Call:
    """Where the module has no devpoll, poll shows what giving up looks like."""
    devpoll = getattr(mux, "devpoll", mux.poll)()
    devpoll.register(pipe.r, mux.POLLIN)
    return lambda: devpoll.poll(limit)


interfaces = pytest.mark.parametrize(
    "make", [select_call, poll_call, epoll_call, devpoll_call]
)


def assert_keeps_gil(observer: Observer, call: Call, standard: Call) -> None:
    seen_after = max(observer.calls_until_it_ran(standard) for _ in range(3))
    # The observer waits for the GIL again when it has let the main thread in.
    assert not observer.ran_during(call, 20 * seen_after + 2000)


@interfaces
def test_wait_without_time(
    polymux: ModuleType, observer: Observer, pipe: Pipe, make: Callable[..., Call]
) -> None:
    assert_keeps_gil(observer, make(polymux, pipe, 0), make(select, pipe, 0))


@interfaces
@pytest.mark.parametrize("limit", [None, 10])
def test_ready_wait(
    polymux: ModuleType,
    observer: Observer,
    pipe: Pipe,
    make: Callable[..., Call],
    limit: float | None,
) -> None:
    os.write(pipe.w, b"x")
    assert_keeps_gil(observer, make(polymux, pipe, limit), make(select, pipe, limit))


@interfaces
def test_sleep_lets_others_run(
    mux: ModuleType, pipe: Pipe, make: Callable[..., Call]
) -> None:
    """Only the other thread can end the wait, once it has seen it."""

    def write() -> None:
        wait_until_waiting(threading.main_thread())
        os.write(pipe.w, b"x")

    writer = Background(write)
    assert make(mux, pipe, None)()
    writer.result()


@interfaces
def test_short_sleep_lets_others_run(
    mux: ModuleType, observer: Observer, pipe: Pipe, make: Callable[..., Call]
) -> None:
    observer.calls_until_it_ran(make(mux, pipe, 0.01))


@pytest.mark.parametrize("ready", [False, True])
def test_long_scan_lets_others_run(
    mux: ModuleType, many: int, observer: Observer, pipe: Pipe, ready: bool
) -> None:
    if ready:
        os.write(pipe.w, b"x")
    copies = [os.dup(pipe.r) for _ in range(1001)]
    try:
        poll = mux.poll()
        for fd in copies:
            poll.register(fd, mux.POLLIN)
        observer.calls_until_it_ran(lambda: poll.poll(0))
    finally:
        for fd in copies:
            os.close(fd)


@pytest.mark.parametrize("ready", [False, True])
def test_long_select_lets_others_run(
    polymux: ModuleType, observer: Observer, pipe: Pipe, ready: bool
) -> None:
    if ready:
        os.write(pipe.w, b"x")
    files = [pipe.r] * 1001
    observer.calls_until_it_ran(lambda: polymux.select(files, [], [], 0))


def test_short_scan_keeps_the_gil(
    polymux: ModuleType, many: int, observer: Observer, pipe: Pipe
) -> None:
    copies = [os.dup(pipe.r) for _ in range(900)]
    try:
        ours, standard = polymux.poll(), select.poll()
        for fd in copies:
            ours.register(fd, 1)
            standard.register(fd, 1)
        assert_keeps_gil(observer, lambda: ours.poll(0), lambda: standard.poll(0))
    finally:
        for fd in copies:
            os.close(fd)


def test_many_answers_let_others_run(
    polymux: ModuleType, many: int, observer: Observer, pipe: Pipe
) -> None:
    """What devpoll gave last time foretells how long the next time takes."""
    copies = [os.dup(pipe.w) for _ in range(1001)]
    try:
        devpoll = polymux.devpoll()
        for fd in copies:
            devpoll.register(fd, polymux.POLLOUT)
        observer.calls_until_it_ran(lambda: devpoll.poll(0))
        devpoll.close()
    finally:
        for fd in copies:
            os.close(fd)
