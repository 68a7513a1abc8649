#!/usr/bin/env python3
"""Functions and files stay short: no function over 60 lines, no file over 500.

Functions of 41 to 60 lines are listed. A C function is counted from its first
line to the brace that ends it; the format, which another check enforces, puts
both braces of a function at the start of a line and no others.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lint

LONGEST_FUNCTION = 60
LONG_FUNCTION = 40
LONGEST_FILE = 500

_BEFORE_FUNCTION = re.compile(r"\s*$|.*[;}]$|.*\*/$|#|\S.*\\$")
_NAME = re.compile(r"(\w+)\s*\(")


@dataclass(frozen=True)
class Function:
    where: str
    name: str
    lines: int

    def __str__(self) -> str:
        return f"{self.where}: {self.name} has {self.lines} lines"


def _first_line(lines: list[str], brace: int) -> int:
    first = brace
    while first > 0 and not _BEFORE_FUNCTION.match(lines[first - 1]):
        first -= 1
    return first


def c_functions(path: str, text: str) -> Iterator[Function]:
    lines = text.splitlines()
    first = None
    for number, line in enumerate(lines):
        if line == "{":
            first = _first_line(lines, number)
        elif line == "}" and first is not None:
            name = _NAME.search(" ".join(lines[first:number]))
            called = name[1] if name else lines[first]
            yield Function(f"{path}:{first + 1}", called, number - first + 1)
            first = None


def python_functions(path: str, text: str) -> Iterator[Function]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Function(f"{path}:{node.lineno}", node.name, lines)


def functions(root: Path, *suffixes: str) -> list[Function]:
    parse = python_functions if ".py" in suffixes else c_functions
    return [
        function
        for path in lint.files(root, *suffixes)
        for function in parse(str(path.relative_to(root)), path.read_text())
    ]


def _long_files(root: Path) -> Iterator[str]:
    for path in lint.files(root, ".c", ".h", ".py", ".pyi", ".sh"):
        count = len(path.read_text().splitlines())
        if count > LONGEST_FILE:
            name = path.relative_to(root)
            yield f"{name}: {count} lines, more than {LONGEST_FILE}"


def distribution(language: str, found: list[Function]) -> str:
    sizes = sorted(function.lines for function in found) or [0]
    median, p90 = sizes[len(sizes) // 2], sizes[len(sizes) * 9 // 10]
    shape = f"median {median}, 90 % up to {p90}, longest {sizes[-1]} lines"
    return f"{language}: {len(found)} functions, {shape}"


def _report(c: list[Function], python: list[Function]) -> None:
    print(distribution("C", c))
    print(distribution("Python", python))
    for function in c + python:
        if LONG_FUNCTION < function.lines <= LONGEST_FUNCTION:
            print(f"long: {function}")


def check(root: Path) -> list[str]:
    found = functions(root, ".c", ".h") + functions(root, ".py")
    too_long = [f"{f}" for f in found if f.lines > LONGEST_FUNCTION]
    return [*too_long, *_long_files(root)]


def self_test() -> None:
    work = "    work();\n"
    tree = {
        "a.c": f"/* A. */\nint\na(int x,\n  int y)\n{{\n{work * 59}}}\n",
        "b.c": f"static int b(void)\n{{\n{work * 57}}}\n",
        "c.py": "def c():\n" + "    work()\n" * 60,
        "d.h": "int d;\n" * 501,
    }
    with lint.planted(tree) as root:
        lint.expect(
            check(root),
            "^a.c:2: a has 64 lines",
            "^c.py:1: c has 61 lines",
            "^d.h: 501 lines",
        )


def report_and_check(root: Path) -> list[str]:
    _report(functions(root, ".c", ".h"), functions(root, ".py"))
    return check(root)


if __name__ == "__main__":
    lint.main(report_and_check, self_test)
