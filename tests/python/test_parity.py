"""The same calls on both modules, hundreds of them: the same result, or the
same exception with the same words, errno and warnings, is demanded.

A call is written as an expression, so that a failing test names the call that
shows it. What it finds around it is in `Bench`.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import select
import warnings
from decimal import Decimal
from fractions import Fraction
from types import ModuleType

import pytest
from conftest import Pipe
from support import File

Outcome = tuple[object, ...]


class Number(int):
    """An int that has a fileno() of its own."""

    def fileno(self) -> int:
        raise AssertionError


class Float(float):
    pass


class Index:
    def __init__(self, value: object) -> None:
        self.value = value

    def __index__(self) -> object:
        return self.value


class OnlyFloat:
    def __float__(self) -> float:
        return 0.0


class OnlyInt:
    def __int__(self) -> int:
        return 0


class Raising:
    """Raises whatever it is asked."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def fail(self) -> None:
        raise self.error

    fileno = __index__ = __iter__ = fail


class RaisingProperty:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    @property
    def fileno(self) -> None:
        raise self.error


class FilenoAttribute:
    fileno = 3


class Bench:
    """What the calls are made on. Each module gets a new one for each call."""

    def __init__(self, mux: ModuleType, empty: Pipe, full: Pipe) -> None:
        self.mux = mux
        self.poll = mux.poll()
        self.epoll = mux.epoll()
        self.closed = mux.epoll()
        self.closed.close()
        self.r, self.w = full.r, empty.w  # both ready
        self.quiet = empty.r
        self.poll.register(self.r, mux.POLLIN)
        self.epoll.register(self.r, mux.EPOLLIN)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.epoll.close()


NAMES = {
    one.__name__: one
    for one in (
        *(Number, Float, Index, OnlyFloat, OnlyInt, Raising, RaisingProperty),
        *(FilenoAttribute, File, Decimal, Fraction, itertools),
    )
}


