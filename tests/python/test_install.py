"""polymux.install() and uninstall(): each in an interpreter of its own, since
what they change is the interpreter.
"""

from __future__ import annotations

import sys

import pytest
from support import run_isolated
from test_interpreters import INTERPRETERS, gils


def passes(code: str, *arguments: str, **environment: str) -> None:
    """Runs code in an interpreter that has yet to import `select`."""
    preamble = "import sys\nassert 'select' not in sys.modules\nimport polymux\n"
    preamble += "finders = len(sys.meta_path)\n"
    output = run_isolated(
        preamble + code + "\nprint('done')", *arguments, **environment
    )
    assert output.splitlines()[-1:] == ["done"], output


# What `import select` gives.


def test_view_has_the_names_of_the_platform() -> None:
    passes("""
import select
names, standard = {name for name in vars(select) if name[0] != "_"}, id(select)
polymux.install()
assert id(select) != standard and "polymux" in select.__file__
assert select.__name__ == "select" and select.__package__ == ""
assert not [n for n in vars(select) if n.startswith(("kq", "KQ", "kev", "devp"))]
assert names <= {name for name in vars(select) if name[0] != "_"}
assert not hasattr(select, "install")
""")


@pytest.mark.parametrize("option", ["kqueue", "devpoll"])
def test_option_shows_names_where_they_are_built(option: str) -> None:
    passes(
        """
option = sys.argv[1]
try:
    polymux.install(**{option: True})
except RuntimeError as error:
    assert not hasattr(polymux, option)
    assert str(error) == f"this build of polymux has no {option}"
    assert "select" not in sys.modules
else:
    assert hasattr(polymux, option)
    import select, selectors
    made = getattr(select, option)()
    made.close()
    hidden = ({"kqueue", "devpoll"} - {option}).pop()
    assert not hasattr(select, hidden)
    assert hasattr(selectors, option.capitalize() + "Selector")
""",
        option,
    )


def test_hidden_names() -> None:
    passes("""
from polymux._view import is_shown
foreign = ["kqueue", "kevent", "KQ_EV_ADD", "devpoll"]
def shown(*options):
    return [name for name in foreign if is_shown(name, frozenset(options))]
assert shown() == [] and shown("kqueue", "devpoll") == foreign
assert shown("kqueue") == foreign[:3] and shown("devpoll") == foreign[3:]
assert is_shown("epoll", frozenset()) and not is_shown("__version__", frozenset())
""")


def test_import_after_removal_gives_a_new_module() -> None:
    passes("""
polymux.install()
import select as first
del sys.modules["select"]
import select as second
assert first is not second and vars(first) is not vars(second)
assert first.epoll is not second.epoll and "polymux" in second.__file__
first.select = None
assert second.select([], [], [], 0) == ([], [], [])
import importlib
assert importlib.reload(second) is second
assert second.poll().poll(0) == []
polymux.uninstall()
""")


def test_monkey_patching_leaves_polymux_alone() -> None:
    """As gevent does: in place, with the original functions put aside."""
    passes("""
polymux.install()
import select
original, select.select = select.select, lambda *a: "patched"
del select.epoll
assert polymux.select([], [], [], 0) == ([], [], []) and polymux.epoll
import select as again
assert again.select() == "patched"
try:
    polymux.uninstall()
except RuntimeError as error:
    assert "monkey-patched" in str(error)
else:
    raise AssertionError
select.select = original
polymux.uninstall()
""")


def test_patched_select_is_not_replaced() -> None:
    passes("""
import select
select.select = lambda *a: "patched"
try:
    polymux.install()
except RuntimeError as error:
    assert "monkey-patched" in str(error)
else:
    raise AssertionError
assert sys.modules["select"] is select and len(sys.meta_path) == finders
""")


def test_functions_pickle_by_name() -> None:
    passes("""
polymux.install()
import pickle, select
assert pickle.loads(pickle.dumps(select.select)) is select.select
assert pickle.loads(pickle.dumps(select.epoll)) is select.epoll
""")


# Too late, and back again.


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
assert id(select) != standard and "polymux" in select.__file__
assert epoll is select.epoll and wait is select.select and module.p is select.poll
assert selectors.EpollSelector._selector_cls is select.epoll
assert selectors.PollSelector._selector_cls is select.poll
assert selectors.SelectSelector._select is select.select
for kind in (selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector):
    with kind() as selector:
        assert selector.select(0) == []
polymux.uninstall()
assert state() == before and "polymux" not in select.__file__
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
assert "polymux" not in select.__file__
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
assert "polymux" not in select.__file__ and select is selectors.select
assert poll is select.poll and selectors.EpollSelector._selector_cls is select.epoll
assert epoll is polymux.epoll
assert kept.select(0) == []
kept.close()
polymux.install()
assert "polymux" in select.__file__ and poll is select.poll
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


