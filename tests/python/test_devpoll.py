"""select.devpoll() objects, which the standard module has on Solaris alone:
what its documentation and its source say, and select.poll for the events.
"""

from __future__ import annotations

import contextlib
import errno
import inspect
import os
import resource
import select
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from types import BuiltinFunctionType
from typing import Any

import polymux
import pytest
from conftest import Pipe
from support import (
    Background,
    Calling,
    File,
    duplicate_high,
    in_child,
    interrupted,
    raising,
    soft_limit,
    wait_until_waiting,
    waits_at_least,
)

BEFORE_3_15 = sys.version_info < (3, 15)
make: Callable[[], Any] = polymux.devpoll

CLOSED = r"^I/O operation on closed devpoll object$"


# The function, the type, the life of an object.


def test_function() -> None:
    function: Any = polymux.devpoll
    assert function.__module__ == "select"
    assert function.__name__ == function.__qualname__ == "devpoll"
    assert function.__text_signature__ == "($module, /)"
    assert type(function) is BuiltinFunctionType
    assert type("Holder", (), {"call": function})().call is function
    for arguments, said in (([1], r"\(1 given\)"), ([1, 2], r"\(2 given\)")):
        with pytest.raises(
            TypeError, match=rf"^select\.devpoll\(\) takes no arguments {said}$"
        ):
            function(*arguments)


def test_type(devpoll: Any) -> None:
    cls = type(devpoll)
    assert cls.__module__ == "select"
    assert cls.__name__ == cls.__qualname__ == "devpoll"
    assert repr(devpoll).startswith("<select.devpoll object at 0x")
    assert cls.__doc__ is None
    public = {name for name in dir(cls) if not name.startswith("__")}
    assert public == {
        *("register", "modify", "unregister", "poll", "close", "fileno", "closed")
    }
    for wrong in (cls, lambda: cls(1)):
        with pytest.raises(
            TypeError, match=r"^cannot create 'select\.devpoll' instances$"
        ):
            wrong()
    with pytest.raises(TypeError, match="is not an acceptable base type"):
        type("Sub", (cls,), {})


def test_text_signatures(devpoll: Any) -> None:
    mask = "select.POLLIN | select.POLLPRI | select.POLLOUT"
    signatures = {
        "register": f"($self, fd,\n         eventmask={mask}, /)",
        "modify": f"($self, fd,\n       eventmask={mask}, /)",
        "unregister": "($self, fd, /)",
        "poll": "($self, timeout=None, /)",
        "close": "($self, /)",
        "fileno": "($self, /)",
    }
    for name, signature in signatures.items():
        method = getattr(type(devpoll), name)
        assert method.__text_signature__ == signature
        assert len(method.__doc__) > 20
    assert inspect.isgetsetdescriptor(type(devpoll).closed)


def test_descriptor(devpoll: Any) -> None:
    fd = devpoll.fileno()
    assert type(fd) is int
    assert not os.get_inheritable(fd)


def test_close() -> None:
    devpoll = make()
    fd = devpoll.fileno()
    assert devpoll.closed is False
    assert devpoll.close() is None
    assert devpoll.closed is True
    assert devpoll.close() is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    with pytest.raises(AttributeError):
        devpoll.closed = False
    for call in (
        devpoll.fileno,
        devpoll.poll,
        lambda: devpoll.poll("soon"),
        lambda: devpoll.register(0),
        lambda: devpoll.modify(0, 1),
        lambda: devpoll.unregister(0),
    ):
        with pytest.raises(ValueError, match=CLOSED):
            call()


def test_arguments_are_converted_before_closed_is_checked() -> None:
    devpoll = make()
    devpoll.close()
    for call in (devpoll.register, devpoll.modify, devpoll.unregister):
        with pytest.raises(TypeError, match="argument must be an int, or have"):
            call(None)
    with pytest.raises(TypeError, match="integer"):
        devpoll.register(0, None)


def test_is_no_context_manager(devpoll: Any) -> None:
    assert not hasattr(devpoll, "__enter__")
    assert not hasattr(type(devpoll), "fromfd")


def test_dropping_closes(pipe: Pipe) -> None:
    devpoll = make()
    devpoll.register(pipe.r)
    devpoll.register(999)
    del devpoll  # the fixture sees what stays open


@pytest.mark.skipif(not BEFORE_3_15, reason="an error since 3.15")
def test_close_of_a_closed_descriptor() -> None:
    devpoll = make()
    os.close(devpoll.fileno())
    assert devpoll.close() is None


# Registering.


def test_events(devpoll: Any, pipe: Pipe, full: Pipe) -> None:
    for fd in (pipe.r, pipe.w, full.r, full.w):
        assert devpoll.register(fd) is None
    answer = [(pipe.w, select.POLLOUT), (full.r, select.POLLIN)]
    assert sorted(devpoll.poll()) == sorted(answer)
    assert [type(one) for one in (devpoll.poll(), *devpoll.poll()[0])] == [
        *(list, int, int)
    ]


