"""select.select(): what is ready, in which order, and as which objects."""

from __future__ import annotations

import contextlib
import gc
import os
import pty
import select
import socket
import sys
import tempfile
import weakref
from collections import deque
from collections.abc import Iterator
from types import ModuleType

import pytest
from conftest import Pipe
from support import Background, Calling, File, duplicate_high, raising

Pair = tuple[socket.socket, socket.socket]


def test_nothing_ready(mux: ModuleType, pipe: Pipe, full: Pipe) -> None:
    assert mux.select([pipe.r], [full.w], [pipe.r], 0) == ([], [], [])


def test_each_class(mux: ModuleType, pipe: Pipe, full: Pipe) -> None:
    assert mux.select([full.r], [], []) == ([full.r], [], [])
    assert mux.select([], [pipe.w], []) == ([], [pipe.w], [])
    both = mux.select([full.r, pipe.r], [full.w, pipe.w], [pipe.r, pipe.w])
    assert both == ([full.r], [pipe.w], [])


def test_urgent_data_is_exceptional(mux: ModuleType, tcp: Pair) -> None:
    left, right = tcp
    left.send(b"!", socket.MSG_OOB)
    assert mux.select([], [], [right], 30) == ([], [], [right])
    assert mux.select([right], [right], [right], 0) == ([], [right], [right])


def test_end_of_stream(mux: ModuleType, pipe: Pipe) -> None:
    pipe.close_writer()
    assert mux.select([pipe.r], [], [pipe.r], 0) == ([pipe.r], [], [])


def test_hang_up_is_not_writable(mux: ModuleType, pipe: Pipe) -> None:
    pipe.close_writer()
    assert mux.select([], [pipe.r], [], 0.01) == ([], [], [])


def test_reader_gone(mux: ModuleType, pipe: Pipe) -> None:
    pipe.close_reader()
    assert mux.select([pipe.w], [pipe.w], [pipe.w], 0) == ([pipe.w], [pipe.w], [])


def test_half_closed_socket(mux: ModuleType, pair: Pair) -> None:
    left, right = pair
    left.shutdown(socket.SHUT_WR)
    assert mux.select([left, right], [left, right], pair, 0) == (
        [right],
        [left, right],
        [],
    )


def test_regular_file_is_always_ready(mux: ModuleType) -> None:
    with tempfile.TemporaryFile() as file:
        assert mux.select([file], [file], [file]) == ([file], [file], [])


def test_terminal(mux: ModuleType) -> None:
    master, slave = pty.openpty()
    try:
        assert mux.select([slave], [slave], [slave], 0) == ([], [slave], [])
        os.write(master, b"line\n")
        assert mux.select([slave], [], [], 30) == ([slave], [], [])
    finally:
        os.close(master)
        os.close(slave)


def test_listening_socket(mux: ModuleType) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert mux.select([server], [], [], 0) == ([], [], [])
        with socket.create_connection(server.getsockname()):
            assert mux.select([server], [], [], 30) == ([server], [], [])


def test_other_instances(mux: ModuleType, full: Pipe) -> None:
    with mux.epoll() as outer:
        assert mux.select([outer], [], [], 0) == ([], [], [])
        outer.register(full.r, mux.EPOLLIN)
        assert mux.select([outer], [], [], 0) == ([outer], [], [])


def test_results_are_the_objects_passed(mux: ModuleType, full: Pipe) -> None:
    class Number(int):
        pass

    given = [File(full.r), full.r, Number(full.r), File(full.r), full.r]
    ready, _, _ = mux.select(given, [], [])
    assert [id(one) for one in ready] == [id(one) for one in given]


def test_results_keep_the_order(mux: ModuleType, pipe: Pipe) -> None:
    copies = [os.dup(pipe.w) for _ in range(20)]
    try:
        copies.reverse()
        copies[3], copies[11] = copies[11], copies[3]
        assert mux.select([], copies, []) == ([], copies, [])
    finally:
        for fd in copies:
            os.close(fd)


