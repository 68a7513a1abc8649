"""polymux beside the standard `select` and raw C, in one run.

    python bench/run.py [--quick] [--json FILE] [--instructions] ...

README.md says how to read what it prints.
"""

import argparse
import importlib
import json
import platform
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import programs
import scenarios
import tables
from measure import FULL, QUICK
from programs import Program
from tables import Bench


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run.py", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short, coarse samples")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers")
    parser.add_argument(
        "--instructions",
        action="store_true",
        help="also count instructions (valgrind)",
    )
    parser.add_argument(
        "--library",
        type=Path,
        metavar="ARCHIVE",
        help="BUILD/src/libpolymux.a of a build tree; without, Meson builds one",
    )
    parser.add_argument(
        "--module",
        default="polymux",
        help="the module to measure; `select` itself shows the noise",
    )
    parser.add_argument(
        "--only",
        default="",
        metavar="TEXT",
        help="scenarios with TEXT in their names",
    )
    return parser.parse_args(argv)


def start_library(args: argparse.Namespace, directory: Path) -> Program | None:
    """libpolymux's program; None, said aloud, where it cannot be built."""
    try:
        library = (
            programs.given_library(args.library)
            if args.library
            else programs.build_library(directory)
        )
        return Program(programs.compile_library(directory, library))
    except programs.BuildError as error:
        print(f"libpolymux is left out: {error}", file=sys.stderr)
        return None


def describe(module: Any) -> dict[str, str]:
    return {
        "module": f"{module.__name__} {getattr(module, '__version__', '')}".strip(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def run(bench: Bench, count_instructions: bool) -> None:
    tables.python_table(bench)
    if bench.library:
        tables.library_table(bench, bench.library)
    tables.asyncio_table(bench)
    if count_instructions and shutil.which("valgrind"):
        tables.instructions_table(bench)
    elif count_instructions:
        print("\ninstructions are not counted: no valgrind", file=sys.stderr)


def main(argv: list[str]) -> None:
    args = parse(argv)
    about = describe(importlib.import_module(args.module))
    print(", ".join(about.values()))
    scenarios.allow_descriptors()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        raw = stack.enter_context(Program(programs.compile_raw(directory)))
        library = start_library(args, directory)
        if library:
            stack.enter_context(library)
        effort = QUICK if args.quick else FULL
        bench = Bench(args.module, effort, args.only, raw, library)
        run(bench, args.instructions)
    if args.json:
        args.json.write_text(json.dumps({**about, "rows": bench.rows}, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
