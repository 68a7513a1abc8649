"""polymux.install() and uninstall(): each in an interpreter of its own, since
what they change is the interpreter.
"""

from __future__ import annotations

import sys

import pytest
from support import passes, run_isolated
from test_interpreters import INTERPRETERS, gils

# What `import select` gives.


def test_view_has_the_names_of_the_platform() -> None:
    passes("""
import select
names, standard = {name for name in vars(select) if name[0] != "_"}, id(select)
polymux.install()
assert id(select) != standard and "polymux" in repr(select)
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
assert first.epoll is not second.epoll and "polymux" in repr(second)
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
assert "polymux" not in repr(select)
polymux.install()
import select
assert "polymux" in repr(select) and len(sys.meta_path) == finders + 1
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
        os._exit("polymux" not in repr(select))
    assert os.waitpid(pid, 0)[1] == 0
stop.set()
thread.join()
""")


# Not with asyncio, whose import in a sub-interpreter corrupts the memory of
# some CPythons (3.12.1), on the standard module as well.
@gils
def test_sub_interpreter_installs_for_itself(gil: str) -> None:
    part = """
    import select as standard
    code = '''if True:
        import polymux, select, sys
        assert "polymux" not in repr(select)
        polymux.install()
        import os, select, selectors
        assert "polymux" in repr(select)
        r, w = os.pipe()
        with selectors.DefaultSelector() as selector:
            assert type(selector._selector) is select.epoll
            selector.register(w, selectors.EVENT_WRITE)
            assert len(selector.select()) == 1
        os.close(r), os.close(w)
        polymux.uninstall()
        assert "polymux" not in repr(sys.modules["select"])
        polymux.install()
    '''
    for _ in range(3):
        interpreter = create(own_gil)
        run(interpreter, code)
        interpreters.destroy(interpreter)
    import select
    assert select is standard and "polymux" not in repr(select)
    print("done")
"""
    assert run_isolated(INTERPRETERS + part, "polymux", gil) == "done\n"


def test_documented() -> None:
    import polymux

    for thing in (polymux.install, polymux.uninstall, polymux.LateInstallWarning):
        assert thing.__doc__
    assert sys.modules["select"].__name__ == "select"
