"""Which of CPython's test files are run, and which tests are left out.

Names are those of files below the interpreter's own `test` package. Not every
version has every file; what a version lacks is not run.
"""

from argparse import Namespace
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

# The module itself, and what waits through it directly.
CORE = (
    "test_select",
    "test_poll",
    "test_epoll",
    "test_kqueue",
    "test_devpoll",
    "test_selectors",
    "test_socketserver",
    "test_eintr",
    "test_subprocess",
    "test_signal",
)

# Library modules whose sockets, pipes and servers wait through it.
USERS = (
    "test_asynchat",
    "test_asyncore",
    "test_docxmlrpc",
    "test_ftplib",
    "test_httpservers",
    "test_imaplib",
    "test_logging",
    "test_nntplib",
    "test_os",
    "test_poplib",
    "test_pty",
    "test_smtplib",
    "test_socket",
    "test_ssl",
    "test_telnetlib",
    "test_xmlrpc",
)

# What --quick takes from below.
QUICK = (
    "test_asyncio.test_events",
    "test_asyncio.test_selector_events",
    "test_asyncio.test_sendfile",
    "test_asyncio.test_sock_lowlevel",
    "test_asyncio.test_streams",
    "test_asyncio.test_subprocess",
    "test_asyncio.test_unix_events",
)

# Whole folders: an event loop runs in nearly every file.
FOLDERS = ("test_asyncio",)

# Files of minutes: the connections and queues of multiprocessing.
LONG = (
    "test_multiprocessing_fork",
    "test_multiprocessing_forkserver",
    "test_multiprocessing_spawn",
    "test_concurrent_futures",
)

# Test files that demand a network, though the loopback interface is all they use.
ON_LOOPBACK = ("test.test_socketserver",)

# What may be used where there is no network, sound card or screen.
RESOURCES = ("cpu", "subprocess", "walltime")

# Started first, so that none of them runs alone at the end.
SLOWEST = (
    "test.test_imaplib",
    "test.test_signal",
    "test.test_socket",
    "test.test_ssl",
    "test.test_subprocess",
    "test.test_xmlrpc",
    "test.test_logging",
    "test.test_asyncio.test_subprocess",
    "test.test_selectors",
    "test.test_asyncio.test_tasks",
    "test.test_os",
)

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Deselection:
    pattern: str
    reason: str


def read_deselections(options: Namespace) -> list[Deselection]:
    """What is left out of a run with these options."""
    names = ["deselected.txt", *(["deselected-kqueue.txt"] if options.kqueue else [])]
    return [entry for name in names for entry in _read(HERE / name)]


def _read(path: Path) -> list[Deselection]:
    """Read lines of a test id, which may hold wildcards, and the reason why."""
    entries = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        pattern, _, reason = line.partition(" ")
        if not reason.strip():
            raise ValueError(f"{path}:{number}: {pattern} is left out for no reason")
        entries.append(Deselection(pattern, reason.strip()))
    return entries


def deselected(names: set[str], entries: list[Deselection]) -> set[str]:
    """The tests among `names` that some entry leaves out."""
    return {
        name for name in names if any(fnmatchcase(name, e.pattern) for e in entries)
    }


def resources(module: str) -> list[str]:
    """The resources, in the sense of test.support, that a file may use."""
    return [*RESOURCES, "network"] if module in ON_LOOPBACK else [*RESOURCES]


class SelectionError(Exception):
    """Nothing can be run by the names given."""


def _wanted(options: Namespace) -> list[str]:
    if options.files:
        return [name.removeprefix("test.") for name in options.files]
    if options.quick:
        return [*CORE, *QUICK]
    return [*CORE, *USERS, *FOLDERS, *(LONG if options.long else ())]


def _expand(tests: Path, name: str) -> list[str]:
    """The modules a name stands for: a file's one, or one per file of a folder."""
    path = tests.joinpath(*name.split("."))
    if path.with_suffix(".py").is_file():
        return [f"test.{name}"]
    files = sorted(file.stem for file in path.glob("test_*.py"))
    return [f"test.{name}.{file}" for file in files if "windows" not in file]


def choose(tests: Path, options: Namespace) -> list[str]:
    """The modules to run, in the order of starting them."""
    modules: dict[str, None] = {}
    for name in _wanted(options):
        found = _expand(tests, name)
        if options.files and not found:
            raise SelectionError(f"there is no {name} in {tests}")
        modules.update(dict.fromkeys(found))
    if not modules:
        raise SelectionError(f"there are no tests in {tests}")
    slow = [name for name in SLOWEST if name in modules]
    return slow + [name for name in modules if name not in slow]
