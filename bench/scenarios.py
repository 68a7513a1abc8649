"""What is measured in Python, the same for any module shaped like `select`.

A scenario is a statement over the names that its `prepare` makes from a
module and a list of descriptors, and the name of the scenario of c/raw.c that
does the same work without Python.
"""

import fcntl
import os
import resource
import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

Names = dict[str, Any]
Answer = Callable[[Any], int]

ALL_SIZES = (0, 1, 10, 100, 1000)
READY_SIZES = ALL_SIZES[1:]
ONE_SECOND_NS = 1_000_000_000
SHORT_NS = 200_000
BEYOND_FD_SETSIZE = 1024
MANY = 4000


@dataclass(frozen=True)
class Scenario:
    """One line of the table for each size; size 0 watches one that is idle."""

    name: str
    sizes: tuple[int, ...]
    prepare: Callable[[Any, list[int]], Names]
    statement: str
    raw: str | None
    answer: Answer | None = len
    """The number of ready descriptors in the result, where there is one."""
    timeout_ns: int = 0
    first_fd: int = 0
    """The lowest number that a descriptor may have."""


def poll_names(module: Any, fds: list[int]) -> Names:
    poll = module.poll()
    for fd in fds:
        poll.register(fd, module.POLLIN)
    return _names_of(poll, fds, module.POLLIN)


def epoll_names(module: Any, fds: list[int]) -> Names:
    epoll = module.epoll()
    for fd in fds:
        epoll.register(fd, module.EPOLLIN)
    return _names_of(epoll, fds, module.EPOLLIN)


def devpoll_names(module: Any, fds: list[int]) -> Names:
    devpoll = module.devpoll()
    for fd in fds:
        devpoll.register(fd, module.POLLIN)
    return _names_of(devpoll, fds, module.POLLIN)


def _names_of(waiter: Any, fds: list[int], mask: int) -> Names:
    return {
        "wait": waiter.poll,
        "register": waiter.register,
        "unregister": waiter.unregister,
        "fd": fds[-1],
        "mask": mask,
    }


def select_names(module: Any, fds: list[int]) -> Names:
    return {"select": module.select, "fds": fds, "none": []}


def select_names_after_many(module: Any, fds: list[int]) -> Names:
    """After one large call, whose memory a module may keep."""
    with descriptors(MANY, BEYOND_FD_SETSIZE) as many, suppress(ValueError):
        module.select(many, [], [], 0)
    return select_names(module, fds)


def readable(result: Any) -> int:
    return len(result[0])


def waits() -> Iterator[Scenario]:
    """Waits that never sleep, with each kind of timeout."""
    for text, ns, sizes in (
        ("0", 0, ALL_SIZES),
        ("None", -1, READY_SIZES),
        ("1.0", ONE_SECOND_NS, READY_SIZES),
    ):
        milliseconds = "1000" if ns == ONE_SECOND_NS else text
        yield Scenario(
            f"poll.poll({milliseconds})",
            sizes,
            poll_names,
            f"wait({milliseconds})",
            raw="poll",
            timeout_ns=ns,
        )
        yield Scenario(
            f"select.select(r, [], [], {text})",
            sizes,
            select_names,
            f"select(fds, none, none, {text})",
            raw="select",
            answer=readable,
            timeout_ns=ns,
        )
        yield Scenario(
            f"epoll.poll({text})",
            sizes,
            epoll_names,
            f"wait({text})",
            raw="epoll",
            timeout_ns=ns,
        )


REGISTRATION = "unregister(fd); register(fd, mask)"

OTHERS = (
    Scenario(
        "select.select(r, [], [], 0), fds > 1024",
        (1, 10, 100, 1000, 3000),
        select_names,
        "select(fds, none, none, 0)",
        raw="select",
        answer=readable,
        first_fd=BEYOND_FD_SETSIZE,
    ),
    Scenario(
        f"select.select(r, [], [], 0), after {MANY}",
        (1,),
        select_names_after_many,
        "select(fds, none, none, 0)",
        raw="select",
        answer=readable,
    ),
    Scenario(
        "poll register + unregister",
        (1, 1000),
        poll_names,
        REGISTRATION,
        raw=None,
        answer=None,
    ),
    Scenario(
        "epoll register + unregister",
        (1, 1000),
        epoll_names,
        REGISTRATION,
        raw="epoll_ctl",
        answer=None,
    ),
    Scenario("devpoll.poll(0)", ALL_SIZES, devpoll_names, "wait(0)", raw="epoll"),
    Scenario(
        "epoll.poll(0.0002), sleeps",
        (0,),
        epoll_names,
        "wait(0.0002)",
        raw="epoll_pwait2",
        timeout_ns=SHORT_NS,
    ),
    Scenario(
        "poll.poll(0.2), sleeps",
        (0,),
        poll_names,
        "wait(0.2)",
        raw="ppoll",
        timeout_ns=SHORT_NS,
    ),
)

ALL = (*waits(), *OTHERS)


def allow_descriptors() -> None:
    """As many as the hard limit allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def has_room(count: int) -> bool:
    """Whether so many descriptors can be open, and a few more."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft == resource.RLIM_INFINITY or soft >= count + 100


def _open_one(ready: bool, first_fd: int) -> int:
    low = os.eventfd(int(ready), os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    try:
        return fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, first_fd)
    finally:
        os.close(low)


@contextmanager
def descriptors(ready: int, first_fd: int) -> Iterator[list[int]]:
    """So many ready descriptors, or an idle one for 0."""
    fds: list[int] = []
    try:
        for _ in range(max(1, ready)):
            fds.append(_open_one(ready > 0, first_fd))
        yield fds
    finally:
        for fd in fds:
            os.close(fd)


def timer(scenario: Scenario, module: Any, fds: list[int], ready: int) -> timeit.Timer:
    """The scenario's statement, ready to be timed, once its answer is right.

    Raises what the module raises where it refuses the descriptors.
    """
    names = scenario.prepare(module, fds)
    if scenario.answer:
        found = scenario.answer(eval(scenario.statement, dict(names)))
        if found != ready:
            raise RuntimeError(f"{scenario.name}: {found} ready, not {ready}")
    return timeit.Timer(scenario.statement, globals=names)
