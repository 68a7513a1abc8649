"""Random histories, on the standard module and on polymux side by side: the
answers must be equal at every step.

Descriptors are slots, numbers that stay the same while what is behind them is
opened, closed and replaced. The two objects under test always see the same
descriptors in the same state: what the kernel does later, in a worker of its
own, is left out (terminals pass data on so, and connections their packets).
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import socket
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import polymux
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support import File

SLOTS = range(700, 707)
KINDS = (
    *("reader", "writer", "left", "right", "file", "null"),
    *("terminal", "master", "epoll", "server"),
)
ABSURD = (-1, 2**31, 2**70, 9, 699, None, "700", 700.0)

slots = st.sampled_from(SLOTS)
kinds = st.sampled_from(KINDS)
masks = st.one_of(
    st.sampled_from([0, 1, 4, 5, 7, 16, 0x2005, 0xFFFF]), st.integers(0, 0xFFFF)
)


def described(call: Callable[[], object]) -> tuple[Any, ...]:
    """What a call returned, or what it raised."""
    try:
        return ("returned", call())
    except Exception as error:
        return ("raised", type(error), str(error), getattr(error, "errno", None))


class World(RuleBasedStateMachine):
    """The descriptors, and what may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.sources: dict[str, int] = {}
        for names, make in (
            (("reader", "writer"), os.pipe),
            (("master", "terminal"), pty.openpty),
        ):
            self.open(names, *make())
        self.open(["null"], os.open("/dev/null", os.O_RDWR))
        self.sockets = socket.socketpair()
        self.open(["left", "right"], *(one.detach() for one in self.sockets))
        with tempfile.TemporaryFile() as file:
            self.open(["file"], os.dup(file.fileno()))
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            self.open(["server"], os.dup(server.fileno()))
        with select.epoll() as epoll:
            epoll.register(self.sources["reader"], select.EPOLLIN)
            self.open(["epoll"], os.dup(epoll.fileno()))
        for name in ("reader", "writer", "left", "right", "master", "terminal"):
            os.set_blocking(self.sources[name], False)
        for slot, name in zip(SLOTS, self.sources, strict=False):
            os.dup2(self.sources[name], slot)

    def open(self, names: tuple[str, ...] | list[str], *fds: int) -> None:
        for name, fd in zip(names, fds, strict=True):
            self.sources[name] = fd
            self.stack.callback(os.close, fd)

    def teardown(self) -> None:
        for slot in SLOTS:
            with contextlib.suppress(OSError):
                os.close(slot)
        self.stack.close()

    @rule(slot=slots, kind=kinds)
    def reopen(self, slot: int, kind: str) -> None:
        os.dup2(self.sources[kind], slot)

    @rule(slot=slots)
    def close(self, slot: int) -> None:
        with contextlib.suppress(OSError):
            os.close(slot)

    @rule(of=slots, to=slots)
    def duplicate(self, of: int, to: int) -> None:
        with contextlib.suppress(OSError):
            os.dup2(of, to)

    @rule(
        kind=st.sampled_from(["writer", "left", "right"]),
        size=st.sampled_from([1, 100, 65536, 10**6]),
    )
    def write(self, kind: str, size: int) -> None:
        with contextlib.suppress(OSError):
            os.write(self.sources[kind], b"\n" * size)

    @rule(kind=st.sampled_from(["left", "right"]))
    def send_urgent(self, kind: str) -> None:
        one = socket.socket(fileno=os.dup(self.sources[kind]))
        # Older kernels have urgent data for TCP only.
        with one, contextlib.suppress(OSError):
            one.send(b"!", socket.MSG_OOB | socket.MSG_DONTWAIT)

    @rule(kind=st.sampled_from(["reader", "left", "right"]))
    def read(self, kind: str) -> None:
        with contextlib.suppress(OSError):
            os.read(self.sources[kind], 10**6)

    @rule(
        kind=st.sampled_from(["left", "right"]),
        how=st.sampled_from([socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR]),
    )
    def shutdown(self, kind: str, how: int) -> None:
        with socket.socket(fileno=os.dup(self.sources[kind])) as one:
            one.shutdown(how)

    @rule(kind=st.sampled_from(["reader", "writer", "master", "terminal"]))
    def hang_up(self, kind: str) -> None:
        """The source goes; copies of it in slots may live on."""
        os.dup2(self.sources["null"], self.sources[kind])


