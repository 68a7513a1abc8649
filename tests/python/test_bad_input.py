"""Wrong types, ranges, closed objects, absurd sizes: which exception, in which
words, and what is checked before what. The words differ between versions of
Python; here they stand as they are. More of the same is in test_parity.py.
"""

from __future__ import annotations

import resource
import sys
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
from conftest import Pipe, raises
from support import File, Index, is_polymux, soft_limit

BEFORE_3_14 = sys.version_info < (3, 14)
BEFORE_3_15 = sys.version_info < (3, 15)

Verb = Callable[[object], object]


@pytest.fixture(
    params=["rlist", "wlist", "xlist"]
    + [f"poll.{verb}" for verb in ("register", "modify", "unregister")]
    + [f"epoll.{verb}" for verb in ("register", "modify", "unregister")]
)
def takes_fd(request: pytest.FixtureRequest, mux: ModuleType) -> Iterator[Verb]:
    """A function that wants a descriptor as its one argument."""
    kind, _, verb = request.param.partition(".")
    rest = [0] if verb == "modify" else []
    if not verb:
        place = ["rlist", "wlist", "xlist"].index(kind)
        yield lambda one: mux.select(*[[one] if i == place else [] for i in range(3)])
    elif kind == "poll":
        yield lambda one: getattr(mux.poll(), verb)(one, *rest)
    else:
        with mux.epoll() as epoll:
            yield lambda one: getattr(epoll, verb)(one, *rest)


# Descriptors.

NO_FILE = "argument must be an int, or have a fileno() method."
TOO_LARGE = "Python int too large to convert to C int"


@pytest.mark.parametrize("wrong", [None, 1.0, "1", b"1", [], Index(1), object(), 1j])
def test_no_descriptor(takes_fd: Verb, wrong: object) -> None:
    with raises(TypeError, NO_FILE):
        takes_fd(wrong)


@pytest.mark.parametrize("number", [-1, -2, -1024, -(2**31)])
def test_negative_descriptor(takes_fd: Verb, number: int) -> None:
    message = f"file descriptor cannot be a negative integer ({number})"
    for one in (number, File(number)):
        with raises(ValueError, message):
            takes_fd(one)


@pytest.mark.parametrize("number", [2**31, 2**32, -(2**31) - 1, 2**64, -(2**200)])
def test_huge_descriptor(takes_fd: Verb, number: int) -> None:
    for one in (number, File(number)):
        with raises(OverflowError, TOO_LARGE):
            takes_fd(one)


@pytest.mark.parametrize("wrong", [None, 1.0, "1", Index(1), File(1)])
def test_fileno_returns_no_integer(takes_fd: Verb, wrong: object) -> None:
    message = "fileno() returned a non-integer"
    if not BEFORE_3_15:
        got = type(wrong).__qualname__
        got = (
            got
            if type(wrong).__module__ == "builtins"
            else f"{type(wrong).__module__}.{got}"
        )
        message = f"support.File.fileno() must return an int, not {got}"
    with raises(TypeError, message):
        takes_fd(File(wrong))


def test_fileno_cannot_be_called(takes_fd: Verb) -> None:
    with raises(TypeError, "'int' object is not callable"):
        takes_fd(type("Odd", (), {"fileno": 5})())


def test_fileno_wants_an_argument(takes_fd: Verb) -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        takes_fd(type("Odd", (), {"fileno": staticmethod(lambda fd: fd)})())


def test_fileno_property_raises(takes_fd: Verb) -> None:
    class Odd:
        error: BaseException

        @property
        def fileno(self) -> None:
            raise self.error

    odd = Odd()
    odd.error = AttributeError("inside")
    with raises(TypeError, NO_FILE):
        takes_fd(odd)
    odd.error = RuntimeError("inside")
    with raises(RuntimeError, "inside"):
        takes_fd(odd)


def test_boolean_warns_since_3_13(mux: ModuleType) -> None:
    poll = mux.poll()
    expected = ["bool is used as a file descriptor"] * (sys.version_info >= (3, 13))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        poll.register(True)
    assert [str(one.message) for one in caught] == expected
    assert all(one.category is RuntimeWarning for one in caught)
    poll.register(File(True))  # warnings are errors here


