#!/usr/bin/env python3
"""Makes docs/kqueue-differences.md from the DIFFERENCE() of the tests beside it.

Each is in the test that proves it: DIFFERENCE("what FreeBSD does", "what is done
here"). Without arguments the page is written; with --check it is compared, and
with --print it goes to standard output.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[2] / "docs" / "kqueue-differences.md"

HEAD = """\
# What kqueue does differently from FreeBSD

Made by `tests/c/kqueue/differences.py` from the tests that prove it; do not edit.
Whatever is not listed here is meant to be as on FreeBSD.

| On FreeBSD | Here | Proved by |
|---|---|---|
"""

_TEST = re.compile(r"^TEST(?:_EACH)?\((\w+)", re.MULTILINE)
_STRINGS = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
_DIFFERENCE = re.compile(
    rf"^\s+DIFFERENCE\(\s*{_STRINGS},\s*{_STRINGS}\);", re.MULTILINE
)


@dataclass(frozen=True)
class Difference:
    freebsd: str
    here: str
    test: str

    def row(self) -> str:
        return f"| {self.freebsd} | {self.here} | {self.test} |\n"


def _sentence(literals: str) -> str:
    """Adjacent string literals of C, as one sentence."""
    text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))
    return text[0].upper() + text[1:] + "."


def _differences_of(source: Path) -> Iterator[Difference]:
    text = source.read_text()
    found = list(_DIFFERENCE.finditer(text))
    if len(found) != text.count("DIFFERENCE("):
        raise ValueError(f"a DIFFERENCE() of {source.name} is not of two strings")
    for match in found:
        test = _TEST.findall(text, 0, match.start())[-1]
        where = f"`{source.name}`: {test}"
        yield Difference(_sentence(match[1]), _sentence(match[2]), where)


def page() -> str:
    sources = sorted(HERE.glob("*.c"))
    return HEAD + "".join(d.row() for s in sources for d in _differences_of(s))


def main(arguments: list[str]) -> int:
    if arguments == ["--print"]:
        sys.stdout.write(page())
        return 0
    if arguments == ["--check"]:
        if PAGE.exists() and PAGE.read_text() == page():
            return 0
        print(f"{PAGE} is out of date: run {Path(__file__).name}")
        return 1
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
