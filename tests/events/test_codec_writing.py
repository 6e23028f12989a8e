"""What is sent: plainly written, and nothing that would be refused on arrival."""

from datetime import date
from decimal import Decimal
from shlex import split

import pytest

from portfold.events.codec import RefusedField, decode_decision, encode, encode_checked
from portfold.events.decisions import EntryAllowed, EntryDenied, StopLossTriggered, TradingDayStarted
from portfold.events.incoming import EntryRequested, PositionMarked, PositionOpened, TradingResumed

A_PRICE = "expected a finite price: up to 9 digits and 10 decimals, negative allowed, such as -37.63"
A_SIZE = "expected a whole number of contracts from 1 to 10000"
A_NAME = "expected a name of 1 to 64 letters, digits or . _ @ -, such as ibs-ES"

# --- what is sent ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1E+5", "100000"),
        ("5E-7", "0.0000005"),
        ("-1.50", "-1.50"),
        ("0E-10", "0.0000000000"),
        ("-0.00", "-0.00"),
    ],
)
def test_a_number_is_written_plainly(amount: str, text: str) -> None:
    marked = PositionMarked("w", "s", 1, "6J", "short", Decimal(amount), Decimal(amount))
    assert encode(marked)[-4:] == ["price", text, "unrealized", text]


@pytest.mark.parametrize("price", ["NaN", "-Infinity", "1E+9", "1E-11"])
def test_what_a_reader_would_refuse_is_refused_before_it_is_sent(price: str) -> None:
    opened = PositionOpened("w", "s", 1, "ES", "long", 1, Decimal(price))
    with pytest.raises(RefusedField, match=rf"^PositionOpened\.price: {A_PRICE}, got '"):
        encode_checked(opened)


@pytest.mark.parametrize("price", ["1E+999999999", "-1E-999999999"])
def test_an_immense_number_is_refused_without_a_gigabyte_of_zeros(price: str) -> None:
    opened = PositionOpened("w", "s", 1, "ES", "long", 1, Decimal(price))
    with pytest.raises(RefusedField) as refused:
        encode_checked(opened)
    assert str(refused.value) == f"PositionOpened.price: {A_PRICE}, got '{price}'"


def test_a_size_of_zero_is_refused_before_it_is_sent() -> None:
    with pytest.raises(RefusedField, match=rf"^EntryRequested\.size: {A_SIZE}, got '0'$"):
        encode_checked(EntryRequested("w", "s", 1, "ES", "long", 0))


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("price", 71.25, f"{A_PRICE} (Decimal), got a value of type float"),
        ("price", None, f"{A_PRICE} (Decimal), got a value of type NoneType"),
        ("price", "71.25", f"{A_PRICE} (Decimal), got a value of type str"),
        ("size", Decimal(1), f"{A_SIZE} (int), got a value of type Decimal"),
        ("size", True, f"{A_SIZE} (int), got a value of type bool"),
        ("worker", 7, f"{A_NAME} (str), got a value of type int"),
        ("side", None, "expected long or short (str), got a value of type NoneType"),
    ],
)
def test_a_value_of_another_python_type_is_never_written_as_if_it_were_meant(
    field: str, value: object, sentence: str
) -> None:
    right = {"worker": "w", "session": "s", "seq": 1, "symbol": "CL", "side": "long", "size": 1}
    opened = PositionOpened(**{**right, "price": Decimal(1), field: value})  # type: ignore[arg-type] # the mistake
    with pytest.raises(RefusedField) as refused:
        encode_checked(opened)
    assert str(refused.value) == f"PositionOpened.{field}: {sentence}"


def test_the_text_false_does_not_force_a_resume() -> None:
    resumed = TradingResumed("me", "calm", force="false")  # type: ignore[arg-type] # the mistake meant
    with pytest.raises(
        RefusedField, match=r"force: expected true or false \(bool\), got a value of type str"
    ):
        encode_checked(resumed)


# --- decisions ------------------------------------------------------------------------------------------


def test_a_decision_is_written_and_read_alike() -> None:
    allowed = EntryAllowed("ibs-ES", "ES", "long", 1, 1_736_950_030_000, 3, 4)
    fields = split(
        "type EntryAllowed worker ibs-ES symbol ES side long size 1 expires_ms 1736950030000 slots 3"
        " max_positions 4"
    )
    assert encode(allowed) == fields
    assert decode_decision(fields) == allowed


def test_decisions_count_dollars_beyond_what_a_report_may_say() -> None:
    triggered = StopLossTriggered(Decimal("-123456789012345678.5"), Decimal(2500), 0, "1-0", 5)
    assert decode_decision(encode(triggered)) == triggered


def test_the_cause_and_the_chain_are_no_fields_of_a_decision() -> None:
    fields = encode(EntryDenied("w", "ES", "long", 1, "halted", "no"))
    with pytest.raises(
        RefusedField, match=r"^EntryDenied\.event: not a field of EntryDenied; its fields are worker"
    ):
        decode_decision([*fields, "event", "1-0", "chain", "0" * 64])


def test_an_event_is_no_decision() -> None:
    with pytest.raises(RefusedField, match=r"^type: expected one of EntryAllowed, .*, got 'ClockTicked'$"):
        decode_decision(["type", "ClockTicked"])


@pytest.mark.parametrize("flag", ["1", "True"])
def test_decisions_are_read_as_strictly_as_events(flag: str) -> None:
    day = TradingDayStarted(
        "2025-01-16", "2025-01-15", Decimal(-5), 1, 1, 0, 1, 0, stopped_out=False, halted=True
    )
    fields = encode(day)
    assert decode_decision(fields) == day
    with pytest.raises(
        RefusedField, match=rf"^TradingDayStarted\.halted: expected true or false, got '{flag}'$"
    ):
        decode_decision([*fields[:-1], flag])


def day_of(day: str, previous_day: str = "") -> TradingDayStarted:
    return TradingDayStarted(day, previous_day, Decimal(-5), 1, 1, 0, 1, 0, stopped_out=False, halted=True)


def refused_day(day: TradingDayStarted) -> str:
    with pytest.raises(RefusedField) as refused:
        decode_decision(encode(day))
    return str(refused.value)


def is_on_the_calendar(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@pytest.mark.parametrize("year", ["0000", "0001", "0004", "1900", "2000", "2024", "2025", "2100", "9999"])
def test_the_day_of_a_decision_is_one_that_the_calendar_has(year: str) -> None:
    for month in range(15):
        for day in range(34):
            text = f"{year}-{month:02}-{day:02}"
            started = day_of(text)
            if is_on_the_calendar(text):
                assert decode_decision(encode(started)) == started
            else:
                expected = f"TradingDayStarted.day: expected a date such as 2025-01-15, got '{text}'"
                assert refused_day(started) == expected


def test_only_of_the_day_before_the_first_there_is_none() -> None:
    assert refused_day(day_of("")).startswith("TradingDayStarted.day: expected a date")
    assert refused_day(day_of("2025-01-15", "2025-02-29")).startswith("TradingDayStarted.previous_day: ")
