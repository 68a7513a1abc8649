"""The programs that are run on polymux, and how each is judged.

Nothing in them is patched: the installed packages, their own test suites and
those of the standard library, and programs of this folder that do with a
package what its users do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Judgement(Enum):
    """What has to come of the two runs."""

    SAME = auto()  # both succeed
    SUITE = auto()  # the same number of tests, and none fails on polymux alone
    ONLY = auto()  # polymux can, and the standard module refuses


@dataclass(frozen=True)
class Program:
    """Something to run: what follows `python`, or `python -m polymux OPTION...`.

    The refusal is what the standard module says where it cannot do it.
    """

    name: str
    words: tuple[str, ...]
    judgement: Judgement
    quick: bool = False
    needs: str = ""
    options: tuple[str, ...] = ()
    refusal: str = ""


def _live(name: str) -> Program:
    return Program(name, (f"{name}.py",), Judgement.SAME, quick=True)


def _beyond(name: str) -> Program:
    """With descriptors beyond FD_SETSIZE."""
    return Program(
        name=f"{name}-beyond-1024",
        words=(f"{name}.py", "beyond"),
        judgement=Judgement.ONLY,
        quick=True,
        refusal="filedescriptor out of range in select()",
    )


def _kqueue(name: str) -> Program:
    """On an interface that Linux lacks."""
    return Program(
        name=f"{name}-kqueue",
        words=(f"{name}.py",),
        judgement=Judgement.ONLY,
        quick=True,
        options=("--kqueue",),
        refusal="module 'select' has no attribute 'KQ_",
    )


def _suite(name: str, *words: str, quick: bool = False, needs: str = "") -> Program:
    return Program(name, ("-m", *words), Judgement.SUITE, quick, needs)


def _cpython(name: str) -> Program:
    """A part of CPython's tests; `network` is what they call the loopback, too."""
    module = f"test_{name}"
    words = ("test", "-v", "-u", "network", module)
    return _suite(f"cpython-{name}", *words, needs=module)


_TORNADO = "tornado.test.runtests"
_TORNADO_WAITS = [f"tornado.test.{name}_test" for name in ("ioloop", "iostream")]
_TORNADO_WAITS += [f"tornado.test.{name}_test" for name in ("process", "tcpserver")]
_GEVENT = [f"gevent.tests.test__{name}" for name in ("select", "monkey_select")]
_GEVENT_MORE = [f"gevent.tests.test__{name}" for name in ("selectors", "socket")]

PROGRAMS = (
    _live("uvicorn_serves"),
    _live("trio_talks"),
    _live("gevent_patched"),
    _live("eventlet_patched"),
    _live("pexpect_talks"),
    _live("paramiko_talks"),
    _live("waitress_serves"),
    _live("asyncore_echoes"),
    _live("select_waits"),
    _beyond("pexpect_talks"),
    _beyond("paramiko_talks"),
    _beyond("waitress_serves"),
    _beyond("asyncore_echoes"),
    _beyond("select_waits"),
    _kqueue("watchdog_sees"),
    _suite("tornado-waits", _TORNADO, *_TORNADO_WAITS, quick=True),
    _suite("gevent-waits", "unittest", *_GEVENT, quick=True),
    _suite("tornado", _TORNADO),
    _suite("gevent", "unittest", *_GEVENT_MORE),
    _cpython("asyncio"),
    _cpython("httpservers"),
    _cpython("socketserver"),
    _cpython("subprocess"),
    _cpython("multiprocessing_spawn"),
    _cpython("multiprocessing_forkserver"),
    _cpython("multiprocessing_fork"),
)
