"""select.devpoll() objects: wrong types, ranges and times, in which words."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import polymux
import pytest
from conftest import Pipe
from support import Calling, File, raising
from test_stateful import described

BEFORE_3_15 = sys.version_info < (3, 15)


@pytest.mark.parametrize("verb", ["register", "modify", "unregister"])
@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (None, TypeError, "argument must be an int, or have a fileno() method."),
        (1.0, TypeError, "argument must be an int, or have a fileno() method."),
        (-1, ValueError, "file descriptor cannot be a negative integer (-1)"),
        (2**31, OverflowError, "Python int too large to convert to C int"),
        (-(2**70), OverflowError, "Python int too large to convert to C int"),
        (File(-7), ValueError, "file descriptor cannot be a negative integer (-7)"),
        (Calling(0, raising(LookupError("lost"))), LookupError, "lost"),
    ],
)
def test_bad_descriptor(
    devpoll: Any, verb: str, wrong: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as raised:
        getattr(devpoll, verb)(wrong)
    assert type(raised.value) is error
    assert str(raised.value) == message


@pytest.mark.parametrize("verb", ["register", "modify"])
def test_bad_mask(devpoll: Any, pipe: Pipe, verb: str) -> None:
    """As poll() has it on this version of Python."""
    poll: Any = polymux.poll()
    poll.register(pipe.w)
    for mask in (-1, 2**16, 2**64, -(2**64), None, 1.0, "1"):
        ours = described(partial(getattr(devpoll, verb), pipe.w, mask))
        assert ours[0] == "raised"
        assert ours == described(partial(poll.register, pipe.w, mask))
    assert devpoll.poll(0) == []


def test_arity(devpoll: Any) -> None:
    for verb in ("register", "modify"):
        with pytest.raises(
            TypeError, match=rf"^{verb} expected at least 1 argument, got 0$"
        ):
            getattr(devpoll, verb)()
        with pytest.raises(
            TypeError, match=rf"^{verb} expected at most 2 arguments, got 3$"
        ):
            getattr(devpoll, verb)(0, 1, 2)
        with pytest.raises(TypeError, match="takes no keyword arguments"):
            getattr(devpoll, verb)(fd=0)
    with pytest.raises(TypeError, match=r"^poll expected at most 1 argument, got 2$"):
        devpoll.poll(0, 0)
    with pytest.raises(TypeError, match=r"takes exactly one argument \(0 given\)$"):
        devpoll.unregister()


# Time.


@pytest.mark.parametrize("wrong", ["1", b"1", [], 1j, object()])
def test_wrong_time(devpoll: Any, wrong: object) -> None:
    message = "timeout must be an integer or None"
    if not BEFORE_3_15:
        message = f"timeout must be a real number or None, not {type(wrong).__name__}"
    with pytest.raises(TypeError) as raised:
        devpoll.poll(wrong)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "number", [2**31, 2147483647.1, -1.1, -2, -(2**31) - 1, -(2.0**40), 9e12, -9e12]
)
def test_too_long(devpoll: Any, number: float) -> None:
    with pytest.raises(OverflowError, match=r"^timeout is too large$"):
        devpoll.poll(number)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 1e300, float("inf")])
def test_time_beyond_the_clock(devpoll: Any, number: float) -> None:
    ours = described(lambda: devpoll.poll(number))
    assert ours[1] is OverflowError
    assert ours == described(lambda: polymux.poll().poll(number))


def test_time_that_is_no_number(devpoll: Any) -> None:
    with pytest.raises(ValueError, match=r"^Invalid value NaN \(not a number\)$"):
        devpoll.poll(float("nan"))