def test_registering_again_adds_events(devpoll: Any, full: Pipe) -> None:
    devpoll.register(full.r, select.POLLPRI)
    assert devpoll.poll(0) == []
    devpoll.register(File(full.r), select.POLLIN)
    assert devpoll.poll() == [(full.r, select.POLLIN)]
    devpoll.register(full.r, select.POLLRDNORM)
    assert devpoll.poll() == [(full.r, select.POLLIN | select.POLLRDNORM)]


def test_modify_replaces_events(devpoll: Any, pipe: Pipe) -> None:
    assert devpoll.modify(pipe.w) is None
    assert devpoll.poll() == [(pipe.w, select.POLLOUT)]
    devpoll.modify(pipe.w, select.POLLWRNORM)
    assert devpoll.poll() == [(pipe.w, select.POLLWRNORM)]
    devpoll.modify(File(pipe.w), select.POLLIN)
    assert devpoll.poll(0) == []


def test_unregister(devpoll: Any, pipe: Pipe, closed_fd: int) -> None:
    devpoll.register(pipe.w)
    assert devpoll.unregister(File(pipe.w)) is None
    assert devpoll.poll(0) == []
    for fd in (pipe.w, pipe.r, closed_fd, 10**6):
        assert devpoll.unregister(fd) is None


def test_closed_before_unregistered(devpoll: Any, pipe: Pipe) -> None:
    devpoll.register(pipe.w)
    fd = pipe.w
    pipe.close_writer()
    assert devpoll.poll(0) == []
    assert devpoll.unregister(fd) is None


def test_number_that_is_not_open(devpoll: Any, pipe: Pipe, closed_fd: int) -> None:
    devpoll.register(closed_fd, 0)
    assert devpoll.poll() == [(closed_fd, select.POLLNVAL)]
    devpoll.register(2**31 - 1)
    assert len(devpoll.poll()) == 2
    devpoll.unregister(2**31 - 1)
    devpoll.unregister(closed_fd)
    assert devpoll.poll(0) == []


def test_reused_number(devpoll: Any, pipe: Pipe, full: Pipe) -> None:
    """Neither file's events come, though a duplicate keeps the old one."""
    number = duplicate_high(full.r, 300)
    try:
        devpoll.register(number, select.POLLIN)
        assert devpoll.poll() == [(number, select.POLLIN)]
        os.dup2(pipe.w, number)
        assert devpoll.poll(0) == []
        devpoll.register(number, select.POLLOUT)
        assert devpoll.poll() == [(number, select.POLLOUT)]
    finally:
        os.close(number)


def test_regular_file(devpoll: Any) -> None:
    with tempfile.TemporaryFile() as file:
        devpoll.register(file)
        for _ in range(3):
            assert devpoll.poll() == [(file.fileno(), select.POLLIN | select.POLLOUT)]
        devpoll.unregister(file)
        assert devpoll.poll(0) == []


def test_hang_up_and_error(devpoll: Any, pipe: Pipe, full: Pipe) -> None:
    devpoll.register(pipe.r, 0)
    devpoll.register(full.w, 0)
    pipe.close_writer()
    full.close_reader()
    answer = [(pipe.r, select.POLLHUP), (full.w, select.POLLERR)]
    assert sorted(devpoll.poll()) == sorted(answer)


def test_urgent_data(devpoll: Any, tcp: tuple[socket.socket, socket.socket]) -> None:
    left, right = tcp
    devpoll.register(right, select.POLLPRI)
    left.send(b"!", socket.MSG_OOB)
    assert devpoll.poll() == [(right.fileno(), select.POLLPRI)]


def test_itself(devpoll: Any) -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        devpoll.register(devpoll)


def test_nested(devpoll: Any, pipe: Pipe) -> None:
    with contextlib.closing(make()) as outer:
        outer.register(devpoll, select.POLLIN)
        devpoll.register(pipe.r, select.POLLIN)
        assert outer.poll(0) == []
        os.write(pipe.w, b"x")
        assert outer.poll() == [(devpoll.fileno(), select.POLLIN)]


def test_limit_of_open_files_is_no_limit(devpoll: Any, pipe: Pipe) -> None:
    """The standard module's objects have a buffer as large as the limit is."""
    copies = [os.dup(pipe.w) for _ in range(200)]
    try:
        with soft_limit(resource.RLIMIT_NOFILE, 100):
            for fd in copies:
                devpoll.register(fd, select.POLLOUT)
            assert len(devpoll.poll()) == 200
    finally:
        for fd in copies:
            os.close(fd)


def test_thousands_of_descriptors(devpoll: Any, many: int, pipe: Pipe) -> None:
    copies = [os.dup(pipe.w) for _ in range(many - 200)]
    try:
        for fd in copies:
            devpoll.register(fd, select.POLLOUT)
        right = [(fd, select.POLLOUT) for fd in copies]
        assert sorted(devpoll.poll()) == right
        for fd in copies[::2]:
            devpoll.unregister(fd)
        for fd in copies[1::4]:
            devpoll.modify(fd, select.POLLIN)
        assert sorted(devpoll.poll()) == right[3::4]
    finally:
        for fd in copies:
            os.close(fd)


