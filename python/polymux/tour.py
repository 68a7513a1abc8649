"""``python -m polymux tour``: every interface waits on real descriptors.

Prints a line for each interface and each thing waited for. A line says OK only
where the right descriptors came back in time and their bytes were the bytes
sent.
"""

import os
import platform
import time
from typing import NamedTuple

import polymux
from polymux._tour_stops import STOPS, Stop, visit
from polymux._tour_waiters import Waiter, available

TITLE_WIDTH = max(len(stop.title) for stop in STOPS)
ANSWER_WIDTH = 42


class Row(NamedTuple):
    """One line of the table."""

    interface: str
    title: str
    answer: str
    duration: str
    verdict: str

    def __str__(self) -> str:
        return (
            f"{self.interface:<9}  {self.title:<{TITLE_WIDTH}}  "
            f"{self.answer:<{ANSWER_WIDTH}}  {self.duration:>9}  {self.verdict}"
        )


def _visit(interface: str, kind: type[Waiter], stop: Stop) -> tuple[Row, bool]:
    began = time.perf_counter()
    try:
        answer, fine = visit(stop, kind), True
    except Exception as error:  # whatever it is, it belongs in the table
        answer, fine = f"{type(error).__name__}: {error}", False
    took = f"{(time.perf_counter() - began) * 1000:.1f} ms"
    verdict = "OK" if fine else "FAILED"
    return Row(interface, stop.title, answer, took, verdict), fine


def _heading(waiters: dict[str, type[Waiter]]) -> str:
    system = os.uname()
    return (
        f"polymux {polymux.__version__}, "
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{system.sysname} {system.release}: {', '.join(waiters)}"
    )


def main() -> int:
    """Prints the table; 0 if every line of it is OK, else 1."""
    waiters = available()
    print(_heading(waiters), end="\n\n")
    print(Row("interface", "what it waited for", "what came back", "time", ""))
    failures = 0
    for interface, kind in waiters.items():
        for stop in STOPS:
            row, fine = _visit(interface, kind, stop)
            failures += not fine
            print(row, flush=True)
    if failures:
        print(f"\n{failures} of {len(waiters) * len(STOPS)} FAILED")
    return 1 if failures else 0
