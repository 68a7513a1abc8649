"""select.epoll objects: the kernel's interest list behind a Python object."""

from __future__ import annotations

import errno
import os
import resource
import socket
import sys
import tempfile
from types import ModuleType

import pytest
from conftest import Pipe
from support import (
    Background,
    Calling,
    File,
    duplicate_high,
    in_child,
    raising,
    wait_until_waiting,
)

Pair = tuple[socket.socket, socket.socket]
VERBS = (("register", []), ("modify", [1]), ("unregister", []))
CLOSED = "^I/O operation on closed epoll object$"


def test_empty_list(mux: ModuleType) -> None:
    with mux.epoll() as epoll:
        assert epoll.poll(0) == []
        assert epoll.poll(0.001) == []
        assert epoll.poll(timeout=0, maxevents=1) == []


def test_events(mux: ModuleType, pipe: Pipe, full: Pipe) -> None:
    with mux.epoll() as epoll:
        for fd in (pipe.r, pipe.w, full.r, full.w):
            assert epoll.register(fd) is None
        assert epoll.poll() == [(pipe.w, mux.EPOLLOUT), (full.r, mux.EPOLLIN)]


def test_result_types(mux: ModuleType, pipe: Pipe) -> None:
    class Number(int):
        pass

    with mux.epoll() as epoll:
        epoll.register(Number(pipe.w), mux.EPOLLOUT)
        result = epoll.poll()
    assert [type(one) for one in (result, result[0], *result[0])] == [
        list,
        tuple,
        int,
        int,
    ]


def test_results_survive_the_next_poll(mux: ModuleType, pipe: Pipe) -> None:
    with mux.epoll() as epoll:
        epoll.register(pipe.w, mux.EPOLLOUT)
        first, second = epoll.poll(), epoll.poll()
        assert first is not second
        epoll.modify(pipe.w, mux.EPOLLWRNORM)
        assert epoll.poll() == [(pipe.w, mux.EPOLLWRNORM)]
        pipe.close_reader()
        assert epoll.poll() == [(pipe.w, mux.EPOLLWRNORM | mux.EPOLLERR)]
        assert first == second == [(pipe.w, mux.EPOLLOUT)]


def test_largest_mask_comes_back_positive(mux: ModuleType, pipe: Pipe) -> None:
    with mux.epoll() as epoll:
        epoll.register(pipe.w, -1 & ~mux.EPOLLEXCLUSIVE)
        assert epoll.poll() == [(pipe.w, mux.EPOLLOUT | mux.EPOLLWRNORM)]


def test_keywords(mux: ModuleType, pipe: Pipe) -> None:
    with mux.epoll(sizehint=5, flags=mux.EPOLL_CLOEXEC) as epoll:
        epoll.register(eventmask=mux.EPOLLIN, fd=File(pipe.w))
        epoll.modify(eventmask=mux.EPOLLOUT, fd=pipe.w)
        assert epoll.poll(maxevents=1, timeout=None) == [(pipe.w, mux.EPOLLOUT)]
        epoll.unregister(fd=File(pipe.w))
        assert epoll.poll(0) == []


def test_mask_is_taken_modulo_2_to_the_32(mux: ModuleType, pipe: Pipe) -> None:
    with mux.epoll() as epoll:
        epoll.register(pipe.w, 2**64 + mux.EPOLLOUT)
        assert epoll.poll() == [(pipe.w, mux.EPOLLOUT)]
        epoll.modify(pipe.w, -(2**70))
        assert epoll.poll(0) == []


def test_maxevents(mux: ModuleType, pipe: Pipe) -> None:
    copies = [os.dup(pipe.w) for _ in range(5)]
    try:
        with mux.epoll() as epoll:
            for fd in copies:
                epoll.register(fd, mux.EPOLLOUT)
            # The kernel moves what it has reported to the end of its list.
            assert [fd for fd, _ in epoll.poll(maxevents=2)] == copies[:2]
            assert [fd for fd, _ in epoll.poll(maxevents=2)] == copies[2:4]
            assert len(epoll.poll(maxevents=1000)) == 5
    finally:
        for fd in copies:
            os.close(fd)


