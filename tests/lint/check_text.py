#!/usr/bin/env python3
"""Text that the public reads: clean, free of one machine's paths, one version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import lint

_MACHINE = re.compile(r"(?<![\w./~-])/(?:root|home/\w+|Users/\w+|work|workspace)/")
_HEADING = re.compile(r"^## \[?v?(\d+\.\d+\.\d+\w*)\]?", re.MULTILINE)


def _faults_of_line(line: str) -> Iterator[str]:
    if line != line.rstrip():
        yield "trailing white space"
    if match := _MACHINE.search(line):
        yield f"{match[0]} is a path of one machine"


def _faults_of_text(text: str) -> Iterator[tuple[int, str]]:
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        for fault in _faults_of_line(line):
            yield number, fault
    if text and lines[-1]:
        yield len(lines), "no newline at the end"
    if text.endswith("\n\n"):
        yield len(lines) - 1, "empty lines at the end"


def _version_faults(root: Path) -> Iterator[str]:
    build = re.search(r"version: '([^']+)'", (root / "meson.build").read_text())
    changelog = root / "CHANGELOG.md"
    heading = _HEADING.search(changelog.read_text()) if changelog.exists() else None
    in_build = build[1] if build else "none"
    in_changelog = heading[1] if heading else "none"
    if in_build != in_changelog:
        yield f"CHANGELOG.md: newest version {in_changelog}, meson.build: {in_build}"


def check(root: Path) -> list[str]:
    complaints = list(_version_faults(root))
    for path in lint.files(root):
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        name = path.relative_to(root)
        complaints += [f"{name}:{n}: {fault}" for n, fault in _faults_of_text(text)]
    return complaints


def self_test() -> None:
    tree = {
        "meson.build": "project('x', version: '1.2.3')\n",
        "CHANGELOG.md": "# Changes\n\n## 1.2.2 - some day\n\n## 1.2.3\n",
        "a.md": "one \nsee /ho" + "me/me/x, not build/ho" + "me/me\nend",
        "b.c": "int b;\n\n",
    }
    with lint.planted(tree) as root:
        lint.expect(
            check(root),
            "newest version 1.2.2, meson.build: 1.2.3",
            "a.md:1: trailing",
            "a.md:2: .* is a path",
            "a.md:3: no newline",
            "b.c:2: empty lines",
        )
    tree["CHANGELOG.md"] = "## 1.2.3\n"
    with lint.planted(
        {name: tree[name] for name in ("meson.build", "CHANGELOG.md")}
    ) as root:
        lint.expect(check(root))


if __name__ == "__main__":
    lint.main(check, self_test)
