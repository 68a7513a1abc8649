"""select.epoll objects in use while they are in use: by what a call calls back,
by other threads, by forked children.
"""

from __future__ import annotations

import os
from types import ModuleType

import pytest
from conftest import Pipe
from support import (
    EPOLL_IS_CLOSED,
    Background,
    Calling,
    in_child,
    raising,
    wait_until_waiting,
)

VERBS: tuple[tuple[str, list[int]], ...] = (
    ("register", []),
    ("modify", [1]),
    ("unregister", []),
)

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
    with pytest.raises(ValueError, match=EPOLL_IS_CLOSED):
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
    with pytest.raises(ValueError, match=EPOLL_IS_CLOSED):
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
