"""select.epoll: what is registered, and what comes back. The interest list is the
kernel's; the object over it is the subject of test_epoll_life.py.
"""

from __future__ import annotations

import errno
import os
import socket
import tempfile
from types import ModuleType

import pytest
from conftest import Pipe
from support import File, duplicate_high, out_of_range

Pair = tuple[socket.socket, socket.socket]


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
        with out_of_range():
            epoll.register(pipe.w, 2**64 + mux.EPOLLOUT)
        assert epoll.poll() == [(pipe.w, mux.EPOLLOUT)]
        with out_of_range():
            epoll.modify(pipe.w, -(2**70))
        assert epoll.poll(0) == []
        epoll.modify(pipe.w, mux.EPOLLOUT - 2**31)
        assert epoll.poll() == [(pipe.w, mux.EPOLLOUT)]


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
