"""select.epoll objects: made, closed, left, taken over from a descriptor."""

from __future__ import annotations

import errno
import os
import sys
from types import ModuleType

import pytest
from conftest import Pipe
from support import EPOLL_IS_CLOSED, no_descriptor_left


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
        with pytest.raises(ValueError, match=EPOLL_IS_CLOSED):
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
    with pytest.raises(ValueError, match=EPOLL_IS_CLOSED), epoll:
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
    with no_descriptor_left():
        for make in (mux.epoll, lambda: mux.epoll.fromfd(-1)):
            with pytest.raises(OSError, match="Too many open files") as raised:
                make()
            assert raised.value.errno == errno.EMFILE
