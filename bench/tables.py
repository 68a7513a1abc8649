"""The tables of a run: what is compared in each, and what its columns say."""

import importlib
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import instructions
import scenarios
from measure import Effort, Samples, Timed, compare
from programs import Program, Programs, Task
from report import Cell, Column, Table
from scenarios import ALL_SIZES, ONE_SECOND_NS, READY_SIZES, SHORT_NS, Scenario

MINE = "module"
PEER = "select"
RAW = "raw C"
LIBRARY = "library"
ASYNCIO_TICKS = Path(__file__).with_name("asyncio_ticks.py")
ACTIVE = 100
COUNTED = (
    ("poll.poll(0)", 1),
    ("select.select(r, [], [], 0)", 1),
    ("epoll.poll(0)", 1),
)


@dataclass
class Bench:
    """One run: what is compared, for how long, and what came out so far."""

    module: str
    effort: Effort
    only: str
    programs: Programs
    rows: list[dict[str, Cell]] = field(default_factory=list)

    def wants(self, name: str) -> bool:
        return self.only in name

    def record(self, table: Table, section: str, **cells: Cell) -> None:
        self.rows.append({"section": section, **cells})
        table.row(*cells.values())


def in_c(program: Program, task: Task) -> Timed:
    return lambda loops: program.seconds(task, loops)


def python_contenders(
    bench: Bench, scenario: Scenario, fds: list[int], ready: int
) -> tuple[dict[str, Timed], dict[str, str]]:
    """Those who take part, and for those who refuse, with what exception."""
    contenders: dict[str, Timed] = {}
    refusals: dict[str, str] = {}
    modules = {MINE: importlib.import_module(bench.module), PEER: select}
    for name, module in modules.items():
        try:
            contenders[name] = scenarios.timer(scenario, module, fds, ready).timeit
        except (AttributeError, OSError, ValueError) as error:
            refusals[name] = type(error).__name__
    if scenario.raw:
        task = Task(scenario.raw, ready, scenario.timeout_ns, scenario.first_fd)
        contenders[RAW] = in_c(bench.programs.raw, task)
    return contenders, refusals


def python_table(bench: Bench) -> None:
    module = bench.module
    table = Table(
        f"{module} beside the standard select and raw C, nanoseconds each",
        Column("scenario", 39),
        Column("n", 5, "d"),
        Column(f"{module} ns", 11, ".0f"),
        Column("select ns", 11, ".0f"),
        Column("raw C ns", 11, ".0f"),
        Column(f"{module}/select", 14, ".2f"),
        Column(f"{module}/raw C", 13, ".2f"),
    )
    for scenario in scenarios.ALL:
        for ready in scenario.sizes if bench.wants(scenario.name) else ():
            with scenarios.descriptors(ready, scenario.first_fd) as fds:
                contenders, refusals = python_contenders(bench, scenario, fds, ready)
                samples = compare(contenders, bench.effort)
            bench.record(
                table,
                "python",
                scenario=scenario.name,
                n=ready,
                module_ns=samples.median(MINE) or refusals.get(MINE),
                select_ns=samples.median(PEER) or refusals.get(PEER),
                raw_ns=samples.median(RAW),
                module_per_select=samples.ratio(MINE, PEER),
                module_per_raw=samples.ratio(MINE, RAW),
            )


def library_tasks() -> Iterator[tuple[str, Task, Task]]:
    """A name for the table, then what the library does and its peer."""
    for call, peer in (
        ("pmx_poll_wait / poll", "poll"),
        ("pmx_select_wait / select", "select"),
        ("pmx_epoll_wait / epoll_wait", "epoll"),
    ):
        for text, timeout_ns, sizes in (
            ("0", 0, ALL_SIZES),
            ("1 s", ONE_SECOND_NS, READY_SIZES),
        ):
            for ready in sizes:
                task = Task(peer, ready, timeout_ns)
                yield f"{call}, {text}", task, task
    for ready in ALL_SIZES:
        mine, theirs = (Task(name, ready) for name in ("devpoll", "epoll"))
        yield "pmx_devpoll_wait / epoll_wait, 0", mine, theirs
    for call, registered in (
        ("epoll_wait", [10_000]),
        ("poll", [ACTIVE, 1000, 10_000, 100_000]),
    ):
        for size in registered:
            idle = size - ACTIVE
            mine = Task("devpoll", ACTIVE, idle=idle)
            theirs = Task(call.removesuffix("_wait"), ACTIVE, idle=idle)
            yield f"pmx_devpoll_wait / {call}, {ACTIVE} of n", mine, theirs
    beyond = Task("select", 3000, first_fd=scenarios.BEYOND_FD_SETSIZE)
    yield "pmx_select_wait / select, fds > 1024", beyond, beyond
    registration = Task("epoll_ctl", 1)
    yield "pmx_epoll_register + _unregister", registration, registration
    for ready in READY_SIZES:
        written = Task("vnode", ready)
        yield "EVFILT_VNODE / inotify", written, written
    for interface, peer in (("epoll", "epoll_pwait2"), ("poll", "ppoll")):
        mine, theirs = (Task(name, 0, SHORT_NS) for name in (interface, peer))
        yield f"pmx_{interface}_wait / {peer}, 200 us", mine, theirs


