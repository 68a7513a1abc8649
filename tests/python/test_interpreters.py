"""Sub-interpreters, threads side by side, and child processes by spawning."""

from __future__ import annotations

import functools
import os
import sys
import time
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import Pipe
from support import Background, run_isolated

Answer = tuple[list[int], list[int], list[int]]

# Sub-interpreters: in a process of their own, since a mistake here is a crash.
# The private modules for them have changed names and signatures.

INTERPRETERS = """if True:
    import sys, threading

    if sys.version_info >= (3, 13):
        import _interpreters as interpreters
    else:
        import _xxsubinterpreters as interpreters

    def create(own_gil):
        if sys.version_info >= (3, 13):
            return interpreters.create("isolated" if own_gil else "legacy")
        return interpreters.create(isolated=own_gil)

    def run(interpreter, code):
        failure = interpreters.run_string(interpreter, code)
        if failure is not None:
            raise RuntimeError(failure.errdisplay)

    own_gil = sys.argv[2] == "own"
    code = '''if True:
        import os, MODULE as mux
        r, w = os.pipe()
        poll = mux.poll()
        poll.register(r)
        poll.register(w)
        epoll = mux.epoll()
        epoll.register(w)
        for _ in range(2000):
            assert mux.select([r, w], [w, w], [r], 0) == ([], [w, w], [])
            assert poll.poll() == epoll.poll() == [(w, 4)]
        try:
            epoll.register(w)
        except FileExistsError:
            pass
        else:
            raise AssertionError
        poll.poll(1), epoll.close()
        epoll = mux.epoll()  # left to the interpreter's end
        if hasattr(mux, "kqueue"):
            for _ in range(100):
                kq = mux.kqueue()
                (event,) = kq.control([mux.kevent(w, mux.KQ_FILTER_WRITE)], 5)
                assert event.ident == w
        os.close(r), os.close(w)
    '''.replace("MODULE", sys.argv[1])
"""

ONE_AFTER_ANOTHER = """
    import importlib, os
    mux = importlib.import_module(sys.argv[1])
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        interpreter = create(own_gil)
        run(interpreter, code)
        run(interpreter, code)
        interpreters.destroy(interpreter)
        exec(code)
        epoll.close()
        kq = None
    assert len(os.listdir("/proc/self/fd")) == before
    print("done")
"""

SIDE_BY_SIDE = """
    errors = []

    def work():
        try:
            interpreter = create(own_gil)
            run(interpreter, code)
            interpreters.destroy(interpreter)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    exec(code)
    for thread in threads:
        thread.join()
    assert not errors, errors
    print("done")
"""

DIFFERENT_TYPES = """
    import importlib, os
    mux = importlib.import_module(sys.argv[1])
    r, w = os.pipe()
    interpreter = create(own_gil)
    run(interpreter, f'''if True:
        import os, {sys.argv[1]} as mux
        os.write({w}, repr((id(mux.epoll), id(type(mux.poll())))).encode())
    ''')
    theirs = eval(os.read(r, 1000))
    assert set(theirs).isdisjoint((id(mux.epoll), id(type(mux.poll()))))
    interpreters.destroy(interpreter)
    print("done")
"""

gils = pytest.mark.parametrize(
    "gil",
    [
        "shared",
        pytest.param(
            "own",
            marks=pytest.mark.skipif(
                sys.version_info < (3, 12), reason="a GIL of one's own came with 3.12"
            ),
        ),
    ],
)


@gils
@pytest.mark.parametrize("part", [ONE_AFTER_ANOTHER, SIDE_BY_SIDE, DIFFERENT_TYPES])
def test_sub_interpreters(mux: ModuleType, gil: str, part: str) -> None:
    assert run_isolated(INTERPRETERS + part, mux.__name__, gil) == "done\n"


# Threads. They also mean something without a GIL.


def test_threads_select(mux: ModuleType, pipe: Pipe, full: Pipe) -> None:
    def work() -> int:
        good = 0
        for i in range(2000):
            files = [full.r, pipe.r] * (i % 5 + 1)
            right: Answer = ([full.r] * (i % 5 + 1), [], [])
            good += mux.select(files, [full.w], [], 0.0 if i % 2 else 1.0) == right
        return good

    threads = [Background(work) for _ in range(4)]
    assert [thread.result() for thread in threads] == [2000] * 4


