"""install() when `select` is in use already, and uninstall()."""

from __future__ import annotations

import pytest
from support import passes


def test_loaded_modules_are_moved_and_come_back() -> None:
    passes("""
import asyncio, select, selectors, socketserver, subprocess, types
from select import epoll, select as wait
sys.modules["holder"] = module = types.ModuleType("holder")
module.s, module.p = select, select.poll
def state():
    held = [select, epoll, wait, module.s, module.p, selectors.DefaultSelector,
            selectors.EpollSelector._selector_cls, selectors.SelectSelector._select,
            selectors.PollSelector._selector_cls, selectors.select, *sys.meta_path]
    return [id(thing) for thing in (sys.modules["select"], *held)]
before, standard = state(), id(select)
polymux.install()
assert select is sys.modules["select"] is selectors.select is module.s
assert id(select) != standard and "polymux" in repr(select)
assert epoll is select.epoll and wait is select.select and module.p is select.poll
assert selectors.EpollSelector._selector_cls is select.epoll
assert selectors.PollSelector._selector_cls is select.poll
assert selectors.SelectSelector._select is select.select
for kind in (selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector):
    with kind() as selector:
        assert selector.select(0) == []
polymux.uninstall()
assert state() == before and "polymux" not in repr(select)
""")


def test_late_install_warns_of_what_stays() -> None:
    passes("""
import functools, select, selectors, warnings
def default(wait=select.select): pass
def closure():
    make = select.epoll
    return lambda: make
kept = [closure(), functools.partial(select.poll), selectors.DefaultSelector()]
poll = select.poll()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    polymux.install()
(one,) = caught
assert one.category is polymux.LateInstallWarning
assert issubclass(one.category, RuntimeWarning) and one.filename == "<string>"
text = str(one.message)
for part in ("`select` in a tuple", "`epoll` in a cell", "`poll` in a partial",
             "1 epoll object in use", "1 poll object in use", "python -m polymux"):
    assert part in text, (part, text)
kept[2].close()
assert select.epoll is selectors.EpollSelector._selector_cls
""")


@pytest.mark.parametrize(
    "first", ["select", "selectors", "asyncio", "subprocess, socketserver, logging"]
)
def test_late_install_is_silent_where_all_could_be_moved(first: str) -> None:
    passes(
        """
import warnings
exec("import " + sys.argv[1])
warnings.simplefilter("error")
polymux.install()
import asyncio, select, selectors
async def main():
    r, w = await asyncio.open_connection(sock=left)
    w.write(b"ping")
    await w.drain()
    loop = asyncio.get_running_loop()
    assert await loop.sock_recv(right, 4) == b"ping"
    assert type(loop._selector._selector) is select.epoll
    w.close()
    await w.wait_closed()
import socket
left, right = socket.socketpair()
right.setblocking(False)
asyncio.run(main())
""",
        first,
    )


@pytest.mark.parametrize("option", ["kqueue", "devpoll"])
def test_late_option_warns_of_missing_selector(option: str) -> None:
    import polymux

    if not hasattr(polymux, option):
        pytest.skip(f"this build has no {option}")
    passes(
        """
import selectors, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    polymux.install(**{sys.argv[1]: True})
(one,) = caught
assert f"a {sys.argv[1].capitalize()}Selector" in str(one.message)
assert selectors.DefaultSelector is selectors.EpollSelector
""",
        option,
    )


def test_later_call_adds_names() -> None:
    passes("""
polymux.install()
import select
from select import epoll
first = id(select)
polymux.install(stats=True)
assert id(select) != first and select is sys.modules["select"]
assert epoll is select.epoll and epoll.__mro__[1].__name__ == "CountedObject"
polymux.install()
assert epoll is select.epoll and epoll.__mro__[1].__name__ == "CountedObject"
polymux.uninstall()
assert epoll is select.epoll and epoll.__mro__ == (epoll, object)
polymux.install()
assert epoll is select.epoll and epoll.__mro__ == (epoll, object)
""")


def test_warning_as_error_leaves_nothing_half_done() -> None:
    passes("""
import select, selectors, warnings
standard, kept = select, select.epoll()
warnings.simplefilter("error")
try:
    polymux.install()
except polymux.LateInstallWarning:
    pass
else:
    raise AssertionError
assert sys.modules["select"] is select is standard is selectors.select
assert selectors.EpollSelector._selector_cls is type(kept)
assert len(sys.meta_path) == finders
""")


def test_install_twice_is_once() -> None:
    passes("""
polymux.install()
import select
polymux.install()
assert sys.modules["select"] is select and len(sys.meta_path) == finders + 1
polymux.uninstall()
assert len(sys.meta_path) == finders
polymux.uninstall()
import select
assert "polymux" not in repr(select)
""")


def test_uninstall_without_use_leaves_no_trace() -> None:
    passes("""
before = list(sys.meta_path)
polymux.uninstall()
assert "select" not in sys.modules
polymux.install()
polymux.uninstall()
assert "select" not in sys.modules and sys.meta_path == before
""")


def test_uninstall_reaches_what_was_imported_meanwhile() -> None:
    passes("""
polymux.install()
import select, selectors
from select import poll
from polymux import epoll
view = select
assert select.epoll is not epoll is polymux.epoll
kept = selectors.DefaultSelector()
del view
polymux.uninstall()
assert "polymux" not in repr(select) and select is selectors.select
assert poll is select.poll and selectors.EpollSelector._selector_cls is select.epoll
assert epoll is polymux.epoll
assert kept.select(0) == []
kept.close()
polymux.install()
assert "polymux" in repr(select) and poll is select.poll
""")


def test_module_classes_that_load_lazily_stay_asleep() -> None:
    passes("""
import importlib.util, select
spec = importlib.util.find_spec("this")
lazy = importlib.util.LazyLoader(spec.loader)
spec.loader = lazy
module = importlib.util.module_from_spec(spec)
sys.modules["this"] = module
lazy.exec_module(module)
class Strange:
    @property
    def __class__(self):
        raise RuntimeError
    def __eq__(self, other):
        raise RuntimeError
strange = Strange()
polymux.install()
assert type(module).__name__ == "_LazyModule"
""")
