"""What the tour waits on: real descriptors, whose bytes are read and compared.

A stop takes a waiter, does all its waiting through it, and returns a few words
on what came back. What is not as it must be is an exception.
"""

import os
import resource
import socket
import subprocess
import tty
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import NamedTuple

from polymux._tour_waiters import Waiter

LIMIT = 10.0
"""Seconds after which a wait has failed."""

MILESTONES = (1, 10, 100, 1_000, 3_000)
SPARE_DESCRIPTORS = 8


class WrongAnswer(Exception):
    """An interface did not report what is known to be there."""


def _listed(fds: set[int]) -> str:
    return ", ".join(map(str, sorted(fds)[:4])) + (", ..." if len(fds) > 4 else "")


def _await(waiter: Waiter, expected: set[int]) -> None:
    """Waits, once; the answer must be exactly the expected descriptors."""
    answer = waiter.wait(LIMIT)
    found = set(answer)
    if len(answer) != len(found):
        raise WrongAnswer("a descriptor is reported twice")
    if not found:
        raise WrongAnswer(f"nothing within {LIMIT:g} s")
    if found != expected:
        wrong = expected ^ found
        raise WrongAnswer(f"{len(wrong)} of {len(expected)} wrong: {_listed(wrong)}")


def _compare(read: bytes, expected: bytes) -> None:
    if read != expected:
        raise WrongAnswer(f"read {read!r}, not {expected!r}")


def _await_bytes(waiter: Waiter, fd: int, size: int) -> bytes:
    """Exactly size bytes of fd, waiting before each read; fewer at the end."""
    read = b""
    while len(read) < size:
        _await(waiter, {fd})
        piece = os.read(fd, size - len(read))
        if not piece:
            break
        read += piece
    return read


def _close_all(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)


@contextmanager
def _descriptors(*fds: int) -> Iterator[None]:
    try:
        yield
    finally:
        _close_all(list(fds))


def tcp_echo(waiter: Waiter) -> str:
    """A connection, bytes to the server, and the same bytes back."""
    message = b"round trip"
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        waiter.register(server.fileno())
        address = server.getsockname()
        client = stack.enter_context(socket.create_connection(address, LIMIT))
        _await(waiter, {server.fileno()})
        peer = stack.enter_context(server.accept()[0])
        waiter.register(peer.fileno())
        waiter.register(client.fileno())
        client.sendall(message)
        peer.sendall(_await_bytes(waiter, peer.fileno(), len(message)))
        _compare(_await_bytes(waiter, client.fileno(), len(message)), message)
    return f"{len(message)} bytes there and back"


def child_pipe(waiter: Waiter) -> str:
    """What a child process writes, and the end of the pipe when it is gone."""
    message = b"hello from the child\n"
    command = ["/bin/sh", "-c", "printf 'hello from the child\\n'"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout
        fd = child.stdout.fileno()
        waiter.register(fd)
        _compare(_await_bytes(waiter, fd, len(message)), message)
        _compare(_await_bytes(waiter, fd, 1), b"")
        status = child.wait(LIMIT)
    if status != 0:
        raise WrongAnswer(f"the child's exit status is {status}")
    return f"{len(message)} bytes, then the end of file"


def pseudo_terminal(waiter: Waiter) -> str:
    """A byte string through a pty in either direction."""
    typed, printed = b"typed", b"printed"
    controller, terminal = os.openpty()
    with _descriptors(controller, terminal):
        tty.setraw(terminal)
        waiter.register(controller)
        waiter.register(terminal)
        os.write(controller, typed)
        _compare(_await_bytes(waiter, terminal, len(typed)), typed)
        os.write(terminal, printed)
        _compare(_await_bytes(waiter, controller, len(printed)), printed)
    return f"{len(typed)} bytes in, {len(printed)} bytes out"


@contextmanager
def _descriptor_limit(wanted: int) -> Iterator[int]:
    """How many more descriptors can be opened, up to wanted, within the block.

    Raises the soft limit as far as the hard one allows, and puts it back.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = len(os.listdir("/dev/fd")) + SPARE_DESCRIPTORS
    unlimited = resource.RLIM_INFINITY
    raised = taken + wanted if hard == unlimited else min(taken + wanted, hard)
    if soft != unlimited and soft < raised:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    try:
        now, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        yield wanted if now == unlimited else min(wanted, now - taken)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class _GrowingSet:
    """Duplicates of one idle pipe, and at each milestone a pipe of its own."""

    def __init__(self, waiter: Waiter, stack: ExitStack) -> None:
        self._waiter = waiter
        self._opened: list[int] = []
        stack.callback(lambda: _close_all(self._opened))
        self._source, self._sink = self._pipe()
        self.highest = 0
        self._idle: set[int] = set()
        self._count = 0

    def _pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self._opened += ends
        return ends

    def _watch(self, fd: int) -> None:
        self._waiter.register(fd)
        self._count += 1
        self.highest = max(self.highest, fd)

    def grow(self, size: int) -> None:
        """Up to size descriptors; the newest, and it alone, gets something."""
        while self._count < size - 1:
            fd = os.dup(self._source)
            self._opened.append(fd)
            self._idle.add(fd)
            self._watch(fd)
        newest, sink = self._pipe()
        self._watch(newest)
        os.write(sink, b"new")
        _compare(_await_bytes(self._waiter, newest, 3), b"new")

    def wake_idle(self) -> int:
        """One byte makes all duplicates readable; returns how many they are."""
        os.write(self._sink, b"!")
        _await(self._waiter, self._idle)
        _compare(os.read(self._source, 1), b"!")
        return len(self._idle)


def growing_set(waiter: Waiter) -> str:
    """One readable descriptor among more and more, then nearly all at once."""
    asked = MILESTONES[-1]
    extra = 2 * len(MILESTONES) + 2
    with _descriptor_limit(asked + extra) as room, ExitStack() as stack:
        size = min(asked, room - extra)
        growing = _GrowingSet(waiter, stack)
        for milestone in (*(m for m in MILESTONES if m < size), size):
            growing.grow(milestone)
        woken = growing.wake_idle()
        # The set is not to outlive its descriptors: their numbers are used again.
        waiter.close()
    shortage = "" if size == asked else f"; only {size:,}, for RLIMIT_NOFILE"
    return f"the newest, then {woken:,}, up to fd {growing.highest:,}{shortage}"


class Stop(NamedTuple):
    """Something to wait for, in a few words, and how."""

    title: str
    visit: Callable[[Waiter], str]


STOPS = (
    Stop("a TCP echo on loopback", tcp_echo),
    Stop("a pipe from a child process", child_pipe),
    Stop("a pseudo-terminal, both ways", pseudo_terminal),
    Stop(f"1 to {MILESTONES[-1]:,} descriptors", growing_set),
)


def visit(stop: Stop, kind: type[Waiter]) -> str:
    """Does one stop with a fresh waiter."""
    with closing(kind()) as waiter:
        return stop.visit(waiter)