def test_threads_share_a_poll_object(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    poll.register(pipe.w, mux.POLLOUT)
    copies = [os.dup(pipe.w) for _ in range(8)]
    possible = {(fd, mux.POLLOUT) for fd in (pipe.w, *copies)}

    def wait_alone() -> list[tuple[int, int]]:
        while True:
            try:
                return poll.poll()
            except RuntimeError as error:
                if str(error) != "concurrent poll() invocation":
                    raise
                time.sleep(0)

    def wait() -> None:
        for _ in range(500):
            answer = wait_alone()
            assert answer[0] == (pipe.w, mux.POLLOUT)
            assert set(answer) <= possible
            assert len(set(answer)) == len(answer)

    def change(mine: list[int]) -> None:
        for i in range(1000):
            fd = mine[i % len(mine)]
            poll.register(fd, mux.POLLOUT)
            poll.modify(fd, mux.POLLIN)
            poll.register(fd)
            poll.unregister(fd)

    threads = [Background(wait), Background(wait)]
    threads += [Background(partial(change, copies[i::2])) for i in range(2)]
    try:
        for thread in threads:
            thread.result()
        assert poll.poll() == [(pipe.w, mux.POLLOUT)]
    finally:
        for fd in copies:
            os.close(fd)


def test_threads_share_an_epoll_object(mux: ModuleType, pipe: Pipe) -> None:
    copies = [os.dup(pipe.w) for _ in range(8)]
    possible = {(fd, mux.EPOLLOUT) for fd in (pipe.w, *copies)}

    def wait(maxevents: int) -> None:
        for _ in range(1000):
            answer = epoll.poll(60, maxevents)
            assert answer
            assert set(answer) <= possible
            assert len(set(answer)) == len(answer) <= maxevents

    def change(mine: list[int]) -> None:
        for i in range(1000):
            fd = mine[i % len(mine)]
            epoll.register(fd, mux.EPOLLIN)
            epoll.modify(fd, mux.EPOLLOUT)
            epoll.unregister(fd)

    with mux.epoll() as epoll:
        epoll.register(pipe.w, mux.EPOLLOUT)
        threads = [Background(partial(wait, i)) for i in (1, 5, 2000)]
        threads += [Background(partial(change, copies[i::2])) for i in range(2)]
        try:
            for thread in threads:
                thread.result()
            assert epoll.poll() == [(pipe.w, mux.EPOLLOUT)]
        finally:
            for fd in copies:
                os.close(fd)


def test_threads_close_an_epoll_object(polymux: ModuleType, pipe: Pipe) -> None:
    """Whoever comes late is told so, and never meets a closed descriptor, as
    may happen with the standard module."""

    def use(epoll: Any) -> str:
        calls = (
            epoll.fileno,
            lambda: epoll.poll(0),
            lambda: epoll.modify(pipe.w, polymux.EPOLLOUT),
            epoll.__enter__,
        )
        while True:
            for call in calls:
                try:
                    call()
                except ValueError as error:
                    return str(error)

    for _ in range(20):
        epoll = polymux.epoll()
        epoll.register(pipe.w)
        threads = [Background(partial(use, epoll)) for _ in range(3)]
        epoll.close()
        for thread in threads:
            assert thread.result() == "I/O operation on closed epoll object"


def test_threads_share_a_kqueue(polymux: ModuleType, pipe: Pipe) -> None:
    copies = [os.dup(pipe.w) for _ in range(8)]
    write, user = polymux.KQ_FILTER_WRITE, polymux.KQ_FILTER_USER
    possible = {(fd, write) for fd in (pipe.w, *copies)} | {(1, user)}
    kq = polymux.kqueue()
    shared = [polymux.kevent(pipe.w, write), polymux.kevent(1, user)]

    def wait(maxevents: int) -> None:
        for _ in range(1000):
            events = kq.control(shared, maxevents, 60)
            answer = [(event.ident, event.filter) for event in events]
            assert answer
            assert set(answer) <= possible
            assert len(set(answer)) == len(answer) <= maxevents

    def change(mine: list[int]) -> None:
        for i in range(1000):
            change = polymux.kevent(mine[i % len(mine)], write)
            for flags in (
                polymux.KQ_EV_ADD,
                polymux.KQ_EV_DISABLE,
                polymux.KQ_EV_DELETE,
            ):
                change.flags = flags
                kq.control([change], 0)
            kq.control([polymux.kevent(1, user, 0, polymux.KQ_NOTE_TRIGGER)], 0)

    kq.control(shared, 0)
    threads = [Background(functools.partial(wait, i)) for i in (1, 5, 2000)]
    threads += [Background(functools.partial(change, copies[i::2])) for i in range(2)]
    try:
        for thread in threads:
            thread.result()
    finally:
        kq.close()
        for fd in copies:
            os.close(fd)


# Children.

SPAWNING = """
import importlib, multiprocessing, sys

def work(name, connection):
    mux = importlib.import_module(name)
    assert mux.select([connection], [], [], 60) == ([connection], [], [])
    with mux.epoll() as epoll:
        epoll.register(connection, mux.EPOLLIN)
        assert epoll.poll() == [(connection.fileno(), mux.EPOLLIN)]
    connection.send([connection.recv(), "answer"])
    assert connection.recv() == "goodbye"  # or the parent might see the end, too

if __name__ == "__main__":
    mux = importlib.import_module(sys.argv[1])
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=work, args=(sys.argv[1], theirs))
    child.start()
    theirs.close()
    ours.send("question")
    poll = mux.poll()
    poll.register(ours, mux.POLLIN)
    assert poll.poll(60000) == [(ours.fileno(), mux.POLLIN)]
    assert ours.recv() == ["question", "answer"]
    ours.send("goodbye")
    child.join()
    assert child.exitcode == 0
    print("done")
"""


def test_spawned_process(mux: ModuleType, tmp_path: Path) -> None:
    script = tmp_path / "spawning.py"
    script.write_text(SPAWNING)
    code = "import runpy, sys; sys.argv[0] = sys.argv.pop(1); "
    code += "runpy.run_path(sys.argv[0], run_name='__main__')"
    assert run_isolated(code, str(script), mux.__name__) == "done\n"
