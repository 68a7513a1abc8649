"""The module's names, and its types and functions as objects: what they are
called, what they can and cannot be used for.
"""

from __future__ import annotations

import copy
import gc
import importlib
import inspect
import pickle
import re
import select
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, ModuleType
from typing import Any

import pytest

BASETYPE = 1 << 10
IMMUTABLE = 1 << 8
DISALLOW_INSTANTIATION = 1 << 7
HAVE_GC = 1 << 14

# What polymux has beyond the standard module of the interpreter at hand.
ADDITIONS = re.compile(r"kqueue|kevent|devpoll|KQ_[A-Z_0-9]+|E?POLL[A-Z]+")

# What puts polymux under programs; a view of `select` has none of it.
INSTALLATION = {"install", "uninstall", "LateInstallWarning", "info", "tour"}
FUNCTIONS = ("select", "poll")
POLL_METHODS = ("register", "modify", "unregister", "poll")
EPOLL_METHODS = (
    *("fromfd", "close", "fileno", "register", "modify", "unregister", "poll"),
    *("__enter__", "__exit__"),
)


def public_names(module: ModuleType) -> set[str]:
    return {name for name in vars(module) if not name.startswith("_")}


@pytest.fixture(params=["poll", "epoll"])
def instance(request: pytest.FixtureRequest, mux: ModuleType) -> Iterator[object]:
    made = getattr(mux, request.param)()
    yield made
    if request.param == "epoll":
        made.close()


def types_of(mux: ModuleType) -> dict[str, type]:
    return {"poll": type(mux.poll()), "epoll": mux.epoll}


# Names and constants.


def test_every_standard_name_is_there(polymux: ModuleType) -> None:
    assert public_names(select) - public_names(polymux) == set()


def test_no_other_names(polymux: ModuleType) -> None:
    more = public_names(polymux) - public_names(select) - INSTALLATION
    assert {name for name in more if not ADDITIONS.fullmatch(name)} == set()


def constants() -> list[str]:
    return [name for name, value in vars(select).items() if type(value) is int]


@pytest.mark.parametrize("name", constants())
def test_constant(polymux: ModuleType, name: str) -> None:
    ours = getattr(polymux, name)
    assert type(ours) is int
    assert ours == getattr(select, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PIPE_BUF", 4096),
        ("POLLIN", 1),
        ("POLLPRI", 2),
        ("POLLOUT", 4),
        ("POLLERR", 8),
        ("POLLHUP", 16),
        ("POLLNVAL", 32),
        ("POLLRDNORM", 64),
        ("POLLRDBAND", 128),
        ("POLLWRNORM", 256),
        ("POLLWRBAND", 512),
        ("POLLMSG", 1024),
        ("POLLRDHUP", 8192),
        ("EPOLLIN", 1),
        ("EPOLLPRI", 2),
        ("EPOLLOUT", 4),
        ("EPOLLERR", 8),
        ("EPOLLHUP", 16),
        ("EPOLLRDNORM", 64),
        ("EPOLLRDBAND", 128),
        ("EPOLLWRNORM", 256),
        ("EPOLLWRBAND", 512),
        ("EPOLLMSG", 1024),
        ("EPOLLRDHUP", 8192),
        ("EPOLLEXCLUSIVE", 1 << 28),
        ("EPOLLONESHOT", 1 << 30),
        ("EPOLLET", 1 << 31),
        ("EPOLL_CLOEXEC", 0o2000000),
    ],
)
def test_constant_value(mux: ModuleType, name: str, value: int) -> None:
    assert getattr(mux, name) == value


def test_newer_constants(polymux: ModuleType) -> None:
    assert polymux.EPOLLWAKEUP == 1 << 29


KQUEUE_CONSTANTS = {
    "KQ_FILTER": """
        READ -1 WRITE -2 AIO -3 VNODE -4 PROC -5 SIGNAL -6 TIMER -7 NETDEV -8
        USER -11
    """,
    "KQ_EV": """
        ADD 1 DELETE 2 ENABLE 4 DISABLE 8 ONESHOT 0x10 CLEAR 0x20 RECEIPT 0x40
        DISPATCH 0x80 FORCEONESHOT 0x100 KEEPUDATA 0x200 SYSFLAGS 0xf000
        FLAG1 0x2000 EOF 0x8000 ERROR 0x4000
    """,
    "KQ_NOTE": """
        LOWAT 1 FILE_POLL 2
        DELETE 1 WRITE 2 EXTEND 4 ATTRIB 8 LINK 0x10 RENAME 0x20 REVOKE 0x40
        OPEN 0x80 CLOSE 0x100 CLOSE_WRITE 0x200 READ 0x400
        EXIT 0x80000000 FORK 0x40000000 EXEC 0x20000000 PCTRLMASK 0xf0000000
        PDATAMASK 0xfffff TRACK 1 CHILD 4 TRACKERR 2 LINKUP 1 LINKDOWN 2 LINKINV 4
        SECONDS 1 MSECONDS 2 USECONDS 4 NSECONDS 8 ABSTIME 0x10
        TRIGGER 0x1000000 FFNOP 0 FFAND 0x40000000 FFOR 0x80000000
        FFCOPY 0xc0000000 FFCTRLMASK 0xc0000000 FFLAGSMASK 0xffffff
    """,
}


