"""Random histories of a devpoll object, beside poll: the same answers."""

from __future__ import annotations

import select
from functools import partial
from typing import Any

import polymux
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from support import File
from test_stateful import ABSURD, SLOTS, World, described, kinds, masks, slots


class DevpollMachine(World):
    """A devpoll object beside a table of what it should know, which asks poll.

    Every file has a name here, and every slot the name of what is behind it. A
    registration is for a file: where the slot has another one, it is over. A
    file that comes back to a slot where it was registered and never removed is
    removed then, for it might still be watched.
    """

    def __init__(self) -> None:
        super().__init__()
        self.behind: dict[int, str] = {}  # slot -> file; none when closed
        self.copies = {name: name for name in self.sources}  # source -> file
        self.behind.update(zip(SLOTS, self.sources, strict=False))
        self.ours: Any = polymux.devpoll()
        self.table: dict[int, tuple[int, str | None]] = {}  # slot -> mask, file
        self.left: set[tuple[int, str | None]] = set()  # slot, file

    def teardown(self) -> None:
        self.ours.close()
        super().teardown()

    def put(self, slot: int, file: str | None) -> None:
        before = self.behind.pop(slot, None)
        if file is not None:
            self.behind[slot] = file
        if before is not None and before == self.table.get(slot, (0, None))[1]:
            self.left.add((slot, before))
        if before != file and (slot, file) in self.left:
            self.left.remove((slot, file))
            self.unregister(slot)

    @rule(slot=slots, kind=kinds)
    def reopen(self, slot: int, kind: str) -> None:
        super().reopen(slot, kind)
        self.put(slot, self.copies[kind])

    @rule(slot=slots)
    def close(self, slot: int) -> None:
        super().close(slot)
        self.put(slot, None)

    @rule(of=slots, to=slots)
    def duplicate(self, of: int, to: int) -> None:
        super().duplicate(of, to)
        if of in self.behind:
            self.put(to, self.behind[of])

    @rule(kind=st.sampled_from(["reader", "writer", "master", "terminal"]))
    def hang_up(self, kind: str) -> None:
        super().hang_up(kind)
        self.copies[kind] = self.copies["null"]

    @rule()
    def renew(self) -> None:
        self.ours.close()
        self.ours = polymux.devpoll()
        self.table.clear()
        self.left.clear()

    @rule(slot=slots, mask=masks)
    def register(self, slot: int, mask: int) -> None:
        assert self.ours.register(slot, mask) is None
        old, file = self.table.get(slot, (0, None))
        if file in (None, self.behind.get(slot)):
            mask |= old
        self.table[slot] = mask, self.behind.get(slot)

    @rule(slot=slots, mask=masks)
    def modify(self, slot: int, mask: int) -> None:
        assert self.ours.modify(File(slot), mask) is None
        self.table[slot] = mask, self.behind.get(slot)

    @rule(slot=slots)
    def unregister(self, slot: int) -> None:
        assert self.ours.unregister(slot) is None
        self.table.pop(slot, None)

    @rule(fd=st.sampled_from(ABSURD), mask=st.integers(-2, 0x10001))
    def misuse(self, fd: object, mask: int) -> None:
        absurd = File(fd)
        ours = described(lambda: self.ours.unregister(absurd))
        assert ours[0] == "raised" or fd in (9, 699)
        below = min(-1 - mask, -1)
        for call in (self.ours.register, self.ours.modify):
            assert described(partial(call, SLOTS[0], below))[0] == "raised"

    @invariant()
    def same_answer(self) -> None:
        poll = select.poll()
        for slot, (mask, file) in self.table.items():
            if file is None:
                file = self.behind.get(slot)
                self.table[slot] = mask, file
            if file == self.behind.get(slot):
                poll.register(slot, mask)
        assert sorted(self.ours.poll(0)) == sorted(poll.poll(0))


TestMachine = DevpollMachine.TestCase