# Time.


@pytest.mark.parametrize("forever", [None, -1, -1.0, -0.5, -1e-300, 2**31 - 1])
def test_no_limit(devpoll: Any, pipe: Pipe, forever: float | None) -> None:
    devpoll.register(pipe.r)
    waiting = Background(lambda: devpoll.poll(forever))
    wait_until_waiting(waiting)
    os.write(pipe.w, b"x")
    assert waiting.result() == [(pipe.r, select.POLLIN)]


@pytest.mark.parametrize("ms", [0.3, 1, 2.5, 40])
def test_time_is_kept_to_the_nanosecond(devpoll: Any, ms: float) -> None:
    with waits_at_least(ms / 1000):
        assert devpoll.poll(ms) == []


def test_interrupted(devpoll: Any) -> None:
    calls: list[int] = []
    with (
        interrupted(lambda number, frame: calls.append(number), 0.01),
        waits_at_least(0.1),
    ):
        assert devpoll.poll(100) == []
    assert calls


def test_handler_raises(devpoll: Any, pipe: Pipe) -> None:
    devpoll.register(pipe.r)
    with (
        interrupted(raising(LookupError("rung"))),
        pytest.raises(LookupError, match="rung"),
    ):
        devpoll.poll()
    assert devpoll.poll(0) == []
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


# Threads, callbacks, fork.


def test_concurrent_polls(devpoll: Any, pipe: Pipe) -> None:
    devpoll.register(pipe.r)
    waiting = [Background(devpoll.poll) for _ in range(4)]
    for one in waiting:
        wait_until_waiting(one)
    assert devpoll.poll(0) == []
    os.write(pipe.w, b"x")
    assert [one.result() for one in waiting] == [[(pipe.r, select.POLLIN)]] * 4


def test_registering_wakes(devpoll: Any, pipe: Pipe) -> None:
    waiting = Background(devpoll.poll)
    wait_until_waiting(waiting)
    devpoll.register(pipe.w)
    assert waiting.result() == [(pipe.w, select.POLLOUT)]


def test_close_beside_a_poll(pipe: Pipe) -> None:
    devpoll = make()
    devpoll.register(pipe.r)
    waiting = Background(devpoll.poll)
    wait_until_waiting(waiting)
    devpoll.close()
    assert devpoll.closed
    with pytest.raises(ValueError, match=CLOSED):
        devpoll.poll(0)
    os.write(pipe.w, b"x")
    assert waiting.result() == [(pipe.r, select.POLLIN)]


def test_many_threads(devpoll: Any, pipe: Pipe) -> None:
    devpoll.register(pipe.w, select.POLLOUT)
    copies = [os.dup(pipe.r) for _ in range(4)]

    def look() -> None:
        for _ in range(300):
            assert (pipe.w, select.POLLOUT) in devpoll.poll()

    def change(fd: int) -> None:
        for _ in range(300):
            devpoll.register(fd, select.POLLIN)
            devpoll.modify(fd, select.POLLPRI)
            devpoll.unregister(fd)

    threads = [Background(look) for _ in range(3)]
    threads += [Background(partial(change, fd)) for fd in copies]
    for thread in threads:
        thread.result()
    assert devpoll.poll() == [(pipe.w, select.POLLOUT)]
    for fd in copies:
        os.close(fd)


def test_fileno_calls_back(pipe: Pipe) -> None:
    devpoll = make()
    devpoll.register(Calling(pipe.w, lambda: devpoll.register(pipe.w, 0)), 4)
    assert devpoll.poll() == [(pipe.w, 4)]
    with pytest.raises(ValueError, match=CLOSED):
        devpoll.modify(Calling(pipe.w, devpoll.close))


def test_timeout_calls_back(pipe: Pipe) -> None:
    class Zero:
        def __index__(self) -> int:
            devpoll.close()
            return 0

    devpoll = make()
    devpoll.register(pipe.w)
    fd = devpoll.fileno()
    assert devpoll.poll(Zero()) == [(pipe.w, select.POLLOUT)]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_fork(devpoll: Any, pipe: Pipe) -> None:
    """As on Solaris, what a parent registered is not for its children."""
    devpoll.register(pipe.w)

    def refused(call: Callable[[], object]) -> None:
        with pytest.raises(PermissionError) as raised:
            call()
        assert raised.value.errno == errno.EACCES

    def child() -> None:
        refused(lambda: devpoll.poll(0))
        refused(lambda: devpoll.register(pipe.r))
        refused(lambda: devpoll.modify(pipe.r))
        refused(lambda: devpoll.unregister(pipe.w))
        assert not devpoll.closed
        devpoll.close()
        assert devpoll.closed

    in_child(child)
    assert devpoll.poll() == [(pipe.w, select.POLLOUT)]
