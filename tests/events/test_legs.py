"""Positions in one line of text: read back as written, and read only when exactly written so."""

from decimal import Decimal
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.events import fields as kinds
from portfold.events.legs import Holding, Leg, holdings_text, legs_text, parse_holdings, parse_legs

SYMBOLS = st.from_regex(r"[A-Z0-9]{1,12}", fullmatch=True)
NAMES = st.from_regex(r"[A-Za-z0-9._@-]{1,64}", fullmatch=True)
SIDES: st.SearchStrategy[Literal["long", "short"]] = st.sampled_from(["long", "short"])
PRICES = st.builds(
    lambda digits, exponent: Decimal(f"{digits}E{exponent}"),
    st.integers(-999_999_999, 999_999_999),
    st.integers(-10, 0),
)
LEGS = st.builds(Leg, SYMBOLS, SIDES, st.integers(0, 10**15 - 1), NAMES)
HOLDINGS = st.builds(Holding, SYMBOLS, SIDES, st.integers(1, 10_000), PRICES)
SCRAPS = st.lists(
    st.sampled_from(
        [":", " ", "CL", "long", "short", "1", "0", "-", ".", "71.25", "ibs-CL", "10000", "10001", "\n"]
    )
).map("".join)
"""What a hand that half remembers the form might write."""


def is_a(text: str, kind: Any) -> bool:
    """Whether the text may stand in a field of this kind."""
    try:
        msgspec.convert(text, kind)
    except msgspec.ValidationError:
        return False
    return True


def test_legs_are_symbol_side_size_and_worker() -> None:
    legs = [Leg("CL", "long", 1, "ibs-CL"), Leg("ES", "short", 2, "ibs-ES")]
    assert legs_text(legs) == "CL:long:1:ibs-CL ES:short:2:ibs-ES"
    assert parse_legs("CL:long:1:ibs-CL ES:short:2:ibs-ES") == legs


def test_holdings_are_symbol_side_size_and_price_even_below_zero() -> None:
    holdings = [Holding("CL", "long", 1, Decimal("-37.63")), Holding("ES", "short", 2, Decimal(5000))]
    assert holdings_text(holdings) == "CL:long:1:-37.63 ES:short:2:5000"
    assert parse_holdings("CL:long:1:-37.63 ES:short:2:5000") == holdings


def test_nothing_held_is_no_text() -> None:
    assert legs_text([]) == holdings_text([]) == ""
    assert not parse_legs("")
    assert not parse_holdings("")


@given(st.lists(LEGS, max_size=4))
def test_legs_are_read_back_as_written_and_fit_their_field(legs: list[Leg]) -> None:
    assert parse_legs(legs_text(legs)) == legs
    assert is_a(legs_text(legs), kinds.Legs)


@given(st.lists(HOLDINGS, max_size=4))
def test_holdings_are_read_back_as_written_and_fit_their_field(holdings: list[Holding]) -> None:
    assert parse_holdings(holdings_text(holdings)) == holdings
    assert is_a(holdings_text(holdings), kinds.Holdings)


@pytest.mark.parametrize("price", ["1E+3", "5E-7"])
def test_a_price_is_written_plainly(price: str) -> None:
    text = holdings_text([Holding("CL", "long", 1, Decimal(price))])
    assert "E" not in text
    assert parse_holdings(text)[0].price == Decimal(price)


@given(SCRAPS)
def test_what_a_field_lets_through_can_be_read_and_nothing_else(text: str) -> None:
    for kind, parse in ((kinds.Legs, parse_legs), (kinds.Holdings, parse_holdings)):
        if is_a(text, kind):
            assert len(parse(text)) == text.count(" ") + bool(text)
        else:
            with pytest.raises(ValueError, match=r"^expected positions such as CL:long:1:"):
                parse(text)


NEITHER = [
    "CL",
    "CL:long:1",
    "CL:long:1:x:y",
    "CL:Long:1:1",
    ":long:1:1",
    "CL::1:1",
    "CL:long::1",
    "CL:long:1:",
]
NO_SIZE = [
    "CL:long:-1:1",
    "CL:long:+1:1",
    "CL:long:1.0:1",
    "CL:long:1_0:1",
    "CL:long:\N{FULLWIDTH DIGIT ONE}:1",
]
NO_LIST = [
    " ",
    "CL:long:1:1 ",
    " CL:long:1:1",
    "CL:long:1:1  ES:long:1:1",
    "CL:long:1:1\n",
    "CL:long:1:1,ES:long:1:1",
]


@pytest.mark.parametrize("text", [*NEITHER, *NO_SIZE, *NO_LIST], ids=ascii)
def test_what_is_neither_is_read_as_neither(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected positions such as CL:long:1:ibs-CL, got '"):
        parse_legs(text)
    with pytest.raises(ValueError, match=r"^expected positions such as CL:long:1:71\.25, got '"):
        parse_holdings(text)


@pytest.mark.parametrize("price", ["NaN", "Infinity", "1E5", "x", "1.", "1234567890", "0.12345678901"])
def test_a_holding_has_a_plain_finite_price(price: str) -> None:
    with pytest.raises(ValueError, match=f"^expected positions such as .*, got 'CL:long:1:{price}'$"):
        parse_holdings(f"CL:long:1:{price}")


def test_the_item_at_fault_is_shown_cut_and_harmless() -> None:
    with pytest.raises(ValueError, match=r"^expected positions such as ") as refused:
        parse_legs("CL:long:1:ibs-CL \x1b[2J" + "x" * 1_000)
    assert "\\x1b[2J" in str(refused.value)
    assert len(str(refused.value)) < 150
