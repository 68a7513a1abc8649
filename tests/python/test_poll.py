"""select.poll() objects: the table, its order, and one poll() at a time."""

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
    soft_limit,
    wait_until_waiting,
)

Pair = tuple[socket.socket, socket.socket]


def test_empty_table(mux: ModuleType) -> None:
    assert mux.poll().poll(0) == []
    assert mux.poll().poll(1) == []


def test_events(mux: ModuleType, pipe: Pipe, full: Pipe) -> None:
    poll = mux.poll()
    for fd in (pipe.r, pipe.w, full.r, full.w):
        assert poll.register(fd) is None
    assert poll.poll() == [(pipe.w, mux.POLLOUT), (full.r, mux.POLLIN)]


def test_result_types(mux: ModuleType, pipe: Pipe) -> None:
    class Number(int):
        pass

    poll = mux.poll()
    poll.register(Number(pipe.w), mux.POLLOUT)
    result = poll.poll()
    assert [type(one) for one in (result, result[0], *result[0])] == [
        list,
        tuple,
        int,
        int,
    ]


def test_results_survive_the_next_poll(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    poll.register(pipe.w, mux.POLLOUT)
    first, second = poll.poll(), poll.poll()
    assert first is not second
    poll.modify(pipe.w, mux.POLLWRNORM)
    assert poll.poll() == [(pipe.w, mux.POLLWRNORM)]
    assert first == second == [(pipe.w, mux.POLLOUT)]
    pipe.close_reader()
    events = mux.POLLWRNORM | mux.POLLERR
    assert poll.poll() == [(pipe.w, events)]
    assert first == [(pipe.w, mux.POLLOUT)]


def test_order_is_that_of_registration(mux: ModuleType, pipe: Pipe) -> None:
    copies = [os.dup(pipe.w) for _ in range(9)]
    try:
        poll = mux.poll()
        order = [copies[i] for i in (4, 0, 8, 2, 6, 1, 7, 3, 5)]
        for fd in order:
            poll.register(fd, mux.POLLOUT)
        assert [fd for fd, _ in poll.poll()] == order
        poll.register(order[0], mux.POLLOUT | mux.POLLIN)
        poll.modify(order[1], mux.POLLOUT | mux.POLLIN)
        assert [fd for fd, _ in poll.poll()] == order
        poll.unregister(order[2])
        poll.register(order[2], mux.POLLOUT)
        order.append(order.pop(2))
        assert [fd for fd, _ in poll.poll()] == order
    finally:
        for fd in copies:
            os.close(fd)


def test_order_after_many_removals(mux: ModuleType, pipe: Pipe) -> None:
    copies = [os.dup(pipe.w) for _ in range(200)]
    try:
        poll = mux.poll()
        for fd in copies:
            poll.register(fd, mux.POLLOUT)
        left = [fd for i, fd in enumerate(copies) if i % 7 == 3]
        for fd in set(copies) - set(left):
            poll.unregister(fd)
        again = copies[0]
        poll.register(again, mux.POLLOUT)
        assert [fd for fd, _ in poll.poll()] == [*left, again]
    finally:
        for fd in copies:
            os.close(fd)


def test_registering_again_replaces_the_mask(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    poll.register(pipe.w, mux.POLLOUT)
    poll.register(pipe.w, mux.POLLIN)
    assert poll.poll(0) == []
    poll.register(File(pipe.w))
    assert poll.poll(0) == [(pipe.w, mux.POLLOUT)]


def test_modify(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    poll.register(pipe.w, 0)
    assert poll.poll(0) == []
    assert poll.modify(File(pipe.w), mux.POLLOUT) is None
    assert poll.poll(0) == [(pipe.w, mux.POLLOUT)]
    poll.modify(pipe.w, 0xFFFF)
    assert poll.poll(0) == [(pipe.w, mux.POLLOUT | mux.POLLWRNORM)]


def test_modify_unknown(mux: ModuleType, pipe: Pipe) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        mux.poll().modify(pipe.r, 1)
    assert raised.value.errno == errno.ENOENT
    assert raised.value.args == (2, "No such file or directory")


def test_unregister(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    poll.register(pipe.w)
    assert poll.unregister(File(pipe.w)) is None
    assert poll.poll(0) == []


def test_unregister_unknown(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    for one in (pipe.r, File(pipe.r)):
        with pytest.raises(KeyError) as raised:
            poll.unregister(one)
        assert raised.value.args == (pipe.r,)
    assert type(raised.value.args[0]) is int


def test_closed_descriptor(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    poll.register(pipe.w)
    fd = pipe.w
    pipe.close_writer()
    assert poll.poll() == [(fd, mux.POLLNVAL)]
    poll.unregister(fd)
    assert poll.poll(0) == []


@pytest.mark.parametrize("fd", [1000, 10**6, 2**31 - 1])
def test_never_opened_descriptor(mux: ModuleType, fd: int) -> None:
    poll = mux.poll()
    poll.register(fd, 0)
    assert poll.poll() == [(fd, mux.POLLNVAL)]


def test_reused_number(mux: ModuleType, pipe: Pipe, full: Pipe) -> None:
    poll = mux.poll()
    fd = os.dup(pipe.r)
    poll.register(fd, mux.POLLIN)
    assert poll.poll(0) == []
    os.dup2(full.r, fd)
    assert poll.poll(0) == [(fd, mux.POLLIN)]
    os.close(fd)
    assert poll.poll(0) == [(fd, mux.POLLNVAL)]


def test_hang_up_and_error(mux: ModuleType, pipe: Pipe, full: Pipe) -> None:
    poll = mux.poll()
    poll.register(pipe.r, 0)
    poll.register(full.w, 0)
    pipe.close_writer()
    full.close_reader()
    assert poll.poll() == [(pipe.r, mux.POLLHUP), (full.w, mux.POLLERR)]


def test_socket_events(mux: ModuleType, tcp: Pair) -> None:
    left, right = tcp
    poll = mux.poll()
    poll.register(right, mux.POLLPRI | mux.POLLRDHUP)
    left.send(b"!", socket.MSG_OOB)
    assert poll.poll() == [(right.fileno(), mux.POLLPRI)]
    left.close()
    poll.modify(right, mux.POLLRDHUP)
    assert poll.poll() == [(right.fileno(), mux.POLLRDHUP)]


def test_regular_file(mux: ModuleType) -> None:
    with tempfile.TemporaryFile() as file:
        poll = mux.poll()
        poll.register(file)
        assert poll.poll() == [(file.fileno(), mux.POLLIN | mux.POLLOUT)]


def test_high_descriptor(mux: ModuleType, many: int, pipe: Pipe) -> None:
    high = duplicate_high(pipe.w, many - 1)
    poll = mux.poll()
    poll.register(high, mux.POLLOUT)
    assert poll.poll() == [(high, mux.POLLOUT)]
    os.close(high)
    assert poll.poll() == [(high, mux.POLLNVAL)]


def test_thousands_of_descriptors(mux: ModuleType, many: int, pipe: Pipe) -> None:
    copies = [os.dup(pipe.w) for _ in range(many - 200)]
    try:
        poll = mux.poll()
        for fd in copies:
            poll.register(fd, mux.POLLOUT)
        assert poll.poll() == [(fd, mux.POLLOUT) for fd in copies]
        for fd in copies[::2]:
            poll.unregister(fd)
        for fd in copies[1::4]:
            poll.modify(fd, mux.POLLIN)
        assert poll.poll() == [(fd, mux.POLLOUT) for fd in copies[3::4]]
    finally:
        for fd in copies:
            os.close(fd)


def test_more_than_the_limit_of_open_files(mux: ModuleType) -> None:
    poll = mux.poll()
    for fd in range(200):
        poll.register(fd, 0)
    with (
        soft_limit(resource.RLIMIT_NOFILE, 150),
        pytest.raises(OSError, match="Invalid argument"),
    ):
        poll.poll(0)
    assert len(poll.poll(0)) > 100


def test_objects_are_independent(mux: ModuleType, pipe: Pipe) -> None:
    one, other = mux.poll(), mux.poll()
    assert one != other
    assert len({one, other}) == 2
    one.register(pipe.w)
    assert other.poll(0) == []


def test_objects_passed_are_not_kept(mux: ModuleType, pipe: Pipe) -> None:
    file = File(pipe.w)
    before = sys.getrefcount(file)
    poll = mux.poll()
    poll.register(file)
    poll.modify(file, 1)
    poll.poll(0)
    assert sys.getrefcount(file) == before


# Calls back into the object.


def test_fileno_polls_the_same_object(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    poll.register(pipe.w, mux.POLLOUT)
    seen = []
    poll.register(Calling(pipe.r, lambda: seen.append(poll.poll(0))), mux.POLLIN)
    assert seen == [[(pipe.w, mux.POLLOUT)]]
    poll.unregister(Calling(pipe.r, lambda: poll.unregister(pipe.w)))
    assert poll.poll(0) == []


def test_fileno_registers_the_same_descriptor(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    poll.register(Calling(pipe.w, lambda: poll.register(pipe.w, 0)), mux.POLLOUT)
    assert poll.poll(0) == [(pipe.w, mux.POLLOUT)]


def test_fileno_unregisters_before_modify(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    poll.register(pipe.w)
    with pytest.raises(FileNotFoundError):
        poll.modify(Calling(pipe.w, lambda: poll.unregister(pipe.w)), 0)


def test_fileno_closes_the_descriptor(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    fd = pipe.w
    poll.register(Calling(fd, pipe.close_writer))
    assert poll.poll(0) == [(fd, mux.POLLNVAL)]


def test_fileno_raises(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    lost = Calling(pipe.w, raising(LookupError("lost")))
    for call in (poll.register, poll.unregister, lambda file: poll.modify(file, 1)):
        with pytest.raises(LookupError, match="lost"):
            call(lost)
    assert poll.poll(0) == []


def test_timeout_calls_back(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()

    class Zero:
        def __index__(self) -> int:
            seen.append(poll.poll(0))
            poll.register(pipe.w, mux.POLLOUT)
            return 0

    seen: list[object] = []
    assert poll.poll(Zero()) == [(pipe.w, mux.POLLOUT)]
    assert seen == [[]]


# Threads.


def test_concurrent_poll(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    poll.register(pipe.r, mux.POLLIN)
    waiting = Background(poll.poll)
    wait_until_waiting(waiting)
    for timeout in (0, 0, None, 1000):
        with pytest.raises(RuntimeError, match=r"^concurrent poll\(\) invocation$"):
            poll.poll(timeout)
    with pytest.raises(TypeError, match="timeout must be"):
        poll.poll("soon")  # what is wrong with the timeout is told first
    os.write(pipe.w, b"x")
    assert waiting.result() == [(pipe.r, mux.POLLIN)]
    assert poll.poll() == [(pipe.r, mux.POLLIN)]


def test_changes_during_poll_are_for_the_next(
    mux: ModuleType, pipe: Pipe, full: Pipe
) -> None:
    poll = mux.poll()
    poll.register(pipe.r, mux.POLLIN)
    waiting = Background(poll.poll)
    wait_until_waiting(waiting)
    poll.register(full.r, mux.POLLIN)
    poll.modify(pipe.r, 0)
    poll.unregister(pipe.r)
    poll.register(pipe.w, mux.POLLOUT)
    os.write(pipe.w, b"x")
    assert waiting.result() == [(pipe.r, mux.POLLIN)]
    assert poll.poll() == [(full.r, mux.POLLIN), (pipe.w, mux.POLLOUT)]


def test_table_grows_during_poll(mux: ModuleType, pipe: Pipe) -> None:
    copies = [os.dup(pipe.w) for _ in range(500)]
    try:
        poll = mux.poll()
        poll.register(pipe.r, mux.POLLIN)
        waiting = Background(poll.poll)
        wait_until_waiting(waiting)
        for fd in copies:
            poll.register(fd, mux.POLLOUT)
        os.write(pipe.w, b"x")
        assert waiting.result() == [(pipe.r, mux.POLLIN)]
        assert len(poll.poll()) == 501
    finally:
        for fd in copies:
            os.close(fd)


def test_object_lives_as_long_as_its_poll(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    poll.register(pipe.r, mux.POLLIN)
    waiting = Background(poll.poll)
    del poll
    wait_until_waiting(waiting)
    os.write(pipe.w, b"x")
    assert waiting.result() == [(pipe.r, mux.POLLIN)]


def test_fork(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    poll.register(pipe.w, mux.POLLOUT)

    def child() -> None:
        assert poll.poll() == [(pipe.w, mux.POLLOUT)]
        poll.unregister(pipe.w)
        assert poll.poll(0) == []

    in_child(child)
    assert poll.poll() == [(pipe.w, mux.POLLOUT)]