def test_default_maxevents(mux: ModuleType, many: int, pipe: Pipe) -> None:
    copies = [os.dup(pipe.w) for _ in range(2000)]
    try:
        with mux.epoll() as epoll:
            for fd in copies:
                epoll.register(fd, mux.EPOLLOUT)
            assert len(epoll.poll()) == 1023
            assert len(epoll.poll(-1, -1)) == 1023
            assert len(epoll.poll(0, 5000)) == 2000
    finally:
        for fd in copies:
            os.close(fd)


def test_edge_triggered(mux: ModuleType, pipe: Pipe) -> None:
    with mux.epoll() as epoll:
        epoll.register(pipe.r, mux.EPOLLIN | mux.EPOLLET)
        os.write(pipe.w, b"x")
        assert epoll.poll() == [(pipe.r, mux.EPOLLIN)]
        assert epoll.poll(0) == []
        os.write(pipe.w, b"x")
        assert epoll.poll() == [(pipe.r, mux.EPOLLIN)]


def test_one_shot(mux: ModuleType, pipe: Pipe) -> None:
    with mux.epoll() as epoll:
        epoll.register(pipe.w, mux.EPOLLOUT | mux.EPOLLONESHOT)
        assert epoll.poll() == [(pipe.w, mux.EPOLLOUT)]
        assert epoll.poll(0) == []
        epoll.modify(pipe.w, mux.EPOLLOUT | mux.EPOLLONESHOT)
        assert epoll.poll() == [(pipe.w, mux.EPOLLOUT)]


def test_socket_events(mux: ModuleType, tcp: Pair) -> None:
    left, right = tcp
    with mux.epoll() as epoll:
        epoll.register(right, mux.EPOLLPRI | mux.EPOLLRDHUP)
        left.send(b"!", socket.MSG_OOB)
        assert epoll.poll() == [(right.fileno(), mux.EPOLLPRI)]
        epoll.modify(right, mux.EPOLLRDHUP)
        left.close()
        assert epoll.poll() == [(right.fileno(), mux.EPOLLRDHUP)]


@pytest.mark.parametrize("verb", ["register", "modify", "unregister"])
def test_closed_descriptor(mux: ModuleType, verb: str) -> None:
    arguments = [1] if verb == "modify" else []
    with mux.epoll() as epoll:
        closed = os.dup(0)
        os.close(closed)
        with pytest.raises(OSError, match="Bad file descriptor") as raised:
            getattr(epoll, verb)(closed, *arguments)
    assert raised.value.args == (errno.EBADF, "Bad file descriptor")


def test_registration_errors(mux: ModuleType, pipe: Pipe) -> None:
    with mux.epoll() as epoll, mux.epoll() as other:
        epoll.register(pipe.r)
        with pytest.raises(FileExistsError):
            epoll.register(pipe.r)
        with pytest.raises(FileNotFoundError):
            epoll.modify(pipe.w, 1)
        with pytest.raises(FileNotFoundError):
            epoll.unregister(pipe.w)
        with pytest.raises(OSError, match="Invalid argument"):
            epoll.register(epoll)
        other.register(epoll)
        with pytest.raises(OSError, match="Too many levels of symbolic links"):
            epoll.register(other)
        with pytest.raises(OSError, match="Invalid argument"):
            epoll.register(pipe.w, mux.EPOLLEXCLUSIVE | mux.EPOLLONESHOT)
        with tempfile.TemporaryFile() as file, pytest.raises(PermissionError):
            epoll.register(file)


def test_nested(mux: ModuleType, full: Pipe) -> None:
    with mux.epoll() as inner, mux.epoll() as outer:
        outer.register(inner, mux.EPOLLIN)
        assert outer.poll(0) == []
        inner.register(full.r, mux.EPOLLIN)
        assert outer.poll() == [(inner.fileno(), mux.EPOLLIN)]