def test_boolean_warning_as_an_error(mux: ModuleType) -> None:
    if sys.version_info >= (3, 13):
        with raises(RuntimeWarning, "bool is used as a file descriptor"):
            mux.select([True], [], [], 0)
    else:
        mux.select([True], [], [], 0)


# Masks.


@pytest.mark.parametrize("number", [-1, -(2**16), -(2**63), -(2**64), -(2**200)])
def test_negative_mask_of_poll(mux: ModuleType, pipe: Pipe, number: int) -> None:
    poll = mux.poll()
    poll.register(pipe.w, 0)
    message = "value must be positive" if BEFORE_3_14 else "Cannot convert negative int"
    for verb in (poll.register, poll.modify):
        with raises(ValueError, message):
            verb(pipe.w, number)
    assert poll.poll(0) == []


@pytest.mark.parametrize("number", [2**16, 2**31, 2**63, 2**64 - 1, 2**64, 2**200])
def test_huge_mask_of_poll(mux: ModuleType, pipe: Pipe, number: int) -> None:
    poll = mux.poll()
    poll.register(pipe.w, 0)
    message = "Python int too large for C unsigned short"
    if BEFORE_3_14 and number >= 2**64:
        message = "Python int too large to convert to C unsigned long"
    for verb in (poll.register, poll.modify):
        with raises(OverflowError, message):
            verb(pipe.w, number)
    assert poll.poll(0) == []


@pytest.mark.parametrize("wrong", [None, 1.0, "1", [], object])
def test_wrong_mask_of_poll(mux: ModuleType, pipe: Pipe, wrong: object) -> None:
    message = "an integer is required"
    if not BEFORE_3_14:
        name = type(wrong).__name__
        message = f"'{name}' object cannot be interpreted as an integer"
    for verb in (mux.poll().register, mux.poll().modify):
        with raises(TypeError, message):
            verb(pipe.w, wrong)


def test_index_as_mask_of_poll(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    if BEFORE_3_14:
        with raises(TypeError, "an integer is required"):
            poll.register(pipe.w, Index(4))
    else:
        poll.register(pipe.w, Index(4))
        assert poll.poll(0) == [(pipe.w, mux.POLLOUT)]


@pytest.mark.parametrize("wrong", [None, 1.0, "1", []])
def test_wrong_mask_of_epoll(mux: ModuleType, pipe: Pipe, wrong: object) -> None:
    with mux.epoll() as epoll:
        for verb in (epoll.register, epoll.modify):
            with pytest.raises(TypeError, match="integer"):
                verb(pipe.w, wrong)


# Times.

SELECT_TIME = "timeout must be a float or None"
POLL_TIME = "timeout must be an integer or None"
REAL_TIME = "timeout must be a real number or None, not "


@pytest.mark.parametrize("wrong", ["1", b"1", [], 1j, object()])
def test_wrong_time(mux: ModuleType, wrong: object) -> None:
    real = REAL_TIME + type(wrong).__name__
    with raises(TypeError, SELECT_TIME if BEFORE_3_15 else real):
        mux.select([], [], [], wrong)
    with raises(TypeError, POLL_TIME if BEFORE_3_15 else real):
        mux.poll().poll(wrong)
    with (
        mux.epoll() as epoll,
        raises(TypeError, POLL_TIME if BEFORE_3_15 else real),
    ):
        epoll.poll(wrong)


def test_time_that_is_no_number(mux: ModuleType) -> None:
    nan = float("nan")
    message = "Invalid value NaN (not a number)"
    with mux.epoll() as epoll:
        for wait in (lambda t: mux.select([], [], [], t), mux.poll().poll, epoll.poll):
            with raises(ValueError, message):
                wait(nan)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**200, 1e300, float("inf")])
def test_time_beyond_the_clock(mux: ModuleType, number: float) -> None:
    if not BEFORE_3_14:
        message = "timestamp out of range for C PyTime_t"
    elif isinstance(number, float):
        message = "timestamp out of range for platform time_t"
    elif sys.version_info >= (3, 13):
        message = "timestamp too large to convert to C PyTime_t"
    else:
        message = "timestamp too large to convert to C _PyTime_t"
    with mux.epoll() as epoll:
        for wait in (lambda t: mux.select([], [], [], t), mux.poll().poll, epoll.poll):
            with raises(OverflowError, message):
                wait(number)


