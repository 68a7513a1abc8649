"""polymux.install() and uninstall(): polymux where programs import `select`.

One finder on sys.meta_path makes views; what was imported before is exchanged
in place. Whatever `select` there was is kept for uninstall(). All state belongs
to the interpreter, as the modules do.
"""

from __future__ import annotations

import os
import sys
import warnings
from _thread import allocate_lock, get_ident

from polymux._repoint import exchange_of, repoint
from polymux._view import (
    OPTIONS,
    SELECT,
    ViewFinder,
    has,
    import_select,
    is_patched,
    live_views,
    loader_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

FIX = "call polymux.install() before that, or run the program by `python -m polymux`"


class LateInstallWarning(RuntimeWarning):
    """Something was on the standard `select` before install() and stays there."""


class _Lock:
    """One thread at a time, and that one again.

    Not an RLock, for eventlet looks for those and complains of what it finds.
    """

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._owner = self._depth = 0

    def __enter__(self) -> None:
        if self._owner != get_ident():
            self._lock.acquire()
            self._owner = get_ident()
        self._depth += 1

    def __exit__(self, *exception: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._owner = 0
            self._lock.release()


class _State:
    """What is installed, and what has to come back."""

    def __init__(self) -> None:
        self.lock = _Lock()
        self.finder = ViewFinder()
        self.standard: ModuleType | None = None


_state = _State()
os.register_at_fork(
    before=_state.lock.__enter__,
    after_in_parent=_state.lock.__exit__,
    after_in_child=_state.lock.__exit__,
)


def _refuse_patched(fix: str) -> None:
    """Whoever has patched `select` wants their own functions, not others."""
    present = sys.modules.get(SELECT)
    if present and is_patched(present):
        raise RuntimeError(f"the select module has been monkey-patched: {fix}")


def _renew() -> ModuleType:
    """Another `select` than that of sys.modules, by the finders as they are."""
    sys.modules.pop(SELECT, None)
    return import_select()


def _warn_of_leftovers(standard: ModuleType, view: ModuleType) -> None:
    from polymux._leftovers import leftovers

    found = leftovers(standard, view)
    if found:
        text = f"still on the standard select: {'; '.join(found)} ({FIX})"
        warnings.warn(text, LateInstallWarning, stacklevel=5)


def _replace(present: ModuleType) -> None:
    """Puts a new view in the place of a module that programs have already."""
    fresh = loader_of(present) is None
    olds = [present] if fresh else live_views()
    view = _renew()
    if loader_of(view) is None:
        raise RuntimeError("another import hook provides select before polymux can")
    repoint(exchange_of(olds, view))
    if fresh:
        _state.standard = present
        _warn_of_leftovers(present, view)


def _install(options: frozenset[str]) -> None:
    finder = _state.finder
    finder.options |= options
    if finder not in sys.meta_path:
        _refuse_patched(FIX)
        sys.meta_path.insert(0, finder)
    present = import_select()
    loader = loader_of(present)
    if loader is None or loader.options != finder.options:
        _replace(present)


def _bring_back(view: ModuleType) -> None:
    """The module that was there before; none if there was none and none is used."""
    present = _state.standard
    standard = present or _renew()
    sys.modules[SELECT] = standard
    exchanged = repoint(exchange_of([view, *live_views()], standard))
    if not present and not exchanged:
        del sys.modules[SELECT]


def _uninstall() -> None:
    if _state.finder in sys.meta_path:
        sys.meta_path.remove(_state.finder)
    if SELECT in sys.modules:
        module = import_select()
        if loader_of(module):
            _bring_back(module)
    _state.standard = None
    _state.finder.options = frozenset()


def install(
    *, kqueue: bool = False, devpoll: bool = False, stats: bool = False
) -> None:
    """Has `import select` give polymux, here and in whatever is imported later.

    Modules that have imported `select` already are moved to polymux as well,
    with the classes of `selectors` and what was imported by name. What cannot
    be moved, because an object or a function holds it, stays on the standard
    module, and a LateInstallWarning names it.

    Only the names native to the platform are visible; `kqueue=True` and
    `devpoll=True` show those of the other interfaces. Mind that `selectors` and
    asyncio prefer kqueue to epoll wherever they find it. With `stats=True`, the
    calls and the events of each interface are printed on standard error when
    the process ends.

    May be called again, from any thread; a later call adds to what the earlier
    ones asked for. Each sub-interpreter has to call it for itself. Child
    processes get it by forking or by `python -m polymux`.

    RuntimeError if an interface is asked for that this build lacks, or if
    `select` was monkey-patched before.
    """
    asked = dict(zip(OPTIONS, (kqueue, devpoll, stats), strict=True))
    options = frozenset(word for word in OPTIONS if asked[word])
    for word in options:
        if not has(word):
            raise RuntimeError(f"this build of polymux has no {word}")
    with _state.lock:
        before = _state.finder.options, _state.finder in sys.meta_path
        try:
            _install(options)
        except BaseException:
            _state.finder.options = before[0]
            if not before[1]:
                _uninstall()
            raise


def uninstall() -> None:
    """Undoes install(): `import select` gives the standard module again.

    The same module object as before comes back, to all who hold polymux in its
    place; who has imported polymux by its own name keeps it. Objects that were
    made in the meantime go on working, on polymux. Does nothing where nothing
    is installed.

    RuntimeError if `select` was monkey-patched since install().
    """
    with _state.lock:
        if _state.finder in sys.meta_path:
            _refuse_patched("undo that before polymux.uninstall()")
            _uninstall()
