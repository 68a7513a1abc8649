"""Processes and signals as events, beside the interpreter's own handlers."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from types import FrameType, ModuleType
from typing import Any

import pytest

LIMIT = 60


@pytest.fixture
def kq(polymux: ModuleType, _no_leaked_descriptors: None) -> Iterator[Any]:
    with contextlib.closing(polymux.kqueue()) as kqueue:
        yield kqueue


@pytest.fixture
def calls() -> Iterator[list[int]]:
    """The signals that a handler of signal.signal() got."""
    got: list[int] = []

    def handler(number: int, _frame: FrameType | None) -> None:
        got.append(number)

    before = signal.signal(signal.SIGUSR1, handler)
    yield got
    signal.signal(signal.SIGUSR1, before)


def _watch_signal(polymux: ModuleType, kq: Any) -> None:
    kq.control([polymux.kevent(signal.SIGUSR1, polymux.KQ_FILTER_SIGNAL)], 0)


def test_a_handler_runs_and_is_counted(
    polymux: ModuleType, kq: Any, calls: list[int]
) -> None:
    _watch_signal(polymux, kq)
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGUSR1)
    (event,) = kq.control(None, 8, LIMIT)
    assert (event.ident, event.data) == (signal.SIGUSR1, 3)
    assert event.flags == polymux.KQ_EV_CLEAR
    assert calls  # the interpreter merges what comes between two bytecodes
    assert kq.control(None, 8, 0) == []


def test_a_handler_set_later_runs_and_is_counted(
    polymux: ModuleType, kq: Any, calls: list[int]
) -> None:
    _watch_signal(polymux, kq)
    later: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, _frame: later.append(number))
    assert kq.control(None, 8, 0) == []
    os.kill(os.getpid(), signal.SIGUSR1)
    (event,) = kq.control(None, 8, LIMIT)
    assert event.data == 1
    assert later == [signal.SIGUSR1]
    assert calls == []


def test_a_handler_stays_when_the_queue_goes(
    polymux: ModuleType, calls: list[int]
) -> None:
    with contextlib.closing(polymux.kqueue()) as kqueue:
        _watch_signal(polymux, kqueue)
    os.kill(os.getpid(), signal.SIGUSR1)
    assert calls == [signal.SIGUSR1]


@pytest.mark.parametrize("reaped_first", [False, True])
def test_the_status_of_a_subprocess(
    polymux: ModuleType, kq: Any, *, reaped_first: bool
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "input(); raise SystemExit(7)"], stdin=subprocess.PIPE
    ) as process:
        change = polymux.kevent(
            process.pid,
            polymux.KQ_FILTER_PROC,
            polymux.KQ_EV_ADD,
            polymux.KQ_NOTE_EXIT,
        )
        kq.control([change], 0)
        assert process.stdin
        process.stdin.write(b"\n")
        process.stdin.close()
        if reaped_first:
            assert process.wait(LIMIT) == 7
        (event,) = kq.control(None, 8, LIMIT)
        assert (event.ident, event.fflags) == (process.pid, polymux.KQ_NOTE_EXIT)
        assert os.waitstatus_to_exitcode(event.data) == 7
        assert process.wait(LIMIT) == 7


def test_sigchld_of_a_subprocess(polymux: ModuleType, kq: Any) -> None:
    kq.control([polymux.kevent(signal.SIGCHLD, polymux.KQ_FILTER_SIGNAL)], 0)
    subprocess.run([sys.executable, "-c", ""], check=True)
    (event,) = kq.control(None, 8, LIMIT)
    assert event.ident == signal.SIGCHLD
    assert event.data >= 1
    assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
