#!/usr/bin/env python3
"""codespell over the whole tree."""

from __future__ import annotations

from pathlib import Path

import lint

# What codespell takes for misspelt and is not: macros of mdoc.
WORDS = ("ba", "fo", "nd", "te")


def check(root: Path) -> list[str]:
    ignore = f"--ignore-words-list={','.join(WORDS)}"
    return lint.complaints_of([lint.tool("codespell"), ignore, *lint.files(root)])


def self_test() -> None:
    with lint.planted({"a.md": f"{'Their'.replace('ei', 'ie')} message.\n"}) as root:
        lint.expect(check(root), r"a.md:1: .* ==> Their")


if __name__ == "__main__":
    lint.main(check, self_test)
