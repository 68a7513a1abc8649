"""What the checks share: files, tools, telling, and proving that they can fail.

A check is a function from the root of a tree to complaints. Before it looks
at this tree it has to find the faults that its own self-test plants; a check
that has gone blind fails instead of passing for ever.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"

_GENERATED = re.compile(r"build.*|dist|__pycache__|.*\.egg-info|\.(?!ci$|github$).+")


def _folders_to_visit(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if not _GENERATED.fullmatch(name))


def files(root: Path, *suffixes: str) -> Iterator[Path]:
    """The files of a source tree, or those of some suffixes; none that are built."""
    for folder, below, names in os.walk(root):
        below[:] = _folders_to_visit(below)
        # In a linked worktree .git is a file, which names a path of this machine.
        for name in sorted(set(names) - {".git"}):
            path = Path(folder, name)
            if not suffixes or path.suffix in suffixes:
                yield path


def tool(name: str) -> str:
    """A program, from this interpreter's environment or else from PATH."""
    own = Path(sys.executable).parent / name
    found = str(own) if own.exists() else shutil.which(name)
    if not found:
        sys.exit(f"{name} is not installed; `make lint` sets everything up")
    return found


def complaints_of(
    argv: Sequence[str | Path], env: Mapping[str, str] | None = None
) -> list[str]:
    """Runs a checker: what it prints, if its exit status says that it found faults."""
    ended = subprocess.run(
        [str(word) for word in argv],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode == 0:
        return []
    lines = ended.stdout.replace(f"{ROOT}/", "").splitlines()
    return lines or [f"{argv[0]}: exit status {ended.returncode}"]


@contextmanager
def planted(contents: dict[str, str]) -> Iterator[Path]:
    """A temporary tree with these files in it."""
    with tempfile.TemporaryDirectory(prefix="polymux-lint-") as folder:
        root = Path(folder)
        for name, text in contents.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        yield root


def expect(found: Iterable[str], *patterns: str) -> None:
    """Each complaint matches its pattern, in order, and there are no others."""
    found = list(found)
    matched = [bool(re.search(p, f)) for p, f in zip(patterns, found, strict=False)]
    if len(found) != len(patterns) or not all(matched):
        sys.exit(f"self-test: expected {list(patterns)}, found {found}")


def expect_some(found: Iterable[str], pattern: str) -> None:
    """At least one complaint matches."""
    found = list(found)
    if not any(re.search(pattern, line) for line in found):
        sys.exit(f"self-test: nothing in {found} matches {pattern}")


def main(check: Callable[[Path], list[str]], self_test: Callable[[], None]) -> None:
    """Proves the check with its self-test, then applies it to this tree."""
    self_test()
    complaints = check(ROOT)
    for complaint in complaints:
        print(complaint)
    name = Path(sys.argv[0]).stem.removeprefix("check_")
    print(f"{name}: {'FAILED' if complaints else 'no complaints'}")
    sys.exit(bool(complaints))
