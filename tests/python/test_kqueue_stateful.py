"""Random histories of a kqueue against a small model of it, and random change
lists against nothing but the documented errors.

The model knows pipes, sockets and user events, and for each knote whether an
event of it can be collected. What the law leaves open, it leaves open: the
order of the events, and whether a one-shot knote that has fired still reports
what has gone in the meantime.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import socket
from typing import Any

import polymux
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

ADD, DELETE = polymux.KQ_EV_ADD, polymux.KQ_EV_DELETE
ENABLE, DISABLE = polymux.KQ_EV_ENABLE, polymux.KQ_EV_DISABLE
ONESHOT, CLEAR = polymux.KQ_EV_ONESHOT, polymux.KQ_EV_CLEAR
DISPATCH, RECEIPT = polymux.KQ_EV_DISPATCH, polymux.KQ_EV_RECEIPT
ERROR, EOF = polymux.KQ_EV_ERROR, polymux.KQ_EV_EOF
MANNERS = ONESHOT | CLEAR | DISPATCH | RECEIPT

READ, WRITE = polymux.KQ_FILTER_READ, polymux.KQ_FILTER_WRITE
USER, TRIGGER = polymux.KQ_FILTER_USER, polymux.KQ_NOTE_TRIGGER
USER_BITS = polymux.KQ_NOTE_FFLAGSMASK

READERS, WRITERS, SOCKETS = (700, 701), (702, 703), (704, 705)
SLOTS = (*READERS, *WRITERS, *SOCKETS)
USERS = (0, 1, 700)

Key = tuple[int, int]
Answers = list[tuple[tuple[int, int, int], int]]
KEYS = (
    *((fd, READ) for fd in (*READERS, *SOCKETS)),
    *((fd, WRITE) for fd in (*WRITERS, *SOCKETS)),
    *((ident, USER) for ident in USERS),
)

keys = st.sampled_from(KEYS)
udatas = st.integers(0, 2**64 - 1)
manners = st.sampled_from([0, 0, ONESHOT, CLEAR, DISPATCH, CLEAR | DISPATCH])
operations = st.sampled_from(
    [*("FFNOP", "FFAND", "FFOR", "FFCOPY")],
).map(lambda name: getattr(polymux, f"KQ_NOTE_{name}"))


@dataclasses.dataclass
class Knote:
    manner: int
    udata: int
    enabled: bool
    fired: bool = False  # something happened since it was last collected
    perhaps: bool = False  # ... or what some systems count as news
    bits: int = 0  # of a user event


@dataclasses.dataclass
class Channel:
    """One direction of a pipe or of a pair of sockets."""

    size: int = 0
    full: bool = False
    ended: bool = False


def combined(operation: int, bits: int, given_bits: int) -> int:
    given_bits &= USER_BITS
    return {
        polymux.KQ_NOTE_FFNOP: bits,
        polymux.KQ_NOTE_FFAND: bits & given_bits,
        polymux.KQ_NOTE_FFOR: bits | given_bits,
        polymux.KQ_NOTE_FFCOPY: given_bits,
    }[operation & polymux.KQ_NOTE_FFCTRLMASK]


class Model:
    """What a queue should know."""

    def __init__(self) -> None:
        self.knotes: dict[Key, Knote] = {}
        self.ghosts: set[Key] = set()  # gone with their descriptors
        self.incoming: dict[int, Channel] = {}  # by the descriptor that reads it
        self.outgoing: dict[int, Channel] = {}  # by the descriptor that fills it

    def is_ready(self, key: Key) -> bool:
        ident, kind = key
        if kind == USER:
            return self.knotes[key].fired
        if kind == READ:
            channel = self.incoming[ident]
            return channel.size > 0 or channel.ended
        return not self.outgoing[ident].full

    def notice(self, key: Key, surely: bool = True) -> None:
        """Something happened to what a knote watches."""
        if key in self.knotes and surely:
            self.knotes[key].fired = True
        elif key in self.knotes:
            self.knotes[key].perhaps = True

    def change(self, event: Any) -> int:
        """Makes a change; returns 0 or an errno."""
        key, flags = (event.ident, event.filter), event.flags
        knote = self.knotes.get(key)
        if flags & ENABLE and flags & DISABLE:
            return errno.EINVAL
        if knote is None:
            if not flags & ADD:
                return errno.ENOENT
            enabled = not flags & DISABLE
            knote = Knote(flags & MANNERS, event.udata, enabled)
            knote.bits = event.fflags & USER_BITS
            self.knotes[key] = knote
            self.ghosts.discard(key)
        elif flags & DELETE:
            del self.knotes[key]
            return 0
        else:
            self.touch(event, knote)
        if knote.enabled and event.filter != USER and self.is_ready(key):
            knote.fired = True
        return 0

    def touch(self, event: Any, knote: Knote) -> None:
        knote.udata = event.udata
        if event.filter == USER:
            knote.bits = combined(event.fflags, knote.bits, event.fflags)
            knote.fired |= bool(event.fflags & TRIGGER)
            knote.fired &= not event.flags & CLEAR
        if event.flags & (ENABLE | DISABLE):
            knote.enabled = bool(event.flags & ENABLE)

    def due(self) -> set[Key]:
        """What must be collected if there is room."""
        found = set()
        for key, knote in self.knotes.items():
            once = knote.manner & CLEAR
            if knote.enabled and self.is_ready(key) and (knote.fired or not once):
                found.add(key)
        return found

    def possible(self) -> set[Key]:
        """What may be collected besides."""
        found = set()
        for key, knote in self.knotes.items():
            stale = knote.manner & ONESHOT and (knote.fired or knote.perhaps)
            if knote.enabled and (stale or (knote.perhaps and self.is_ready(key))):
                found.add(key)
        return found

    def collected(self, key: Key) -> None:
        knote = self.knotes[key]
        if knote.manner & ONESHOT:
            del self.knotes[key]
            return
        if knote.manner & CLEAR or key[1] != USER:
            knote.fired = knote.perhaps = False
        if knote.manner & DISPATCH:
            knote.enabled = False

    def forget(self, fd: int) -> None:
        for key in ((fd, READ), (fd, WRITE)):
            if self.knotes.pop(key, None):
                self.ghosts.add(key)


class KqueueMachine(RuleBasedStateMachine):
    """A queue, and a world of descriptors that stay below their slots."""

    def __init__(self) -> None:
        super().__init__()
        self.kq = polymux.kqueue()
        self.model = Model()
        self.copies: list[int] = []

    @initialize()
    def open_all(self) -> None:
        for reader, writer in zip(READERS, WRITERS, strict=True):
            self.open_pipe(reader, writer)
        self.open_sockets()

    def teardown(self) -> None:
        self.kq.close()
        for fd in (*SLOTS, *self.copies):
            with contextlib.suppress(OSError):
                os.close(fd)

    def place(self, pairs: list[tuple[int, int]]) -> None:
        """Moves descriptors to their slots; what was there is closed so."""
        for fd, slot in pairs:
            os.dup2(fd, slot)
            os.close(fd)
            os.set_blocking(slot, False)
            self.model.forget(slot)

    def open_pipe(self, reader: int, writer: int) -> None:
        self.place(list(zip(os.pipe(), (reader, writer), strict=True)))
        channel = Channel()
        self.model.incoming[reader] = self.model.outgoing[writer] = channel

    def open_sockets(self) -> None:
        pair = [one.detach() for one in socket.socketpair()]
        self.place(list(zip(pair, SOCKETS, strict=True)))
        for one, other in (SOCKETS, SOCKETS[::-1]):
            channel = Channel()
            self.model.incoming[one] = self.model.outgoing[other] = channel

    # The world.

    @rule(fd=st.sampled_from([*WRITERS, *SOCKETS]), size=st.integers(1, 100))
    def write(self, fd: int, size: int) -> None:
        channel = self.model.outgoing[fd]
        if channel.ended or channel.full:
            return
        channel.size += os.write(fd, bytes(size))
        self.note_reader(channel)

    @rule(fd=st.sampled_from(WRITERS))
    def fill(self, fd: int) -> None:
        channel = self.model.outgoing[fd]
        if channel.ended or channel.full:
            return
        with contextlib.suppress(BlockingIOError):
            while True:
                channel.size += os.write(fd, bytes(4096))
        channel.full = True
        self.note_reader(channel)

    def note_reader(self, channel: Channel) -> None:
        for fd, incoming in self.model.incoming.items():
            if incoming is channel:
                self.model.notice((fd, READ))

    @rule(fd=st.sampled_from([*READERS, *SOCKETS]))
    def drain(self, fd: int) -> None:
        channel = self.model.incoming[fd]
        if not channel.size:
            return
        while channel.size:
            channel.size -= len(os.read(fd, 1 << 20))
        for other, outgoing in self.model.outgoing.items():
            if outgoing is channel:
                self.model.notice((other, WRITE), surely=channel.full)
        channel.full = False

    @rule(number=st.integers(0, 1))
    def end_pipe(self, number: int) -> None:
        """The writing end goes; another pipe's takes its number over."""
        reader, writer = READERS[number], WRITERS[number]
        spare = os.pipe()
        self.place([(spare[1], writer)])
        self.copies.append(spare[0])
        channel = self.model.incoming[reader]
        if not channel.ended:
            channel.ended = True
            self.model.notice((reader, READ))
        self.model.outgoing[writer] = Channel()

    @rule(number=st.integers(0, 1), keep=st.booleans())
    def renew_pipe(self, number: int, keep: bool) -> None:
        """Closing a number drops its knotes, whoever else has a copy."""
        if keep:
            self.copies += [os.dup(READERS[number]), os.dup(WRITERS[number])]
        self.open_pipe(READERS[number], WRITERS[number])

    @rule()
    def renew_sockets(self) -> None:
        self.open_sockets()

    # The queue.

    def predict(self, changes: list[Any], room: int) -> tuple[int, Answers | None]:
        """Makes the changes in the model. An errno and the entries that answer
        changes; None where events are collected instead."""
        answers: Answers = []
        for change in changes:
            error = self.model.change(change)
            if not error and not change.flags & RECEIPT:
                continue
            if len(answers) == room:
                return error, []
            answers.append(((change.ident, change.filter, change.udata), error))
        return 0, answers or None

    def control(self, changes: list[Any], room: int) -> None:
        """Makes changes and collects; the answer must be the model's."""
        expected_error, answers = self.predict(changes, room)
        error, events = 0, []
        try:
            events = self.kq.control(changes, room, 0)
        except OSError as raised:
            error = raised.errno or -1
        assert error == expected_error
        if answers is None:
            self.check(events, room)
            return
        assert all(one.flags == ERROR for one in events)
        found = [((e.ident, e.filter, e.udata), e.data) for e in events]
        assert found == answers

    def check(self, events: list[Any], room: int) -> None:
        found = [(event.ident, event.filter) for event in events]
        due, possible = self.model.due(), self.model.possible()
        assert len(set(found)) == len(found) <= room
        assert set(found) <= due | possible
        assert len(found) >= min(room, len(due))
        if len(found) < room:
            assert due <= set(found)
        for event, key in zip(events, found, strict=True):
            self.check_event(event, key)
            self.model.collected(key)
        if len(found) < room:  # the rest was looked at and is not ready
            for key in self.model.possible() - due:
                self.model.knotes[key].fired = self.model.knotes[key].perhaps = False

    def check_event(self, event: Any, key: Key) -> None:
        knote = self.model.knotes[key]
        assert event.udata == knote.udata
        assert event.flags & ~EOF == knote.manner
        if knote.manner & ONESHOT:
            return
        ident, kind = key
        if kind == READ:
            channel = self.model.incoming[ident]
            assert event.data == channel.size
            assert bool(event.flags & EOF) == channel.ended
        elif kind == WRITE:
            assert event.data > 0
        else:
            assert event.fflags & USER_BITS == knote.bits

    @rule(key=keys, manner=manners, disabled=st.booleans(), udata=udatas)
    def add(self, key: Key, manner: int, disabled: bool, udata: int) -> None:
        flags = ADD | manner | (DISABLE if disabled else 0)
        self.control([polymux.kevent(*key, flags, udata=udata)], 0)

    @rule(data=st.data(), room=st.integers(0, 12))
    def change_some(self, data: st.DataObject, room: int) -> None:
        flags = st.sampled_from([ADD, DELETE, ENABLE, DISABLE, 0, ADD | ENABLE])
        extra = st.sampled_from([0, 0, 0, RECEIPT])
        changes = []
        for _ in range(data.draw(st.integers(1, 4))):
            key, wanted = data.draw(keys), data.draw(flags) | data.draw(extra)
            if key in self.model.ghosts and not wanted & DELETE:
                wanted |= ADD  # the others may take it for what it was
            changes.append(polymux.kevent(*key, wanted, udata=data.draw(udatas)))
        self.control(changes, room)

    @rule(flags=st.sampled_from([ADD, 0, ENABLE]), key=keys)
    def contradict(self, flags: int, key: Key) -> None:
        self.control([polymux.kevent(*key, flags | ENABLE | DISABLE)], 1)

    @rule(
        ident=st.sampled_from(USERS),
        operation=operations,
        bits=st.integers(0, USER_BITS),
        trigger=st.sampled_from([TRIGGER, 0]),
        flags=st.sampled_from([0, 0, ENABLE, CLEAR]),
    )
    def trigger(
        self, ident: int, operation: int, bits: int, trigger: int, flags: int
    ) -> None:
        fflags = (operation | bits | trigger) & ~(TRIGGER & ~trigger)
        udata = 0
        if (ident, USER) in self.model.knotes:
            udata = self.model.knotes[ident, USER].udata
        change = polymux.kevent(ident, USER, flags, fflags, udata=udata)
        self.control([change], 12)

    @rule(room=st.integers(1, 12))
    def collect(self, room: int) -> None:
        self.control([], room)

    @precondition(lambda self: self.model.due())
    @rule()
    def collect_asleep(self) -> None:
        """What is due is there however long the wait may be."""
        self.check(self.kq.control(None, 20, None), 20)

    @rule()
    def copy(self) -> None:
        """Another object over the same queue; the first one dies."""
        self.kq = polymux.kqueue.fromfd(os.dup(self.kq.fileno()))

    @rule(
        fd=st.sampled_from([699, 2**31, 2**64 - 1]),
        kind=st.sampled_from([READ, WRITE]),
        flags=st.sampled_from([ADD, DELETE, ENABLE, 0]),
    )
    def bad_descriptor(self, fd: int, kind: int, flags: int) -> None:
        (event,) = self.kq.control([polymux.kevent(fd, kind, flags)], 1)
        assert (event.flags, event.data) == (ERROR, errno.EBADF)

    @invariant()
    def descriptor_shows_what_is_due(self) -> None:
        readable = bool(polymux.select([self.kq], [], [], 0)[0])
        if self.model.due():
            assert readable