def test_constants_of_kqueue(polymux: ModuleType) -> None:
    """The numbers are FreeBSD's."""
    expected = {
        f"{kind}_{name}": int(value, 0)
        for kind, text in KQUEUE_CONSTANTS.items()
        for name, value in zip(*[iter(text.split())] * 2, strict=True)
    }
    found = {n: v for n, v in vars(polymux).items() if n.startswith("KQ_")}
    assert found == expected
    assert all(type(value) is int for value in found.values())


def test_error(mux: ModuleType) -> None:
    assert mux.error is OSError


def test_star_import(mux: ModuleType) -> None:
    assert not hasattr(mux, "__all__")
    names: dict[str, object] = {}
    exec(f"from {mux.__name__} import *", names)
    assert public_names(select) <= names.keys()


def test_importing_polymux_leaves_the_standard_module_alone() -> None:
    code = """if True:
        import sys, select
        standard = dict(vars(select))
        import polymux
        assert sys.modules["select"] is select
        assert vars(select) == standard
        assert polymux.select is not select.select
        assert polymux.epoll is not select.epoll
    """
    subprocess.run([sys.executable, "-c", code], check=True)


def test_version(polymux: ModuleType) -> None:
    from importlib import metadata

    assert polymux.__version__ == metadata.version("polymux")


# Functions.


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(mux: ModuleType, name: str) -> None:
    function = getattr(mux, name)
    kind: type = type(function)  # compared itself, it would narrow for mypy
    assert kind is BuiltinFunctionType
    assert function.__module__ == "select"
    assert function.__name__ == function.__qualname__ == name
    assert repr(function) == f"<built-in function {name}>"
    assert len(function.__doc__) > 20
    assert function.__text_signature__ == getattr(select, name).__text_signature__
    assert inspect.signature(function) == inspect.signature(getattr(select, name))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_is_no_method(mux: ModuleType, name: str) -> None:
    """Stored in a class, as selectors does, it stays as it is."""
    holder = type("Holder", (), {"call": getattr(mux, name)})
    assert holder().call is getattr(mux, name)


def test_text_signatures(mux: ModuleType) -> None:
    assert (
        mux.select.__text_signature__
        == "($module, rlist, wlist, xlist, timeout=None, /)"
    )
    assert mux.poll.__text_signature__ == "($module, /)"
    assert type(mux.poll()).poll.__text_signature__ == "($self, timeout=None, /)"
    assert mux.epoll.fromfd.__text_signature__ == "($type, fd, /)"
    assert mux.epoll.poll.__text_signature__ == "($self, /, timeout=None, maxevents=-1)"
    assert mux.epoll.__text_signature__ is None


# Types.


@pytest.mark.parametrize("kind", ["poll", "epoll"])
def test_type_name(mux: ModuleType, kind: str) -> None:
    cls = types_of(mux)[kind]
    assert cls.__module__ == "select"
    assert cls.__name__ == cls.__qualname__ == kind
    assert repr(cls) == f"<class 'select.{kind}'>"
    assert cls.__mro__ == (cls, object)


@pytest.mark.parametrize("kind", ["poll", "epoll"])
def test_type_flags(mux: ModuleType, kind: str) -> None:
    flags = types_of(mux)[kind].__flags__
    assert not flags & BASETYPE
    assert not flags & HAVE_GC
    assert bool(flags & IMMUTABLE) == (sys.version_info >= (3, 15))
    assert bool(flags & DISALLOW_INSTANTIATION) == (kind == "poll")


@pytest.mark.parametrize("kind", ["poll", "epoll"])
def test_type_can_be_changed_before_3_15(mux: ModuleType, kind: str) -> None:
    cls: Any = types_of(mux)[kind]
    if sys.version_info >= (3, 15):
        with pytest.raises(
            TypeError, match="cannot set 'extra' attribute of immutable"
        ):
            cls.extra = 1
    else:
        cls.extra = 1
        assert cls.__dict__["extra"] == 1
        del cls.extra
    assert not hasattr(cls, "extra")