# Counting.


STATS = """
import os, sys, polymux
polymux.install(stats=True)
polymux.install()
import select, selectors, threading
r, w = os.pipe()
for _ in range(3):
    assert select.select([r, w], [w], [], 0) == ([], [w], [])
poll = select.poll()
poll.register(w)
def work():
    with select.epoll() as epoll:
        epoll.register(w, select.EPOLLOUT)
        for _ in range(1000):
            assert epoll.poll(timeout=1, maxevents=1) == [(w, select.EPOLLOUT)]
        with select.epoll.fromfd(os.dup(epoll.fileno())) as other:
            assert len(other.poll()) == 1 and not other.closed
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert poll.poll(0) == [(w, select.POLLOUT)]
with selectors.SelectSelector() as selector:
    selector.register(w, selectors.EVENT_WRITE)
    assert len(selector.select(0)) == 1
assert isinstance(poll, select.poll)
import copy
for thing in (poll, select.epoll()):
    try:
        copy.copy(thing)
    except TypeError as error:
        assert "cannot pickle" in str(error)
    else:
        raise AssertionError
    if hasattr(thing, "close"):
        thing.close()
os.close(2)
sys.stderr = None
os.dup2(1, 2)
if os.fork() == 0:
    select.select([], [w], [])
    sys.exit(0)
os.wait()
sys.stdout.flush()
"""


def test_stats_count_waits_and_events() -> None:
    lines = [line.split() for line in run_isolated(STATS).splitlines()]
    child, parent = lines[:3], lines[3:]
    heading = ["interface", "calls", "events"]
    assert child[1:] == [heading, ["select", "1", "1"]]
    assert parent[1] == heading
    assert sorted(parent[2:]) == [
        ["epoll", "4,004", "4,004"],
        ["poll", "1", "1"],
        ["select", "4", "4"],
    ]
    assert all(line[:2] == ["polymux:", "process"] for line in (child[0], parent[0]))


# Threads, forks, sub-interpreters.


def test_threads_race() -> None:
    passes("""
import threading
sys.setswitchinterval(1e-6)
errors = []
stop = threading.Event()
def change(action):
    try:
        for _ in range(100):
            action()
    except BaseException as error:
        errors.append(error)
def use():
    try:
        while not stop.is_set():
            import select, selectors
            assert select.select([], [], [], 0) == ([], [], [])
            with selectors.DefaultSelector() as selector:
                selector.select(0)
    except BaseException as error:
        errors.append(error)
import warnings
warnings.simplefilter("ignore", polymux.LateInstallWarning)
changers = [threading.Thread(target=change, args=(action,))
            for action in (polymux.install, polymux.uninstall, polymux.install,
                           lambda: polymux.install(stats=True), polymux.uninstall)]
users = [threading.Thread(target=use) for _ in range(2)]
for thread in changers + users: thread.start()
for thread in changers: thread.join()
stop.set()
for thread in users: thread.join()
assert not errors, errors
polymux.uninstall()
sys.modules.pop("select", None)
import select
assert "polymux" not in select.__file__
polymux.install()
import select
assert "polymux" in select.__file__ and len(sys.meta_path) == finders + 1
""")


def test_forked_child_of_a_busy_process_can_install() -> None:
    passes("""
import os, threading, warnings
warnings.simplefilter("ignore")
stop = threading.Event()
def change():
    while not stop.is_set():
        polymux.install()
        polymux.uninstall()
thread = threading.Thread(target=change)
thread.start()
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        polymux.install()
        import select
        os._exit("polymux" not in select.__file__)
    assert os.waitpid(pid, 0)[1] == 0
stop.set()
thread.join()
""")


@gils
def test_sub_interpreter_installs_for_itself(gil: str) -> None:
    part = """
    import select as standard
    code = '''if True:
        import polymux, select, sys
        assert "polymux" not in select.__file__
        polymux.install()
        import asyncio, select
        assert "polymux" in select.__file__
        asyncio.run(asyncio.sleep(0.001))
        polymux.uninstall()
        assert "polymux" not in sys.modules["select"].__file__
        polymux.install()
    '''
    for _ in range(3):
        interpreter = create(own_gil)
        run(interpreter, code)
        interpreters.destroy(interpreter)
    import select
    assert select is standard and "polymux" not in select.__file__
    print("done")
"""
    assert run_isolated(INTERPRETERS + part, "polymux", gil) == "done\n"


def test_documented() -> None:
    import polymux

    for thing in (polymux.install, polymux.uninstall, polymux.LateInstallWarning):
        assert thing.__doc__
    assert sys.modules["select"].__name__ == "select"
