"""Exchanges what loaded modules hold of one `select` for that of another.

Namespaces of modules and of their classes can be exchanged; what lies anywhere
else `_leftovers` finds. Everything is compared by identity: no foreign code
runs.
"""

from __future__ import annotations

import sys
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Exchange = dict[int, tuple[object, object]]
"""By the identity of what goes: itself, and what comes."""


def _namespace(module: object) -> dict[str, object]:
    """A module's own dictionary, without waking modules that load lazily."""
    if not issubclass(type(module), ModuleType):
        return {}
    namespace: dict[str, object] = object.__getattribute__(module, "__dict__")
    return namespace


def exchange_of(olds: Iterable[ModuleType], new: ModuleType) -> Exchange:
    """The modules themselves, and their callables of the same name."""
    exchange: Exchange = {}
    coming = vars(new)
    for old in olds:
        exchange[id(old)] = (old, new)
        for name, thing in vars(old).copy().items():
            other = coming.get(name)
            if not name.startswith("_") and callable(thing) and other is not None:
                exchange[id(thing)] = (thing, other)
    return {key: (old, new) for key, (old, new) in exchange.items() if old is not new}


def _attributes(cls: type) -> dict[str, object]:
    attributes: dict[str, object] = type.__getattribute__(cls, "__dict__").copy()
    return attributes


def _classes(namespace: dict[str, object]) -> Iterator[type]:
    """The classes that a module has defined, not those it has imported."""
    for value in namespace.copy().values():
        if issubclass(type(value), type):
            cls: type = value  # type: ignore[assignment]
            if _attributes(cls).get("__module__", ()) == namespace.get("__name__"):
                yield cls


def _repoint_module(namespace: dict[str, object], exchange: Exchange) -> int:
    held = {k: v for k, v in namespace.copy().items() if id(v) in exchange}
    for name, value in held.items():
        namespace[name] = exchange[id(value)][1]
    return len(held)


def _repoint_class(cls: type, exchange: Exchange) -> int:
    held = {k: v for k, v in _attributes(cls).items() if id(v) in exchange}
    for name, value in held.items():
        type.__setattr__(cls, name, exchange[id(value)][1])
    return len(held)


def repoint(exchange: Exchange) -> int:
    """Exchanges what the loaded modules and their classes hold; says how much."""
    ours = {id(thing) for pair in exchange.values() for thing in pair}
    exchanged = 0
    for module in sys.modules.copy().values():
        namespace = _namespace(module)
        if namespace and id(module) not in ours:
            exchanged += _repoint_module(namespace, exchange)
            exchanged += sum(_repoint_class(c, exchange) for c in _classes(namespace))
    return exchanged
