"""The command line: a command of COMMANDS, or a program to run on polymux.

Each command imports what it needs when it runs.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Command(NamedTuple):
    """What a command is called, what it does in a few words, and how."""

    name: str
    summary: str
    run: Callable[[], int]


def _tour() -> int:
    from polymux import tour

    return tour.main()


def _info() -> int:
    from polymux import info

    return info.main()


COMMANDS = (
    Command("tour", "wait on real descriptors through every interface", _tour),
    Command("info", "what this kernel gives, and what stands on it", _info),
)

USAGE = """python -m polymux [OPTION]... PROGRAM [ARGUMENT]...
       python -m polymux COMMAND"""

DESCRIPTION = """\
Runs a program, and the Python programs that it starts, with polymux in the
place of the standard select module.

programs:
  SCRIPT        a file, or a folder or archive with a __main__.py in it
  -m MODULE     a module or package
  -c CODE       a program as a string
  -             a program from standard input"""

EPILOG = f"""\
commands:
{chr(10).join(f"  {command.name:<12}  {command.summary}" for command in COMMANDS)}

Options for the interpreter itself go before -m: python -X dev -m polymux …
A script called like a command has to be named with its folder: ./tour
With kqueue visible, selectors and asyncio prefer it to epoll."""


def _version() -> str:
    import polymux

    return f"polymux {polymux.__version__}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m polymux",
        usage=USAGE,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    flags = {
        "kqueue": "show the program kqueue, kevent and KQ_*",
        "devpoll": "show the program devpoll",
        "stats": "print calls and events per interface when a process ends",
    }
    for name, text in flags.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    parser.add_argument("--version", action="version", version=_version())
    return parser


def split(argv: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Our own options, and the program with all that belongs to it."""
    for i, word in enumerate(argv):
        if word == "--":
            return argv[:i], argv[i + 1 :]
        if word == "-" or word.startswith(("-m", "-c")) or not word.startswith("-"):
            return argv[:i], argv[i:]
    return argv, ()


def _looks_like_a_command(word: str) -> bool:
    return word.isidentifier() and not os.path.exists(word)


def _run(
    options: list[str],
    program: Sequence[str],
    own: int,
    parser: argparse.ArgumentParser,
) -> int:
    from polymux import _launch, _view

    for option in options:
        if not _view.has(option):
            parser.error(f"this build of polymux has no {option}")
    if _looks_like_a_command(program[0]):
        names = ", ".join(command.name for command in COMMANDS)
        parser.error(f"no script {program[0]} here; the commands are {names}")
    try:
        _launch.launch(options, program, own)
    except _launch.LaunchError as error:
        parser.error(str(error))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command, or becomes a program; the result is the exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    parser = _parser()
    ours, program = split(words)
    asked = vars(parser.parse_args(ours))
    options = [name for name in asked if asked[name]]
    if not program:
        if options:
            parser.error("an option, but no program to run")
        parser.print_help()
        return 0
    commands = {command.name: command for command in COMMANDS}
    command = commands.get(program[0])
    if command is None:
        return _run(options, program, len(words), parser)
    if options or len(program) > 1:
        parser.error(f"{command.name} takes neither options nor arguments")
    return command.run()


if __name__ == "__main__":
    sys.exit(main())