TestKqueue = KqueueMachine.TestCase


# Anything at all.

DOCUMENTED = {
    *(errno.EBADF, errno.EINVAL, errno.ENODEV, errno.ENOENT, errno.ENOMEM),
    *(errno.ENOSPC, errno.ENXIO),
}
MORE_ERRORS = {errno.ESRCH, errno.EPERM, errno.EACCES, errno.EOPNOTSUPP}

edges = st.sampled_from([0, 1, 2, 3, 7, 700, 701, 702, 2**31 - 1, 2**31, 2**64 - 1])
idents = st.one_of(edges, st.integers(0, 12), st.integers(0, 2**64 - 1))
filters = st.one_of(st.integers(-16, 3), st.integers(-(2**15), 2**15 - 1))
flag_bits = st.integers(0, 2**16 - 1)
note_bits = st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 31))
numbers = st.one_of(st.integers(-2, 100), st.integers(-(2**63), 2**63 - 1))
change_lists = st.lists(
    st.builds(polymux.kevent, idents, filters, flag_bits, note_bits, numbers, udatas),
    max_size=12,
)


def errors_of(kq: Any, changes: list[Any], room: int) -> list[int | None]:
    """The errors that a call reported in either way."""
    untouched = repr(changes)
    try:
        events = kq.control(changes, room, 0)
    except OSError as error:
        return [error.errno]
    assert len(events) <= room
    assert repr(changes) == untouched
    return [event.data for event in events if event.flags == ERROR and event.data]


@given(st.lists(change_lists, max_size=6), st.integers(0, 20))
@example([[polymux.kevent(0, 0, 0)]], 1)
def test_any_changes(lists: list[list[Any]], room: int) -> None:
    reader, writer = os.pipe()
    os.dup2(reader, 700)
    os.dup2(writer, 701)
    with contextlib.closing(polymux.kqueue()) as kq:
        errors = [one for changes in lists for one in errors_of(kq, changes, room)]
    for fd in (reader, writer, 700, 701):
        os.close(fd)
    assert set(errors) <= DOCUMENTED | MORE_ERRORS
