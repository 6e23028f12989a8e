"""The codec's laws, for every message there can be: what is written is read back, and nothing raises."""

import re
import sys
import unicodedata
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from msgspec import NODEFAULT, Meta, Struct
from msgspec.structs import fields as struct_fields

from portfold.events import fields as kinds
from portfold.events.codec import RefusedField, decode_decision, decode_event, encode, encode_checked
from portfold.events.decisions import Decision, EventRejected
from portfold.events.incoming import ClockTicked, Event, LimitsChanged, Malformed

EVENTS: tuple[type[Struct], ...] = get_args(Event)
DECISIONS: tuple[type[Struct], ...] = get_args(Decision)

# --- every message there can be, built from the kinds of its fields -------------------------------------

LETTERS = st.characters(exclude_categories=["Cs"]).filter(lambda letter: not kinds.DECEIVING.match(letter))
SYMBOLS = st.text("AZ09", min_size=1, max_size=12)
NAMES = st.text("azAZ09._@-", min_size=1, max_size=64)
SIDES = st.sampled_from(["long", "short"])
SIZES = st.integers(1, 10_000).map(str)


def decimals(digits: int) -> st.SearchStrategy[Decimal]:
    """So many digits before the point and 10 behind it; also such as Python writes with an exponent."""

    def at(exponent: int) -> st.SearchStrategy[Decimal]:
        most = 10 ** (digits - exponent) - 1
        return st.integers(-most, most).map(lambda number: Decimal(f"{number}E{exponent}"))

    return st.one_of(st.integers(-10, digits - 1).flatmap(at), st.just(Decimal("-0")))


def a_list(item: st.SearchStrategy[str], least: int = 0, most: int = 4) -> st.SearchStrategy[str]:
    return st.lists(item, min_size=least, max_size=most).map(" ".join)


def joined(separator: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(separator.join)


POINTS = st.from_regex(r"[1-9][0-9]{0,8}(\.[0-9]{1,4})?", fullmatch=True)
PRICES = decimals(9).map(lambda price: f"{price:f}")
OF_A_KIND: dict[Any, st.SearchStrategy[Any]] = {
    kinds.Price: decimals(9),
    kinds.Dollars: decimals(9),
    kinds.Amount: decimals(40),
    kinds.Text: st.text(LETTERS, max_size=500),
    kinds.Person: st.text(LETTERS, min_size=1, max_size=64),
    kinds.SymbolList: a_list(SYMBOLS, least=1),
    kinds.SymbolListOrNone: a_list(SYMBOLS),
    kinds.Holdings: a_list(joined(":", SYMBOLS, SIDES, SIZES, PRICES)),
    kinds.Legs: a_list(joined(":", SYMBOLS, SIDES, SIZES, NAMES)),
}
OF_LIMITS: dict[str, st.SearchStrategy[Any]] = {
    "daily_stop_loss": decimals(9).map(Decimal.copy_abs).filter(bool),
    "symbols": st.lists(SYMBOLS, min_size=1, max_size=8, unique=True).map(" ".join),
    "point_values": st.dictionaries(SYMBOLS, POINTS, max_size=4).map(
        lambda priced: " ".join(f"{symbol}={value}" for symbol, value in priced.items())
    ),
    "reservation_ms": st.integers(1, 10**12),
    "flatten_ms": st.integers(1, 10**12),
    "zone": st.sampled_from(["UTC", "America/Chicago", "America/Argentina/Buenos_Aires", "Etc/GMT+5"]),
}
"""Fields of LimitsChanged that its own rules bind further."""


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Every value of one kind of field, from its own bounds."""
    if kind in OF_A_KIND:
        return OF_A_KIND[kind]
    base, *_, meta = get_args(kind)
    assert get_origin(kind) is Annotated
    assert isinstance(meta, Meta)
    if get_origin(base) is Literal:
        return st.sampled_from(get_args(base))
    if base is bool:
        return st.booleans()
    if base is int:
        return st.integers(meta.ge, meta.le if meta.le is not None else 2**63 - 1)  # type: ignore[arg-type] # whole
    assert base is str, f"no strategy for {kind}"
    assert meta.pattern is not None
    return st.from_regex(re.compile(meta.pattern, re.ASCII))


def messages(message: type[Struct]) -> st.SearchStrategy[Any]:
    """Every message of one type."""
    hints = get_type_hints(message, include_extras=True)
    free = {name: values(hints[name]) for name in message.__struct_fields__}
    return st.builds(message, **(free | OF_LIMITS if message is LimitsChanged else free))


OF_A_TYPE = {message: messages(message) for message in (*EVENTS, *DECISIONS)}
ANY_EVENT = st.sampled_from(EVENTS).flatmap(OF_A_TYPE.__getitem__)
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=[]))
"""Lone surrogates, control characters and all."""
WORDS = st.sampled_from(
    ["type", "worker", "session", "seq", "symbol", "side", "size", "price", "pnl", "by", "reason", "zone"]
    + ["long", "short", "ES", "1", "-1", "0", "1.5", "NaN", "Infinity", "1E9", "true", "null", "", "\ud800"]
    + [message.__name__ for message in (*EVENTS, *DECISIONS)]
)
PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def by_name(flat: list[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def flattened(fields: dict[str, str]) -> list[str]:
    return [text for pair in fields.items() for text in pair]


def kind_of_field(message: type[Struct], name: str) -> Any:
    return get_type_hints(message, include_extras=True)[name]


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
    said = {
        field.name: field.default for field in struct_fields(type(event)) if field.default is not NODEFAULT
    }
    texts = {name: "false" if value is False else str(value) for name, value in said.items()}
    assert decode_event(flattened({"type": type(event).__name__, **texts, **by_name(encode(event))})) == event


# --- whatever comes, nothing raises ---------------------------------------------------------------------


def check_total(entry: list[str]) -> Event | Malformed:
    """The law of `decode_event` for any entry at all."""
    event = decode_event(entry)
    if isinstance(event, Malformed):
        assert event.reason
        rejected = EventRejected(reason=event.reason, rejected=event.type)
        assert decode_decision(encode(rejected)) == rejected
        assert msgspec.convert(event.reason, kinds.Text).encode("utf-8")
    else:
        assert decode_event(encode_checked(event)) == event
    return event


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


# --- strict: one character is enough --------------------------------------------------------------------


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
    spoiled = msgspec.structs.replace(event, **{name: wrong})
    with pytest.raises(
        RefusedField, match=rf"^{type(event).__name__}\.{name}: expected .*, got a value of type "
    ):
        encode_checked(spoiled)
