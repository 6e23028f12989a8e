"""A minute of the market as flat text: written and read back to the last digit, garbage refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.events.market import Step, StepBar, UnreadableStep, read_step, step_fields

TEN = 1_763_651_460_000
BAR = StepBar(Decimal("5990.25"), Decimal(5991), Decimal(5990), Decimal("5990.75"))


def by_name(step: Step) -> dict[str, str]:
    fields = step_fields(step)
    return dict(zip(fields[::2], fields[1::2], strict=True))


def test_a_step_is_flat_text() -> None:
    step = Step(TEN, {"ES": StepBar(*BAR_PRICES, 1204, "ESZ6")}, "databento", TEN - 60_000)
    assert by_name(step) == {
        "time_ms": "1763651460000",
        "ES": "5990.25 5991 5990 5990.75 1204 ESZ6",
        "source": "databento",
        "known_since_ms": "1763651400000",
    }


BAR_PRICES = (BAR.open, BAR.high, BAR.low, BAR.close)


def test_what_a_conductor_hands_out_is_a_step_without_volume_and_source() -> None:
    assert step_fields(Step(TEN, {"ES": BAR})) == ["time_ms", str(TEN), "ES", "5990.25 5991 5990 5990.75"]


PRICES = st.decimals(Decimal(-100_000), Decimal(100_000), places=7)
BARS = st.builds(
    lambda prices, volume, contract: StepBar(
        prices[1], prices[3], prices[0], prices[2], volume, "" if volume is None else contract
    ),
    st.lists(PRICES, min_size=4, max_size=4).map(sorted),
    st.none() | st.integers(0, 10**9),
    st.sampled_from(["", "ESZ6", "6EH7"]),
)
STEPS = st.builds(
    Step,
    st.integers(0, 10**14),
    st.dictionaries(st.from_regex(r"[A-Z0-9]{1,12}", fullmatch=True), BARS, max_size=4),
    st.sampled_from(["", "databento", "open_source"]),
    st.integers(0, 10**14),
)


@given(STEPS)
def test_what_is_written_is_read_back(step: Step) -> None:
    assert read_step(by_name(step)) == step


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"time_ms": "-1"},
        {"time_ms": "soon"},
        {"time_ms": "1", "ES": "1 2 0"},
        {"time_ms": "1", "ES": "1 2 0 nan"},
        {"time_ms": "1", "ES": "1 2 0 3"},
        {"time_ms": "1", "ES": "1 0 2 1"},
        {"time_ms": "1", "ES": "1 2 0 1 many"},
        {"time_ms": "1", "ES": "1 2 0 1 5 ESZ6 more"},
        {"time_ms": "1", "known_since_ms": "x"},
    ],
)
def test_what_is_no_step_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(UnreadableStep, match="expected"):
        read_step(fields)
