"""The tables of kqueue: in C beside what a program would do without it, in Python
beside epoll.

The ready descriptors are connections, not eventfds as elsewhere: an event of
EVFILT_READ says how many bytes there are, which an eventfd does not tell FIONREAD.
"""

import importlib
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import instructions
import scenarios
from measure import Effort, Timed, compare, in_short_turns
from programs import Task
from report import Column, Table
from scenarios import ALL_SIZES, Names, Scenario
from tables import LIBRARY, MINE, PEER, RAW, Bench, in_c, record_beside_raw

WATCHED = (1, 100, 10_000, 100_000)
KNOTES = 10_000
CROWD = 10_000
CHILDREN = 100
PROCESS = "process"
KQUEUE = "kqueue"


def one_of(name: str, watched: int) -> Task:
    return Task(name, 1, idle=watched - 1)


def library_tasks() -> Iterator[tuple[str, int, Task, Task]]:
    """What the row says, how many, then what the library does and its peer."""
    for watched in WATCHED:
        task = one_of("collect", watched)
        yield "1 ready of n / epoll_wait, FIONREAD", watched, task, task
    patient = Task("collect", 1, scenarios.ONE_SECOND_NS)
    yield "the same, 1 s", 1, patient, patient
    many = Task("collect", 1000)
    yield "n ready of n / epoll_wait, FIONREAD", 1000, many, many
    eventfd, stream = Task("collect_eventfds", 1), Task("collect", 1)
    yield "1 ready eventfd / 1 socket, as above", 1, eventfd, stream
    brief = Task("brief", 1)
    yield "EV_ADD, 1 event, EV_DELETE / the same", 1, brief, brief
    for row, name in (
        ("EV_DELETE, EV_ADD / 2 epoll_ctl", "register"),
        ("EV_DISABLE, EV_ENABLE / 2 epoll_ctl", "switch"),
    ):
        for how, mine in (("", name), (", in 1 call", f"{name}_at_once")):
            yield f"{row}{how}", 1, Task(mine, 1), Task(name, 1)
    for row, name in (
        ("a timer registered / a timerfd", "timer_register"),
        ("a timer collected / a timerfd", "timer_collect"),
    ):
        yield row, CROWD, Task(name, 0), Task(name, 0)
    for row, name in (
        ("NOTE_TRIGGER, collect / eventfd, epoll", "user"),
        ("the same after pmx_kqueue_fd()", "user_observed"),
    ):
        yield row, 1, Task(name, 0), Task("user", 0)
    process = Task(PROCESS, 0)
    yield "EV_ADD, a process's end / a pidfd, waitid", CHILDREN, process, process


def effort_for(task: Task, effort: Effort) -> Effort:
    """A crowd of processes takes long to start: one for each sample, whole."""
    short = in_short_turns(effort)
    return Effort(effort.rounds * 3, 0) if task.scenario == PROCESS else short


def wanted_tasks(bench: Bench) -> Iterator[tuple[str, int, Task, Task]]:
    for task in library_tasks():
        if bench.wants(f"kqueue: {task[0]}"):
            yield task


def library_table(bench: Bench) -> None:
    library, raw = bench.programs.kqueue, bench.programs.raw_kqueue
    if not library:
        return
    table = Table(
        "kqueue of libpolymux beside the system calls, nanoseconds each",
        Column("scenario", 44),
        Column("n", 6, "d"),
        Column("kqueue ns", 9, ".0f"),
        Column("raw C ns", 8, ".0f"),
        Column("kqueue/raw C", 12, ".2f"),
    )
    for row, n, mine, theirs in wanted_tasks(bench):
        if not scenarios.has_room(mine.watched):
            continue
        contenders = {LIBRARY: in_c(library, mine), RAW: in_c(raw, theirs)}
        samples = compare(contenders, effort_for(mine, bench.effort))
        record_beside_raw(bench, table, "kqueue", row, n, samples)
    if bench.wants("kqueue: bytes"):
        taken = library.answer(Task("bytes", 0, idle=KNOTES), 1)
        bench.rows.append(
            {"section": "kqueue", "scenario": "bytes", "n": KNOTES, "bytes": taken}
        )
        print(f"\nbytes of heap for each of {KNOTES} knotes: {taken / KNOTES:.0f}")


