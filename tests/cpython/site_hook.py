"""Puts polymux in the place of the standard select module at start-up.

`inject.py` copies this file into the site-packages of a throw-away virtual
environment, beside a `.pth` file that calls `replace`. The site module executes
that line in every interpreter, also under -I and -E and in sub-interpreters, and
before any program has had a chance to import `select`. So this file must stay
cheap and must import nothing that itself imports `select`.
"""

import os
import sys

TYPE_CHECKING = False  # typing is not cheap; type checkers know this name as well
if TYPE_CHECKING:
    from types import ModuleType

KQUEUE_NAMES = ("kqueue", "kevent", "KQ_")
DEVPOLL_NAMES = ("devpoll",)


def _hides(name: str, kqueue: bool, devpoll: bool) -> bool:
    """Tell whether `name` is one the platform's own module would not have."""
    return (not kqueue and name.startswith(KQUEUE_NAMES)) or (
        not devpoll and name.startswith(DEVPOLL_NAMES)
    )


def _module_to_show(kqueue: bool, devpoll: bool) -> "ModuleType":
    """Return polymux, or a module of the same name without the hidden names.

    `selectors` prefers kqueue and devpoll to epoll: shown without being asked
    for, they would move every event loop to another interface than the one the
    standard module gives it.
    """
    import polymux

    hidden = {name for name in vars(polymux) if _hides(name, kqueue, devpoll)}
    if not hidden:
        return polymux
    view = type(sys)(polymux.__name__, polymux.__doc__)
    shown = {k: v for k, v in vars(polymux).items() if k not in hidden}
    vars(view).update(shown)
    return view


def _log(path: str) -> None:
    """Append this process to the log, in one write.

    Tests start interpreters under all sorts of limits and identities. One that
    cannot write is not logged, and the runner judges by what is missing.
    """
    line = f"{os.getpid()}\t{sys.orig_argv!r}\n"
    try:
        log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(log, line.encode("utf-8", "backslashreplace"))
    except OSError:
        pass
    finally:
        os.close(log)


def replace(log: str, kqueue: bool = False, devpoll: bool = False) -> None:
    """Make `import select` give polymux from here on, unless it already does.

    The site module executes a `.pth` file twice where it finds its directory
    twice, as it does in a virtual environment.
    """
    present = sys.modules.get("select")
    if present is not None and present.__name__ == "polymux":
        return
    if present is not None:
        raise RuntimeError("select was imported before it could be replaced")
    sys.modules["select"] = _module_to_show(kqueue, devpoll)
    _log(log)
