"""Counts a program's calls that wait and the events they bring, for --stats.

The functions and types of a view are wrapped before anybody has them, so that
who does not count pays nothing. Each process prints its own table when it ends.
Imports nothing else, for it is imported in the middle of another import.
"""

from __future__ import annotations

import atexit
import os
import sys
from _thread import _local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Self

WAITS = {"poll": "poll", "epoll": "poll", "devpoll": "poll", "kqueue": "control"}
"""The method by which the objects of an interface wait."""


class Tally:
    """The calls of one interface that wait, and the events that they brought.

    Each thread has a cell of its own to count in, so that no lock is needed.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._mine = _local()
        self._cells: list[list[int]] = []

    def add(self, events: int) -> None:
        try:
            cell = self._mine.cell
        except AttributeError:
            cell = self._mine.cell = [0, 0]
            self._cells.append(cell)
        cell[0] += 1
        cell[1] += events

    def total(self) -> tuple[int, int]:
        cells = self._cells.copy()
        return sum(cell[0] for cell in cells), sum(cell[1] for cell in cells)


_tallies: dict[str, Tally] = {}


def _tally(interface: str) -> Tally:
    if not _tallies:
        atexit.register(report)
        os.register_at_fork(after_in_child=_begin_anew)
    return _tallies.setdefault(interface, Tally())


def _begin_anew() -> None:
    for tally in _tallies.values():
        tally.clear()


class CountedSelect:
    """select(), counting; no function, so that a class may hold it unbound."""

    def __init__(self, select: Callable[..., tuple[list[Any], ...]]) -> None:
        self._select = select
        self._tally = _tally("select")
        self.__name__ = self.__qualname__ = "select"
        self.__doc__ = select.__doc__

    def __call__(self, *arguments: Any) -> tuple[list[Any], ...]:
        answer = self._select(*arguments)
        self._tally.add(sum(map(len, answer)))
        return answer


class CountedObject:
    """An object of an interface; what it does not count it hands on."""

    __slots__ = ("__weakref__", "_real")
    _make: Any
    _real: Any

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._real = type(self)._make(*arguments, **named)

    @classmethod
    def fromfd(cls, fd: int, /) -> Self:
        counted = cls.__new__(cls)
        counted._real = cls._make.fromfd(fd)
        return counted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._real.__reduce_ex__(protocol)  # raises what it has to

    def __enter__(self) -> Self:
        self._real.__enter__()
        return self

    def __exit__(self, *exception: Any) -> Any:
        return self._real.__exit__(*exception)


def _counted_type(interface: str, make: Any) -> type[CountedObject]:
    method = WAITS[interface]
    tally = _tally(interface)

    def wait(self: CountedObject, *arguments: Any, **named: Any) -> Any:
        answer = getattr(self._real, method)(*arguments, **named)
        tally.add(len(answer))
        return answer

    wait.__name__ = method
    names = {"__slots__": (), "__doc__": make.__doc__, method: wait}
    names |= {"__module__": "select", "_make": staticmethod(make)}
    return type(interface, (CountedObject,), names)


def counted(names: Mapping[str, Any]) -> dict[str, Any]:
    """The same names, those that wait in their counting form."""
    waiting = {k: _counted_type(k, names[k]) for k in WAITS if k in names}
    return {**names, **waiting, "select": CountedSelect(names["select"])}


def table() -> str:
    """A line for each interface that was called."""
    totals = {name: tally.total() for name, tally in _tallies.items()}
    rows = [
        f"{name:<9}{calls:>12,}{events:>12,}\n"
        for name, (calls, events) in totals.items()
        if calls
    ]
    heading = f"{'interface':<9}{'calls':>12}{'events':>12}\n"
    return heading + "".join(rows) if rows else "no calls\n"


def report() -> None:
    """Prints the table in one piece, for other processes print theirs."""
    from contextlib import suppress

    program = sys.argv[0] if sys.argv and sys.argv[0] else "python"
    text = f"polymux: process {os.getpid()} ({program})\n{table()}"
    with suppress(OSError):  # nobody may be there to read it
        os.write(2, text.encode("utf-8", "backslashreplace"))
