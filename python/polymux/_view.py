"""The module that `import select` gives while polymux is installed.

Each view is a module of its own, filled from an instance of the extension of
its own: its functions and types belong to nobody else, so that they can be told
from those of polymux and be exchanged again. Stands on importlib, and imports
little, for it runs at the start of every interpreter below `python -m polymux`.
"""

from __future__ import annotations

import weakref
from importlib.machinery import ExtensionFileLoader, ModuleSpec

from polymux import _polymux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any

SELECT = "select"
DOC = "The select module, on polymux: every Unix way to wait for I/O."

KQUEUE = "kqueue"
DEVPOLL = "devpoll"
STATS = "stats"
OPTIONS = (KQUEUE, DEVPOLL, STATS)

FOREIGN = {KQUEUE: ("kqueue", "kevent", "KQ_"), DEVPOLL: ("devpoll",)}
"""How the names begin that are shown only where an option asks for them.

`selectors` prefers kqueue and devpoll to epoll: shown unasked, they would move
every event loop to an interface that is not this platform's.
"""

views: list[weakref.ref[ModuleType]] = []
"""Every view there is, for one that was popped from sys.modules is still used."""


def is_shown(name: str, options: frozenset[str]) -> bool:
    """Whether a name of the extension belongs into a view."""
    hidden = [FOREIGN[word] for word in FOREIGN if word not in options]
    return not name.startswith(("_", *(start for starts in hidden for start in starts)))


def has(option: str) -> bool:
    """Whether this build can give what the option asks for."""
    return option == STATS or hasattr(_polymux, option)


def _extension_file() -> str:
    spec = _polymux.__spec__
    assert spec is not None
    assert spec.origin is not None
    return spec.origin


def _new_extension() -> ModuleType:
    """Another instance of the extension, with functions and types of its own."""
    name, path = _polymux.__name__, _extension_file()
    loader = ExtensionFileLoader(name, path)
    extension = loader.create_module(ModuleSpec(name, loader, origin=path))
    loader.exec_module(extension)
    return extension


class ViewLoader:
    """Fills one view with the names that its options show."""

    def __init__(self, options: frozenset[str]) -> None:
        self.options = options
        self.select: object = None

    def create_module(self, spec: ModuleSpec) -> None:
        """A view is a module like any other."""

    def exec_module(self, module: ModuleType) -> None:
        extension = vars(_new_extension())
        names = {k: v for k, v in extension.items() if is_shown(k, self.options)}
        if STATS in self.options:
            from polymux import _stats

            names = _stats.counted(names)
        self.select = names[SELECT]
        module.__doc__ = DOC
        vars(module).update(names)
        views.append(weakref.ref(module, views.remove))


class ViewFinder:
    """Finds a view wherever `select` is imported, and imported again."""

    def __init__(self) -> None:
        self.options: frozenset[str] = frozenset()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != SELECT:
            return None
        # A loader in all but the base class, whose module is slow to import.
        loader: Any = ViewLoader(self.options)
        spec = ModuleSpec(fullname, loader, origin=_extension_file())
        spec.has_location = True
        return spec


def loader_of(module: ModuleType) -> ViewLoader | None:
    """What has filled a module, if it is a view."""
    loader = getattr(module.__spec__, "loader", None)
    return loader if type(loader) is ViewLoader else None


def is_patched(module: ModuleType) -> bool:
    """Whether someone has put another select() into a view or the standard module."""
    function = vars(module).get(SELECT)
    if loader := loader_of(module):
        return function is not loader.select
    return getattr(function, "__self__", None) is not module


def live_views() -> list[ModuleType]:
    """The views that somebody still has."""
    return [view for reference in views.copy() if (view := reference()) is not None]


def import_select() -> ModuleType:
    """What `import select` gives now, once imports under way have ended."""
    return __import__(SELECT)
