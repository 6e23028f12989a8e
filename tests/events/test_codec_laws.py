"""The codec's laws, for every message there can be: what is written is read back, and nothing raises."""

import re
from decimal import Decimal
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields as struct_fields

from portfold.events.codec import decode_decision, decode_event, encode, encode_checked
from portfold.events.incoming import Malformed
from portfold.events.scope import SCOPE_KINDS, ScopedOrder
from tests.events.any_message import ANY_EVENT, DECISIONS, EVENTS, OF_A_TYPE, by_name, check_total, flattened

# --- every message there can be, built from the kinds of its fields -------------------------------------


ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=[]))
"""Lone surrogates, control characters and all."""
WORDS = st.sampled_from(
    ["type", "worker", "session", "seq", "symbol", "side", "size", "price", "pnl", "by", "reason", "zone"]
    + ["long", "short", "ES", "1", "-1", "0", "1.5", "NaN", "Infinity", "1E9", "true", "null", "", "\ud800"]
    + [message.__name__ for message in (*EVENTS, *DECISIONS)]
)
PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


# --- what is written is read back -----------------------------------------------------------------------


@pytest.mark.parametrize("message", EVENTS, ids=lambda message: message.__name__)
@settings(max_examples=20)
@given(st.data())
def test_every_event_is_read_back_as_it_was_said(message: type[Struct], data: st.DataObject) -> None:
    event = data.draw(OF_A_TYPE[message])
    flat = encode_checked(event)
    assert flat == encode(event)
    assert decode_event(flat) == event
    assert type(decode_event(flat)) is message


@pytest.mark.parametrize("message", DECISIONS, ids=lambda message: message.__name__)
@settings(max_examples=20)
@given(st.data())
def test_every_decision_is_read_back_as_it_was_decided(message: type[Struct], data: st.DataObject) -> None:
    decision = data.draw(OF_A_TYPE[message])
    assert decode_decision(encode(decision)) == decision
    assert type(decode_decision(encode(decision))) is message


@given(st.sampled_from((*EVENTS, *DECISIONS)).flatmap(OF_A_TYPE.__getitem__))
def test_what_is_written_is_text_with_the_type_first_each_field_once_and_plain_numbers(message: Any) -> None:
    flat = encode(message)
    assert flat[:2] == ["type", type(message).__name__]
    assert all(type(text) is str for text in flat)
    named = by_name(flat)
    assert len(named) * 2 == len(flat)
    for field in struct_fields(type(message)):
        value = getattr(message, field.name)
        assert (field.name in named) == (field.default is NODEFAULT or value != field.default)
        if field.name in named and isinstance(value, Decimal):
            assert PLAIN_NUMBER.fullmatch(named[field.name])


@settings(max_examples=50)
@given(ANY_EVENT, st.randoms(use_true_random=False))
def test_the_order_of_fields_means_nothing(event: Any, random: Any) -> None:
    pairs = list(by_name(encode(event)).items())
    random.shuffle(pairs)
    assert decode_event(flattened(dict(pairs))) == event


@settings(max_examples=50)
@given(ANY_EVENT)
def test_a_default_may_be_said_as_well_as_left_out(event: Any) -> None:
    """But no empty scope of an order: it would be one of the whole portfolio, which nobody meant."""
    said = {
        field.name: field.default
        for field in struct_fields(type(event))
        if field.default is not NODEFAULT
        and not (isinstance(event, ScopedOrder) and field.name in SCOPE_KINDS)
    }
    texts = {name: "false" if value is False else str(value) for name, value in said.items()}
    assert decode_event(flattened({"type": type(event).__name__, **texts, **by_name(encode(event))})) == event


# --- whatever comes, nothing raises ---------------------------------------------------------------------


@given(st.lists(st.one_of(WORDS, ANY_TEXT)))
@example(["\udc80"])
@example(["type", "\udc80", "x"])
@example(["type"] * 7)
def test_any_texts_are_an_event_or_a_refusal_that_fits_a_decision(entry: list[str]) -> None:
    check_total(entry)


@given(ANY_EVENT, st.data())
def test_an_event_with_any_one_text_replaced_is_an_event_or_refused(event: Any, data: st.DataObject) -> None:
    flat = encode(event)
    place = data.draw(st.integers(0, len(flat) - 1))
    check_total([*flat[:place], data.draw(st.one_of(WORDS, ANY_TEXT)), *flat[place + 1 :]])


def by_the_library(entry: list[str]) -> Any:
    """What msgspec makes of the entry, numbers and flags spelled plainly; None for no event."""
    named = by_name(entry)
    message = next((message for message in EVENTS if message.__name__ == named["type"]), None)
    if message is None:
        return None
    for name, kind in get_type_hints(message, include_extras=True).items():
        spelled = PLAIN_OF_A_TYPE.get(get_args(kind)[0])
        if name in named and spelled is not None and not re.fullmatch(spelled, named[name]):
            return None
    try:
        return msgspec.convert(named, message, strict=False)
    except (msgspec.ValidationError, UnicodeEncodeError):
        return None


PLAIN_OF_A_TYPE = {Decimal: r"-?[0-9]{1,9}(\.[0-9]{1,10})?", int: r"[0-9]+", bool: "true|false"}


@given(ANY_EVENT, st.one_of(WORDS, ANY_TEXT, st.just("-0"), st.just("-0.0")), st.data())
def test_what_is_read_is_what_the_library_reads(event: Any, text: str, data: st.DataObject) -> None:
    named = by_name(encode(event))
    name = data.draw(st.sampled_from([name for name in named if name != "type"] or ["type"]))
    for entry in (flattened(named), flattened({**named, name: text})):
        read, expected = decode_event(entry), by_the_library(entry)
        assert (None if isinstance(read, Malformed) else repr(read)) == (expected and repr(expected))


@settings(max_examples=50)
@given(ANY_EVENT, st.data())
def test_an_event_with_any_one_text_left_out_or_added_is_refused(event: Any, data: st.DataObject) -> None:
    flat = encode(event)
    place = data.draw(st.integers(0, len(flat) - 1))
    added = data.draw(st.one_of(WORDS, ANY_TEXT))
    for entry in ([*flat[:place], *flat[place + 1 :]], [*flat[:place], added, *flat[place:]]):
        assert isinstance(check_total(entry), Malformed)


@settings(max_examples=50)
@given(ANY_EVENT)
def test_a_missing_field_is_named(event: Any) -> None:
    required = [field.name for field in struct_fields(type(event)) if field.default is NODEFAULT]
    for name in required:
        named = by_name(encode(event))
        del named[name]
        refused = check_total(flattened(named))
        assert isinstance(refused, Malformed)
        assert refused.reason.startswith(f"{type(event).__name__}.{name}: missing; expected ")


@settings(max_examples=50)
@given(ANY_EVENT, ANY_TEXT)
def test_an_extra_field_is_refused(event: Any, name: str) -> None:
    named = by_name(encode(event))
    assume(name != "type" and name not in type(event).__struct_fields__)
    refused = check_total(flattened({**named, name: ""}))
    assert isinstance(refused, Malformed)
    assert f": not a field of {type(event).__name__}; its fields are " in refused.reason
