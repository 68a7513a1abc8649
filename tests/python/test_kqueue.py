"""select.kqueue objects: what they watch, how they live and how they end."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import Pipe, raises
from support import (
    Background,
    in_child,
    no_descriptor_left,
    wait_until_waiting,
    waits_at_least,
)

Pair = tuple[socket.socket, socket.socket]
CLOSED = "I/O operation on closed kqueue object"
LIMIT = 60


@pytest.fixture
def kq(polymux: ModuleType, _no_leaked_descriptors: None) -> Iterator[Any]:
    with contextlib.closing(polymux.kqueue()) as kqueue:
        yield kqueue


def described(events: Any) -> set[tuple[int, int]]:
    return {(one.ident, one.filter) for one in events}


# Events.


def test_nothing(kq: Any) -> None:
    assert kq.control(None, 1, 0) == []
    with waits_at_least(0.01):
        assert kq.control([], 5, 0.01) == []


def test_pipe_to_read(kq: Any, polymux: ModuleType, pipe: Pipe) -> None:
    assert kq.control([polymux.kevent(pipe.r)], 1, 0) == []
    os.write(pipe.w, b"four")
    expected = polymux.kevent(pipe.r, polymux.KQ_FILTER_READ, 0, data=4)
    assert kq.control(None, 1) == [expected]
    os.read(pipe.r, 3)
    assert [one.data for one in kq.control(None, 5)] == [1]
    os.read(pipe.r, 1)
    assert kq.control(None, 5, 0) == []


def test_pipe_to_write(kq: Any, polymux: ModuleType, full: Pipe) -> None:
    change = polymux.kevent(full.w, polymux.KQ_FILTER_WRITE, polymux.KQ_EV_ADD)
    assert kq.control([change], 1, 0) == []
    os.read(full.r, 65536)
    assert described(kq.control(None, 5)) == {(full.w, polymux.KQ_FILTER_WRITE)}


def test_end_of_a_pipe(kq: Any, polymux: ModuleType, full: Pipe) -> None:
    size = len(os.read(full.r, 1000))
    kq.control([polymux.kevent(full.r)], 0)
    full.close_writer()
    (event,) = kq.control(None, 5)
    assert event.flags & polymux.KQ_EV_EOF
    assert event.data == 65536 - size


def test_reader_goes_away(kq: Any, polymux: ModuleType, pipe: Pipe) -> None:
    """Event loops watch the writing end for reading, to learn just this."""
    kq.control([polymux.kevent(pipe.w)], 0)
    assert kq.control(None, 1, 0) == []
    pipe.close_reader()
    (event,) = kq.control(None, 1)
    assert (event.ident, event.filter) == (pipe.w, polymux.KQ_FILTER_READ)
    assert event.flags & polymux.KQ_EV_EOF


def test_socket_both_ways(kq: Any, polymux: ModuleType, pair: Pair) -> None:
    left, right = pair
    read, write = polymux.KQ_FILTER_READ, polymux.KQ_FILTER_WRITE
    changes = [polymux.kevent(one, kind) for one in pair for kind in (read, write)]
    kq.control(changes, 0)
    fds = left.fileno(), right.fileno()
    assert described(kq.control(None, 10)) == {(fd, write) for fd in fds}
    left.send(b"foo")
    events = {(one.ident, one.filter): one for one in kq.control(None, 10)}
    assert set(events) == {(fds[0], write), (fds[1], write), (fds[1], read)}
    assert events[fds[1], read].data == 3
    kq.control([polymux.kevent(left, write, polymux.KQ_EV_DELETE)], 0)
    assert described(kq.control(None, 10)) == {(fds[1], write), (fds[1], read)}


def test_growing_file(kq: Any, polymux: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"old")
    with path.open("rb", buffering=0) as file:
        kq.control([polymux.kevent(file)], 0)
        assert [one.data for one in kq.control(None, 1)] == [3]
        file.read()
        assert kq.control(None, 1, 0) == []
        with path.open("ab") as more:
            more.write(b"newer")
        assert [one.data for one in kq.control(None, 1, LIMIT)] == [5]


def test_timer(kq: Any, polymux: ModuleType) -> None:
    timer = polymux.kevent(1, polymux.KQ_FILTER_TIMER, data=20)
    with waits_at_least(0.02):
        (event,) = kq.control([timer], 1, LIMIT)
    assert (event.ident, event.filter) == (1, polymux.KQ_FILTER_TIMER)
    assert event.data >= 1
    assert kq.control(None, 1, LIMIT)  # and again, until it is deleted
    timer.flags = polymux.KQ_EV_DELETE
    kq.control([timer], 0)
    assert kq.control(None, 1, 0.05) == []


def test_one_shot_timer_in_microseconds(kq: Any, polymux: ModuleType) -> None:
    timer = polymux.kevent(
        2**63, polymux.KQ_FILTER_TIMER, polymux.KQ_EV_ADD | polymux.KQ_EV_ONESHOT
    )
    timer.fflags, timer.data = polymux.KQ_NOTE_USECONDS, 1500
    with waits_at_least(0.0015):
        (event,) = kq.control([timer], 5, LIMIT)
    assert (event.ident, event.data) == (2**63, 1)
    assert kq.control(None, 5, 0.01) == []


def test_user_event(kq: Any, polymux: ModuleType) -> None:
    user = polymux.KQ_FILTER_USER
    add = polymux.kevent(3, user, polymux.KQ_EV_ADD | polymux.KQ_EV_CLEAR, udata=2**63)
    assert kq.control([add], 1, 0) == []
    bits = polymux.KQ_NOTE_TRIGGER | polymux.KQ_NOTE_FFOR | 0x80
    kq.control([polymux.kevent(3, user, 0, bits, 9, 2**64 - 1)], 0)
    (event,) = kq.control(None, 5)
    assert event.fflags & polymux.KQ_NOTE_FFLAGSMASK == 0x80
    assert (event.ident, event.data, event.udata) == (3, 9, 2**64 - 1)
    assert kq.control(None, 5, 0) == []


@pytest.mark.parametrize("flag", ["ONESHOT", "CLEAR", "DISPATCH"])
def test_collected_once(kq: Any, polymux: ModuleType, full: Pipe, flag: str) -> None:
    flags = polymux.KQ_EV_ADD | getattr(polymux, f"KQ_EV_{flag}")
    kq.control([polymux.kevent(full.r, flags=flags)], 0)
    assert len(kq.control(None, 5)) == 1
    assert kq.control(None, 5, 0) == []
    enable = polymux.kevent(full.r, flags=polymux.KQ_EV_ENABLE)
    if flag == "ONESHOT":
        with pytest.raises(FileNotFoundError):
            kq.control([enable], 0)
    elif flag == "DISPATCH":
        assert len(kq.control([enable], 5)) == 1


def test_disabled(kq: Any, polymux: ModuleType, full: Pipe) -> None:
    change = polymux.kevent(full.r, flags=polymux.KQ_EV_ADD | polymux.KQ_EV_DISABLE)
    assert kq.control([change], 1, 0) == []
    change.flags = polymux.KQ_EV_ENABLE
    assert len(kq.control([change], 1)) == 1


def test_few_at_a_time(kq: Any, polymux: ModuleType) -> None:
    """However few are asked for, all have their turn."""
    user, trigger = polymux.KQ_FILTER_USER, polymux.KQ_NOTE_TRIGGER
    kq.control([polymux.kevent(i, user) for i in range(6)], 0)
    kq.control([polymux.kevent(i, user, 0, trigger) for i in range(6)], 0)
    turns = [one.ident for _ in range(6) for one in kq.control(None, 2)]
    assert turns == [0, 1, 2, 3, 4, 5] * 2


def test_nested(kq: Any, polymux: ModuleType, full: Pipe) -> None:
    with contextlib.closing(polymux.kqueue()) as outer:
        outer.control([polymux.kevent(kq)], 0)
        assert outer.control(None, 1, 0) == []
        kq.control([polymux.kevent(full.r)], 0)
        assert described(outer.control(None, 1)) == {(kq.fileno(), -1)}
        assert polymux.select([kq], [kq], [], 0) == ([kq], [], [])


def test_user_event_shows_outside(kq: Any, polymux: ModuleType) -> None:
    assert polymux.select([kq], [], [], 0) == ([], [], [])
    user = polymux.kevent(3, polymux.KQ_FILTER_USER)
    kq.control([user], 0)
    user.fflags, user.flags = polymux.KQ_NOTE_TRIGGER, 0
    kq.control([user], 0)
    assert polymux.select([kq], [], [], 0) == ([kq], [], [])


def test_closed_descriptor_is_forgotten(
    kq: Any, polymux: ModuleType, full: Pipe
) -> None:
    copy = os.dup(full.r)
    try:
        kq.control([polymux.kevent(copy)], 0)
    finally:
        os.close(copy)
    assert kq.control(None, 5, 0) == []


# Errors of changes.


def test_error_with_room(kq: Any, polymux: ModuleType, full: Pipe) -> None:
    """It is an event; the other changes are made, and nothing is collected."""
    delete = polymux.kevent(full.r, flags=polymux.KQ_EV_DELETE, udata=5)
    events = kq.control([delete, polymux.kevent(full.r)], 5)
    expected = polymux.kevent(full.r, -1, polymux.KQ_EV_ERROR, 0, errno.ENOENT, 5)
    assert events == [expected]
    assert len(kq.control(None, 5)) == 1


def test_error_without_room(kq: Any, polymux: ModuleType, full: Pipe) -> None:
    delete = polymux.kevent(full.r, flags=polymux.KQ_EV_DELETE)
    with pytest.raises(FileNotFoundError) as raised:
        kq.control([delete, polymux.kevent(full.r)], 0, 0)
    assert raised.value.args == (errno.ENOENT, "No such file or directory")
    assert kq.control(None, 5, 0) == []


def test_bad_descriptor(kq: Any, polymux: ModuleType, closed_fd: int) -> None:
    for flags in (polymux.KQ_EV_ADD, polymux.KQ_EV_DELETE):
        for fd in (closed_fd, 2**31, 2**64 - 1):
            with pytest.raises(OSError, match="Bad file descriptor"):
                kq.control([polymux.kevent(fd, flags=flags)], 0, 0)


def test_receipt(kq: Any, polymux: ModuleType, full: Pipe) -> None:
    flags = polymux.KQ_EV_ADD | polymux.KQ_EV_RECEIPT
    (event,) = kq.control([polymux.kevent(full.r, flags=flags)], 5)
    assert (event.flags, event.data) == (polymux.KQ_EV_ERROR, 0)
    assert described(kq.control(None, 5)) == {(full.r, -1)}


# The life of the object.


def test_descriptor(polymux: ModuleType) -> None:
    kq = polymux.kqueue()
    fd = kq.fileno()
    assert type(fd) is int
    assert kq.fileno() == fd
    assert os.get_inheritable(fd) is False
    assert kq.close() is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_close(polymux: ModuleType) -> None:
    kq = polymux.kqueue()
    assert kq.closed is False
    assert kq.close() is None
    assert kq.closed is True
    assert kq.close() is None
    for call in (kq.fileno, lambda: kq.control(None, 1), lambda: kq.control([], 0, 0)):
        with raises(ValueError, CLOSED):
            call()


def test_closing_what_is_closed(polymux: ModuleType, pipe: Pipe) -> None:
    kq = polymux.kqueue()
    kq.control([polymux.kevent(pipe.r)], 0)
    os.close(kq.fileno())
    assert kq.closed is False
    for limit in (0, 0.01, None):
        with pytest.raises(OSError, match="Bad file descriptor"):
            kq.control(None, 1, limit)
    with pytest.raises(OSError, match="Bad file descriptor"):
        kq.control([polymux.kevent(pipe.w)], 0)
    if sys.version_info >= (3, 15):
        with pytest.raises(OSError, match="Bad file descriptor"):
            kq.close()
    else:
        assert kq.close() is None
    assert kq.closed is True
    assert kq.close() is None


def test_deallocation_closes(polymux: ModuleType) -> None:
    kq = polymux.kqueue()
    fd = kq.fileno()
    del kq
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_finalizer_closes(polymux: ModuleType) -> None:
    kq = polymux.kqueue()
    assert hasattr(kq, "__del__") == (sys.version_info >= (3, 12))
    if hasattr(kq, "__del__"):
        assert kq.__del__() is None
        assert kq.closed
        assert kq.__del__() is None


def test_no_context_manager(kq: Any) -> None:
    assert not hasattr(kq, "__enter__")
    assert not hasattr(kq, "__exit__")


def test_calling_the_initializer_again(kq: Any) -> None:
    fd = kq.fileno()
    assert kq.__init__() is None
    assert kq.fileno() == fd


def test_fromfd_shares_the_queue(polymux: ModuleType, full: Pipe) -> None:
    first = polymux.kqueue()
    second = polymux.kqueue.fromfd(first.fileno())
    assert type(second) is polymux.kqueue
    assert second.fileno() == first.fileno()
    second.control([polymux.kevent(full.r)], 0)
    assert described(first.control(None, 5)) == {(full.r, -1)}
    fd = first.fileno()
    second.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    # The other object knows, and leaves the number to whoever gets it next.
    assert first.closed is True
    with raises(ValueError, CLOSED):
        first.control(None, 5, 0)
    assert os.dup2(full.w, fd) == fd
    first.close()
    os.close(fd)


def test_fromfd_of_a_duplicate(polymux: ModuleType, full: Pipe) -> None:
    first = polymux.kqueue()
    second = polymux.kqueue.fromfd(os.dup(first.fileno()))
    second.control([polymux.kevent(full.r)], 0)
    first.close()
    assert described(second.control(None, 5)) == {(full.r, -1)}
    second.close()


def test_fromfd_minus_one_is_new(polymux: ModuleType, full: Pipe) -> None:
    with contextlib.closing(polymux.kqueue.fromfd(-1)) as kq:
        assert described(kq.control([polymux.kevent(full.r)], 5)) == {(full.r, -1)}
        assert os.get_inheritable(kq.fileno()) is False


def test_out_of_descriptors(polymux: ModuleType) -> None:
    with no_descriptor_left():
        for make in (polymux.kqueue, lambda: polymux.kqueue.fromfd(-1)):
            with pytest.raises(OSError, match="Too many open files") as raised:
                make()
            assert raised.value.errno == errno.EMFILE


# Threads.


def test_concurrent_waits(kq: Any, polymux: ModuleType, pipe: Pipe) -> None:
    kq.control([polymux.kevent(pipe.r)], 0)
    waiting = [Background(lambda: kq.control(None, 1, LIMIT)) for _ in range(4)]
    for thread in waiting:
        wait_until_waiting(thread)
    assert kq.control(None, 1, 0) == []
    os.write(pipe.w, b"x")
    for thread in waiting:
        assert described(thread.result()) == {(pipe.r, -1)}


def test_an_event_goes_to_one_thread(kq: Any, polymux: ModuleType) -> None:
    user, trigger = polymux.KQ_FILTER_USER, polymux.KQ_NOTE_TRIGGER
    once = polymux.KQ_EV_ADD | polymux.KQ_EV_ONESHOT
    kq.control([polymux.kevent(i, user, once) for i in range(4)], 0)
    waiting = [Background(lambda: kq.control(None, 1, LIMIT)) for _ in range(4)]
    for thread in waiting:
        wait_until_waiting(thread)
    kq.control([polymux.kevent(i, user, 0, trigger) for i in range(4)], 0)
    answers: list[Any] = [thread.result() for thread in waiting]
    assert sorted(one.ident for (one,) in answers) == [0, 1, 2, 3]


def test_changes_during_a_wait_count_at_once(
    kq: Any, polymux: ModuleType, full: Pipe
) -> None:
    waiting = Background(lambda: kq.control(None, 1, LIMIT))
    wait_until_waiting(waiting)
    kq.control([polymux.kevent(full.r)], 0)
    assert described(waiting.result()) == {(full.r, -1)}


def test_close_wakes_who_waits(polymux: ModuleType, pipe: Pipe) -> None:
    kq = polymux.kqueue()
    kq.control([polymux.kevent(pipe.r)], 0)
    waiting = [Background(lambda: kq.control(None, 1, None)) for _ in range(3)]
    for thread in waiting:
        wait_until_waiting(thread)
    assert kq.close() is None
    assert kq.closed is True
    for thread in waiting:
        with pytest.raises(OSError, match="Bad file descriptor") as raised:
            thread.result()
        assert raised.value.errno == errno.EBADF
    with raises(ValueError, CLOSED):
        kq.control(None, 1, 0)


def test_many_threads_close(polymux: ModuleType) -> None:
    """Whoever comes late is told so."""

    def use(kq: Any) -> str:
        trigger = polymux.kevent(1, polymux.KQ_FILTER_USER, polymux.KQ_EV_ADD, 1 << 24)
        while True:
            try:
                kq.control([trigger], 4, 0.001)
                kq.fileno()
            except ValueError as error:
                return str(error)
            except OSError as error:
                if error.errno != errno.EBADF:
                    raise

    for _ in range(20):
        kq = polymux.kqueue()
        threads = [Background(functools.partial(use, kq)) for _ in range(3)]
        closing = [Background(kq.close) for _ in range(2)]
        assert [thread.result() for thread in closing] == [None] * 2
        assert [thread.result() for thread in threads] == [CLOSED] * 3


def test_object_lives_as_long_as_its_wait(polymux: ModuleType, pipe: Pipe) -> None:
    kq = polymux.kqueue()
    kq.control([polymux.kevent(pipe.r)], 0)
    waiting = Background(functools.partial(kq.control, None, 1, LIMIT))
    wait_until_waiting(waiting)
    del kq
    os.write(pipe.w, b"x")
    assert described(waiting.result()) == {(pipe.r, -1)}


# Forks.


def test_fork_closes(kq: Any, polymux: ModuleType, full: Pipe) -> None:
    kq.control([polymux.kevent(full.r)], 0)
    fd = kq.fileno()

    def child() -> None:
        assert kq.closed is True
        for call in (kq.fileno, lambda: kq.control(None, 1, 0)):
            with raises(ValueError, CLOSED):
                call()
        taken = os.dup2(full.w, fd)
        assert kq.close() is None
        kq.__init__()
        os.fstat(taken)  # the number belongs to others now
        with contextlib.closing(polymux.kqueue()) as own:
            assert described(own.control([polymux.kevent(full.r)], 5)) == {(full.r, -1)}

    in_child(child)
    assert kq.closed is False
    assert described(kq.control(None, 5)) == {(full.r, -1)}


def test_fork_during_a_wait(kq: Any, polymux: ModuleType, pipe: Pipe) -> None:
    """The child knows nothing of the parent's waiting thread."""
    kq.control([polymux.kevent(pipe.r)], 0)
    waiting = Background(lambda: kq.control(None, 1, LIMIT))
    wait_until_waiting(waiting)

    def child() -> None:
        assert kq.closed is True
        assert kq.close() is None
        kq.__init__()

    try:
        in_child(child)
    finally:
        os.write(pipe.w, b"x")
        assert described(waiting.result()) == {(pipe.r, -1)}


def test_dying_in_the_child(polymux: ModuleType, full: Pipe) -> None:
    queues = [polymux.kqueue() for _ in range(10)]
    for kq in queues:
        kq.control([polymux.kevent(full.r)], 0)
    del kq
    in_child(queues.clear)
    assert all(len(kq.control(None, 1)) == 1 for kq in queues)