def test_closing_a_descriptor_removes_it(mux: ModuleType, pipe: Pipe) -> None:
    with mux.epoll() as epoll:
        epoll.register(pipe.w)
        pipe.close_writer()
        assert epoll.poll(0) == []


def test_duplicate_keeps_registration_alive(mux: ModuleType, pipe: Pipe) -> None:
    with mux.epoll() as epoll:
        fd = os.dup(pipe.w)
        epoll.register(fd, mux.EPOLLOUT)
        os.close(fd)
        assert epoll.poll() == [(fd, mux.EPOLLOUT)]
        with pytest.raises(OSError, match="Bad file descriptor"):
            epoll.unregister(fd)


def test_high_descriptor(mux: ModuleType, many: int, pipe: Pipe) -> None:
    high = duplicate_high(pipe.w, many - 1)
    try:
        with mux.epoll() as epoll:
            epoll.register(high, mux.EPOLLOUT)
            assert epoll.poll() == [(high, mux.EPOLLOUT)]
    finally:
        os.close(high)


# The life of the object.


def test_descriptor(mux: ModuleType) -> None:
    epoll = mux.epoll()
    fd = epoll.fileno()
    assert type(fd) is int
    assert os.get_inheritable(fd) is False
    assert os.readlink(f"/proc/self/fd/{fd}") == "anon_inode:[eventpoll]"
    assert epoll.close() is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_close(mux: ModuleType, pipe: Pipe) -> None:
    epoll = mux.epoll()
    assert epoll.closed is False
    assert epoll.close() is None
    assert epoll.closed is True
    assert epoll.close() is None
    for call in (
        epoll.fileno,
        epoll.poll,
        epoll.__enter__,
        lambda: epoll.register(pipe.r),
        lambda: epoll.modify(pipe.r, 1),
        lambda: epoll.unregister(pipe.r),
        lambda: epoll.poll("soon"),
        lambda: epoll.poll(0, 0),
    ):
        with pytest.raises(ValueError, match=CLOSED):
            call()
    assert epoll.__exit__(None, None, None) is None


def test_closed_is_read_only(mux: ModuleType) -> None:
    message = "attribute 'closed' of 'select.epoll' objects is not writable"
    with mux.epoll() as epoll:
        with pytest.raises(AttributeError, match=message):
            epoll.closed = True
        with pytest.raises(AttributeError, match=message):
            del epoll.closed


def test_closing_behind_its_back(mux: ModuleType, pipe: Pipe) -> None:
    epoll = mux.epoll()
    os.close(epoll.fileno())
    assert epoll.closed is False
    for call in (epoll.poll, lambda: epoll.poll(0), lambda: epoll.register(pipe.r)):
        with pytest.raises(OSError, match="Bad file descriptor"):
            call()


def test_closing_what_is_closed(mux: ModuleType) -> None:
    epoll = mux.epoll()
    os.close(epoll.fileno())
    if sys.version_info >= (3, 15):
        with pytest.raises(OSError, match="Bad file descriptor"):
            epoll.close()
    else:
        assert epoll.close() is None
    assert epoll.closed is True
    assert epoll.close() is None


def test_context_manager(mux: ModuleType) -> None:
    with mux.epoll() as epoll:
        fd = epoll.fileno()
        assert not epoll.closed
    assert epoll.closed
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    with pytest.raises(ValueError, match=CLOSED), epoll:
        pass


def test_context_manager_passes_exceptions_on(mux: ModuleType) -> None:
    epoll = mux.epoll()
    with pytest.raises(LookupError, match="inside"), epoll:
        raise LookupError("inside")
    assert epoll.closed


def test_exit_takes_no_to_three_arguments(mux: ModuleType) -> None:
    for count in range(4):
        epoll = mux.epoll()
        assert epoll.__exit__(*[None] * count) is None
        assert epoll.closed
    with pytest.raises(TypeError, match="at most 3 arguments, got 4"):
        epoll.__exit__(1, 2, 3, 4)