def printable(value: object) -> object:
    """What may be compared between modules; addresses may not."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def outcome_of(expression: str, bench: Bench) -> Outcome:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            answer: Outcome = (
                "returned",
                printable(eval(expression, {**NAMES, **vars(bench)})),
            )
        except Exception as error:
            answer = (
                *("raised", type(error), str(error), printable(error.args)),
                *(getattr(error, "errno", None), error.__cause__, error.__context__),
            )
    return *answer, [(one.category, str(one.message)) for one in caught]


DESCRIPTORS = [
    *("r", "True", "Number(r)", "File(r)", "File(Number(r))", "File(True)"),
    *("quiet", "w", "File(w)", "epoll.closed"),
    *("-1", "-2**31", "-2**31 - 1", "2**31", "2**63", "-2**100", "2**100"),
    *("1.0", "None", "'1'", "b'1'", "[]", "()", "1j", "object()", "int", "File"),
    *("Index(r)", "OnlyInt()", "Decimal(1)", "Ellipsis", "FilenoAttribute()"),
    *("File(-1)", "File(-7)", "File(2**31)", "File(2**100)", "File(-2**100)"),
    *("File(None)", "File('1')", "File(1.0)", "File(Index(1))", "File(File(1))"),
    *("Raising(OSError(5, 'lost'))", "Raising(KeyError('lost'))"),
    *("Raising(AttributeError('lost'))", "Raising(TypeError('lost'))"),
    *("Raising(StopIteration())", "RaisingProperty(AttributeError('lost'))"),
    *("RaisingProperty(ValueError('lost'))", "mux", "closed", "poll"),
]
DESCRIPTOR_CALLS = [
    *("mux.select([{}], [], [], 0)", "mux.select([], [{}], [], 0)"),
    *("mux.select([], [], [{}], 0)", "mux.select(({},), [r, {}], iter([{}]), 0)"),
    *("poll.register({})", "poll.register({}, 1)", "poll.register({}, None)"),
    *("poll.modify({}, 0)", "poll.modify({}, 'x')", "poll.unregister({})"),
    *("epoll.register({})", "epoll.register({}, 0)", "epoll.register({}, None)"),
    *("epoll.modify({}, 0)", "epoll.unregister({})", "epoll.register(fd={})"),
    *("closed.register({})", "closed.modify({}, 1)", "closed.unregister({})"),
]
# None of them a descriptor that the object could take over and close.
FROMFD = [
    *("None", "1.0", "'1'", "File(1)", "Index(1.0)", "[]", "OnlyInt()", "1j"),
    *("-2**31 - 1", "2**31", "2**63", "2**64", "2**100", "-2**100", "Index(2**31)"),
    *("", "1, 2", "fd=1", "1, fd=1", "Raising(OSError(5, 'lost'))", "*[None] * 4"),
]

TIMES = [
    *("None", "0", "0.0", "-0.0", "False", "True", "Float(0)", "Number(0)", "1e-300"),
    *("Index(0)", "Index(1)", "OnlyFloat()", "OnlyInt()", "Decimal(0)", "Fraction(0)"),
    *("-1", "-1.0", "-5", "-0.1", "-1e-300", "-2**31", "-2**31 - 1", "-2**40", "-1e9"),
    *("2**31 - 1", "2**31", "2147483647.0", "2147483647.5", "2147483648.0", "1e9"),
    *("2147483", "2147483.647", "2147483.6471", "2147483.648", "2147484", "2147483.5"),
    *("-2147483.648", "-2147483.649", "-2147484", "-2147485", "-2147483648.5"),
    *("9223372036", "9223372036.0", "9223372036.8", "9223372037", "9223372037.0"),
    *("-9223372036", "-9223372036.8", "-9223372037", "-9223372037.0"),
    *("9223372036854", "9223372036854.7", "9223372036855", "9223372036856.0"),
    *("-9223372036854", "-9223372036854.7", "-9223372036855", "-9223372036856.0"),
    *("2**62", "2**63 - 1", "2**63", "2**64", "2**200", "-2**63", "-2**63 - 1"),
    *("-2**200", "2.0**62", "2.0**63", "2.0**64", "-2.0**63", "-2.0**64", "1e300"),
    *("-1e300", "float('inf')", "float('-inf')", "float('nan')", "-float('nan')"),
    *("'0'", "b'0'", "[]", "()", "{{}}", "1j", "object()", "int", "Index(2**63)"),
    *("Index('0')", "Index(None)", "Raising(OSError(5, 'lost'))"),
    *("Raising(TypeError('lost'))", "Raising(OverflowError('lost'))"),
    *("Raising(ValueError('lost'))", "Float('nan')", "Float(-1)", "Ellipsis"),
]
TIME_CALLS = [
    *("mux.select([r], [], [], {})", "mux.select(None, None, None, {})"),
    *("poll.poll({})", "epoll.poll({})", "epoll.poll(timeout={})"),
    *("epoll.poll({}, 0)", "epoll.poll({}, maxevents=None)", "closed.poll({})"),
]

MASKS = [
    *("0", "1", "4", "True", "0x8000", "0xffff", "0x10000", "2**31", "2**32 - 1"),
    *("2**32", "2**32 + 1", "2**63", "2**64 - 1", "2**64", "2**64 + 1", "2**100"),
    *("-1", "-2", "-2**16", "-2**31", "-2**63", "-2**64", "-2**100", "Number(1)"),
    *("Index(1)", "Index(-1)", "Index('1')", "Index(2**16)", "1.0", "None", "'1'"),
    *("[]", "1j", "Decimal(1)", "OnlyInt()", "object()", "int", "Float(1)"),
    *("Raising(OSError(5, 'lost'))", "Raising(TypeError('lost'))", "File(1)"),
    *("Raising(OverflowError('lost'))", "mux.EPOLLEXCLUSIVE | 1", "mux.EPOLLET"),
    *("mux.EPOLLEXCLUSIVE | mux.EPOLLONESHOT", "mux.EPOLLONESHOT | 1"),
]
MASK_CALLS = [
    *("(poll.register(r, {}), poll.poll(0))", "(poll.modify(r, {}), poll.poll(0))"),
    *("poll.modify(w, {})", "poll.modify(None, {})", "poll.register(-1, {})"),
    *("(epoll.register(w, {}), epoll.poll(0))", "epoll.modify(w, {})"),
    *("(epoll.modify(r, {}), epoll.poll(0))", "epoll.register(fd=w, eventmask={})"),
    *("epoll.register(None, {})", "closed.register(r, {})", "closed.modify(r, {})"),
]

COUNTS = [
    *("-2", "-1", "0", "1", "2", "True", "False", "Number(1)", "Index(1)", "Index(0)"),
    *("2**31 - 1", "2**31", "-2**31", "-2**31 - 1", "2**63", "2**64", "-2**63"),
    *("2**100", "-2**100", "1.0", "None", "'1'", "1j", "[]", "OnlyInt()", "Decimal(1)"),
    *("Index('1')", "Index(2**100)", "Raising(OSError(5, 'lost'))", "178956971"),
    *("Raising(TypeError('lost'))", "Float(1)", "mux.EPOLL_CLOEXEC", "0x80001"),
]
COUNT_CALLS = [
    *("epoll.poll(0, {})", "epoll.poll(maxevents={}, timeout=0)", "closed.poll(0, {})"),
    *("epoll.poll('soon', {})", "type(mux.epoll({}))", "type(mux.epoll(-1, {}))"),
    *("type(mux.epoll(sizehint={}))", "type(mux.epoll(flags={}, sizehint=1))"),
]

LISTS = [
    *("[]", "()", "set()", "{{}}", "''", "b''", "iter([])", "range(0)", "bytearray()"),
    *("None", "1", "1.0", "object()", "int", "File(1)", "mux", "poll", "epoll"),
    *("[r]", "(r,)", "{{r}}", "{{r: None}}", "(fd for fd in [r])", "range(r, r + 1)"),
    *("'x'", "b'\\xff'", "[[]]", "[None]", "[r, None]", "[r, r]", "[r, File(r)][:1]"),
    *("Raising(OSError(5, 'lost'))", "Raising(TypeError('lost'))", "[-1]", "[r, -1]"),
    *("(1 // 0 for _ in [1])", "(int('x') for _ in [1])", "(fd + '' for fd in [r])"),
    *("memoryview(b'')", "itertools.repeat(r, 3)", "itertools.chain([r], [w])"),
]
LIST_CALLS = [
    *("mux.select({}, [], [], 0)", "mux.select([], {}, [], 0)"),
    *("mux.select([], [], {}, 0)", "mux.select({}, {}, {}, 0)"),
    *("mux.select({}, None, None, 0)", "mux.select(None, {}, [], 0)"),
    *("mux.select({}, [], [], 'soon')", "mux.select({}, [], [], -1)"),
]

ARGUMENTS = [
    *("", "1", "1, 2", "1, 2, 3", "1, 2, 3, 4", "1, 2, 3, 4, 5", "*range(100)"),
    *("fd=1", "1, fd=1", "fd=1, eventmask=1", "1, eventmask=1", "eventmask=1"),
    *("timeout=0", "0, timeout=0", "maxevents=1", "0, 1, maxevents=1", "other=1"),
    *("0, other=1", "1, 1, other=1", "1, 1, 1, other=1", "**{{'': 1}}", "**{{1: 1}}"),
    *("sizehint=1", "1, sizehint=1", "flags=0", "1, 0, flags=0", "rlist=[]"),
    *("1, 2, fd=1, other=2", "[], [], [], timeout=0", "*[None] * 3", "*[None] * 4"),
    *("None", "None, None", "fd=None", "Fd=1", "fd=1, fd2=1", "exc_type=None"),
]
ARGUMENT_CALLS = [
    *("mux.select({})", "mux.poll({})", "type(mux.epoll({}))", "poll.register({})"),
    *("poll.modify({})", "poll.unregister({})", "poll.poll({})", "epoll.poll({})"),
    *("epoll.register({})", "epoll.modify({})", "epoll.unregister({})"),
    "epoll.close({})",
    *("epoll.fileno({}) * 0", "type(epoll.__enter__({}))", "epoll.__exit__({})"),
    *("closed.register({})", "closed.modify({})", "closed.close({})"),
    *("closed.fileno({})", "closed.poll({})", "closed.__enter__({})"),
    *("closed.__exit__({})", "type(poll)({})"),
]
OTHERS = [
    *("poll.poll()", "epoll.poll()", "poll.register(w) or poll.poll()"),
    *("mux.epoll.fromfd(True - 2).close()", "type(mux.epoll.fromfd(-1))"),
    *("type(epoll.fromfd(-1))", "closed.fromfd(None)", "mux.epoll().__init__(1, 2, 3)"),
    *("mux.epoll.__new__()", "mux.epoll.__new__(int)", "mux.epoll.__new__(object)"),
    *("mux.epoll.__new__(type(poll))", "type(mux.epoll.__new__(mux.epoll, 5))"),
    *("mux.epoll.poll(poll)", "type(poll).poll(epoll)", "mux.epoll.closed.__get__(1)"),
    *("mux.epoll.register()", "mux.epoll.fileno(5)", "type(poll).register(1, 2)"),
    *("epoll.closed", "closed.closed", "closed.close()", "closed.__exit__()"),
    *("setattr(epoll, 'closed', 1)", "delattr(epoll, 'closed')", "poll.closed"),
    *("setattr(epoll, 'poll', 1)", "setattr(poll, 'poll', 1)", "delattr(poll, 'poll')"),
    *("epoll < epoll", "poll + poll", "poll == epoll", "poll()", "epoll[0]", "+poll"),
    *("epoll.__reduce_ex__(0)", "epoll.__reduce_ex__(1)", "epoll.__reduce_ex__(2)"),
    *("poll.__reduce_ex__(0)", "poll.__reduce_ex__(1)", "poll.__reduce__()"),
    *("repr(poll)", "str(epoll)", "repr(mux.epoll)", "repr(type(poll))"),
    *("repr(mux.epoll.poll)", "repr(type(poll).poll)", "repr(epoll.poll)"),
    *("repr(mux.epoll.fromfd)", "repr(mux.epoll.closed)", "repr(mux.poll)"),
    *("repr(mux.select)", "isinstance(1, mux.poll)"),
    *("mux.poll.__get__", "mux.select.__qualname__", "mux.epoll.poll.__objclass__"),
    *("mux.epoll.__basicsize__ > 0", "mux.epoll.__itemsize__", "mux.epoll.__bases__"),
    *("mux.epoll.__weakrefoffset__", "mux.epoll.__dictoffset__"),
    *("mux.epoll.__flags__", "type(poll).__flags__", "type('S', (mux.epoll,), {{}})"),
    *(
        "dir(epoll)",
        "dir(poll)",
        "hash(poll) == hash(poll)",
        "len(poll)",
        "iter(epoll)",
    ),
    *("mux.select.__text_signature__", "mux.poll.__text_signature__"),
]


def expressions(call: str, arguments: list[str]) -> list[str]:
    filled = (one.replace("{{", "{").replace("}}", "}") for one in arguments)
    return [call.replace("{}", argument) for argument in filled]


# What is called, and all that goes where it says {}.
TABLES: dict[str, list[str]] = {
    **dict.fromkeys(DESCRIPTOR_CALLS, DESCRIPTORS),
    **dict.fromkeys(["mux.epoll.fromfd({})", "closed.fromfd({})"], FROMFD),
    **dict.fromkeys(TIME_CALLS, TIMES),
    **dict.fromkeys(MASK_CALLS, MASKS),
    **dict.fromkeys(COUNT_CALLS, COUNTS),
    **dict.fromkeys(LIST_CALLS, LISTS),
    **dict.fromkeys(ARGUMENT_CALLS, ARGUMENTS),
    "{}": OTHERS,
}


def outcomes(mux: ModuleType, call: str, empty: Pipe, full: Pipe) -> dict[str, Outcome]:
    """The outcome of each expression, on objects of its own."""
    found = {}
    for expression in expressions(call, TABLES[call]):
        with contextlib.closing(Bench(mux, empty, full)) as bench:
            found[expression] = outcome_of(expression, bench)
    return found


@pytest.mark.parametrize("call", TABLES)
def test_same_outcome(polymux: ModuleType, pipe: Pipe, full: Pipe, call: str) -> None:
    standard = outcomes(select, call, pipe, full)
    ours = outcomes(polymux, call, pipe, full)
    assert {e: one for e, one in ours.items() if one != standard[e]} == {
        e: one for e, one in standard.items() if one != ours[e]
    }


def test_tables_have_both_answers(pipe: Pipe, full: Pipe) -> None:
    """Most calls raise, but many return something, or the tables are wrong."""
    kinds = [
        outcome[0]
        for call in TABLES
        for outcome in outcomes(select, call, pipe, full).values()
    ]
    assert kinds.count("returned") > 300
    assert kinds.count("raised") > 1000
