"""select.kevent: its fields, their ranges, comparison, and what it is not.

The standard module of the platform has none to stand beside it; what is
expected here is what the documented contract and its other platforms say.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import inspect
import itertools
import pickle
import re
import sys
import warnings
import weakref
from collections.abc import Callable
from types import ModuleType

import pytest
from conftest import raises
from hypothesis import given
from hypothesis import strategies as st
from support import Calling, File, Index, out_of_range, raising

FIELDS = ("ident", "filter", "flags", "fflags", "data", "udata")
SMALLEST = dict(zip(FIELDS, (0, -(2**15), 0, 0, -(2**63), 0), strict=True))
LARGEST = dict(
    zip(
        FIELDS,
        (2**64 - 1, 2**15 - 1, 2**16 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1),
        strict=True,
    )
)
NO_FILE = "argument must be an int, or have a fileno() method."
BEFORE_3_13 = sys.version_info < (3, 13)
BEFORE_3_14 = sys.version_info < (3, 14)

fields = pytest.mark.parametrize("field", FIELDS)


class IndexedFile(Index, File):
    """An object that has a number and a descriptor."""

    def __init__(self, value: int, fd: int) -> None:
        Index.__init__(self, value)
        File.__init__(self, fd)


def values_of(event: object) -> tuple[int, ...]:
    return tuple(getattr(event, name) for name in FIELDS)


def ranges() -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(*(st.integers(SMALLEST[n], LARGEST[n]) for n in FIELDS))


# Construction.


def test_defaults(polymux: ModuleType) -> None:
    event = polymux.kevent(5)
    assert values_of(event) == (5, polymux.KQ_FILTER_READ, polymux.KQ_EV_ADD, 0, 0, 0)
    assert all(type(value) is int for value in values_of(event))


def test_all_arguments(polymux: ModuleType) -> None:
    assert values_of(polymux.kevent(1, 2, 3, 4, 5, 6)) == (1, 2, 3, 4, 5, 6)
    keywords = dict(zip(FIELDS, range(10, 16), strict=True))
    assert values_of(polymux.kevent(**keywords)) == (10, 11, 12, 13, 14, 15)


@pytest.mark.parametrize("limits", [SMALLEST, LARGEST])
def test_limits(polymux: ModuleType, limits: dict[str, int]) -> None:
    assert values_of(polymux.kevent(**limits)) == tuple(limits.values())


def test_arity(polymux: ModuleType) -> None:
    with raises(TypeError, "kevent() missing required argument 'ident' (pos 1)"):
        polymux.kevent()
    with raises(TypeError, "kevent() takes at most 6 arguments (7 given)"):
        polymux.kevent(1, 2, 3, 4, 5, 6, 7)
    with pytest.raises(TypeError, match=r"kevent\(\).*'other'|'other'.*kevent\(\)"):
        polymux.kevent(1, other=2)


def test_new_alone_makes_zeros(polymux: ModuleType) -> None:
    assert values_of(polymux.kevent.__new__(polymux.kevent)) == (0,) * 6


def test_calling_the_initializer_again(polymux: ModuleType) -> None:
    event = polymux.kevent(1, 2, 3, 4, 5, 6)
    assert event.__init__(7) is None
    assert event == polymux.kevent(7)


def test_failed_initializer_leaves_a_mixture(polymux: ModuleType) -> None:
    event = polymux.kevent(1, 2, 3, 4, 5, 6)
    with pytest.raises(TypeError):
        event.__init__(7, 8, "9")
    assert values_of(event) == (0, 8, polymux.KQ_EV_ADD, 0, 0, 0)
    with pytest.raises(TypeError):
        event.__init__(None, 1, 2, 3, 4, 5)
    assert values_of(event) == (0, 1, 2, 3, 4, 5)


def test_initializer_calls_back(polymux: ModuleType) -> None:
    """The defaults are in place when the arguments are looked at."""

    class Looking:
        def __index__(self) -> int:
            seen.append(values_of(event))
            return 9

    seen: list[tuple[int, ...]] = []
    event = polymux.kevent(1, 2, 3, 4, 5, 6)
    event.__init__(1, Looking())
    assert seen == [(0, polymux.KQ_FILTER_READ, polymux.KQ_EV_ADD, 0, 0, 0)]
    assert event.filter == 9


# The identifier.


def test_ident_of_a_file(polymux: ModuleType) -> None:
    assert polymux.kevent(File(5)).ident == 5
    assert polymux.kevent(ident=File(2**31 - 1)).ident == 2**31 - 1


def test_ident_is_no_descriptor(polymux: ModuleType) -> None:
    class Number(int):
        pass

    assert polymux.kevent(Number(2**40)).ident == 2**40
    # No warning about booleans: this may be a timer or a process.
    assert polymux.kevent(True).ident == 1


def test_negative_ident(polymux: ModuleType) -> None:
    for number in (-1, -(2**63), -(2**63) - 1, -(2**200)):
        if BEFORE_3_14:
            with raises(OverflowError, "can't convert negative value to size_t"):
                polymux.kevent(number)
        else:
            with raises(ValueError, "Cannot convert negative int"):
                polymux.kevent(number)


def test_huge_ident(polymux: ModuleType) -> None:
    message = "Python int too large to convert to C size_t"
    if not BEFORE_3_14:
        message = "Python int too large for C kqueue event identifier"
    for number in (2**64, 2**200):
        with raises(OverflowError, message):
            polymux.kevent(number)


def test_index_as_ident(polymux: ModuleType) -> None:
    if BEFORE_3_14:
        with raises(TypeError, NO_FILE):
            polymux.kevent(Index(5))
        assert polymux.kevent(IndexedFile(5, 6)).ident == 6
    else:
        assert polymux.kevent(Index(5)).ident == 5
        assert polymux.kevent(IndexedFile(5, 6)).ident == 5
        with raises(ValueError, "Cannot convert negative int"):
            polymux.kevent(Index(-1))


@pytest.mark.parametrize("wrong", [None, 5.0, "5", b"5", []])
def test_wrong_ident(polymux: ModuleType, wrong: object) -> None:
    with raises(TypeError, NO_FILE):
        polymux.kevent(wrong)


def test_fileno_raises(polymux: ModuleType) -> None:
    with raises(LookupError, "lost"):
        polymux.kevent(Calling(5, raising(LookupError("lost"))))
    with raises(ValueError, "file descriptor cannot be a negative integer (-1)"):
        polymux.kevent(File(-1))
    with raises(OverflowError, "Python int too large to convert to C int"):
        polymux.kevent(File(2**40))
    with pytest.raises(TypeError, match="fileno"):
        polymux.kevent(File("5"))


# The other arguments.


def test_filter_out_of_range(polymux: ModuleType) -> None:
    with raises(OverflowError, "signed short integer is greater than maximum"):
        polymux.kevent(1, 2**15)
    with raises(OverflowError, "signed short integer is less than minimum"):
        polymux.kevent(1, -(2**15) - 1)


@pytest.mark.parametrize(("field", "bits"), [("flags", 16), ("fflags", 32)])
@pytest.mark.parametrize("value", [-1, 2**64 + 5, -(2**70) + 9, 2**200 + 1])
def test_flags_are_masked(
    polymux: ModuleType, field: str, bits: int, value: int
) -> None:
    with contextlib.nullcontext() if value == -1 else out_of_range():
        event = polymux.kevent(1, **{field: value})
    assert getattr(event, field) == value % 2**bits


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**64, -(2**200)])
def test_data_out_of_range(polymux: ModuleType, value: int) -> None:
    with raises(OverflowError, "int too big to convert"):
        polymux.kevent(1, data=value)


@pytest.mark.parametrize("value", [-1, 2**64 + 5, -(2**200) - 7])
def test_udata_is_masked(polymux: ModuleType, value: int) -> None:
    with contextlib.nullcontext() if value == -1 else out_of_range():
        event = polymux.kevent(1, udata=value)
    assert event.udata == value % 2**64


def test_index_as_an_argument(polymux: ModuleType) -> None:
    event = polymux.kevent(1, Index(2), Index(3), Index(4), Index(5))
    assert values_of(event) == (1, 2, 3, 4, 5, 0)
    if BEFORE_3_14:
        with raises(TypeError, "kevent() argument 6 must be int, not Index"):
            polymux.kevent(1, udata=Index(6))


@pytest.mark.parametrize("wrong", [None, 5.0, "5", []])
@pytest.mark.parametrize("field", FIELDS[1:])
def test_wrong_argument(polymux: ModuleType, field: str, wrong: object) -> None:
    with pytest.raises(TypeError, match=r"integer|must be int, not"):
        polymux.kevent(1, **{field: wrong})


# Attributes.


@fields
def test_field_is_a_member(polymux: ModuleType, field: str) -> None:
    assert inspect.ismemberdescriptor(getattr(polymux.kevent, field))
    assert getattr(polymux.kevent, field).__doc__


@fields
def test_setting_within_the_limits(polymux: ModuleType, field: str) -> None:
    event = polymux.kevent(1, 2, 3, 4, 5, 6)
    for value in (0, 1, SMALLEST[field], LARGEST[field]):
        setattr(event, field, value)
        assert getattr(event, field) == value
    others = [name for name in FIELDS if name != field]
    untouched = polymux.kevent(1, 2, 3, 4, 5, 6)
    for name in others:
        assert getattr(event, name) == getattr(untouched, name)


def warned(act: Callable[[], object]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        act()
    assert all(one.category is RuntimeWarning for one in caught)
    return [str(one.message) for one in caught]


@pytest.mark.parametrize(
    ("field", "value", "stored", "message"),
    [
        ("filter", 2**15, -(2**15), "Truncation of value to short"),
        ("filter", -(2**15) - 1, 2**15 - 1, "Truncation of value to short"),
        ("filter", 2**62, 0, "Truncation of value to short"),
        ("flags", 2**16, 0, "Truncation of value to unsigned short"),
        ("flags", -1, 2**16 - 1, "Truncation of value to unsigned short"),
        ("fflags", 2**32 + 1, 1, "Truncation of value to unsigned int"),
    ],
)
def test_truncation(
    polymux: ModuleType, field: str, value: int, stored: int, message: str
) -> None:
    event = polymux.kevent(1)
    assert warned(lambda: setattr(event, field, value)) == [message]
    assert getattr(event, field) == stored


NEGATIVE = "Writing negative value into unsigned field"


def test_negative_into_fflags(polymux: ModuleType) -> None:
    event = polymux.kevent(1)
    assert NEGATIVE in warned(lambda: setattr(event, "fflags", -2))
    assert event.fflags == 2**32 - 2


@pytest.mark.parametrize("field", ["ident", "udata"])
def test_negative_into_64_bits(polymux: ModuleType, field: str) -> None:
    event = polymux.kevent(1, udata=1)
    if BEFORE_3_13:
        with raises(OverflowError, "can't convert negative int to unsigned"):
            setattr(event, field, -1)
        assert getattr(event, field) == 1
    else:
        assert warned(lambda: setattr(event, field, -1)) == [NEGATIVE]
        assert getattr(event, field) == 2**64 - 1


@fields
def test_setting_far_out_of_range(polymux: ModuleType, field: str) -> None:
    event = polymux.kevent(1, 2, 3, 4, 5, 6)
    for value in (2**64, -(2**63) - 1, 2**1000, -(2**1000)):
        with pytest.raises(OverflowError):
            setattr(event, field, value)
        assert values_of(event) == (1, 2, 3, 4, 5, 6)


def test_setting_data_out_of_range(polymux: ModuleType) -> None:
    event = polymux.kevent(1, data=5)
    for value in (2**63, 2**64 - 1):
        with raises(OverflowError, "int too big to convert"):
            event.data = value
        assert event.data == 5


@fields
@pytest.mark.parametrize("wrong", ["5", None, 5.0, [], File(5)])
def test_setting_a_wrong_type(polymux: ModuleType, field: str, wrong: object) -> None:
    event = polymux.kevent(1, 2, 3, 4, 5, 6)
    name = type(wrong).__name__
    with raises(TypeError, f"'{name}' object cannot be interpreted as an integer"):
        setattr(event, field, wrong)
    assert values_of(event) == (1, 2, 3, 4, 5, 6)


@fields
def test_setting_an_index(polymux: ModuleType, field: str) -> None:
    event = polymux.kevent(1, 2, 3, 4, 5, 6)
    with warnings.catch_warnings():
        if BEFORE_3_13:  # it takes any number that is no int for a negative one
            warnings.simplefilter("ignore")
        setattr(event, field, Index(9))
    assert getattr(event, field) == 9


@pytest.mark.parametrize(("field", "value"), [("filter", 2**15), ("fflags", -1)])
def test_warning_as_an_error(polymux: ModuleType, field: str, value: int) -> None:
    event = polymux.kevent(1, 2, 3, 4, 5, 6)
    with pytest.raises(RuntimeWarning):
        setattr(event, field, value)
    assert values_of(event) == (1, 2, 3, 4, 5, 6)


@fields
def test_deleting(polymux: ModuleType, field: str) -> None:
    event = polymux.kevent(1, 2, 3, 4, 5, 6)
    with raises(TypeError, "can't delete numeric/char attribute"):
        delattr(event, field)
    assert values_of(event) == (1, 2, 3, 4, 5, 6)


def test_no_other_attributes(polymux: ModuleType) -> None:
    event = polymux.kevent(1)
    assert not hasattr(event, "__dict__")
    for act in (lambda: setattr(event, "other", 1), lambda: delattr(event, "other")):
        with pytest.raises(
            AttributeError, match=r"'select\.kevent' object has no attr"
        ):
            act()


# Representation.


def test_repr(polymux: ModuleType) -> None:
    assert repr(polymux.kevent(5)) == (
        "<select.kevent ident=5 filter=-1 flags=0x1 fflags=0x0 data=0x0 udata=0x0>"
    )
    event = polymux.kevent(2**64 - 1, -11, 0xFFFF, 0xABCDEF01, -1, 2**64 - 2)
    assert str(event) == (
        "<select.kevent ident=18446744073709551615 filter=-11 flags=0xffff "
        "fflags=0xabcdef01 data=0xffffffffffffffff udata=0xfffffffffffffffe>"
    )


@given(ranges())
def test_repr_of_any(values: tuple[int, ...]) -> None:
    import polymux

    text = repr(polymux.kevent(*values))
    pattern = " ".join(rf"{name}=(-?\w+)" for name in FIELDS)
    found = re.fullmatch(rf"<select\.kevent {pattern}>", text)
    assert found
    ident, kind, *rest = found.groups()
    assert (int(ident), int(kind)) == values[:2]
    assert [int(one, 16) for one in rest] == [one % 2**64 for one in values[2:]]


# Comparison.


def order_of(values: tuple[int, ...]) -> tuple[int, ...]:
    """udata is compared as a signed number."""
    *front, udata = values
    return (*front, udata - 2**64 if udata >= 2**63 else udata)


def assert_ordered(polymux: ModuleType, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    left, right = polymux.kevent(*a), polymux.kevent(*b)
    first, second = order_of(a), order_of(b)
    assert (left == right) == (first == second)
    assert (left != right) == (first != second)
    assert (left < right) == (first < second)
    assert (left <= right) == (first <= second)
    assert (left > right) == (first > second)
    assert (left >= right) == (first >= second)


def test_order(polymux: ModuleType) -> None:
    extremes = [(SMALLEST[name], 1, LARGEST[name]) for name in FIELDS]
    for index, name in enumerate(FIELDS):
        base = [1] * len(FIELDS)
        for one, other in itertools.product(extremes[index], repeat=2):
            left, right = list(base), list(base)
            left[index], right[index] = one, other
            assert_ordered(polymux, tuple(left), tuple(right))
        assert name in FIELDS


@given(ranges(), ranges())
def test_order_of_any(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    import polymux

    assert_ordered(polymux, a, b)
    for i in range(len(FIELDS)):
        assert_ordered(polymux, a[:i] + b[i:], a)


@pytest.mark.parametrize("other", [None, 5, "5", (5,), object()])
def test_comparison_with_something_else(polymux: ModuleType, other: object) -> None:
    event = polymux.kevent(5)
    assert not event == other  # noqa: SIM201 (both operators are under test)
    assert event != other
    assert event.__eq__(other) is NotImplemented
    name = type(other).__name__
    message = f"'<' not supported between instances of 'select.kevent' and '{name}'"
    with raises(TypeError, message):
        event < other  # noqa: B015
    for method in ("__lt__", "__le__", "__gt__", "__ge__"):
        assert getattr(event, method)(other) is NotImplemented


# The type.


def test_type(polymux: ModuleType) -> None:
    cls = polymux.kevent
    assert repr(cls) == "<class 'select.kevent'>"
    assert cls.__mro__ == (cls, object)
    assert cls.__text_signature__ is None
    assert cls.__doc__.startswith("kevent(ident, filter=KQ_FILTER_READ, ")


def test_type_can_be_changed(polymux: ModuleType) -> None:
    polymux.kevent.extra = 1
    assert polymux.kevent(5).extra == 1
    del polymux.kevent.extra


def test_unhashable(polymux: ModuleType) -> None:
    assert polymux.kevent.__hash__ is None
    with pytest.raises(TypeError, match=r"unhashable type: 'select\.kevent'"):
        {polymux.kevent(5)}


def test_not_subclassable(polymux: ModuleType) -> None:
    message = "type 'select.kevent' is not an acceptable base type"
    with raises(TypeError, message):
        type("Sub", (polymux.kevent,), {})


@pytest.mark.parametrize("act", [copy.copy, copy.deepcopy, pickle.dumps])
def test_no_copies(polymux: ModuleType, act: Callable[[object], object]) -> None:
    with raises(TypeError, "cannot pickle 'select.kevent' object"):
        act(polymux.kevent(5))


def test_no_weak_references(polymux: ModuleType) -> None:
    with pytest.raises(TypeError, match="cannot create weak reference"):
        weakref.ref(polymux.kevent(5))
    assert not gc.is_tracked(polymux.kevent(5))


def test_references(polymux: ModuleType) -> None:
    file = File(5)
    before = [sys.getrefcount(one) for one in (file, polymux.kevent)]
    for _ in range(1000):
        event = polymux.kevent(file)
        event.__init__(file)
        with pytest.raises(TypeError):
            polymux.kevent(file, None)
    del event
    assert [sys.getrefcount(one) for one in (file, polymux.kevent)] == before