def test_deallocation_closes(mux: ModuleType) -> None:
    epoll = mux.epoll()
    fd = epoll.fileno()
    del epoll
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_calling_the_initializer_again(mux: ModuleType, full: Pipe) -> None:
    with mux.epoll() as epoll:
        epoll.register(full.r, mux.EPOLLIN)
        fd = epoll.fileno()
        assert epoll.__init__() is None
        assert epoll.fileno() == fd
        assert epoll.poll() == [(full.r, mux.EPOLLIN)]


def test_fromfd_owns_the_descriptor(mux: ModuleType, full: Pipe) -> None:
    with mux.epoll() as first:
        first.register(full.r, mux.EPOLLIN)
        second = mux.epoll.fromfd(os.dup(first.fileno()))
        assert type(second) is mux.epoll
        assert second.poll() == [(full.r, mux.EPOLLIN)]
        second.unregister(full.r)
        assert first.poll(0) == []
        fd = second.fileno()
        second.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


def test_fromfd_verifies_nothing(mux: ModuleType, pipe: Pipe, closed_fd: int) -> None:
    with mux.epoll.fromfd(os.dup(pipe.r)) as epoll:
        with pytest.raises(OSError, match="Invalid argument"):
            epoll.poll(0)
        with pytest.raises(OSError, match="Invalid argument"):
            epoll.register(pipe.w)
    stale = mux.epoll.fromfd(closed_fd)
    assert stale.fileno() == closed_fd
    with pytest.raises(OSError, match="Bad file descriptor"):
        stale.poll(0)


def test_fromfd_minus_one_is_new(mux: ModuleType, pipe: Pipe) -> None:
    with mux.epoll.fromfd(-1) as epoll:
        epoll.register(pipe.w, mux.EPOLLOUT)
        assert epoll.poll() == [(pipe.w, mux.EPOLLOUT)]
        assert os.get_inheritable(epoll.fileno()) is False


def test_out_of_descriptors(mux: ModuleType) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        for make in (mux.epoll, lambda: mux.epoll.fromfd(-1)):
            with pytest.raises(OSError, match="Too many open files") as raised:
                make()
            assert raised.value.errno == errno.EMFILE
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# Calls back into the object.


def test_fileno_uses_the_same_object(mux: ModuleType, pipe: Pipe) -> None:
    with mux.epoll() as epoll:
        seen = []
        epoll.register(Calling(pipe.r, lambda: epoll.register(pipe.w, 4)), 1)
        epoll.modify(Calling(pipe.r, lambda: seen.append(epoll.poll())), 1)
        assert seen == [[(pipe.w, mux.EPOLLOUT)]]


def test_fileno_closes_the_object(mux: ModuleType, pipe: Pipe) -> None:
    for verb, arguments in VERBS:
        epoll = mux.epoll()
        # The descriptor is converted first, the object looked at afterwards.
        with pytest.raises((ValueError, OSError)):
            getattr(epoll, verb)(Calling(pipe.r, epoll.close), *arguments)
        assert epoll.closed


def test_mask_closes_the_object(mux: ModuleType, pipe: Pipe) -> None:
    class Mask:
        def __index__(self) -> int:
            epoll.close()
            return 1

    epoll = mux.epoll()
    with pytest.raises(ValueError, match=CLOSED):
        epoll.register(pipe.r, Mask())


def test_fileno_raises(mux: ModuleType, pipe: Pipe) -> None:
    lost = Calling(pipe.w, raising(LookupError("lost")))
    with mux.epoll() as epoll:
        for call in (
            epoll.register,
            epoll.unregister,
            lambda one: epoll.modify(one, 1),
        ):
            with pytest.raises(LookupError, match="lost"):
                call(lost)


def test_timeout_calls_back(mux: ModuleType, pipe: Pipe) -> None:
    class Zero:
        def __index__(self) -> int:
            seen.append(epoll.poll(0))
            epoll.register(pipe.w, mux.EPOLLOUT)
            return 0

    seen: list[object] = []
    with mux.epoll() as epoll:
        assert epoll.poll(Zero()) == [(pipe.w, mux.EPOLLOUT)]
    assert seen == [[]]


# Threads and processes.


