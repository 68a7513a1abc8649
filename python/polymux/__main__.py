"""The command line: ``python -m polymux COMMAND``.

Each command is a line of COMMANDS and imports what it needs when it runs.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Command(NamedTuple):
    """What a command is called, what it does in a few words, and how."""

    name: str
    summary: str
    run: Callable[[argparse.Namespace], int]


def _tour(_: argparse.Namespace) -> int:
    from polymux import tour

    return tour.main()


COMMANDS = (Command("tour", "wait on real descriptors through every interface", _tour),)


def _version() -> str:
    import polymux

    return f"polymux {polymux.__version__}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m polymux",
        description="Every Unix way to wait for I/O, on the Unix you have.",
    )
    parser.add_argument("--version", action="version", version=_version())
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in COMMANDS:
        sub = commands.add_parser(
            command.name, help=command.summary, description=command.summary
        )
        sub.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; its result is the exit status."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.run is None:
        parser.print_help()
        return 0
    status: int = args.run(args)
    return status


if __name__ == "__main__":
    sys.exit(main())