def record_beside_raw(
    bench: Bench, table: Table, section: str, row: str, n: int, samples: Samples
) -> None:
    """A line of what the library takes, and what the system calls alone do."""
    bench.record(
        table,
        section,
        scenario=row,
        n=n,
        library_ns=samples.median(LIBRARY),
        raw_ns=samples.median(RAW),
        library_per_raw=samples.ratio(LIBRARY, RAW),
    )


def library_table(bench: Bench) -> None:
    library = bench.programs.library
    if not library:
        return
    table = Table(
        "libpolymux beside the system calls, nanoseconds each",
        Column("scenario", 39),
        Column("n", 6, "d"),
        Column("libpolymux ns", 13, ".0f"),
        Column("raw C ns", 11, ".0f"),
        Column("libpolymux/raw C", 16, ".2f"),
    )
    for name, mine, theirs in library_tasks():
        if not bench.wants(name) or not scenarios.has_room(mine.watched):
            continue
        contenders = {
            LIBRARY: in_c(library, mine),
            RAW: in_c(bench.programs.raw, theirs),
        }
        samples = compare(contenders, bench.effort)
        n = mine.watched if mine.idle else mine.ready
        record_beside_raw(bench, table, "library", name, n, samples)


@dataclass(frozen=True)
class Loop:
    """A loop to count the ticks of, and how polymux gets below it."""

    name: str
    company: str
    launcher: tuple[str, ...] = ()

    def ticks(self, module: str, seconds: float, launcher: tuple[str, ...]) -> float:
        words = (module, self.company, str(seconds))
        done = subprocess.run(
            [sys.executable, *launcher, ASYNCIO_TICKS, *words],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return float(done.stdout)

    def mine(self, module: str, seconds: float) -> float:
        """With the module in place of select, unless the launcher puts it there."""
        return self.ticks(PEER if self.launcher else module, seconds, self.launcher)

    def theirs(self, seconds: float) -> float:
        return self.ticks(PEER, seconds, ())


LAUNCHER = ("-m", "polymux")
LOOPS = (
    Loop("asyncio alone", "alone"),
    Loop("asyncio beside a computing thread", "busy"),
    Loop("asyncio by python -m polymux, beside one", "busy", LAUNCHER),
)


def asyncio_table(bench: Bench) -> None:
    table = Table(
        "asyncio: `await asyncio.sleep(0)`, ticks per second (more is better)",
        Column("scenario", 39),
        Column(bench.module, 11, ".0f"),
        Column(PEER, 11, ".0f"),
        Column(f"{bench.module}/select", 14, ".2f"),
    )
    seconds = bench.effort.sample_seconds * 25
    for loop in LOOPS:
        if not bench.wants(loop.name) or (loop.launcher and bench.module != "polymux"):
            continue
        ticks: dict[str, list[float]] = {MINE: [], PEER: []}
        for _ in range((bench.effort.rounds + 1) // 2):
            ticks[MINE].append(loop.mine(bench.module, seconds))
            ticks[PEER].append(loop.theirs(seconds))
        bench.record(
            table,
            "asyncio",
            scenario=loop.name,
            module_ticks=median(ticks[MINE]),
            select_ticks=median(ticks[PEER]),
            module_per_select=Samples(ticks).ratio(MINE, PEER),
        )


def instructions_table(bench: Bench) -> None:
    table = Table(
        "instructions in user space for one call, interpreter included",
        Column("scenario", 39),
        Column("n", 5, "d"),
        Column(bench.module, 11, ".0f"),
        Column(PEER, 11, ".0f"),
        Column(f"{bench.module}/select", 14, ".2f"),
    )
    for name, ready in COUNTED:
        if not bench.wants(name):
            continue
        mine = instructions.per_operation(bench.module, name, ready)
        theirs = instructions.per_operation(PEER, name, ready)
        bench.record(
            table,
            "instructions",
            scenario=name,
            n=ready,
            module_instructions=mine,
            select_instructions=theirs,
            module_per_select=mine / theirs,
        )