def instructions_table(bench: Bench) -> None:
    """Of what takes no time in the kernel, or little."""
    library, raw = bench.programs.kqueue, bench.programs.raw_kqueue
    if not library:
        return
    table = Table(
        "kqueue of libpolymux: instructions in user space",
        Column("scenario", 44),
        Column("n", 6, "d"),
        Column("kqueue", 9, ".0f"),
        Column("raw C", 8, ".0f"),
    )
    for row, n, mine, theirs in wanted_tasks(bench):
        if n > 1:
            continue
        bench.record(
            table,
            "kqueue instructions",
            scenario=row,
            n=n,
            library_instructions=instructions.per_task(library, mine),
            raw_instructions=instructions.per_task(raw, theirs),
        )


#
# In Python.
#


def _open_stream() -> socket.socket:
    """A connection of one descriptor: both of its ends; with a byte to read."""
    stream = socket.socket()
    try:
        stream.bind(("127.0.0.1", 0))
        stream.connect(stream.getsockname())
        no_lingering = struct.pack("ii", 1, 0)  # or ports would be used up
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_lingering)
        stream.send(b"\0")
    except OSError:
        stream.close()
        raise
    return stream


@contextmanager
def streams(ready: int) -> Iterator[list[int]]:
    """So many ready sockets, or an idle descriptor for 0."""
    opened = [_open_stream() for _ in range(ready)]
    with scenarios.descriptors(0, 0) as idle:
        try:
            yield [stream.fileno() for stream in opened] or idle
        finally:
            for stream in opened:
                stream.close()


def kqueue_names(module: Any, fds: list[int]) -> Names:
    kqueue = module.kqueue()
    flags = module.KQ_EV_ADD
    adds = [module.kevent(fd, module.KQ_FILTER_READ, flags) for fd in fds]
    kqueue.control(adds, 0)
    return {"wait": kqueue.control, "room": len(fds)}


CONTROL = Scenario(
    "kqueue.control(None, n, 0)",
    ALL_SIZES,
    kqueue_names,
    "wait(None, room, 0)",
    raw="collect",
)
POLL = Scenario("epoll.poll(0)", ALL_SIZES, scenarios.epoll_names, "wait(0)", raw=None)


def busy_timer(scenario: Scenario, module: Any, fds: list[int], ready: int) -> Timed:
    """The processor's time, as the programs of c/ tell it for kqueue."""
    made = scenarios.timer(scenario, module, fds, ready)
    made.timer = time.process_time  # type: ignore[attr-defined]
    return made.timeit


def python_contenders(bench: Bench, fds: list[int], ready: int) -> dict[str, Timed]:
    module = importlib.import_module(bench.module)
    raw = bench.programs.raw_kqueue
    return {
        KQUEUE: busy_timer(CONTROL, module, fds, ready),
        MINE: busy_timer(POLL, module, fds, ready),
        PEER: busy_timer(POLL, select, fds, ready),
        RAW: in_c(raw, Task("collect", ready)),
    }


def python_table(bench: Bench) -> None:
    name, module = CONTROL.name, bench.module
    if not bench.wants(name) or not hasattr(importlib.import_module(module), "kqueue"):
        return
    table = Table(
        f"{module}.{name} beside epoll.poll(0), nanoseconds each",
        Column("n", 5, "d"),
        Column("kqueue ns", 9, ".0f"),
        Column(f"{module}.epoll ns", 16, ".0f"),
        Column("select.epoll ns", 15, ".0f"),
        Column("raw C ns", 8, ".0f"),
        Column("kqueue/epoll", 12, ".2f"),
        Column("kqueue/select.epoll", 19, ".2f"),
        Column("kqueue/raw C", 12, ".2f"),
    )
    for ready in ALL_SIZES:
        with streams(ready) as fds:
            contenders = python_contenders(bench, fds, ready)
            samples = compare(contenders, in_short_turns(bench.effort))
        bench.record(
            table,
            "python kqueue",
            n=ready,
            kqueue_ns=samples.median(KQUEUE),
            module_epoll_ns=samples.median(MINE),
            select_epoll_ns=samples.median(PEER),
            raw_ns=samples.median(RAW),
            kqueue_per_epoll=samples.ratio(KQUEUE, MINE),
            kqueue_per_select_epoll=samples.ratio(KQUEUE, PEER),
            kqueue_per_raw=samples.ratio(KQUEUE, RAW),
        )
