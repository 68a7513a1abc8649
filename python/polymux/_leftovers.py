"""What goes on using the standard module after polymux took its place.

The garbage collector knows who holds what, but for the variables of running
functions and the insides of foreign extensions. Stands on gc.
"""

from __future__ import annotations

import gc
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

SELECTOR_CLASSES = {"kqueue": "KqueueSelector", "devpoll": "DevpollSelector"}
"""What `selectors` defines only if it finds a name in `select`."""

FACTORIES = ("poll", "devpoll")
"""Functions that return objects of a type without a name."""

PARTS = ("__self__", "__objclass__")
"""Where a method or descriptor keeps the type that it is a part of."""


def _names(standard: ModuleType) -> list[str]:
    """What the module has that can wait; `error` is everybody's."""
    items = vars(standard).items()
    return [k for k, v in items if k[0] != "_" and callable(v) and v is not OSError]


def _is_part(holder: object, thing: object, owner: ModuleType) -> bool:
    """Whether a reference comes from the thing itself or from its module."""
    if holder is owner or holder is vars(owner):
        return True
    if not isinstance(thing, type):
        return False
    descriptive = type(holder).__module__ == "builtins"
    return holder is thing.__mro__ or (
        descriptive and any(getattr(holder, part, None) is thing for part in PARTS)
    )


def _describe(holder: object, thing: object) -> str:
    if type(holder) is dict:
        keys = [repr(key) for key, value in holder.items() if value is thing]
        return f"a dict, as {', '.join(keys)}"
    kind = type(holder)
    return f"a {kind.__qualname__}" + (
        f" of {kind.__module__}" if kind.__module__ != "builtins" else ""
    )


def _copies(standard: ModuleType) -> list[str]:
    """Where functions and types of the module are held that were copied out.

    No generator: the collector sees what a generator holds while it runs.
    """
    found = []
    for name in _names(standard):
        thing = vars(standard)[name]
        for holder in gc.get_referrers(thing):
            if not _is_part(holder, thing, standard):
                found.append(f"`{name}` in {_describe(holder, thing)}")
    return found


def _types(standard: ModuleType) -> dict[type, str]:
    """The types of the module's objects, and the names they go by."""
    types = {}
    for name in _names(standard):
        thing = vars(standard)[name]
        if isinstance(thing, type):
            types[thing] = name
        elif name in FACTORIES:
            types[type(thing())] = name
    return types


def _objects(standard: ModuleType) -> Iterator[str]:
    """What the types of the module have made and something still holds.

    The objects are unknown to the collector, and so may be a dict that holds
    nothing but them: hence the second look.
    """
    types = _types(standard)
    held = gc.get_referents(*gc.get_objects())
    inside = [x for x in held if type(x) in (dict, tuple) and not gc.is_tracked(x)]
    found = {id(x): x for x in (*held, *gc.get_referents(*inside)) if type(x) in types}
    counts: dict[str, int] = {}
    for thing in found.values():
        name = types[type(thing)]
        counts[name] = counts.get(name, 0) + 1
    for name, count in counts.items():
        yield f"{count} {name} object{'s' * (count > 1)} in use"


def _missing_selectors(view: ModuleType) -> Iterator[str]:
    """Selector classes that `selectors` would have, imported later."""
    selectors = sys.modules.get("selectors")
    for name, cls in SELECTOR_CLASSES.items():
        if selectors and hasattr(view, name) and not hasattr(selectors, cls):
            yield f"`selectors`, imported too early to have a {cls}"


def leftovers(standard: ModuleType, view: ModuleType) -> list[str]:
    """What is not on polymux and cannot be brought there, in words."""
    return sorted({*_copies(standard), *_objects(standard), *_missing_selectors(view)})