def test_concurrent_polls(mux: ModuleType, pipe: Pipe) -> None:
    with mux.epoll() as epoll:
        epoll.register(pipe.r, mux.EPOLLIN)
        waiting = [Background(epoll.poll) for _ in range(4)]
        for thread in waiting:
            wait_until_waiting(thread)
        assert epoll.poll(0) == []
        os.write(pipe.w, b"x")
        for thread in waiting:
            assert thread.result() == [(pipe.r, mux.EPOLLIN)]


def test_changes_during_poll_count_at_once(mux: ModuleType, pipe: Pipe) -> None:
    with mux.epoll() as epoll:
        waiting = Background(epoll.poll)
        wait_until_waiting(waiting)
        epoll.register(pipe.r, mux.EPOLLIN)
        epoll.modify(pipe.r, mux.EPOLLIN | mux.EPOLLPRI)
        os.write(pipe.w, b"x")
        assert waiting.result() == [(pipe.r, mux.EPOLLIN)]


def test_unregister_during_poll(mux: ModuleType, pipe: Pipe, full: Pipe) -> None:
    with mux.epoll() as epoll:
        epoll.register(pipe.r, mux.EPOLLIN)
        waiting = Background(epoll.poll)
        wait_until_waiting(waiting)
        epoll.unregister(pipe.r)
        os.write(pipe.w, b"x")
        epoll.register(full.r, mux.EPOLLIN)
        assert waiting.result() == [(full.r, mux.EPOLLIN)]


def test_close_during_poll(mux: ModuleType, pipe: Pipe) -> None:
    epoll = mux.epoll()
    epoll.register(pipe.r, mux.EPOLLIN)
    waiting = Background(epoll.poll)
    wait_until_waiting(waiting)
    assert epoll.close() is None
    assert epoll.closed is True
    with pytest.raises(ValueError, match=CLOSED):
        epoll.fileno()
    assert epoll.close() is None
    os.write(pipe.w, b"x")
    assert waiting.result() == [(pipe.r, mux.EPOLLIN)]


def test_number_is_not_reused_during_poll(polymux: ModuleType, pipe: Pipe) -> None:
    """The descriptor is closed with the last call under way, not before."""
    epoll = polymux.epoll()
    fd = epoll.fileno()
    epoll.register(pipe.r, polymux.EPOLLIN)
    waiting = Background(epoll.poll)
    wait_until_waiting(waiting)
    epoll.close()
    assert os.readlink(f"/proc/self/fd/{fd}") == "anon_inode:[eventpoll]"
    os.write(pipe.w, b"x")
    waiting.result()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_object_lives_as_long_as_its_poll(mux: ModuleType, pipe: Pipe) -> None:
    epoll = mux.epoll()
    epoll.register(pipe.r, mux.EPOLLIN)
    waiting = Background(epoll.poll)
    del epoll
    wait_until_waiting(waiting)
    os.write(pipe.w, b"x")
    assert waiting.result() == [(pipe.r, mux.EPOLLIN)]


def test_fork_shares_the_interest_list(mux: ModuleType, pipe: Pipe) -> None:
    with mux.epoll() as epoll:
        epoll.register(pipe.w, mux.EPOLLOUT)

        def child() -> None:
            assert epoll.closed is False
            assert epoll.poll() == [(pipe.w, mux.EPOLLOUT)]
            epoll.unregister(pipe.w)
            epoll.close()
            assert epoll.closed is True

        in_child(child)
        assert epoll.closed is False
        assert epoll.poll(0) == []
        epoll.register(pipe.w)


def test_fork_during_poll(mux: ModuleType, pipe: Pipe) -> None:
    """In the child nobody is inside poll(): close() closes at once."""
    epoll = mux.epoll()
    epoll.register(pipe.r, mux.EPOLLIN)
    waiting = Background(epoll.poll)
    wait_until_waiting(waiting)

    def child() -> None:
        fd = epoll.fileno()
        epoll.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)

    try:
        in_child(child)
    finally:
        os.write(pipe.w, b"x")
        assert waiting.result() == [(pipe.r, mux.EPOLLIN)]
        epoll.close()
