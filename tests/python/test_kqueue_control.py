"""The arguments of kqueue's methods: which exception, in which words, and what
is checked before what; change lists of every kind. Nothing that is refused has
any effect.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import inspect
import os
import pickle
import re
import resource
import sys
import weakref
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from conftest import Pipe, raises
from support import File, Index, soft_limit, waits_at_least

BEFORE_3_15 = sys.version_info < (3, 15)
CLOSED = "I/O operation on closed kqueue object"
WRONG_ELEMENT = "changelist must be an iterable of select.kevent objects"
WRONG_LIST = "changelist is not iterable"


@pytest.fixture
def kq(polymux: ModuleType, _no_leaked_descriptors: None) -> Iterator[Any]:
    with contextlib.closing(polymux.kqueue()) as kqueue:
        yield kqueue


@pytest.fixture
def user(polymux: ModuleType) -> Any:
    """A change that raises a user event as soon as it is made twice."""
    return polymux.kevent(
        7, polymux.KQ_FILTER_USER, polymux.KQ_EV_ADD, polymux.KQ_NOTE_TRIGGER
    )


# The constructor and fromfd().


def test_constructor_takes_nothing(polymux: ModuleType) -> None:
    with raises(TypeError, "kqueue() takes no positional arguments"):
        polymux.kqueue(1)
    with raises(TypeError, "kqueue() takes no keyword arguments"):
        polymux.kqueue(size=1)
    with raises(TypeError, "kqueue() takes no positional arguments"):
        polymux.kqueue(1, size=1)
    polymux.kqueue(*[]).close()


@pytest.mark.parametrize("wrong", [None, 1.0, "1", File(1)])
def test_fromfd_takes_integers(polymux: ModuleType, wrong: object) -> None:
    with pytest.raises(TypeError, match="integer"):
        polymux.kqueue.fromfd(wrong)


@pytest.mark.parametrize("number", [2**31, 2**63, -(2**200)])
def test_fromfd_out_of_range(polymux: ModuleType, number: int) -> None:
    with raises(OverflowError, "Python int too large to convert to C int"):
        polymux.kqueue.fromfd(number)


@pytest.mark.parametrize("number", [-2, -(2**31)])
def test_fromfd_negative(polymux: ModuleType, number: int) -> None:
    with raises(OSError, "[Errno 0] Error"):
        polymux.kqueue.fromfd(number)


def test_fromfd_takes_queues_only(
    polymux: ModuleType, pipe: Pipe, closed_fd: int
) -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        polymux.kqueue.fromfd(pipe.r)
    with pytest.raises(OSError, match="Bad file descriptor"):
        polymux.kqueue.fromfd(closed_fd)
    os.fstat(pipe.r)


# Order of the checks.


def test_arity(kq: Any) -> None:
    with raises(TypeError, "control expected at least 2 arguments, got 1"):
        kq.control(None)
    with raises(TypeError, "control expected at most 3 arguments, got 4"):
        kq.control(None, 1, 0, 0)
    with pytest.raises(TypeError, match="takes no keyword arguments"):
        kq.control(None, 1, timeout=0)


def test_order_on_an_open_queue(kq: Any) -> None:
    with raises(ValueError, "Length of eventlist must be 0 or positive, got -1"):
        kq.control(5, -1, "soon")
    with raises(ValueError, "timeout must be positive or None"):
        kq.control(5, 0, -1)
    with raises(TypeError, WRONG_LIST):
        kq.control(5, 0, 0)


def test_order_on_a_closed_queue(kq: Any) -> None:
    kq.close()
    with raises(TypeError, "'str' object cannot be interpreted as an integer"):
        kq.control(5, "1", "soon")
    with raises(TypeError, "control expected at least 2 arguments, got 1"):
        kq.control(5)
    for arguments in ([5, -1, "soon"], [None, 1], [None, 0, -1], [5, 0]):
        with raises(ValueError, CLOSED):
            kq.control(*arguments)


# maxevents.


@pytest.mark.parametrize("wrong", [None, 1.0, "1", []])
def test_wrong_maxevents(kq: Any, wrong: object) -> None:
    name = type(wrong).__name__
    with raises(TypeError, f"'{name}' object cannot be interpreted as an integer"):
        kq.control(None, wrong)


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**64, -(2**200)])
def test_maxevents_beyond_int(kq: Any, number: int) -> None:
    with pytest.raises(OverflowError, match=r"C (int|long)$"):
        kq.control(None, number)


@pytest.mark.parametrize("number", [-1, -(2**31)])
def test_negative_maxevents(kq: Any, number: int) -> None:
    message = f"Length of eventlist must be 0 or positive, got {number}"
    with raises(ValueError, message):
        kq.control(None, number)


def test_maxevents_beyond_memory(kq: Any, user: Any) -> None:
    with soft_limit(resource.RLIMIT_AS, 4 << 30), pytest.raises(MemoryError):
        kq.control([user, user], 2**31 - 1)
    assert kq.control(None, 1, 0) == []


def test_index_as_maxevents(kq: Any) -> None:
    assert kq.control(None, Index(1), 0) == []
    assert kq.control(None, True, 0) == []


def test_no_maxevents_never_waits(kq: Any) -> None:
    for limit in (None, 0, 5, 9e9):
        assert kq.control(None, 0, limit) == []
        assert kq.control([], 0, limit) == []


# Timeouts.


@pytest.mark.parametrize(
    "wrong", ["1", b"1", [], 1j, object(), *([Decimal(1)] if BEFORE_3_15 else [])]
)
def test_wrong_timeout(kq: Any, wrong: object) -> None:
    name = type(wrong).__name__
    message = f"timeout argument must be a number or None, got {name}"
    if not BEFORE_3_15:
        message = f"timeout must be a real number or None, not {name}"
    with raises(TypeError, message):
        kq.control(None, 0, wrong)


@pytest.mark.parametrize("number", [-1, -1.0, -1e-12, -1e-300, -(2**33)])
def test_negative_timeout(kq: Any, number: float) -> None:
    with raises(ValueError, "timeout must be positive or None"):
        kq.control(None, 0, number)


@pytest.mark.parametrize("number", [2**63, -(2**200), 1e300, float("inf")])
def test_timeout_beyond_the_clock(kq: Any, number: float) -> None:
    if BEFORE_3_15:
        name = type(number).__name__
        with raises(
            TypeError, f"timeout argument must be a number or None, got {name}"
        ):
            kq.control(None, 0, number)
    else:
        with raises(OverflowError, "timestamp out of range for C PyTime_t"):
            kq.control(None, 0, number)


def test_timeout_that_is_no_number(kq: Any) -> None:
    if BEFORE_3_15:
        with raises(TypeError, "timeout argument must be a number or None, got float"):
            kq.control(None, 0, float("nan"))
    else:
        with raises(ValueError, "Invalid value NaN (not a number)"):
            kq.control(None, 0, float("nan"))


def test_zero_and_longest_timeout(kq: Any, user: Any) -> None:
    for zero in (0, 0.0, -0.0, False, Index(0)):
        assert kq.control(None, 1, zero) == []
    assert kq.control([user, user], 0) == []
    for limit in (None, 1, 9223372036, 9223372036.8):
        assert len(kq.control(None, 1, limit)) == 1


def test_timeout_in_nanoseconds(kq: Any) -> None:
    for seconds in (1e-9, 1e-6, 0.0005, 0.0011, 0.0123456789):
        with waits_at_least(seconds):
            assert kq.control(None, 1, seconds) == []


def test_timeout_calls_back(kq: Any, user: Any) -> None:
    class Zero:
        def __index__(self) -> int:
            seen.append(kq.control([user, user], 1, 0))
            return 0

    seen: list[list[object]] = []
    assert len(kq.control(None, 5, Zero())) == 1
    assert len(seen[0]) == 1


def test_timeout_closes_the_queue(kq: Any) -> None:
    class Zero:
        def __index__(self) -> int:
            kq.close()
            return 0

    with pytest.raises(OSError, match="Bad file descriptor"):
        kq.control(None, 1, Zero())
    assert kq.closed


# Change lists.


class Sized:
    """Iterable, with a length that is not its own."""

    def __init__(self, items: list[object], size: int) -> None:
        self.items, self.size = items, size

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[object]:
        return iter(self.items)


def test_kinds_of_lists(polymux: ModuleType, user: Any) -> None:
    two = [user, user]
    for changes in (
        *(two, tuple(two), iter(two), (one for one in two)),
        *(Sized(two, 0), Sized(two, 10**9), dict(enumerate(two)).values()),
    ):
        kq = polymux.kqueue()
        assert [one.ident for one in kq.control(changes, 5, 0)] == [7]
        kq.close()


def test_results_are_new(kq: Any, polymux: ModuleType, user: Any) -> None:
    first = kq.control([user, user], 1)
    second = kq.control(None, 1)
    assert type(first) is list
    assert type(first[0]) is polymux.kevent
    assert first is not second
    assert first == second
    assert first[0] is not second[0]
    assert first[0] is not user
    assert repr(user) == repr(polymux.kevent(7, -11, 1, polymux.KQ_NOTE_TRIGGER))


@pytest.mark.parametrize("empty", [None, [], (), {}, "", iter([])])
def test_no_changes(kq: Any, empty: object) -> None:
    assert kq.control(empty, 1, 0) == []


@pytest.mark.parametrize("wrong", [5, 5.0, object(), File(1), int])
def test_not_iterable(kq: Any, wrong: object) -> None:
    with raises(TypeError, WRONG_LIST):
        kq.control(wrong, 1, 0)


def test_single_change_is_no_list(kq: Any, user: Any) -> None:
    with raises(TypeError, WRONG_LIST):
        kq.control(user, 1, 0)


@pytest.mark.parametrize("wrong", [None, 5, "x", [], object()])
def test_nothing_is_applied_beside_a_wrong_element(
    kq: Any, user: Any, wrong: object
) -> None:
    for changes in (
        [user, user, wrong],
        (user, user, wrong),
        iter([user, user, wrong]),
    ):
        with raises(TypeError, WRONG_ELEMENT):
            kq.control(changes, 5, 0)
        assert kq.control(None, 5, 0) == []


def test_iteration_raises(kq: Any, user: Any) -> None:
    def changes() -> Iterator[object]:
        yield user
        yield user
        raise LookupError("lost")

    with raises(LookupError, "lost"):
        kq.control(changes(), 5, 0)
    assert kq.control(None, 5, 0) == []


def test_iter_raises(kq: Any) -> None:
    class Odd:
        error: BaseException

        def __iter__(self) -> Iterator[object]:
            raise self.error

    odd = Odd()
    odd.error = TypeError("inside")
    with raises(TypeError, WRONG_LIST):
        kq.control(odd, 1, 0)
    odd.error = OSError(5, "inside")
    with raises(OSError, "[Errno 5] inside"):
        kq.control(odd, 1, 0)


def test_iteration_uses_the_queue(kq: Any, user: Any) -> None:
    def changes() -> Iterator[object]:
        seen.append(kq.control([user, user], 5, 0))
        yield user
        kq.close()

    seen: list[list[Any]] = []
    with pytest.raises(OSError, match="Bad file descriptor"):
        kq.control(changes(), 5, 0)
    assert [one.ident for one in seen[0]] == [7]


def test_iteration_changes_the_list(kq: Any, user: Any) -> None:
    class Number:
        def __index__(self) -> int:
            changes.clear()
            changes.extend([user] * 1000)
            return 0

    changes = [user, user]
    assert len(kq.control(changes, 5, Number())) == 1


def test_element_of_another_module(kq: Any) -> None:
    """Types belong to an import of the module, as in the standard one."""
    saved = {n: sys.modules.pop(n) for n in list(sys.modules) if "polymux" in n}
    try:
        import polymux as other

        with raises(TypeError, WRONG_ELEMENT):
            kq.control([other.kevent(1)], 1, 0)
    finally:
        sys.modules.update(saved)


def test_long_list(kq: Any, polymux: ModuleType) -> None:
    changes = [polymux.kevent(i, polymux.KQ_FILTER_USER) for i in range(5000)]
    assert kq.control(changes, 0) == []
    for change in changes:
        change.fflags, change.flags = polymux.KQ_NOTE_TRIGGER, 0
    events = kq.control(changes, 10_000, 0)
    assert sorted(one.ident for one in events) == list(range(5000))


def test_references(kq: Any, polymux: ModuleType, user: Any) -> None:
    changes = [user, user]
    watched = [user, changes, polymux.kevent, polymux.kqueue, kq]
    before = [sys.getrefcount(one) for one in watched]
    for _ in range(1000):
        kq.control(changes, 4, 0)
        kq.control(iter(changes), 4)
        for bad in (5, [5], [user, 5]):
            with pytest.raises(TypeError):
                kq.control(bad, 4)
    del bad
    assert [sys.getrefcount(one) for one in watched] == before


# The type.


def test_type(polymux: ModuleType) -> None:
    cls = polymux.kqueue
    assert repr(cls) == "<class 'select.kqueue'>"
    assert cls.__mro__ == (cls, object)
    assert cls.__text_signature__ == "()"
    assert cls.fromfd.__text_signature__ == "($type, fd, /)"
    expected = "($self, changelist, maxevents, timeout=None, /)"
    assert cls.control.__text_signature__ == expected
    assert cls.fileno.__text_signature__ == cls.close.__text_signature__ == "($self, /)"
    assert inspect.isgetsetdescriptor(cls.closed)
    names = ("fromfd", "close", "fileno", "control", "closed")
    assert all(len(getattr(cls, name).__doc__) > 20 for name in names)


def test_type_can_be_changed(polymux: ModuleType) -> None:
    polymux.kqueue.extra = 1
    assert polymux.kqueue.__dict__["extra"] == 1
    del polymux.kqueue.extra


def test_closed_is_read_only(kq: Any) -> None:
    message = "attribute 'closed' of 'select.kqueue' objects is not writable"
    with raises(AttributeError, message):
        kq.closed = True


def test_not_subclassable(polymux: ModuleType) -> None:
    with raises(TypeError, "type 'select.kqueue' is not an acceptable base type"):
        type("Sub", (polymux.kqueue,), {})


@pytest.mark.parametrize("act", [copy.copy, copy.deepcopy, pickle.dumps])
def test_no_copies(kq: Any, act: Callable[[object], object]) -> None:
    with raises(TypeError, "cannot pickle 'select.kqueue' object"):
        act(kq)


def test_identity(kq: Any) -> None:
    assert re.fullmatch(r"<select\.kqueue object at 0x[0-9a-f]+>", repr(kq))
    assert kq == kq
    assert hash(kq) == hash(kq)
    assert not hasattr(kq, "__dict__")
    assert not gc.is_tracked(kq)
    with pytest.raises(TypeError, match="cannot create weak reference"):
        weakref.ref(kq)
