"""``python -m polymux tour``: every interface waits on real descriptors.

Prints a line for each interface and each thing waited for. A line says OK only
where the right descriptors came back in time and their bytes were the bytes
sent.
"""

import os
import platform
import textwrap
import time
from typing import NamedTuple

import polymux
from polymux._tour_events import stops_of
from polymux._tour_stops import (
    ROOM,
    STOPS,
    NotAllowed,
    Stop,
    descriptors_allowed,
    visit,
)
from polymux._tour_waiters import Waiter, available

TITLE_WIDTH = max(len(stop.title) for stop in STOPS)
ANSWER_WIDTH = 42


class Row(NamedTuple):
    """One line of the table, more where the answer is long."""

    interface: str
    title: str
    answer: str
    duration: str
    verdict: str

    def __str__(self) -> str:
        first, *more = textwrap.wrap(self.answer, ANSWER_WIDTH) or [""]
        line = (
            f"{self.interface:<9}  {self.title:<{TITLE_WIDTH}}  "
            f"{first:<{ANSWER_WIDTH}}  {self.duration:>9}  {self.verdict}"
        )
        indent = " " * (9 + 2 + TITLE_WIDTH + 2)
        return "\n".join([line.rstrip(), *(indent + rest for rest in more)])


def _visit(interface: str, kind: type[Waiter], stop: Stop) -> tuple[Row, bool]:
    began = time.perf_counter()
    try:
        answer, verdict = visit(stop, kind), "OK"
    except NotAllowed as reason:
        answer, verdict = f"not allowed here ({reason})", "left out"
    except Exception as error:  # whatever it is, it belongs in the table
        answer, verdict = f"{type(error).__name__}: {error}", "FAILED"
    took = f"{(time.perf_counter() - began) * 1000:.1f} ms"
    return Row(interface, stop.title, answer, took, verdict), verdict != "FAILED"


def _heading(waiters: dict[str, type[Waiter]]) -> str:
    system = os.uname()
    return (
        f"polymux {polymux.__version__}, "
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{system.sysname} {system.release}: {', '.join(waiters)}"
    )


def _tour(waiters: dict[str, type[Waiter]]) -> int:
    """Prints a row for every wait; returns how many failed."""
    failures = 0
    for interface, kind in waiters.items():
        for stop in stops_of(interface):
            row, fine = _visit(interface, kind, stop)
            failures += not fine
            print(row, flush=True)
    return failures


def main() -> int:
    """Prints the table; 0 if no line of it has failed, else 1."""
    waiters = available()
    print(_heading(waiters), end="\n\n")
    print(Row("interface", "what it waited for", "what came back", "time", ""))
    with descriptors_allowed(ROOM):
        failures = _tour(waiters)
    if failures:
        rows = sum(len(stops_of(interface)) for interface in waiters)
        print(f"\n{failures} of {rows} FAILED")
    return 1 if failures else 0
