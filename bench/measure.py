"""Timing several contenders fairly: in turns, in one run.

Each round times every contender once, in an order that rotates, so that
whatever else the machine does falls on all of them. A ratio is the median of
the rounds' ratios; a number of nanoseconds is the median of the rounds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

Timed = Callable[[int], float]
"""Does something so many times and returns the seconds that it took."""


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    rounds: int
    sample_seconds: float


FULL = Effort(rounds=11, sample_seconds=0.02)
QUICK = Effort(rounds=3, sample_seconds=0.004)


def in_short_turns(effort: Effort) -> Effort:
    """As long in all; other work that comes and goes spoils fewer of the rounds."""
    return Effort(effort.rounds * 5, effort.sample_seconds / 5)


def calibrate(timed: Timed, seconds: float) -> int:
    """The number of repetitions that takes about so many seconds."""
    loops, took = 1, timed(1)
    while took < seconds / 4:
        loops *= 4
        took = timed(loops)
    return max(1, round(loops * seconds / took))


@dataclass(frozen=True)
class Samples:
    """Nanoseconds per operation: by contender, a number for each round."""

    ns: Mapping[str, list[float]]

    def median(self, name: str) -> float | None:
        return median(self.ns[name]) if name in self.ns else None

    def ratio(self, name: str, peer: str) -> float | None:
        if name not in self.ns or peer not in self.ns:
            return None
        pairs = zip(self.ns[name], self.ns[peer], strict=True)
        return median(mine / theirs for mine, theirs in pairs)


def rotated(names: list[str], by: int) -> list[str]:
    by %= len(names)
    return names[by:] + names[:by]


def compare(contenders: Mapping[str, Timed], effort: Effort) -> Samples:
    """Times all contenders, round by round."""
    loops = {
        name: calibrate(timed, effort.sample_seconds)
        for name, timed in contenders.items()
    }
    ns: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(effort.rounds):
        for name in rotated(list(contenders), number):
            took = contenders[name](loops[name])
            ns[name].append(took / loops[name] * 1e9)
    return Samples(ns)
