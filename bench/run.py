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

import kqueue_tables
import programs
import scenarios
import tables
from measure import FULL, QUICK
from programs import BuildError, Library, Program, Programs
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


def find_library(args: argparse.Namespace, directory: Path) -> Library | None:
    """libpolymux; None, said aloud, where it cannot be built."""
    try:
        if args.library:
            return programs.given_library(args.library)
        return programs.build_library(directory)
    except BuildError as error:
        print(f"libpolymux is left out: {error}", file=sys.stderr)
        return None


def start(stack: ExitStack, args: argparse.Namespace) -> Programs:
    """Builds and starts the programs of c/, until the stack is closed."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    library = find_library(args, directory)

    def raw(name: str) -> Program:
        return stack.enter_context(Program(programs.compile_raw(directory, name)))

    def linked(name: str) -> Program | None:
        if not library:
            return None
        program = programs.compile_library(directory, library, name)
        return stack.enter_context(Program(program))

    return Programs(raw("raw"), raw("raw_kqueue"), linked("library"), linked("kqueue"))


def describe(module: Any) -> dict[str, str]:
    return {
        "module": f"{module.__name__} {getattr(module, '__version__', '')}".strip(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def run(bench: Bench, count_instructions: bool) -> None:
    tables.python_table(bench)
    tables.library_table(bench)
    kqueue_tables.library_table(bench)
    kqueue_tables.python_table(bench)
    tables.asyncio_table(bench)
    if count_instructions and shutil.which("valgrind"):
        tables.instructions_table(bench)
        kqueue_tables.instructions_table(bench)
    elif count_instructions:
        print("\ninstructions are not counted: no valgrind", file=sys.stderr)


def main(argv: list[str]) -> None:
    args = parse(argv)
    about = describe(importlib.import_module(args.module))
    print(", ".join(about.values()))
    scenarios.allow_descriptors()
    with ExitStack() as stack:
        effort = QUICK if args.quick else FULL
        bench = Bench(args.module, effort, args.only, start(stack, args))
        run(bench, args.instructions)
    if args.json:
        args.json.write_text(json.dumps({**about, "rows": bench.rows}, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
