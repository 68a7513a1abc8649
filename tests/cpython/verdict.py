"""Compares the two modules test by test: what passes on one must on the other.

A test that fails on polymux, or is skipped there although the standard module
lets it run, is suspect. It is run again alone, then on the standard module, which
excuses it only by failing every time as well.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from worker import FileRun, Worker, target

AGAIN = 2  # more chances for a suspect, and as many for the standard module


@dataclass
class FileVerdict:
    """The outcomes of one file on both modules, and what they amount to."""

    module: str
    polymux: FileRun
    standard: FileRun = field(default_factory=FileRun)
    new: dict[str, str] = field(default_factory=dict)
    also_standard: dict[str, str] = field(default_factory=dict)
    passed_again: list[str] = field(default_factory=list)

    @property
    def passed(self) -> int:
        return len(self.polymux.of_kind("passed"))

    @property
    def skipped(self) -> int:
        return len(set(self.polymux.of_kind("skipped")) - set(self.new))


def kinds(run: FileRun, name: str) -> set[str]:
    """The kinds of outcome of what `name` stands for: a test, a class or a module."""
    return {
        outcome.kind for other, outcome in run.outcomes.items() if covers(name, other)
    }


def covers(name: str, other: str) -> bool:
    """Tell whether `name` stands for `other`, or for a class or module it is in."""
    return (target(other) + ".").startswith(target(name) + ".")


def suspects(verdict: FileVerdict) -> list[str]:
    skipped = verdict.polymux.of_kind("skipped")
    return verdict.polymux.of_kind("failed") + [
        name for name in skipped if "passed" in kinds(verdict.standard, name)
    ]


def compare(verdict: FileVerdict, standard: Worker, everything: bool) -> None:
    """Run on the standard module what was skipped on polymux, or everything.

    Whatever is asked for, the run tells which tests the file defines.
    """
    only = None if everything else verdict.polymux.of_kind("skipped")
    verdict.standard = standard.run(verdict.module, only)


def settle(verdict: FileVerdict, polymux: Worker, standard: Worker) -> None:
    """Run the suspects again and sort those that remain. Run nothing beside it."""
    for _ in range(AGAIN):
        names = suspects(verdict)
        if names:
            _run_again(verdict, polymux, names)
    names = suspects(verdict)
    passing = _passing_on_standard(verdict, standard, names)
    for name in names:
        outcome = verdict.polymux.outcomes[name]
        kind = verdict.new if name in passing else verdict.also_standard
        kind[name] = f"{outcome.kind}: {outcome.detail}"
    for name in verdict.standard.defined - verdict.polymux.defined:
        if not any(covers(known, name) for known in verdict.polymux.outcomes):
            verdict.new[name] = "not defined on polymux"


def _run_again(verdict: FileVerdict, polymux: Worker, names: Collection[str]) -> None:
    again = polymux.run(verdict.module, names)
    for name in names:
        found = kinds(again, name)
        if "passed" in found and "failed" not in found:
            verdict.passed_again.append(name)
        if found:
            del verdict.polymux.outcomes[name]
    verdict.polymux.outcomes.update(again.outcomes)
    verdict.polymux.seconds += again.seconds


def _passing_on_standard(
    verdict: FileVerdict, standard: Worker, names: list[str]
) -> set[str]:
    """The names that do not fail every time on the standard module."""
    passing: set[str] = set()
    for _ in range(1 + AGAIN):
        open_names = [name for name in names if name not in passing]
        if not open_names:
            break
        run = standard.run(verdict.module, open_names)
        passing.update(name for name in open_names if "failed" not in kinds(run, name))
    return passing
