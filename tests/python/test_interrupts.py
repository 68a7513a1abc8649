"""Time limits, and signals during waits (PEP 475), of every interface.

No wait ends early: a handler that returns lets it go on for the time that is
left, a handler that raises ends it with its exception.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from conftest import Pipe, raises
from support import interrupted, raising, wait_for, waits_at_least

KINDS = ("select", "poll", "epoll", "kqueue")
# The standard module has no kqueue here.
BOTH = [("select", kind) for kind in KINDS[:-1]] + [("polymux", kind) for kind in KINDS]


class Waits:
    """One interface that watches the reading end of a pipe.

    call(seconds) waits; empty and ready are its answers. select() has no object.
    """

    def __init__(self, mux: ModuleType, kind: str, fd: int) -> None:
        self.mux, self.kind = mux, kind
        self.object: Any = None
        self.empty: object = []
        self.ready: object = [(fd, mux.POLLIN)]
        self.call: Callable[[float | None], Any]
        getattr(self, f"_use_{kind}")(fd)

    def _use_select(self, fd: int) -> None:
        self.empty, self.ready = ([], [], []), ([fd], [], [])
        self.call = lambda limit: self.mux.select([fd], [], [], limit)

    def _use_poll(self, fd: int) -> None:
        self.object = self.mux.poll()
        self.object.register(fd, self.mux.POLLIN)
        self.call = lambda limit: self.object.poll(limit and limit * 1000)

    def _use_epoll(self, fd: int) -> None:
        self.object = self.mux.epoll()
        self.object.register(fd, self.mux.EPOLLIN)
        self.call = self.object.poll

    def _use_kqueue(self, fd: int) -> None:
        self.object = self.mux.kqueue()
        self.object.control([self.mux.kevent(fd)], 0)
        self.ready = [self.mux.kevent(fd, flags=0, data=1)]
        self.call = lambda limit: self.object.control(None, 5, limit)


@pytest.fixture(params=BOTH, ids="-".join)
def waits(request: pytest.FixtureRequest, pipe: Pipe) -> Iterator[Waits]:
    name, kind = request.param
    waits = Waits(importlib.import_module(name), kind, pipe.r)
    yield waits
    with contextlib.suppress(AttributeError):
        waits.object.close()


@pytest.mark.parametrize(
    "seconds", [1e-9, 1e-6, 0.0002, 0.0005, 0.001, 0.0011, 0.0123456789, 0.1]
)
def test_never_early(waits: Waits, seconds: float) -> None:
    for _ in range(5):
        with waits_at_least(seconds):
            assert waits.call(seconds) == waits.empty


def test_integers_and_booleans_are_times(waits: Waits) -> None:
    for zero in (0, 0.0, -0.0, False):
        assert waits.call(zero) == waits.empty
    with waits_at_least(1):
        assert waits.call(1) == waits.empty


def test_longest_time(waits: Waits, pipe: Pipe) -> None:
    os.write(pipe.w, b"x")
    for seconds in (None, 2147483.0, 1.5):
        assert waits.call(seconds) == waits.ready


@pytest.mark.parametrize("kind", KINDS)
def test_fractions_of_milliseconds_count(
    polymux: ModuleType, pipe: Pipe, kind: str
) -> None:
    """A wait of 0.1 ms can end before 1 ms is over; on a busy machine not
    every one does, so one of many has to."""
    waits = Waits(polymux, kind, pipe.r)

    def wakes_within_a_millisecond() -> bool:
        begin = time.monotonic_ns()
        assert waits.call(0.0001) == waits.empty
        elapsed = time.monotonic_ns() - begin
        assert elapsed >= 100_000
        return elapsed < 1_000_000

    wait_for(wakes_within_a_millisecond)


def test_interrupted_wait_lasts_as_long(waits: Waits) -> None:
    calls: list[object] = []
    with waits_at_least(0.25), interrupted(lambda *_: calls.append(1)):
        assert waits.call(0.25) == waits.empty
    assert calls


def test_event_after_interruptions(waits: Waits, pipe: Pipe) -> None:
    calls: list[object] = []

    def handler(*_: object) -> None:
        calls.append(1)
        if len(calls) == 5:
            os.write(pipe.w, b"x")

    with interrupted(handler):
        assert waits.call(None) == waits.ready
    assert len(calls) >= 5


def test_negative_time_goes_on_for_ever(waits: Waits, pipe: Pipe) -> None:
    refusals = {"select": "non-negative", "kqueue": "positive or None"}
    if waits.kind in refusals:
        with raises(ValueError, f"timeout must be {refusals[waits.kind]}"):
            waits.call(-1e-300)
        return
    calls: list[object] = []

    def handler(*_: object) -> None:
        calls.append(1)
        if len(calls) == 3:
            os.write(pipe.w, b"x")

    # epoll rounds to whole milliseconds, towards zero where it is negative.
    negative = -0.001 if waits.kind == "epoll" else -1e-300
    with interrupted(handler):
        assert waits.call(negative) == waits.ready


@pytest.mark.parametrize("seconds", [-1e-300, -1e-9, -0.0005, -0.000999])
def test_epoll_takes_less_than_a_millisecond_for_zero(
    mux: ModuleType, pipe: Pipe, seconds: float
) -> None:
    waits = Waits(mux, "epoll", pipe.r)
    with waits.object, interrupted(raising(TimeoutError()), 0.5):
        assert waits.call(seconds) == []


def test_handler_raises(waits: Waits, pipe: Pipe) -> None:
    with (
        interrupted(raising(LookupError("signal"))),
        pytest.raises(LookupError, match="signal"),
    ):
        waits.call(None)
    assert waits.call(0) == waits.empty
    os.write(pipe.w, b"x")
    assert waits.call(None) == waits.ready


def test_handler_raises_at_the_third_time(waits: Waits, pipe: Pipe) -> None:
    calls: list[object] = []

    def handler(*_: object) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise LookupError

    with interrupted(handler), pytest.raises(LookupError):
        waits.call(60)
    os.write(pipe.w, b"x")
    assert waits.call(None) == waits.ready


def test_keyboard_interrupt(waits: Waits, request: pytest.FixtureRequest) -> None:
    """Also where the tests run in the background, with SIGINT ignored."""
    pid = os.getpid()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    with (
        interrupted(lambda *_: os.kill(pid, signal.SIGINT)),
        pytest.raises(KeyboardInterrupt),
    ):
        waits.call(None)
    assert waits.call(0) == waits.empty


def test_signal_without_a_handler_in_python(waits: Waits) -> None:
    """SIGSTOP and SIGCONT interrupt some system calls all by themselves."""
    pid = os.fork()
    if pid == 0:
        parent = os.getppid()
        for _ in range(3):
            time.sleep(0.03)
            os.kill(parent, signal.SIGCONT)
        os._exit(0)
    with waits_at_least(0.2):
        assert waits.call(0.2) == waits.empty
    assert os.waitpid(pid, 0)[1] == 0


def test_handler_waits_itself(waits: Waits, full: Pipe) -> None:
    answers = []

    def handler(*_: object) -> None:
        answers.append(waits.mux.select([full.r], [full.w], [], 0))

    with waits_at_least(0.1), interrupted(handler):
        assert waits.call(0.1) == waits.empty
    assert answers
    assert all(answer == ([full.r], [], []) for answer in answers)


def test_handler_polls_the_same_object(mux: ModuleType, pipe: Pipe) -> None:
    waits = Waits(mux, "poll", pipe.r)
    errors = []

    def handler(*_: object) -> None:
        with pytest.raises(RuntimeError) as raised:
            waits.call(0)
        errors.append(str(raised.value))

    with interrupted(handler):
        assert waits.call(0.1) == waits.empty
    assert set(errors) == {"concurrent poll() invocation"}


def test_handler_polls_the_same_epoll(mux: ModuleType, pipe: Pipe) -> None:
    waits = Waits(mux, "epoll", pipe.r)
    answers = []
    with interrupted(lambda *_: answers.append(waits.call(0))):
        assert waits.call(0.1) == waits.empty
    assert answers
    assert all(answer == [] for answer in answers)
    waits.object.close()


def test_handler_changes_the_table(mux: ModuleType, pipe: Pipe, full: Pipe) -> None:
    """What a handler registers is for the next poll(), as for a thread."""
    waits = Waits(mux, "poll", pipe.r)
    with interrupted(lambda *_: waits.object.register(full.r, mux.POLLIN)):
        assert waits.call(0.1) == []
    assert waits.call(0) == [(full.r, mux.POLLIN)]


def test_handler_empties_the_table(mux: ModuleType, pipe: Pipe) -> None:
    waits = Waits(mux, "poll", pipe.r)

    def handler(*_: object) -> None:
        with contextlib.suppress(KeyError):
            waits.object.unregister(pipe.r)
        os.write(pipe.w, b"x")

    with interrupted(handler):
        assert waits.call(5) == waits.ready
    assert waits.call(0) == []


def test_handler_registers_with_epoll(mux: ModuleType, pipe: Pipe, full: Pipe) -> None:
    waits = Waits(mux, "epoll", pipe.r)

    def handler(*_: object) -> None:
        with contextlib.suppress(FileExistsError):
            waits.object.register(full.r, mux.EPOLLIN)

    with interrupted(handler):
        assert waits.call(None) == [(full.r, mux.EPOLLIN)]
    waits.object.close()


def test_handler_closes_the_epoll(polymux: ModuleType, pipe: Pipe) -> None:
    """The call under way ends as if nothing had happened: no other
    descriptor that took the number over is ever waited on."""
    waits = Waits(polymux, "epoll", pipe.r)

    def handler(*_: object) -> None:
        waits.object.close()
        os.write(pipe.w, b"x")

    with interrupted(handler):
        assert waits.call(None) == waits.ready
    assert waits.object.closed


def test_handler_closes_the_standard_epoll(pipe: Pipe) -> None:

    waits = Waits(select, "epoll", pipe.r)
    with (
        interrupted(lambda *_: waits.object.close()),
        pytest.raises(OSError, match="Bad file descriptor"),
    ):
        waits.call(30)


def test_handler_closes_a_descriptor(mux: ModuleType, pipe: Pipe) -> None:
    def handler(*_: object) -> None:
        if pipe.r >= 0:
            pipe.close_reader()

    with interrupted(handler), pytest.raises(OSError, match="Bad file descriptor"):
        mux.select([pipe.r], [], [])


def test_handler_changes_the_lists(mux: ModuleType, pipe: Pipe, full: Pipe) -> None:
    files = [pipe.r]
    with interrupted(lambda *_: files.append(full.r)):
        assert mux.select(files, [], [], 0.1) == ([], [], [])
    assert full.r in files


def test_pending_signal_before_a_ready_wait(waits: Waits, pipe: Pipe) -> None:
    """A signal does not make a wait forget what is ready."""
    os.write(pipe.w, b"x")
    calls: list[object] = []
    with interrupted(lambda *_: calls.append(1), 0.001):
        while len(calls) < 20:
            assert waits.call(None) == waits.ready


# kqueue.


def test_changes_are_made_once(polymux: ModuleType, pipe: Pipe) -> None:
    """However often the wait is interrupted: a second deletion would fail."""
    waits = Waits(polymux, "kqueue", pipe.r)
    delete = polymux.kevent(pipe.r, flags=polymux.KQ_EV_DELETE)
    calls: list[object] = []
    with waits_at_least(0.2), interrupted(lambda *_: calls.append(1)):
        assert waits.object.control([delete], 5, 0.2) == []
    assert len(calls) > 1
    waits.object.close()


def test_many_changes_are_made_once(polymux: ModuleType, pipe: Pipe) -> None:
    waits = Waits(polymux, "kqueue", pipe.r)
    user, once = polymux.KQ_FILTER_USER, polymux.KQ_EV_ADD | polymux.KQ_EV_DISABLE
    changes = [polymux.kevent(i, user, once) for i in range(3000)]
    changes.append(polymux.kevent(pipe.r, flags=polymux.KQ_EV_DELETE))
    with waits_at_least(0.2), interrupted(lambda *_: None):
        assert waits.object.control(changes, 5, 0.2) == []
    waits.object.close()


def test_handler_controls_the_same_kqueue(polymux: ModuleType, pipe: Pipe) -> None:
    waits = Waits(polymux, "kqueue", pipe.r)
    answers = []
    with interrupted(lambda *_: answers.append(waits.call(0))):
        assert waits.call(0.1) == waits.empty
    assert answers
    assert all(answer == [] for answer in answers)
    waits.object.close()


def test_handler_changes_the_kqueue(
    polymux: ModuleType, pipe: Pipe, full: Pipe
) -> None:
    waits = Waits(polymux, "kqueue", pipe.r)
    change = polymux.kevent(full.r, udata=5)
    with interrupted(lambda *_: waits.object.control([change], 0)):
        assert [event.udata for event in waits.call(None)] == [5]
    waits.object.close()


def test_handler_closes_the_kqueue(polymux: ModuleType, pipe: Pipe) -> None:
    waits = Waits(polymux, "kqueue", pipe.r)
    with (
        interrupted(lambda *_: waits.object.close()),
        pytest.raises(OSError, match="Bad file descriptor"),
    ):
        waits.call(None)
    assert waits.object.closed
