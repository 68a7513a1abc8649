"""Puts polymux in the place of the standard select module at start-up.

`inject.py` copies this file into the site-packages of a throw-away virtual
environment, beside a `.pth` file that calls `replace`. The site module executes
that line in every interpreter, also under -I and -E and in sub-interpreters, and
before any program has had a chance to import `select`.
"""

import os
import sys


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
    """Have `import select` give polymux from here on, unless it already does.

    The site module executes a `.pth` file twice where it finds its directory
    twice, as it does in a virtual environment.
    """
    if "polymux" in sys.modules:
        return
    if "select" in sys.modules:
        raise RuntimeError("select was imported before it could be replaced")
    import polymux

    polymux.install(kqueue=kqueue, devpoll=devpoll)
    _log(log)