def test_results_are_three_new_lists(mux: ModuleType, full: Pipe) -> None:
    given = [full.r]
    result = mux.select(given, given, given, 0)
    assert type(result) is tuple
    assert [type(one) for one in result] == [list] * 3
    assert len({id(one) for one in (*result, given)}) == 4
    empty = mux.select([], [], [], 0)
    assert len({id(one) for one in empty}) == 3
    empty[0].append(1)
    assert mux.select([], [], [], 0) == ([], [], [])


def test_results_survive_the_next_call(mux: ModuleType, pipe: Pipe, full: Pipe) -> None:
    first = mux.select([full.r], [], [])
    second = mux.select([pipe.r], [pipe.w], [])
    assert first == ([full.r], [], [])
    assert second == ([], [pipe.w], [])


def test_integer_subclass_is_not_asked(mux: ModuleType, full: Pipe) -> None:
    class Number(int):
        def fileno(self) -> int:
            raise AssertionError

    number = Number(full.r)
    assert mux.select([number], [], [])[0][0] is number


@pytest.mark.parametrize(
    "kind", [list, tuple, set, frozenset, deque, iter, dict.fromkeys]
)
def test_kinds_of_iterables(mux: ModuleType, full: Pipe, kind: type) -> None:
    assert mux.select(kind([full.r]), kind([full.w]), kind([]), 0) == (
        [full.r],
        [],
        [],
    )


def test_generator(mux: ModuleType, full: Pipe) -> None:
    assert mux.select((fd for fd in (full.r,)), (), iter("")) == ([full.r], [], [])


def test_generator_raises(mux: ModuleType, full: Pipe) -> None:
    def files() -> Iterator[int]:
        yield full.r
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        mux.select(files(), [], [])


def test_bytes_are_numbers(mux: ModuleType, pipe: Pipe) -> None:
    assert mux.select([], bytes([pipe.w]), []) == ([], [pipe.w], [])


def test_list_subclass_is_iterated(mux: ModuleType, pipe: Pipe) -> None:
    class Files(list):
        def __iter__(self) -> Iterator[int]:
            yield from super().__iter__()
            yield pipe.w

    assert mux.select([], Files([pipe.w]), []) == ([], [pipe.w, pipe.w], [])


def test_dictionary_view_and_range(mux: ModuleType, pipe: Pipe) -> None:
    assert mux.select([], {pipe.w: 1}.keys(), []) == ([], [pipe.w], [])
    assert mux.select([], range(pipe.w, pipe.w + 1), []) == ([], [pipe.w], [])


def test_list_shrinks_during_conversion(mux: ModuleType, pipe: Pipe) -> None:
    files: list[object] = []
    files[:] = [Calling(pipe.w, lambda: files.pop())] * 10
    assert mux.select([], files, []) == ([], files[:1] * 5, [])
    assert len(files) == 5


def test_list_empties_during_conversion(mux: ModuleType, pipe: Pipe) -> None:
    files: list[object] = []
    one = Calling(pipe.w, files.clear)
    files[:] = [one, one, one]
    assert mux.select([], files, [])[1] == [one]


def test_list_grows_during_conversion(mux: ModuleType, pipe: Pipe) -> None:
    files: list[object] = []
    extra = [pipe.w] * 50
    files.append(Calling(pipe.w, lambda: files.extend(extra)))
    assert mux.select([], files, []) == ([], [files[0], *extra], [])


def test_list_grows_in_every_call(mux: ModuleType, pipe: Pipe) -> None:
    files: list[object] = []

    def grow() -> None:
        if len(files) < 300:
            files.extend([Calling(pipe.w, grow), pipe.w])

    files.append(Calling(pipe.w, grow))
    assert mux.select([], files, []) == ([], files, [])
    assert len(files) == 301