def test_longest_time_of_poll(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    poll.register(pipe.w, mux.POLLOUT)
    assert poll.poll(2**31 - 1) == [(pipe.w, mux.POLLOUT)]
    for number in (2**31, 2147483647.1, -(2**31) - 1):
        if BEFORE_3_15:
            with raises(OverflowError, "timeout is too large"):
                poll.poll(number)
        else:
            assert poll.poll(number) == [(pipe.w, mux.POLLOUT)]


def test_longest_time_of_epoll(mux: ModuleType, pipe: Pipe) -> None:
    with mux.epoll() as epoll:
        epoll.register(pipe.w, mux.EPOLLOUT)
        assert epoll.poll(2147483.647) == [(pipe.w, mux.EPOLLOUT)]
        for number in (2147483.648, 2147484, -2147484, 9e9):
            with raises(OverflowError, "timeout is too large"):
                epoll.poll(number)


def test_longest_time_of_select(mux: ModuleType, pipe: Pipe) -> None:
    for number in (2147484, 9223372036, 9223372036.8):
        assert mux.select([], [pipe.w], [], number) == ([], [pipe.w], [])


@pytest.mark.parametrize("number", [-1, -1.0, -1e-300, -(2**33)])
def test_negative_time_of_select(mux: ModuleType, number: float) -> None:
    with raises(ValueError, "timeout must be non-negative"):
        mux.select([], [], [], number)


# Lists and counts.


@pytest.mark.parametrize("wrong", [None, 1, 1.0, object(), File(1), int])
def test_wrong_list(mux: ModuleType, wrong: object) -> None:
    for lists in ([wrong, [], []], [[], wrong, []], [[], [], wrong]):
        with raises(TypeError, "arguments 1-3 must be sequences"):
            mux.select(*lists)


def test_iter_raises(mux: ModuleType) -> None:
    class Odd:
        error: BaseException

        def __iter__(self) -> Iterator[int]:
            raise self.error

    odd = Odd()
    odd.error = TypeError("inside")
    with raises(TypeError, "arguments 1-3 must be sequences"):
        mux.select([], odd, [])
    odd.error = OSError(5, "inside")
    with raises(OSError, "[Errno 5] inside"):
        mux.select([], odd, [])


def test_endless_list(mux: ModuleType) -> None:
    def endless() -> Iterator[int]:
        yield from range(5000)
        raise LookupError("enough")

    with raises(LookupError, "enough"):
        mux.select(endless(), [], [])


@pytest.mark.parametrize("number", [0, -2, -(2**31)])
def test_maxevents(mux: ModuleType, number: int) -> None:
    message = f"maxevents must be greater than 0, got {number}"
    with mux.epoll() as epoll, raises(ValueError, message):
        epoll.poll(0, number)


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**64, -(2**200)])
def test_maxevents_beyond_int(mux: ModuleType, number: int) -> None:
    with (
        mux.epoll() as epoll,
        pytest.raises(OverflowError, match=r"C (int|long)$"),
    ):
        epoll.poll(0, number)


def test_maxevents_beyond_the_kernel(mux: ModuleType) -> None:
    with mux.epoll() as epoll:
        with pytest.raises(OSError, match="Invalid argument"):
            epoll.poll(0, 178956971)
        assert epoll.poll(0) == []


def test_maxevents_beyond_memory(mux: ModuleType) -> None:
    with mux.epoll() as epoll:
        with soft_limit(resource.RLIMIT_AS, 4 << 30), pytest.raises(MemoryError):
            epoll.poll(0, 2**31 - 1)
        assert epoll.poll(0) == []


@pytest.mark.parametrize("number", [0, -2, -(2**31)])
def test_sizehint(mux: ModuleType, number: int) -> None:
    with raises(ValueError, "negative sizehint"):
        mux.epoll(number)
    with raises(ValueError, "negative sizehint"):
        mux.epoll(number, 5)


@pytest.mark.parametrize("number", [1, -1, 2**31 - 1, -(2**31)])
def test_flags(mux: ModuleType, number: int) -> None:
    with raises(OSError, "invalid flags") as raised:
        mux.epoll(-1, number)
    assert raised.value.errno is None


