"""Small pieces of work with a module, each with its right answer; what the
tests of memory do over and over, with and without enough of it. Run in
processes of its own by test_memory.py, without pytest.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import ModuleType

from support import File

Work = Callable[[], object]


class Ends:
    """The ends of pipes: readable is full, writable empty."""

    def __init__(self) -> None:
        self.readable, spare = os.pipe()
        os.write(spare, b"x")
        os.close(spare)
        self.reader, self.writable = os.pipe()
        self.many = [os.dup(self.writable) for _ in range(40)]

    def close(self) -> None:
        for fd in (self.readable, self.reader, self.writable, *self.many):
            os.close(fd)


def selecting(mux: ModuleType, ends: Ends) -> Work:
    file = File(ends.readable)

    def work() -> object:
        return mux.select([file], ends.many, iter([ends.writable]), 0) == (
            [file],
            ends.many,
            [],
        )

    return work


def polling(mux: ModuleType, ends: Ends) -> Work:
    def work() -> object:
        poll = mux.poll()
        for fd in ends.many:
            poll.register(fd, 4)
        poll.modify(ends.many[0], 0)
        poll.unregister(ends.many[1])
        return poll.poll(0) == [(fd, 4) for fd in ends.many[2:]]

    return work


def epolling(mux: ModuleType, ends: Ends) -> Work:
    def work() -> object:
        with mux.epoll(sizehint=4) as epoll:
            for fd in ends.many:
                epoll.register(fd, eventmask=4)
            epoll.modify(ends.many[0], 0)
            epoll.unregister(fd=ends.many[1])
            return epoll.poll(0) == [(fd, 4) for fd in ends.many[2:]]

    return work


def devpolling(mux: ModuleType, ends: Ends) -> Work:
    """Where the module has no devpoll, poll does the same."""
    make = getattr(mux, "devpoll", mux.poll)
    right = sorted([(fd, 4) for fd in ends.many[2:]] + [(499, 32)])

    def work() -> object:
        devpoll = make()
        for fd in ends.many:
            devpoll.register(fd, 4)
        devpoll.register(499, 4)
        devpoll.modify(ends.many[0], 0)
        devpoll.unregister(ends.many[1])
        return sorted(devpoll.poll(0)) == right

    return work


def polling_again(mux: ModuleType, ends: Ends) -> Work:
    """On an object that lives on; its numbers are no small integers."""
    poll, epoll = mux.poll(), mux.epoll()
    devpoll = getattr(mux, "devpoll", mux.poll)()
    high = [os.dup2(ends.writable, 500 + i) for i in range(40)]
    for fd in high:
        poll.register(fd, 0x7FFF)
        epoll.register(fd, 0x7FFF)
        devpoll.register(fd, 0x7FFF)
    right = [(fd, 0x104) for fd in high]

    def work() -> object:
        return all(sorted(one.poll(0)) == right for one in (poll, epoll, devpoll))

    return work


def failing(mux: ModuleType, ends: Ends) -> Work:
    """Calls that raise."""
    poll, epoll = mux.poll(), mux.epoll()
    calls: list[Work] = [
        lambda: mux.select([ends.readable, File(None)], [], [], 0),
        lambda: mux.select([ends.readable], [], [2**40], 0),
        lambda: mux.select([ends.readable], [None], [], 0),
        lambda: mux.select([ends.readable], [], 5, 0),
        lambda: mux.select([], [], [], "soon"),
        lambda: poll.register(None),
        lambda: poll.register(ends.writable, -1),
        lambda: poll.register(ends.writable, None),
        lambda: poll.modify(10**6, 1),
        lambda: poll.unregister(10**6),
        lambda: poll.poll("soon"),
        lambda: epoll.modify(ends.writable, 1),
        lambda: epoll.register(10**6),
        lambda: epoll.poll(0, 0),
        lambda: epoll.poll(timeouts=0),
        lambda: mux.epoll(0),
        lambda: mux.epoll(-1, 5),
        lambda: mux.epoll.fromfd(None),
    ]

    def work() -> object:
        raised = 0
        for call in calls:
            try:
                call()
            except MemoryError:
                raise
            except Exception as error:
                # The interpreter has a SystemError of its own, in other words,
                # for when there is no memory for a traceback.
                if "returned NULL" in str(error):
                    raise
                raised += 1
        return raised == len(calls)

    return work


SCENARIOS = {
    made.__name__: made
    for made in (selecting, polling, epolling, devpolling, polling_again, failing)
}