def test_list_is_replaced_during_conversion(mux: ModuleType, pipe: Pipe) -> None:
    files: list[object] = []
    first = Calling(pipe.w, lambda: files.__setitem__(slice(None), [7, pipe.w]))
    files.append(first)
    assert mux.select([], files, [])[1] == [first, pipe.w]


def test_later_list_is_changed_by_an_earlier_one(mux: ModuleType, pipe: Pipe) -> None:
    later: list[object] = []
    first = Calling(pipe.r, lambda: later.append(pipe.w))
    assert mux.select([first], later, []) == ([], [pipe.w], [])


def test_earlier_list_is_changed_by_a_later_one(mux: ModuleType, full: Pipe) -> None:
    earlier: list[object] = [full.r]
    last = Calling(full.w, earlier.clear)
    assert mux.select(earlier, [last], []) == ([full.r], [], [])


def test_objects_are_kept_alive(mux: ModuleType, full: Pipe) -> None:
    class Fragile(File):
        pass

    files: list[object] = [Fragile(full.r)]
    seen = weakref.ref(files[0])
    alive = []

    def drop() -> None:
        files.clear()
        gc.collect()
        alive.append(seen() is not None)

    ready, _, _ = mux.select(files, [Calling(full.w, drop)], [])
    assert alive == [True]
    assert ready == [seen()]
    ready.clear()
    assert seen() is None


def test_objects_that_are_not_ready_are_let_go(mux: ModuleType, pipe: Pipe) -> None:
    class Fragile(File):
        pass

    one = Fragile(pipe.r)
    seen = weakref.ref(one)
    mux.select([one], [], [one], 0)
    del one
    assert seen() is None


def test_objects_are_let_go_after_an_error(mux: ModuleType, pipe: Pipe) -> None:
    class Fragile(File):
        pass

    one = Fragile(pipe.r)
    seen = weakref.ref(one)
    with pytest.raises(TypeError):
        mux.select([one, one], [one], [None], 0)
    del one
    assert seen() is None


def test_fileno_raises(mux: ModuleType, pipe: Pipe) -> None:
    with pytest.raises(LookupError, match="lost"):
        mux.select([pipe.r, Calling(pipe.r, raising(LookupError("lost")))], [], [])
    assert mux.select([pipe.r], [], [], 0) == ([], [], [])


def test_fileno_calls_select(mux: ModuleType, pipe: Pipe, full: Pipe) -> None:
    inner = []

    def recurse() -> None:
        inner.append(mux.select([full.r, pipe.r], [full.w, pipe.w], [], 0))

    outer = [pipe.r, Calling(full.r, recurse), full.r]
    assert mux.select(outer, [pipe.w], [], 0) == (outer[1:], [pipe.w], [])
    assert inner == [([full.r], [pipe.w], [])]


def test_fileno_recurses_deeply(mux: ModuleType, pipe: Pipe) -> None:
    left = 20
    results = []

    def recurse() -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            results.append(mux.select([], [Calling(pipe.w, recurse)], []))

    recurse()
    assert [len(ready) for _, ready, _ in results] == [1] * 20


def test_fileno_closes_the_descriptor(mux: ModuleType, pipe: Pipe) -> None:
    fd = os.dup(pipe.w)
    with pytest.raises(OSError, match="Bad file descriptor"):
        mux.select([], [fd, Calling(pipe.w, lambda: os.close(fd))], [], 0)


def test_fileno_lets_another_thread_select(
    mux: ModuleType, pipe: Pipe, full: Pipe
) -> None:

    def elsewhere() -> None:
        other = Background(lambda: mux.select([full.r], [pipe.w], []))
        assert other.result() == ([full.r], [pipe.w], [])

    assert mux.select([Calling(pipe.r, elsewhere)], [pipe.w], [], 0)[1] == [pipe.w]


