"""The codec is strict: one wrong character is enough to refuse a message."""

import sys
import unicodedata
from decimal import Decimal
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from portfold.events import fields as kinds
from portfold.events.codec import RefusedField, encode, encode_checked
from portfold.events.incoming import (
    ClockTicked,
    EntryRequested,
    FlattenRequested,
    Malformed,
    TradingHalted,
    TradingResumed,
)
from portfold.events.limits_changed import LimitsChanged
from portfold.events.scope import SCOPE_KINDS
from tests.events.any_message import (
    ANY_EVENT,
    EVENTS,
    OF_A_TYPE,
    OF_CALENDARS,
    OF_LIMITS,
    by_name,
    check_total,
    flattened,
)


def kind_of_field(message: type[Struct], name: str) -> Any:
    return get_type_hints(message, include_extras=True)[name]


def test_no_control_character_no_direction_and_no_half_of_a_character_counts_as_printable() -> None:
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    for letter in map(chr, range(sys.maxunicode + 1)):
        steering = unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"}
        if steering or unicodedata.bidirectional(letter) in turning:
            assert kinds.DECEIVING.match(letter), ascii(letter)


@given(
    ANY_EVENT.filter(lambda event: not isinstance(event, ClockTicked)),
    st.from_regex(kinds.DECEIVING),
    st.data(),
)
def test_a_deceiving_character_in_any_place_of_any_field_is_refused_by_name(
    event: Any, found: str, data: st.DataObject
) -> None:
    match = kinds.DECEIVING.search(found)
    assert match is not None
    named = by_name(encode(event))
    name = data.draw(st.sampled_from([name for name in named if name != "type"]))
    place = data.draw(st.integers(0, len(named[name])))
    text = named[name][:place] + match[0] + named[name][place:]
    refused = check_total(flattened({**named, name: text}))
    assert isinstance(refused, Malformed)
    assert refused.reason.startswith(f"{type(event).__name__}.{name}: expected ")
    assert not kinds.DECEIVING.search(refused.reason)


LAX = st.sampled_from(
    ["{}.0", "+{}", "0{}", " {}", "{} ", "{}e0", "{}E+0", "{}_0", "0x{}", "{}.", "({})", "{}\n"]
)


@settings(max_examples=50)
@given(ANY_EVENT, LAX)
def test_a_number_spelled_in_any_way_but_plainly_is_refused(event: Any, spelling: str) -> None:
    named = by_name(encode(event))
    for name in named.keys() - {"type"}:
        base = get_args(kind_of_field(type(event), name))[0]
        still_plain = base is Decimal and spelling in {"{}.0", "0{}"}
        if base not in (int, Decimal) or still_plain:
            continue
        refused = check_total(flattened({**named, name: spelling.format(named[name])}))
        assert isinstance(refused, Malformed)
        assert refused.reason.startswith(f"{type(event).__name__}.{name}: expected ")


@pytest.mark.parametrize("message", EVENTS, ids=lambda message: message.__name__)
@settings(max_examples=4)
@given(st.data())
def test_a_whole_number_outside_its_bounds_is_refused_and_on_them_is_not(
    message: type[Struct], data: st.DataObject
) -> None:
    named = by_name(encode(data.draw(OF_A_TYPE[message])))
    for name in named.keys() - {"type"}:
        base, meta = get_args(kind_of_field(message, name))
        if base is not int or (message is LimitsChanged and name in OF_LIMITS):
            continue
        for bound, outside in ((meta.ge, meta.ge - 1), (meta.le, meta.le + 1)):
            assert isinstance(check_total(flattened({**named, name: str(bound)})), message)
            assert isinstance(check_total(flattened({**named, name: str(outside)})), Malformed)


BOUND_TOGETHER: dict[type[Any], tuple[str, ...]] = {
    EntryRequested: ("stop_price", "price", "risk"),
    **{calendar: tuple(bound) for calendar, bound in OF_CALENDARS.items()},
    **dict.fromkeys((TradingHalted, FlattenRequested), SCOPE_KINDS),
    TradingResumed: (*SCOPE_KINDS, "force"),
}
"""Fields that rules of their event bind to one another: these refuse before anything is sent."""


@settings(max_examples=50)
@given(
    ANY_EVENT.filter(lambda event: not isinstance(event, ClockTicked | LimitsChanged)),
    st.sampled_from([1.5, None, b"1", "?", object()]),
    st.data(),
)
def test_a_value_of_another_python_type_is_refused_by_name_before_it_is_sent(
    event: Any, wrong: object, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(type(event).__struct_fields__))
    assume(type(getattr(event, name)) is not type(wrong))
    assume(name not in BOUND_TOGETHER.get(type(event), ()))
    spoiled = msgspec.structs.replace(event, **{name: wrong})
    with pytest.raises(
        RefusedField, match=rf"^{type(event).__name__}\.{name}: expected .*, got a value of type "
    ):
        encode_checked(spoiled)
