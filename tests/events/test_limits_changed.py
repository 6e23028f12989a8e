"""The rules in force come as one event: nothing in it may quietly switch a rule off."""

from decimal import Decimal

import pytest

from portfold.events.codec import decode_event, encode
from portfold.events.incoming import Malformed
from portfold.events.limits_changed import LimitsChanged

FULL = {
    "by": "me",
    "reason": "start",
    "max_positions": "4",
    "max_contracts": "4",
    "daily_stop_loss": "2500",
    "symbols": "CL ES 6A",
    "stop_loss_on": "total",
    "stop_approach_percent": "80",
    "reservation_ms": "30000",
    "flatten_ms": "10000",
    "mark_stale_ms": "60000",
    "on_worker_lost": "hold",
    "zone": "America/Chicago",
    "roll": "17:00",
    "point_values": "CL=1000 ES=50 6A=100000",
}


def entry(**changed: str) -> list[str]:
    """The entry that orders these limits, with some fields changed."""
    fields = {"type": "LimitsChanged", **FULL, **changed}
    return [text for pair in fields.items() for text in pair]


def refusal(**changed: str) -> str:
    event = decode_event(entry(**changed))
    assert isinstance(event, Malformed), f"accepted as {event}"
    return event.reason


def test_limits_in_full_pass() -> None:
    event = decode_event(entry())
    assert isinstance(event, LimitsChanged)
    assert encode(event) == entry()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_positions", "1"),
        ("max_positions", "50"),
        ("daily_stop_loss", "0.01"),
        ("symbols", "ES"),
        ("point_values", ""),
        ("point_values", "CL=0.01"),
        ("stop_approach_percent", "1"),
        ("stop_approach_percent", "99"),
        ("reservation_ms", "1"),
        ("mark_stale_ms", "0"),
        ("zone", "UTC"),
        ("zone", "America/Argentina/Buenos_Aires"),
        ("roll", "00:00"),
        ("roll", "23:59"),
        ("config", "ab" * 32),
    ],
)
def test_the_outermost_limits_pass(field: str, value: str) -> None:
    assert isinstance(decode_event(entry(**{field: value})), LimitsChanged)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("daily_stop_loss", "0", "more than 0 dollars"),
        ("daily_stop_loss", "-0.0", "more than 0 dollars"),
        ("daily_stop_loss", "-2500", "more than 0 dollars"),
        ("symbols", "CL ES CL", "each symbol once"),
        ("point_values", "CL=1000 CL=1000", "each symbol once"),
        ("point_values", "CL=1000 ES=0.00", "more than 0 dollars a point"),
        ("point_values", "CL=-1000", "dollars a point for up to 128 symbols, such as CL=1000 ES=50"),
        ("reservation_ms", "0", "more than 0 milliseconds"),
        ("flatten_ms", "0", "more than 0 milliseconds"),
        ("zone", "America/Chicagoo", "a time zone such as America/Chicago"),
        ("zone", "America", "a time zone such as America/Chicago"),
        ("zone", "../../etc/passwd", "a time zone such as America/Chicago"),
        ("zone", "/etc/passwd", "a time zone such as America/Chicago"),
        ("zone", "", "a time zone such as America/Chicago"),
        ("roll", "24:00", "a time of day such as 17:00"),
        ("max_positions", "0", "a whole number of positions from 1 to 50"),
        ("max_positions", "51", "a whole number of positions from 1 to 50"),
        ("max_contracts", "0", "a whole number of contracts from 1 to 10000"),
        ("stop_approach_percent", "0", "a whole number of percent from 1 to 99"),
        ("stop_approach_percent", "100", "a whole number of percent from 1 to 99"),
        ("stop_loss_on", "marked", "total or realized"),
        ("on_worker_lost", "ignore", "hold or flatten"),
        ("config", "abc", "a SHA-256 in 64 hexadecimal digits, or nothing"),
    ],
)
def test_limits_beyond_those_are_refused(field: str, value: str, expected: str) -> None:
    assert refusal(**{field: value}) == f"LimitsChanged.{field}: expected {expected}, got '{value}'"


@pytest.mark.parametrize("zone", ["localtime", "posixrules"])
def test_a_zone_that_each_machine_reads_otherwise_is_refused(zone: str) -> None:
    assert refusal(zone=zone) == (
        f"LimitsChanged.zone: expected a time zone such as America/Chicago, got '{zone}'"
    )


@pytest.mark.parametrize("symbols", ["", "CL  ES", " CL", "CL ", "CL,ES", " ".join(["ES"] * 65)])
def test_symbols_are_1_to_64_separated_by_single_blanks(symbols: str) -> None:
    assert refusal(symbols=symbols).startswith(
        "LimitsChanged.symbols: expected 1 to 64 symbols separated by single blanks, such as CL ES 6A, got '"
    )


@pytest.mark.parametrize("limit", ["NaN", "sNaN", "Infinity", "-Infinity", "1E5"])
def test_a_stop_loss_limit_that_is_no_number_is_refused_and_not_raised(limit: str) -> None:
    assert refusal(daily_stop_loss=limit) == (
        "LimitsChanged.daily_stop_loss: expected a finite amount in dollars: up to 9 digits and 10 decimals,"
        f" such as -2512.50, got '{limit}'"
    )


@pytest.mark.parametrize("limit", ["NaN", "sNaN", "Infinity", "0"])
def test_limits_cannot_be_made_with_a_stop_that_never_triggers(limit: str) -> None:
    event = decode_event(entry())
    assert isinstance(event, LimitsChanged)
    every = {name: getattr(event, name) for name in event.__struct_fields__}
    with pytest.raises(ValueError, match=r"^daily_stop_loss: expected more than 0 dollars$"):
        LimitsChanged(**{**every, "daily_stop_loss": Decimal(limit)})
