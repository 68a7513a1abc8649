"""What the tour waits on: real descriptors, whose bytes are read and compared.

A stop takes a waiter, does all its waiting through it, and returns a few words
on what came back. What is not as it must be is an exception.
"""

import errno
import os
import resource
import socket
import subprocess
import tty
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any, NamedTuple

from polymux._tour_waiters import Waiter

LIMIT = 10.0
"""Seconds after which a wait has failed."""

MILESTONES = (1, 10, 100, 1_000, 3_000)
ROOM = 4_096
"""Descriptor numbers that suffice for the largest set and what else is open."""


class WrongAnswer(Exception):
    """An interface did not report what is known to be there."""


class NotAllowed(Exception):
    """The system does not let this process set the stop up."""


def _listed(fds: set[int]) -> str:
    return ", ".join(map(str, sorted(fds)[:4])) + (", ..." if len(fds) > 4 else "")


def _await(waiter: Waiter, expected: set[int]) -> None:
    """Waits, once; the answer must be exactly the expected descriptors."""
    answer = waiter.wait(LIMIT)
    found = set(answer)
    if len(answer) != len(found):
        raise WrongAnswer("a descriptor is reported twice")
    if not found:
        raise WrongAnswer("the wait came back with nothing")
    if found != expected:
        wrong = expected ^ found
        raise WrongAnswer(f"{len(wrong)} of {len(expected)} wrong: {_listed(wrong)}")


def compare(read: bytes, expected: bytes) -> None:
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
def _descriptors(*fds: int) -> Iterator[list[int]]:
    """Closes at the end what is in the list then."""
    opened = list(fds)
    try:
        yield opened
    finally:
        _close_all(opened)


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
        compare(_await_bytes(waiter, client.fileno(), len(message)), message)
    return f"{len(message)} bytes there and back"


def child_pipe(waiter: Waiter) -> str:
    """What a child process writes, and the end of the pipe when it is gone."""
    message = b"hello from the child\n"
    command = ["/bin/sh", "-c", "printf 'hello from the child\\n'"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout
        fd = child.stdout.fileno()
        waiter.register(fd)
        compare(_await_bytes(waiter, fd, len(message)), message)
        compare(_await_bytes(waiter, fd, 1), b"")
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
        compare(_await_bytes(waiter, terminal, len(typed)), typed)
        os.write(terminal, printed)
        compare(_await_bytes(waiter, controller, len(printed)), printed)
    return f"{len(typed)} bytes in, {len(printed)} bytes out"


@contextmanager
def descriptors_allowed(count: int) -> Iterator[None]:
    """The soft limit raised to count as far as the hard one allows, and put back."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    raised = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < raised:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _duplicates(opened: list[int], fd: int, count: int, spare: int) -> list[int]:
    """Up to count duplicates of fd, so that spare more descriptors can be opened."""
    first = len(opened)
    try:
        while len(opened) < first + count + spare:
            opened.append(os.dup(fd))
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
    keep = max(first, len(opened) - spare)
    _close_all(opened[keep:])
    del opened[keep:]
    return opened[first:]


def _pipe(opened: list[int]) -> tuple[int, int]:
    ends = os.pipe()
    opened += ends
    return ends


def _await_newest(waiter: Waiter, opened: list[int]) -> None:
    """A new pipe joins the set; it alone has something to read."""
    source, sink = _pipe(opened)
    waiter.register(source)
    os.write(sink, b"new")
    compare(_await_bytes(waiter, source, 3), b"new")


def _grow(waiter: Waiter, opened: list[int], idle: list[int]) -> int:
    """Registers idle descriptors up to each milestone, the last place of which
    is a new pipe's; returns how many of the idle ones are in the set."""
    watched = 0
    sizes = (*(size for size in MILESTONES if size < len(idle)), len(idle))
    for pipes, size in enumerate(sizes, start=1):
        for fd in idle[watched : size - pipes]:
            waiter.register(fd)
        watched = size - pipes
        _await_newest(waiter, opened)
    return watched


def growing_set(waiter: Waiter) -> str:
    """One readable descriptor among more and more, then nearly all at once."""
    asked = MILESTONES[-1]
    with _descriptors() as opened:
        source, sink = _pipe(opened)
        idle = _duplicates(opened, source, asked, spare=2 * len(MILESTONES))
        if len(idle) < len(MILESTONES):
            raise WrongAnswer("RLIMIT_NOFILE leaves no room for a set")
        highest = max(opened)
        watched = _grow(waiter, opened, idle)
        os.write(sink, b"!")
        _await(waiter, set(idle[:watched]))
        compare(os.read(source, 1), b"!")
    shortage = "" if len(idle) == asked else f"only {len(idle):,} (RLIMIT_NOFILE): "
    return f"{shortage}the newest, then {watched:,}, up to fd {highest:,}"


class Stop(NamedTuple):
    """Something to wait for, in a few words, and how."""

    title: str
    visit: Callable[[Any], str]
    """Takes a Waiter; that of the one interface where no other can do it."""


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
