"""Memory: nothing leaks, and every allocation may fail.

What is counted: references to the objects involved, the interpreter's memory
blocks, the process's descriptors. What fails: the interpreter's allocators by
its own test hook, the library's malloc() by failing_malloc.c; each allocation
in turn, and all from one on.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import platform
import shutil
import subprocess
import sys
import sysconfig
import tracemalloc
from pathlib import Path
from types import ModuleType

import pytest
from conftest import Pipe
from scenarios import SCENARIOS, Ends
from support import File, run_isolated

HERE = Path(__file__).parent

scenarios = pytest.mark.parametrize("name", SCENARIOS)


def run_script(script: str, *arguments: str, **environment: str) -> str:
    return run_isolated(script, str(HERE), *arguments, **environment)


# Leaks.


def test_references_to_arguments(mux: ModuleType, full: Pipe) -> None:
    file = File(full.r)
    arguments = [file, [file], float("0.0001"), 1000 + full.r]
    before = [sys.getrefcount(one) for one in arguments]
    poll = mux.poll()
    with mux.epoll() as epoll:
        for _ in range(500):
            mux.select(arguments[1], (file, full.r), iter([file]), arguments[2])
            poll.register(file, arguments[3])
            poll.modify(file, 1)
            poll.poll(arguments[2])
            poll.unregister(file)
            epoll.register(file, 1)
            epoll.modify(fd=file, eventmask=1)
            epoll.poll(timeout=arguments[2])
            epoll.unregister(file)
    assert [sys.getrefcount(one) for one in arguments] == before


def test_references_to_types(mux: ModuleType) -> None:
    types = [type(mux.poll()), mux.epoll]
    before = [sys.getrefcount(one) for one in types]
    for _ in range(1000):
        mux.poll()
        mux.epoll().close()
        mux.epoll.fromfd(-1)
    assert [sys.getrefcount(one) for one in types] == before


@scenarios
def test_blocks_of_memory(mux: ModuleType, name: str) -> None:
    """A leak of one block per call would show as thousands."""
    script = """if True:
        import gc, importlib, sys
        sys.path.insert(0, sys.argv[1])
        from scenarios import SCENARIOS, Ends
        mux = importlib.import_module(sys.argv[2])
        work = SCENARIOS[sys.argv[3]](mux, Ends())
        for _ in range(50):
            assert work()
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(2000):
            work()
        gc.collect()
        print(sys.getallocatedblocks() - before)
    """
    assert abs(int(run_script(script, mux.__name__, name))) < 200


@scenarios
def test_resident_memory(polymux: ModuleType, name: str) -> None:
    """What malloc() gave, which the interpreter does not count. 4000 turns
    that leak 300 bytes each would be more than a megabyte."""
    script = """if True:
        import sys
        sys.path.insert(0, sys.argv[1])
        import polymux
        from pathlib import Path
        from scenarios import SCENARIOS, Ends
        def resident():
            return int(Path("/proc/self/statm").read_text().split()[1]) * 4
        work = SCENARIOS[sys.argv[2]](polymux, Ends())
        for _ in range(1000):
            assert work()
        before = resident()
        for _ in range(4000):
            work()
        print(resident() - before)
    """
    assert int(run_script(script, name)) < 1024


def test_traced_memory(mux: ModuleType) -> None:
    def work() -> None:
        for one in both:
            assert one()

    def traced(times: int) -> int:
        for _ in range(times):
            work()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    with contextlib.closing(Ends()) as ends:
        both = [SCENARIOS[name](mux, ends) for name in ("selecting", "polling")]
        tracemalloc.start()
        try:
            before = traced(3)
            assert traced(300) - before < 4096
        finally:
            tracemalloc.stop()


# The interpreter's allocators fail.

FAILING_INTERPRETER = """if True:
    import gc, importlib, os, sys
    sys.path.insert(0, sys.argv[1])
    from _testcapi import remove_mem_hooks, set_nomemory
    from scenarios import SCENARIOS, Ends

    mux = importlib.import_module(sys.argv[2])
    work = SCENARIOS[sys.argv[3]](mux, Ends())
    assert work()
    gc.disable()
    refused = 0
    before = len(os.listdir("/proc/self/fd"))
    for start in range(1, 400):
        for stop in (start + 1, 0):
            error = False
            set_nomemory(start, stop)
            try:
                answer = work()
            except MemoryError:
                error = True
            finally:
                remove_mem_hooks()
            assert error or answer, (start, stop)
            refused += error
    assert work()
    assert len(os.listdir("/proc/self/fd")) == before
    print(refused)
"""


@pytest.mark.skipif(
    importlib.util.find_spec("_testcapi") is None,
    reason="this build of the interpreter has no _testcapi",
)
@scenarios
def test_interpreter_out_of_memory(polymux: ModuleType, name: str) -> None:
    assert int(run_script(FAILING_INTERPRETER, "polymux", name)) > 0


# The library's malloc() fails.

FAILING_LIBRARY = """if True:
    import ctypes, gc, os, sys
    sys.path.insert(0, sys.argv[1])
    import polymux._polymux
    from scenarios import SCENARIOS, Ends

    shim = ctypes.CDLL(None)
    word = ctypes.c_size_t
    shim.failing_malloc_arm.argtypes = [word, word, ctypes.c_long, ctypes.c_long]
    arm, disarm = shim.failing_malloc_arm, shim.failing_malloc_disarm
    path = polymux._polymux.__file__
    lines = [line.split()[0] for line in open("/proc/self/maps") if path in line]
    begin = int(lines[0].split("-")[0], 16)
    end = int(lines[-1].split("-")[1], 16)

    def refused(work, first, last):
        arm(begin, end, first, last)
        try:
            answer = work()
        except MemoryError:
            answer = None
        seen = disarm()
        assert answer or seen > first, (first, last)
        assert work(), (first, last)
        return answer is None

    def new_work():
        polymux.select([ends.writable] * 5000, [], [], 0)  # drops what it kept
        return SCENARIOS[sys.argv[2]](polymux, ends)

    ends = Ends()
    assert new_work()()
    work = new_work()
    arm(begin, end, 0, 0)
    work()
    needed = disarm()
    before = len(os.listdir("/proc/self/fd"))
    errors = 0
    for first in range(needed + 1):
        for last in (first + 1, sys.maxsize):
            errors += refused(new_work(), first, last)
            gc.collect()
            assert len(os.listdir("/proc/self/fd")) == before
    print(needed, errors)
"""


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("failing_malloc.c needs glibc")
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    made = tmp_path_factory.mktemp("shim") / "failing_malloc.so"
    source = HERE / "failing_malloc.c"
    options = ["-O1", "-shared", "-fPIC", "-fno-builtin"]
    command = [compiler, *options, "-o", str(made), str(source)]
    subprocess.run(command, check=True)
    return made


@pytest.mark.skipif(
    "-fsanitize" in (sysconfig.get_config_var("CFLAGS") or ""),
    reason="a sanitizer has its own malloc",
)
@scenarios
def test_library_out_of_memory(polymux: ModuleType, shim: Path, name: str) -> None:
    printed = run_script(FAILING_LIBRARY, name, LD_PRELOAD=str(shim))
    needed, errors = map(int, printed.split())
    assert needed > 0
    assert errors > 0
