#!/usr/bin/env python3
"""C is formatted by clang-format, Python by ruff; --fix formats."""

from __future__ import annotations

import sys
from pathlib import Path

import lint


def _c_files(root: Path) -> list[Path]:
    return list(lint.files(root, ".c", ".h"))


def _python_files(root: Path) -> list[Path]:
    return list(lint.files(root, ".py", ".pyi"))


def _ruff(command: str, *words: str | Path) -> list[str]:
    config = f"--config={lint.ROOT / 'pyproject.toml'}"
    return lint.complaints_of([lint.tool("ruff"), command, "--quiet", config, *words])


def _clang_format(*words: str | Path) -> list[str]:
    style = f"--style=file:{lint.ROOT / '.clang-format'}"
    return lint.complaints_of([lint.tool("clang-format"), style, *words])


def check(root: Path) -> list[str]:
    c, python = _c_files(root), _python_files(root)
    return [
        *(_clang_format("--dry-run", "--Werror", *c) if c else []),
        *(_ruff("format", "--check", *python) if python else []),
        *(_ruff("check", *python) if python else []),
    ]


def fix(root: Path) -> list[str]:
    c, python = _c_files(root), _python_files(root)
    return [
        *_clang_format("-i", *c),
        *_ruff("check", "--fix", "--exit-zero", *python),
        *_ruff("format", *python),
    ]


def self_test() -> None:
    with lint.planted({"a.c": "int  a ;\n"}) as root:
        lint.expect_some(check(root), r"a.c:1:4.*clang-format")
    with lint.planted({"a.py": "a =  1\n"}) as root:
        lint.expect_some(check(root), "a.py|reformatted")
    with lint.planted({"a.py": "import os\n"}) as root:
        lint.expect_some(check(root), "F401")


if __name__ == "__main__":
    lint.main(fix if "--fix" in sys.argv else check, self_test)