@pytest.mark.parametrize("wrong", [None, "1", 1.0, []])
def test_wrong_arguments_of_epoll(mux: ModuleType, wrong: object) -> None:
    for make in (lambda: mux.epoll(wrong), lambda: mux.epoll(flags=wrong)):
        with pytest.raises(TypeError, match="integer"):
            make()
    with mux.epoll() as epoll, pytest.raises(TypeError, match="integer"):
        epoll.poll(0, wrong)


def test_fromfd(mux: ModuleType) -> None:
    for wrong in (None, 1.0, "1", File(1)):
        with pytest.raises(TypeError, match="integer"):
            mux.epoll.fromfd(wrong)
    for number in (2**31, -(2**200)):
        with raises(OverflowError, TOO_LARGE):
            mux.epoll.fromfd(number)


@pytest.mark.parametrize("number", [-2, -(2**31)])
def test_fromfd_negative(mux: ModuleType, number: int) -> None:
    with pytest.raises(OSError, match=r"^\[Errno \d+\] ") as raised:
        mux.epoll.fromfd(number)
    # The standard module reports whichever error was the last before.
    if is_polymux(mux):
        assert raised.value.args == (0, "Error")


# Order of the checks.


def test_order_in_select(mux: ModuleType) -> None:
    with raises(TypeError, "arguments 1-3 must be sequences"):
        mux.select(None, [None], [-1], 0)
    with raises(TypeError, NO_FILE):
        mux.select([None], None, [-1], 0)
    with raises(ValueError, "timeout must be non-negative"):
        mux.select(None, None, None, -1)
    with raises(TypeError, "select expected at least 3 arguments, got 2"):
        mux.select(None, None)
    with raises(TypeError, "select expected at most 4 arguments, got 5"):
        mux.select([], [], [], 0, 0)
    with raises(TypeError, "select.select() takes no keyword arguments"):
        mux.select([], [], [], timeout=0)


def test_order_in_poll(mux: ModuleType) -> None:
    with raises(TypeError, NO_FILE):
        mux.poll().register(None, -1)
    with raises(FileNotFoundError, "[Errno 2] No such file or directory"):
        mux.poll().modify(5, 1)
    with raises(TypeError, "modify expected 2 arguments, got 1"):
        mux.poll().modify(None)
    with raises(TypeError, "select.poll() takes no arguments (1 given)"):
        mux.poll(1)
    with raises(TypeError, "select.poll() takes no keyword arguments"):
        mux.poll(size=1)


def test_order_on_a_closed_epoll(mux: ModuleType) -> None:
    closed = mux.epoll()
    closed.close()
    message = "I/O operation on closed epoll object"
    with raises(TypeError, NO_FILE):
        closed.register(None)
    with raises(TypeError, "'str' object cannot be interpreted as an integer"):
        closed.poll(0, "x")
    for call in (
        lambda: closed.poll("x"),
        lambda: closed.poll(0, 0),
        lambda: closed.poll(float("nan")),
        lambda: closed.register(2**31 - 1),
    ):
        with raises(ValueError, message):
            call()
    with (
        mux.epoll() as epoll,
        raises(TypeError, POLL_TIME if BEFORE_3_15 else REAL_TIME + "str"),
    ):
        epoll.poll("x", 0)


def test_arity_of_epoll(mux: ModuleType) -> None:
    with raises(TypeError, "epoll() takes at most 2 arguments (3 given)"):
        mux.epoll(1, 2, 3)
    with mux.epoll() as epoll:
        with raises(TypeError, "poll() takes at most 2 arguments (3 given)"):
            epoll.poll(1, 2, 3)
        with raises(TypeError, "register() missing required argument 'fd' (pos 1)"):
            epoll.register()
        with raises(
            TypeError, "modify() missing required argument 'eventmask' (pos 2)"
        ):
            epoll.modify(0)


def test_bad_calls_leave_no_trace(mux: ModuleType, pipe: Pipe) -> None:
    poll = mux.poll()
    for bad in (None, -1, 2**40, File("x")):
        with pytest.raises((TypeError, ValueError, OverflowError)):
            poll.register(bad)
        with pytest.raises((TypeError, ValueError, OverflowError)):
            poll.register(pipe.w, None if bad is None else -1)
    assert poll.poll(0) == []
    assert mux.select([], [pipe.w], [], 0) == ([], [pipe.w], [])
