"""Finalizers, weak reference callbacks and trace functions that call back in
while a call is under way: the collector may run at almost any allocation.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from types import FrameType, ModuleType

import pytest
from conftest import Pipe
from support import File, run_isolated


@pytest.fixture
def eager_collector() -> Iterator[None]:
    """The collector runs whenever it may."""
    old = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    yield
    gc.set_threshold(*old)


class Garbage:
    """A cycle whose end calls back, then leaves another one like it."""

    def __init__(self, hook: Hook) -> None:
        self.hook = hook
        self.self = self

    def __del__(self) -> None:
        self.hook.run()


class Hook:
    def __init__(self, action: Callable[[], object]) -> None:
        self.action = action
        self.calls = 0
        self.errors: list[BaseException] = []

    def run(self) -> None:
        self.calls += 1
        try:
            self.action()
        except BaseException as error:
            self.errors.append(error)


@pytest.mark.usefixtures("eager_collector")
def test_collector_during_select(mux: ModuleType, pipe: Pipe, full: Pipe) -> None:
    inner = []
    hook = Hook(lambda: inner.append(mux.select([full.r], [full.w], [], 0)))
    files = [File(full.r) for _ in range(20)]
    for _ in range(200):
        Garbage(hook)
        assert mux.select(iter(files), files, [pipe.r], 0) == (files, [], [])
    assert hook.calls > 100
    assert hook.errors == []
    assert all(answer == ([full.r], [], []) for answer in inner)


@pytest.mark.usefixtures("eager_collector")
def test_collector_during_epoll(mux: ModuleType, pipe: Pipe) -> None:
    with mux.epoll() as epoll:
        epoll.register(pipe.w, mux.EPOLLOUT)
        inner = []
        hook = Hook(lambda: inner.append(epoll.poll(0)))
        for _ in range(200):
            Garbage(hook)
            assert epoll.poll() == [(pipe.w, mux.EPOLLOUT)]
    assert hook.calls > 100
    assert hook.errors == []
    assert all(answer == [(pipe.w, mux.EPOLLOUT)] for answer in inner)


# On the standard module of 3.11 the collector may run inside poll() and see it
# half done; a child process keeps a crash there out of the other tests.
POLL = """if True:
    import gc, os, polymux
    calls = 0

    class Garbage:
        def __init__(self):
            self.self = self

        def __del__(self):
            global calls
            calls += 1
            extra = fds[calls % 50]
            try:
                poll.unregister(extra)
            except KeyError:
                poll.register(extra, 4)
            try:
                poll.poll(0)
            except RuntimeError as error:
                assert str(error) == "concurrent poll() invocation"

    r, w = os.pipe()
    fds = [os.dup2(w, 500 + i) for i in range(50)]
    poll = polymux.poll()
    poll.register(w, 4)
    gc.set_threshold(1, 1, 1)
    for i in range(2000):
        Garbage()
        answer = poll.poll()
        assert answer[0] == (w, 4)
        assert {one for one in answer} <= {(fd, 4) for fd in [w, *fds]}
    assert calls > 1000
    print("done")
"""


def test_collector_during_poll() -> None:
    assert run_isolated(POLL) == "done\n"


def test_objects_that_die_in_select(mux: ModuleType, full: Pipe) -> None:
    """The last reference to an argument is the call's own."""
    seen = []

    class Mortal(File):
        def __del__(self) -> None:
            seen.append(mux.select([full.r], [], [], 0))

    def files() -> Iterator[File]:
        for _ in range(50):
            yield Mortal(full.w)

    assert mux.select([], [], files(), 0) == ([], [], [])
    assert seen == [([full.r], [], [])] * 50


def test_objects_that_die_after_an_error(mux: ModuleType, full: Pipe) -> None:
    seen = []

    class Mortal(File):
        def __del__(self) -> None:
            seen.append(mux.select([full.r], [], [], 0))
            with pytest.raises(TypeError):
                mux.select([None], [], [], 0)

    def files() -> Iterator[object]:
        yield Mortal(full.r)
        yield Mortal(full.r)
        yield None

    with pytest.raises(TypeError, match="argument must be an int, or have a fileno"):
        mux.select(files(), [], [], 0)
    assert seen == [([full.r], [], [])] * 2


def test_trace_function_calls_back(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    poll.register(pipe.w, mux.POLLOUT)
    seen = []

    def trace(frame: FrameType, event: str, argument: object) -> None:
        if event == "c_call":
            seen.append(poll.poll(0))

    sys.setprofile(trace)
    try:
        assert poll.poll() == [(pipe.w, mux.POLLOUT)]
        assert mux.select([], [pipe.w], []) == ([], [pipe.w], [])
    finally:
        sys.setprofile(None)
    assert len(seen) >= 2
    assert all(answer == [(pipe.w, mux.POLLOUT)] for answer in seen)


AT_EXIT = """if True:
    import importlib, os, sys
    mux = importlib.import_module(sys.argv[1])
    r, w = os.pipe()

    class Last:
        def __init__(self):
            self.select, self.poll, self.epoll = mux.select, mux.poll(), mux.epoll()
            self.epoll.register(w)
            self.poll.register(w, 4)
            self.self = self
            self.print = print

        def __del__(self):
            self.print(self.select([], [w], [], 0) == ([], [w], []))
            self.print(self.poll.poll() == self.epoll.poll() == [(w, 4)])

    last = Last()
    sys.modules["kept"] = last
"""


def test_interpreter_ends(mux: ModuleType) -> None:
    """Objects are used by finalizers when the module is being taken down."""
    printed = run_isolated(AT_EXIT, mux.__name__)
    assert printed == "True\nTrue\n"