@pytest.mark.parametrize("kind", ["poll", "epoll"])
def test_type_has_the_attributes_of_the_standard_one(
    polymux: ModuleType, kind: str
) -> None:
    ours, standard = types_of(polymux)[kind], types_of(select)[kind]
    assert set(dir(ours)) == set(dir(standard))


@pytest.mark.parametrize(
    ("kind", "name"),
    [("poll", name) for name in POLL_METHODS]
    + [("epoll", name) for name in EPOLL_METHODS],
)
def test_method(polymux: ModuleType, kind: str, name: str) -> None:
    ours = getattr(types_of(polymux)[kind], name)
    standard = getattr(types_of(select)[kind], name)
    assert type(ours) is type(standard)
    assert ours.__name__ == name
    assert ours.__qualname__ == f"{kind}.{name}"
    assert ours.__text_signature__ == standard.__text_signature__
    assert len(ours.__doc__) > 10


def test_documentation(mux: ModuleType) -> None:
    assert mux.epoll.__doc__.startswith("select.epoll(sizehint=-1, flags=0)\n")
    assert mux.epoll.closed.__doc__
    assert mux.__doc__
    assert type(mux.poll()).__doc__ is None


def test_closed_is_a_getter(mux: ModuleType) -> None:
    assert inspect.isgetsetdescriptor(mux.epoll.closed)


@pytest.mark.parametrize("kind", ["poll", "epoll"])
def test_not_subclassable(mux: ModuleType, kind: str) -> None:
    message = f"^type 'select.{kind}' is not an acceptable base type$"
    with pytest.raises(TypeError, match=message):
        type("Sub", (types_of(mux)[kind],), {})


def test_poll_type_makes_no_instances(mux: ModuleType) -> None:
    message = "^cannot create 'select.poll' instances$"
    for arguments in ([], [1]):
        with pytest.raises(TypeError, match=message):
            types_of(mux)["poll"](*arguments)
    with pytest.raises(TypeError):
        object.__new__(types_of(mux)["poll"])


def test_types_of_two_objects_are_one(mux: ModuleType) -> None:
    assert type(mux.poll()) is type(mux.poll())
    assert "poll" not in {v.__name__ for v in vars(mux).values() if type(v) is type}


# Instances.


def test_repr(instance: object) -> None:
    kind = type(instance).__name__
    assert re.fullmatch(rf"<select\.{kind} object at 0x[0-9a-f]+>", repr(instance))


def test_no_other_attributes(instance: Any) -> None:
    kind = type(instance).__name__
    assert not hasattr(instance, "__dict__")
    with pytest.raises(
        AttributeError, match=f"^'select.{kind}' object has no attribute 'other'"
    ):
        instance.other = 1


def test_no_weak_references(instance: object) -> None:
    message = f"^cannot create weak reference to 'select.{type(instance).__name__}' "
    with pytest.raises(TypeError, match=message):
        weakref.ref(instance)


@pytest.mark.parametrize("act", [copy.copy, copy.deepcopy, pickle.dumps])
def test_no_copies(instance: object, act: Callable[[object], object]) -> None:
    message = f"^cannot pickle 'select.{type(instance).__name__}' object$"
    with pytest.raises(TypeError, match=message):
        act(instance)


def test_identity(instance: Any) -> None:
    assert instance == instance
    assert instance != 1
    assert hash(instance) == hash(instance)
    assert not gc.is_tracked(instance)
    with pytest.raises(TypeError, match="not supported between instances"):
        instance < instance  # noqa: B015
    assert bool(instance) is True


def test_is_no_container(instance: Any) -> None:
    kind = type(instance).__name__
    for act in (len, iter, list):
        with pytest.raises(TypeError, match=rf"'select\.{kind}'"):
            act(instance)


# A second import.


@pytest.mark.parametrize("name", ["select", "polymux"])
def test_import_again_makes_a_new_module(name: str) -> None:
    def ours() -> list[str]:
        return [n for n in sys.modules if n == name or n.startswith(f"{name}.")]

    first = importlib.import_module(name)
    saved = {key: sys.modules.pop(key) for key in ours()}
    try:
        second = importlib.import_module(name)
    finally:
        for key in ours():
            del sys.modules[key]
        sys.modules.update(saved)
    assert second is not first
    assert second.epoll is not first.epoll
    assert type(second.poll()) is not type(first.poll())
    assert second.select is not first.select
    assert second.select([], [], [], 0) == ([], [], [])
    with second.epoll() as epoll:
        assert epoll.poll(0) == []
    state = weakref.ref(second)
    del second, epoll
    gc.collect()
    assert state() is None
    assert first.poll().poll(0) == []