class SelectMachine(World):
    """select.select() on lists of slots."""

    @rule(data=st.data())
    def select(self, data: st.DataObject) -> None:
        one = st.one_of(slots, slots.map(File))
        lists = [data.draw(st.lists(one, max_size=6)) for _ in range(3)]
        self.compare(lists)

    @rule(data=st.data())
    def select_badly(self, data: st.DataObject) -> None:
        bad = st.sampled_from(ABSURD)
        one = st.one_of(slots, slots.map(File), bad, bad.map(File))
        lists = [data.draw(st.lists(one, max_size=3)) for _ in range(3)]
        self.compare(lists)

    @rule(repeats=st.lists(slots, min_size=1, max_size=200))
    def select_often(self, repeats: list[int]) -> None:
        self.compare([repeats, repeats[::-1], repeats])

    def compare(self, lists: Sequence[Sequence[Any]]) -> None:
        r, w, x = lists
        ours = described(lambda: polymux.select(r, w, x, 0))
        standard = described(lambda: select.select(r, w, x, 0))
        assert ours == standard
        if ours[0] == "returned":
            assert self.identities(ours) == self.identities(standard)

    @staticmethod
    def identities(answer: tuple[Any, ...]) -> list[list[int]]:
        return [[id(one) for one in ready] for ready in answer[1]]


class PollMachine(World):
    """Two poll objects with the same history."""

    def __init__(self) -> None:
        super().__init__()
        self.renew()

    @rule()
    def renew(self) -> None:
        self.standard, self.ours = select.poll(), polymux.poll()

    def both(self, call: Callable[[Any], object]) -> None:
        ours = described(lambda: call(self.ours))
        assert ours == described(lambda: call(self.standard))

    @rule(slot=slots, mask=masks)
    def register(self, slot: int, mask: int) -> None:
        self.both(lambda poll: poll.register(slot, mask))

    @rule(slot=slots)
    def register_all(self, slot: int) -> None:
        self.both(lambda poll: poll.register(File(slot)))

    @rule(slot=slots, mask=masks)
    def modify(self, slot: int, mask: int) -> None:
        self.both(lambda poll: poll.modify(slot, mask))

    @rule(slot=slots)
    def unregister(self, slot: int) -> None:
        self.both(lambda poll: poll.unregister(slot))

    @rule(fd=st.sampled_from(ABSURD), mask=st.integers(-2, 0x10001))
    def misuse(self, fd: object, mask: int) -> None:
        self.both(lambda poll: poll.modify(fd, mask))
        self.both(lambda poll: poll.unregister(File(fd)))
        self.both(lambda poll: poll.register(SLOTS[0], -1 - mask))

    @invariant()
    def same_answer(self) -> None:
        self.both(lambda poll: poll.poll(0))


class EpollMachine(World):
    """Two epoll objects with the same history.

    The order of their answers is compared too: the kernel keeps a list of what
    is ready, to which both see the same additions in the same order. It is
    EPOLLEXCLUSIVE alone that lets an event reach just one of them, so that bit
    is left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.standard, self.ours = select.epoll(), polymux.epoll()

    def teardown(self) -> None:
        self.standard.close()
        self.ours.close()
        super().teardown()

    def both(self, call: Callable[[Any], object]) -> None:
        ours = described(lambda: call(self.ours))
        assert ours == described(lambda: call(self.standard))

    @precondition(lambda self: self.ours.closed)
    @rule()
    def renew(self) -> None:
        self.standard, self.ours = select.epoll(), polymux.epoll()

    @rule(slot=slots, mask=masks, extra=st.sampled_from([0, 1 << 30, 1 << 31]))
    def register(self, slot: int, mask: int, extra: int) -> None:
        self.both(lambda epoll: epoll.register(slot, mask | extra))

    @rule(slot=slots)
    def register_all(self, slot: int) -> None:
        self.both(lambda epoll: epoll.register(File(slot)))

    @rule(slot=slots, mask=masks, extra=st.sampled_from([0, 1 << 30, 1 << 31]))
    def modify(self, slot: int, mask: int, extra: int) -> None:
        self.both(lambda epoll: epoll.modify(slot, eventmask=mask | extra))

    @rule(slot=slots)
    def unregister(self, slot: int) -> None:
        self.both(lambda epoll: epoll.unregister(fd=slot))

    @rule(fd=st.sampled_from(ABSURD), mask=st.integers(-2, 2))
    def misuse(self, fd: object, mask: int) -> None:
        self.both(lambda epoll: epoll.modify(fd, mask))
        self.both(lambda epoll: epoll.unregister(File(fd)))
        self.both(lambda epoll: epoll.register(epoll))
        self.both(lambda epoll: epoll.poll(0, mask - 10))

    @rule(maxevents=st.integers(1, 9))
    def poll(self, maxevents: int) -> None:
        self.both(lambda epoll: epoll.poll(0, maxevents))

    @rule()
    def poll_all(self) -> None:
        self.both(lambda epoll: epoll.poll(0))

    @precondition(lambda self: not self.ours.closed)
    @rule()
    def copy(self) -> None:
        """Another object over the same set; the first one dies."""
        self.standard = select.epoll.fromfd(os.dup(self.standard.fileno()))
        self.ours = polymux.epoll.fromfd(os.dup(self.ours.fileno()))

    @rule()
    def close_object(self) -> None:
        self.both(lambda epoll: epoll.close())
        assert self.ours.closed
        assert self.standard.closed


TestSelect = SelectMachine.TestCase
TestPoll = PollMachine.TestCase
TestEpoll = EpollMachine.TestCase
