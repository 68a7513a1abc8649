#!/usr/bin/env python3
"""Who may include whom: the rules of dependency, read from #include lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import lint

INTERFACES = ("select", "poll", "epoll", "devpoll", "kqueue")

# Headers that several files of src/kqueue/linux share by design; the contracts
# filter.h and source.h lie one folder up and need no entry.
SHARED_BY_FILTERS: frozenset[str] = frozenset(
    {
        "announcement.h",
        "backlog.h",
        "connector.h",
        "deliveries.h",
        "disposition.h",
        "evict.h",
        "filters.h",
        "identity.h",
        "inotify.h",
        "inquiry.h",
        "item.h",
        "notes.h",
        "object.h",
        "pidfd.h",
        "rebuild.h",
        "set.h",
        "source.h",
        "unixdiag.h",
    }
)

# What src/kqueue/*.c would have to know of an operating system.
SYSTEM_ONLY = re.compile(
    r"(linux/.*|sys/(epoll|eventfd|inotify|pidfd|signalfd|timerfd|event)\.h)"
)

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


@dataclass(frozen=True)
class Include:
    """One line: `file` includes `target`, a path in the tree or <a header>."""

    root: Path
    file: PurePosixPath
    line: int
    quoted: bool
    written: str

    @property
    def folder(self) -> PurePosixPath:
        return self.file.parent

    @property
    def target(self) -> PurePosixPath | None:
        """The file of this tree that a quoted include names."""
        if not self.quoted:
            return None
        for base in (self.folder, PurePosixPath("tests/c")):
            path = (self.root / base / self.written).resolve()
            if path.is_file() and path.is_relative_to(self.root):
                return PurePosixPath(path.relative_to(self.root))
        return None

    @property
    def public(self) -> str | None:
        """The public header of ours that it names, without the folder."""
        ours = not self.quoted and self.written.startswith("polymux/")
        return self.written.removeprefix("polymux/") if ours else None


def _under(path: PurePosixPath | None, folder: str) -> bool:
    return path is not None and path.is_relative_to(folder)


def _resolution(include: Include) -> str | None:
    if include.quoted and include.target is None:
        return "names no file of this tree; system headers are written <…>"
    return None


def _python_h(include: Include) -> str | None:
    if include.written == "Python.h" and not _under(include.file, "python"):
        return "Python.h stays within python/"
    return None


def _extension(include: Include) -> str | None:
    if not _under(include.file, "python/ext") or not include.quoted:
        return None
    if _under(include.target, "python/ext"):
        return None
    return "the extension sees of the library its public headers only"


def _public_headers(include: Include) -> str | None:
    if not _under(include.file, "include") or include.file.name == "polymux.h":
        return None
    if include.quoted:
        return "a public header includes <polymux/…> and system headers only"
    if include.public in (None, "api.h", "version.h"):
        return None
    if "compat" in include.file.parts:
        return None
    return "interfaces do not include one another"


def _interface_of(path: PurePosixPath | None) -> str | None:
    parts = path.parts if path else ()
    in_source = len(parts) > 2 and parts[0] == "src" and parts[1] in INTERFACES
    return parts[1] if in_source else None


def _interfaces(include: Include) -> str | None:
    own = _interface_of(include.file)
    if own is None:
        return None
    if _interface_of(include.target) not in (None, own):
        return "interfaces do not include one another"
    if include.public not in (None, "api.h", "version.h", f"{own}.h"):
        return "an emulation stands on the system's calls, not on ours"
    return None


def _base(include: Include) -> str | None:
    if not _under(include.file, "src/base"):
        return None
    if include.public or (include.target and not _under(include.target, "src/base")):
        return "base knows nothing of ours but itself"
    return None


def _compat(include: Include) -> str | None:
    if not _under(include.file, "src/compat") or not include.quoted:
        return None
    if _under(include.target, "src/compat") or _under(include.target, "src/base"):
        return None
    return "compat stands on public headers and base"


def _kqueue_core(include: Include) -> str | None:
    if include.folder != PurePosixPath("src/kqueue"):
        return None
    if _under(include.target, "src/kqueue/linux"):
        return "the core sees a system only through filter.h and source.h"
    if not include.quoted and SYSTEM_ONLY.fullmatch(include.written):
        return "the core does not know the operating system"
    return None


def _filters(include: Include) -> str | None:
    target = include.target
    if not _under(include.file, "src/kqueue/linux") or target is None:
        return None
    if not _under(target, "src/kqueue/linux") or target.stem == include.file.stem:
        return None
    if target.name in SHARED_BY_FILTERS:
        return None
    return "filters do not include one another"


def _commands(include: Include) -> str | None:
    if not _under(include.file, "commands") or not include.quoted:
        return None
    if _under(include.target, "commands"):
        return None
    return "the commands see of the library its public headers only"


def _c_tests(include: Include) -> str | None:
    if not _under(include.file, "tests/c") or _under(include.file, "tests/c/unit"):
        return None
    if not include.quoted or _under(include.target, "tests/c"):
        return None
    return "tests, unit/ aside, use public headers only"


RULES = (
    _resolution,
    _python_h,
    _extension,
    _public_headers,
    _interfaces,
    _base,
    _compat,
    _kqueue_core,
    _filters,
    _commands,
    _c_tests,
)


def _includes(root: Path) -> Iterator[Include]:
    for path in lint.files(root, ".c", ".h", ".in"):
        name = PurePosixPath(path.relative_to(root))
        for number, text in enumerate(path.read_text().splitlines(), 1):
            if match := _INCLUDE.match(text):
                yield Include(root, name, number, match[1] == '"', match[2])


def check(root: Path) -> list[str]:
    root = root.resolve()
    return [
        f"{include.file}:{include.line}: {include.written}: {complaint}"
        for include in _includes(root)
        for rule in RULES
        if (complaint := rule(include))
    ]


FAULTS = {
    "commands/w.c": '#include "../src/poll/p.h"',
    "src/base/a.c": '#include "../poll/p.h"',
    "src/base/b.c": "#include <polymux/poll.h>",
    "src/compat/c.c": '#include "../poll/p.h"',
    "src/devpoll/d.c": "#include <polymux/epoll.h>",
    "src/kqueue/core.c": '#include "linux/timer.h"',
    "src/kqueue/event.c": "  #  include <sys/epoll.h>",
    "src/kqueue/linux/vnode.c": '#include "timer.h"',
    "src/poll/p.c": '#include "../select/s.h"',
    "src/poll/q.c": '#include "nowhere.h"',
    "src/version.c": "#include <Python.h>",
    "include/polymux/poll.h": "#include <polymux/select.h>",
    "python/ext/e.c": '#include "../../src/poll/p.h"',
    "tests/c/poll.c": '#include "../../src/poll/p.h"',
}
FAULTLESS = {
    "commands/v.c": '#include "v.h"\n#include <polymux/kqueue.h>',
    "commands/v.h": "",
    "include/polymux/polymux.h": "#include <polymux/poll.h>",
    "python/ext/f.c": '#include <Python.h>\n#include "f.h"\n#include <polymux/poll.h>',
    "python/ext/f.h": "",
    "src/base/b.h": "",
    "src/kqueue/filter.h": "",
    "src/kqueue/linux/timer.c": '#include "timer.h"\n#include "../filter.h"',
    "src/kqueue/linux/timer.h": "#include <sys/timerfd.h>",
    "src/poll/p.h": '#include "../base/b.h"\n#include <polymux/poll.h>',
    "src/select/s.h": "",
    "tests/c/harness.h": "",
    "tests/c/kqueue/contract.c": '#include "harness.h"\n#include <polymux/kqueue.h>',
    "tests/c/unit/u.c": '#include "../../../src/poll/p.h"',
}


def self_test() -> None:
    with lint.planted(FAULTLESS) as root:
        lint.expect(check(root))
    with lint.planted(FAULTS | FAULTLESS) as root:
        blamed = {complaint.split(":")[0] for complaint in check(root)}
    lint.expect(sorted(blamed ^ set(FAULTS)))


if __name__ == "__main__":
    lint.main(check, self_test)
