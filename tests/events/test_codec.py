"""What the wire lets through and what it refuses, by example. The laws are in test_codec_laws."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import product
from shlex import split
from typing import get_args

from portfold.coordinator.fold.fold import FOLD_VERSION, fold
from portfold.coordinator.fold.state import State
from portfold.events.codec import decode_event, encode, encode_checked
from portfold.events.incoming import (
    ClockTicked,
    EntryRequested,
    Event,
    Malformed,
    PositionClosed,
    PositionOpened,
    PositionSettled,
    TradingHalted,
    TradingResumed,
    WorkerStarted,
)
from portfold.events.stream_id import StreamId

# As an operator would type them behind XADD.
REQUEST = split("type EntryRequested worker ibs-ES session s1 seq 7 symbol ES side long size 1")
OPENED = split("type PositionOpened worker ibs-CL session s1 seq 8 symbol CL side long size 2 price 71.25")
CLOSED = split(
    "type PositionClosed worker ibs-CL session s1 seq 9 symbol CL side long size 2 price 70.01"
    " commission 9.20 pnl -2489.20"
)
RESUMED = split("type TradingResumed by me reason calm")
STARTED = split("type WorkerStarted worker ibs-CL session s1 seq 1")
A_PRICE = "expected a finite price: up to 9 digits and 10 decimals, negative allowed, such as -37.63"
A_SIZE = "expected a whole number of contracts from 1 to 10000"
A_NAME = "expected a name of 1 to 64 letters, digits or . _ @ -, such as ibs-ES"
A_TEXT = "expected at most 500 printable characters"
REPLACED = "\N{REPLACEMENT CHARACTER}"


def with_field(fields: Sequence[str], name: str, value: str) -> list[str]:
    """The entry with one field set, or added where it is not there."""
    flat = list(fields)
    if name not in flat[::2]:
        return [*flat, name, value]
    flat[flat[::2].index(name) * 2 + 1] = value
    return flat


def refusal(fields: Sequence[str]) -> str:
    """The sentence with which an entry of the events stream is refused."""
    event = decode_event(fields)
    assert isinstance(event, Malformed), f"accepted as {event}"
    return event.reason


# --- what is let through --------------------------------------------------------------------------------


def test_an_entry_becomes_its_event() -> None:
    assert decode_event(REQUEST) == EntryRequested("ibs-ES", "s1", 7, "ES", "long", 1)
    assert decode_event(OPENED) == PositionOpened("ibs-CL", "s1", 8, "CL", "long", 2, Decimal("71.25"))
    assert decode_event(["type", "ClockTicked"]) == ClockTicked()


def test_an_event_is_written_as_flat_text_with_its_type_first_and_defaults_left_out() -> None:
    assert encode(EntryRequested("ibs-ES", "s1", 7, "ES", "long", 1)) == REQUEST
    assert encode(TradingResumed("me", "calm")) == RESUMED
    assert encode(TradingResumed("me", "calm", force=True)) == [*RESUMED, "force", "true"]


def test_what_an_operator_types_by_hand_is_an_event() -> None:
    assert decode_event(split("type TradingHalted by me reason news")) == TradingHalted("me", "news")


def test_a_bare_zero_is_read_without_its_sign_as_it_always_was() -> None:
    for text, price in (("-0", "0"), ("-0.0", "-0.0"), ("0", "0")):
        opened = decode_event(with_field(OPENED, "price", text))
        assert isinstance(opened, PositionOpened)
        assert str(opened.price) == price


def test_the_order_of_fields_means_nothing_even_with_the_type_last() -> None:
    pairs = list(zip(OPENED[::2], OPENED[1::2], strict=True))
    backwards = [text for pair in reversed(pairs) for text in pair]
    assert decode_event(backwards) == decode_event(OPENED)


def test_a_price_may_be_negative_and_keeps_every_digit() -> None:
    for price in ("-37.63", "-0.01", "0", "0.0065235", "-999999999.9999999999"):
        event = decode_event(with_field(OPENED, "price", price))
        assert isinstance(event, PositionOpened), event
        assert event.price == Decimal(price)
        assert encode(event) == with_field(OPENED, "price", price)


def test_minus_zero_is_zero_dollars() -> None:
    event = decode_event(with_field(CLOSED, "pnl", "-0"))
    assert isinstance(event, PositionClosed)
    assert event.pnl == 0


def test_the_smallest_and_the_largest_size_pass() -> None:
    for size in (1, 10_000):
        event = decode_event(with_field(REQUEST, "size", str(size)))
        assert isinstance(event, EntryRequested), event
        assert event.size == size


def test_a_settlement_may_be_flat() -> None:
    settled = PositionSettled("me", "seen", "CL", "ibs-CL", "long", 0, Decimal(0), Decimal("-12.5"))
    assert decode_event(encode_checked(settled)) == settled


def test_a_text_of_500_characters_passes_in_any_script() -> None:
    for reason in (
        "x" * 500,
        "é" * 500,
        "市" * 500,
        "👩\N{ZERO WIDTH JOINER}🔧" * 166,
        "می\N{ZERO WIDTH NON-JOINER}روم",
    ):
        assert decode_event(with_field(RESUMED, "reason", reason)) == TradingResumed("me", reason)


def test_a_broker_may_hold_the_largest_size() -> None:
    holdings = "CL:long:10000:-37.63 ES:short:1:5000"
    event = decode_event(with_field(STARTED, "positions", holdings))
    assert isinstance(event, WorkerStarted)
    assert event.positions == holdings


# --- numbers --------------------------------------------------------------------------------------------


NO_NUMBERS = split(
    "NaN nan sNaN -NaN Infinity -Infinity inf 1E5 5e-7 1E999999999999 1_000 1,5 0x10 null"
    " +1 ' 1' '1 ' '' - --1 1. .5 1.1.1 1234567890 0.12345678901"
)


def test_a_price_that_is_no_plain_finite_number_is_refused() -> None:
    for number in [*NO_NUMBERS, "\N{FULLWIDTH DIGIT ONE}", "\N{ARABIC-INDIC DIGIT THREE}"]:
        refused = refusal(with_field(OPENED, "price", number))
        assert refused == f"PositionOpened.price: {A_PRICE}, got '{number}'"


def test_no_amount_of_a_close_may_be_nan_or_infinite() -> None:
    for field, number in product(("price", "commission", "pnl"), ("NaN", "Infinity")):
        refused = refusal(with_field(CLOSED, field, number))
        assert refused.startswith(f"PositionClosed.{field}: expected a finite ")
        assert refused.endswith(f"got '{number}'")


NO_SIZES = split("0 -1 10001 1.0 1.5 1e3 007 -0 +1 1_0 ' 1' '' true null")


def test_a_size_that_is_no_whole_number_from_1_to_10000_is_refused() -> None:
    for size in [*NO_SIZES, "9" * 60, "\N{FULLWIDTH DIGIT ONE}"]:
        assert refusal(with_field(REQUEST, "size", size)) == f"EntryRequested.size: {A_SIZE}, got '{size}'"


def test_a_number_of_thousands_of_digits_is_refused_and_shown_in_part() -> None:
    expected = f"EntryRequested.seq: expected a whole number from 0, got '{'9' * 79}…'"
    assert refusal(with_field(REQUEST, "seq", "9" * 5000)) == expected


def test_a_flag_is_true_or_false_and_nothing_like_it() -> None:
    for flag in ("True", "TRUE", "1", "0", "yes", "on", "", "null"):
        refused = refusal(with_field(RESUMED, "force", flag))
        assert refused == f"TradingResumed.force: expected true or false, got '{flag}'"


# --- names and texts ------------------------------------------------------------------------------------


def test_a_symbol_is_1_to_12_capitals_or_digits() -> None:
    expected = "expected a symbol of 1 to 12 capitals or digits, such as ES or 6A"
    for symbol in ("", "es", "ES ", "E/S", "\N{GREEK CAPITAL LETTER EPSILON}S", "ES\n", "A" * 13, "ÉS"):
        refused = refusal(with_field(REQUEST, "symbol", symbol))
        shown = symbol.replace("\n", REPLACED)
        assert refused == f"EntryRequested.symbol: {expected}, got '{shown}'"


def test_a_worker_is_1_to_64_letters_digits_or_a_few_signs() -> None:
    for worker in ("", "ibs ES", "ibs:ES", "{main}", "ibs-é", "ibs\n", "x" * 65):
        refused = refusal(with_field(REQUEST, "worker", worker))
        shown = worker.replace("\n", REPLACED)
        assert refused == f"EntryRequested.worker: {A_NAME}, got '{shown}'"


def test_a_side_is_long_or_short() -> None:
    assert (
        refusal(with_field(REQUEST, "side", "buy"))
        == "EntryRequested.side: expected long or short, got 'buy'"
    )


def test_a_text_of_501_characters_is_refused() -> None:
    assert refusal(with_field(RESUMED, "reason", "x" * 501)) == (
        f"TradingResumed.reason: {A_TEXT}, got '{'x' * 79}…'"
    )


STEERING = "\x00\t\n\r\x1b\x7f\x85\x9b\u2028\u2029"
DECEIVING = "\u061c\u200b\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufeff\uffff\ud800\udfff\U000e0041"


def test_a_character_that_steers_a_terminal_or_deceives_a_reader_is_refused_and_not_repeated() -> None:
    expected = f"TradingResumed.reason: {A_TEXT}, got 'calm{REPLACED}[2J'"
    for character in [*STEERING, *DECEIVING]:
        assert refusal(with_field(RESUMED, "reason", f"calm{character}[2J")) == expected, ascii(character)


def test_a_byte_that_is_no_text_is_refused_in_every_place() -> None:
    byte = b"\x80".decode("utf-8", "surrogateescape")  # as the connection reads it
    for entry in (REQUEST, CLOSED, RESUMED, STARTED):
        for name in entry[2::2]:
            assert refusal(with_field(entry, name, byte)).startswith(f"{entry[1]}.{name}: expected ")
        assert refusal([*entry, byte, ""]).startswith(f"{entry[1]}.{REPLACED}: not a field of {entry[1]}; ")
    assert refusal(with_field(RESUMED, "force", byte)).startswith("TradingResumed.force: expected ")
    assert refusal(["type", byte]).endswith(f"got '{REPLACED}'")


def test_an_order_needs_somebody_who_gave_it() -> None:
    assert refusal(split("type TradingHalted by '' reason news")) == (
        "TradingHalted.by: expected who, in 1 to 64 printable characters, got ''"
    )


NO_HOLDINGS = split(
    "CL CL:long:1 CL:long:0:71.25 CL:long:01:71.25 CL:long:10001:71.25 CL:buy:1:71.25 CL:long:1:NaN"
    " CL:long:1:1:x 'CL:long:1:71.25 ' ' CL:long:1:71.25' 'CL:long:1:71.25  ES:long:1:1'"
)


def test_what_a_broker_holds_is_a_list_of_at_most_32_exact_holdings() -> None:
    for positions in [*NO_HOLDINGS, " ".join(["CL:long:1:71.25"] * 33)]:
        assert refusal(with_field(STARTED, "positions", positions)).startswith(
            "WorkerStarted.positions: expected what a broker holds as symbol:side:size:price, "
            f"such as CL:long:1:71.25 ES:short:2:5000, got '{positions[:79]}"
        )


# --- which fields ---------------------------------------------------------------------------------------


def test_an_unknown_type_is_refused_with_the_known_ones() -> None:
    assert refusal(["type", "EntryRequest", "worker", "w"]) == (
        "type: expected one of EntryRequested, EntryWithdrawn, EntryRenewed, PositionOpened, PositionClosed, "
        "PositionMarked, StopMoved, WorkerStarted, WorkerStopped, LogTailMissing, AccountReported, "
        "TradingHalted, TradingResumed, FlattenRequested, LockoutOrdered, PositionSettled, AccountSettled, "
        "CashMoved, SessionsPublished, WindowsPublished, LossAcknowledged, WorkerRetired, LimitsChanged, "
        "CoordinatorStarted, ClockTicked, WorkerLost, got 'EntryRequest'"
    )


def test_an_entry_without_a_type_is_refused() -> None:
    for fields in ([], ["worker", "w"], ["type"], ["Type", "ClockTicked"]):
        assert refusal(fields).startswith("type: missing; expected one of EntryRequested, "), fields


def test_only_the_exact_name_of_an_event_is_its_type() -> None:
    for kind in ("", "entryrequested", "EntryRequested ", "EntryAllowed", "Malformed", "_Event"):
        assert refusal(with_field(REQUEST, "type", kind)).endswith(f"got '{kind}'")


def test_a_refusal_remembers_the_type_for_the_record() -> None:
    assert decode_event(with_field(REQUEST, "size", "0")) == Malformed(
        reason=f"EntryRequested.size: {A_SIZE}, got '0'", type="EntryRequested"
    )
    stranger = decode_event(["type", "\x1b[2J" + "x" * 1000])
    assert isinstance(stranger, Malformed)
    assert stranger.type == f"{REPLACED}[2J{'x' * 75}…"


def test_a_missing_field_is_named_with_what_it_should_hold() -> None:
    without_size = REQUEST[:-2]
    assert refusal(without_size) == f"EntryRequested.size: missing; {A_SIZE}"


def test_of_several_missing_fields_the_first_is_named() -> None:
    assert refusal(["type", "EntryRequested"]) == f"EntryRequested.worker: missing; {A_NAME}"


def test_an_extra_field_is_named_with_those_there_are() -> None:
    assert refusal([*REQUEST, "sizes", "1"]) == (
        "EntryRequested.sizes: not a field of EntryRequested; "
        "its fields are worker, session, seq, symbol, side, size, strategy, stop_price, price, risk"
    )
    assert refusal(["type", "ClockTicked", "at", "1"]) == (
        "ClockTicked.at: not a field of ClockTicked; its fields are none"
    )


def test_a_time_may_not_be_said_as_a_field() -> None:
    assert refusal([*REQUEST, "time", "1736950000000"]).startswith("EntryRequested.time: not a field of ")


def test_a_field_given_twice_is_refused_even_with_one_value() -> None:
    assert refusal([*REQUEST, "size", "1"]) == "EntryRequested.size: expected once, got it more than once"
    assert refusal([*REQUEST, "type", "EntryRequested"]).startswith("EntryRequested.type: expected once")


def test_a_name_without_a_value_is_refused() -> None:
    assert (
        refusal([*REQUEST, "strategy"])
        == "EntryRequested.strategy: expected a value after the name, got none"
    )


def test_a_value_that_reads_like_an_error_message_leads_nobody_to_another_field() -> None:
    for words in (
        "missing required field `zzz`",
        "at `$.price`",
        "Object missing required field `size` - at `$.size`",
    ):
        refused = refusal(with_field(REQUEST, "side", words))
        assert refused == f"EntryRequested.side: expected long or short, got '{words}'"


# --- bounded, whatever comes ----------------------------------------------------------------------------


def test_even_the_longest_refusal_fits_in_a_decision() -> None:
    for kind in [message.__name__ for message in get_args(Event)]:
        for entry in ([kind, "x" * 1_000, ""], [kind, "x" * 1_000], [kind + "x" * 1_000]):
            assert len(decided(["type", *entry])) <= 500, kind


def decided(fields: list[str]) -> str:
    """The refusal as the fold decides it, which shortens what was got."""
    [rejected] = fold(State(fold_version=FOLD_VERSION), StreamId(1, 0), decode_event(fields))
    return rejected.reason  # type: ignore[union-attr]  # it is refused


def test_a_megabyte_in_any_field_is_refused() -> None:
    for filling in ("9", "A", "A ", "CL:long:1:1 ", "CL=1 ", "\u202e"):
        long = filling * (1_000_000 // len(filling))
        for entry in (REQUEST, CLOSED, RESUMED, STARTED):
            for name in entry[::2]:
                assert len(decided(with_field(entry, name, long))) <= 500, f"{filling!r} as {name}"


def test_a_hundred_thousand_fields_are_refused_in_a_blink() -> None:
    many = [text for number in range(100_000) for text in (f"f{number}", "")]
    assert refusal([*REQUEST, *many]).startswith("EntryRequested.f0: not a field of EntryRequested")
    assert refusal([*REQUEST, *many, "f99999", ""]).startswith("EntryRequested.f99999: expected once")