def test_closed_descriptor(mux: ModuleType, pipe: Pipe, closed_fd: int) -> None:
    lists: tuple[list[int], list[int], list[int]]
    for lists in ([closed_fd], [], []), ([], [closed_fd], []), ([], [], [closed_fd]):
        with pytest.raises(OSError, match="Bad file descriptor") as raised:
            mux.select(*lists)
        assert raised.value.errno == 9
        with pytest.raises(OSError, match="Bad file descriptor"):
            mux.select([pipe.r, *lists[0]], [pipe.w, *lists[1]], lists[2], 0)


def test_as_many_entries_as_the_standard_allows(mux: ModuleType, pipe: Pipe) -> None:
    entries = [pipe.w] * 1024
    assert mux.select([], entries, []) == ([], entries, [])


# Where polymux goes beyond the standard module.


def test_standard_limits(pipe: Pipe) -> None:
    with pytest.raises(ValueError, match=r"^filedescriptor out of range in select\(\)"):
        select.select([1024], [], [], 0)
    with pytest.raises(ValueError, match=r"^too many file descriptors in select\(\)"):
        select.select([pipe.w] * 1025, [], [], 0)


@pytest.mark.parametrize("count", [1025, 5000, 100_000])
def test_many_entries(polymux: ModuleType, pipe: Pipe, count: int) -> None:
    entries = [pipe.w] * count
    ready = polymux.select([pipe.r] * count, entries, iter([pipe.w] * count))
    assert ready == ([], entries, [])


def test_high_descriptors(polymux: ModuleType, many: int, full: Pipe) -> None:
    highest = duplicate_high(full.r, many - 1)
    first = duplicate_high(full.r, 1024)
    try:
        files = [highest, File(first), full.r]
        assert polymux.select(files, files, [highest], 0) == (files, [], [])
    finally:
        os.close(highest)
        os.close(first)


def test_thousands_of_descriptors(
    polymux: ModuleType, many: int, pipe: Pipe, full: Pipe
) -> None:
    quiet = [os.dup(pipe.r) for _ in range((many - 200) // 2)]
    ready = [os.dup(full.r) for _ in range((many - 200) // 2)]
    try:
        mixed = [fd for both in zip(quiet, ready, strict=True) for fd in both]
        assert polymux.select(mixed, mixed, [], 0) == (ready, [], [])
        mixed.reverse()
        assert polymux.select(mixed, [], []) == (ready[::-1], [], [])
        assert polymux.select(quiet, [], [], 0) == ([], [], [])
    finally:
        for fd in (*quiet, *ready):
            os.close(fd)


def test_hang_up_alone_among_high_descriptors(
    polymux: ModuleType, many: int, pipe: Pipe
) -> None:
    high = duplicate_high(pipe.r, many - 1)
    try:
        pipe.close_writer()
        assert polymux.select([], [high], [], 0.01) == ([], [], [])
        assert polymux.select([high], [high], [], 0.01) == ([high], [], [])
    finally:
        os.close(high)


@pytest.mark.parametrize("fd", [1000, 1024, 65535, 10**6, 2**31 - 1])
def test_never_opened_descriptor(polymux: ModuleType, pipe: Pipe, fd: int) -> None:
    with contextlib.suppress(OSError):
        os.close(fd)
    lists: tuple[list[int], list[int], list[int]]
    for lists in ([fd], [], []), ([], [fd, pipe.w], []), ([pipe.r], [], [fd]):
        with pytest.raises(OSError, match="Bad file descriptor") as raised:
            polymux.select(*lists, 0)
        assert raised.value.errno == 9


def test_memory_is_not_a_matter_of_the_highest_number(polymux: ModuleType) -> None:
    before = sys.getallocatedblocks()
    with pytest.raises(OSError, match="Bad file descriptor"):
        polymux.select([2**31 - 1], [2**31 - 1], [], 0)
    assert sys.getallocatedblocks() - before < 1000
