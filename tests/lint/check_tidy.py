#!/usr/bin/env python3
"""clang-tidy over the library, the commands, the extension and the C tests.

Uses the compile commands of build/clang, which `make lint` brings up to date,
and the headers of the clang on this machine. What is checked, and what is not
and why, stands in .clang-tidy.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lint

TREE = lint.BUILD / "clang"
CHECKED = ("src", "commands", "python/ext", "tests/c")


def _resource_dir() -> str:
    command = [lint.tool("clang"), "-print-resource-dir"]
    return subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.strip()


def _tidy(file: Path, *words: str | Path) -> list[str]:
    config = f"--config-file={lint.ROOT / '.clang-tidy'}"
    headers = f"--extra-arg=-resource-dir={_resource_dir()}"
    command = [lint.tool("clang-tidy"), "--quiet", config, headers, file, *words]
    return [
        re.sub(r"^(build/clang/|)\.\./\.\./", "", line)
        for line in lint.complaints_of(command)
        if not line.startswith(("Suppressed", "Use -header-filter"))
    ]


def _sources(root: Path) -> list[Path]:
    database = TREE / "compile_commands.json"
    if not database.exists():
        sys.exit("build/clang is not set up; `make lint` does that")
    entries = json.loads(database.read_text())
    paths = {Path(e["directory"], e["file"]).resolve() for e in entries}
    wanted = [root / folder for folder in CHECKED]
    return sorted(p for p in paths if any(p.is_relative_to(w) for w in wanted))


def check(root: Path) -> list[str]:
    sources = _sources(root)
    with ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // 2)) as pool:
        found = pool.map(lambda path: _tidy(path, "-p", TREE), sources)
    # A header's findings come once for each file that includes it.
    return list(dict.fromkeys(line for lines in found for line in lines))


def self_test() -> None:
    fault = "int f(int *p);\nint f(int *p)\n{\n    p = 0;\n    return *p;\n}\n"
    with lint.planted({"a.c": fault}) as root:
        lint.expect_some(_tidy(root / "a.c", "--"), r"a.c:5:.*NullDereference")


if __name__ == "__main__":
    lint.main(check, self_test)
