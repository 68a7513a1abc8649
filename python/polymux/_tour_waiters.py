"""One shape over every interface, for the tour.

A waiter knows two things: to watch a descriptor until it can be read, and to
wait. A new interface is a new class here and a name in WAITERS.
"""

from typing import Protocol

import polymux


class Waiter(Protocol):
    """Watches descriptors for something to read."""

    def register(self, fd: int) -> None:
        """Watches fd too."""

    def wait(self, seconds: float) -> list[int]:
        """The readable descriptors; none when the time is over."""

    def close(self) -> None:
        """Gives back what the waiter holds; the descriptors stay open."""


class SelectWaiter:
    """select.select(): the set travels with each call."""

    def __init__(self) -> None:
        self._fds: list[int] = []

    def register(self, fd: int) -> None:
        self._fds.append(fd)

    def wait(self, seconds: float) -> list[int]:
        return polymux.select(self._fds, [], [], seconds)[0]

    def close(self) -> None:
        self._fds.clear()


class PollWaiter:
    """select.poll(): the set is kept, timeouts are milliseconds."""

    def __init__(self) -> None:
        self._poll = polymux.poll()

    def register(self, fd: int) -> None:
        self._poll.register(fd, polymux.POLLIN)

    def wait(self, seconds: float) -> list[int]:
        return [fd for fd, _ in self._poll.poll(seconds * 1000)]

    def close(self) -> None:
        """Nothing to give back but memory."""


class DevpollWaiter:
    """select.devpoll(): a kept set whose cost is what is ready."""

    def __init__(self) -> None:
        self._devpoll = polymux.devpoll()

    def register(self, fd: int) -> None:
        self._devpoll.register(fd, polymux.POLLIN)

    def wait(self, seconds: float) -> list[int]:
        return [fd for fd, _ in self._devpoll.poll(seconds * 1000)]

    def close(self) -> None:
        self._devpoll.close()


class EpollWaiter:
    """select.epoll(): the set is in the kernel."""

    def __init__(self) -> None:
        self._epoll = polymux.epoll()
        self._count = 0

    def register(self, fd: int) -> None:
        self._epoll.register(fd, polymux.EPOLLIN)
        self._count += 1

    def wait(self, seconds: float) -> list[int]:
        # Without maxevents the answer ends at FD_SETSIZE - 1.
        return [fd for fd, _ in self._epoll.poll(seconds, self._count)]

    def close(self) -> None:
        self._epoll.close()


WAITERS: dict[str, type[Waiter]] = {
    "select": SelectWaiter,
    "poll": PollWaiter,
    "devpoll": DevpollWaiter,
    "epoll": EpollWaiter,
}


def available() -> dict[str, type[Waiter]]:
    """Those whose interface this build has."""
    return {name: kind for name, kind in WAITERS.items() if hasattr(polymux, name)}
