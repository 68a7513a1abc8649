#!/usr/bin/env python3
"""shellcheck over every shell script, whatever its name."""

from __future__ import annotations

from pathlib import Path

import lint


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline(80)
    return path.suffix == ".sh" or (first.startswith(b"#!") and first.endswith(b"sh\n"))


def check(root: Path) -> list[str]:
    scripts = [path for path in lint.files(root) if _is_script(path)]
    if not scripts:
        return []
    return lint.complaints_of([lint.tool("shellcheck"), *scripts])


def self_test() -> None:
    with lint.planted({"a": "#!/bin/sh\nrm $1\n"}) as root:
        lint.expect_some(check(root), "SC2086")


if __name__ == "__main__":
    lint.main(check, self_test)
