"""The firm's judge: each term of its rule at its boundary, and our floor where nothing is between."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from portfold.coordinator.fold.equity import trailing_floor
from portfold.dollars import CENT, ZERO
from portfold.research.prove.exploring import explored, history_of
from portfold.research.prove.history import Step
from portfold.research.prove.judge import Broken, Judge
from portfold.research.prove.playing import Play
from tests.research.made import MONDAY_MS, hour
from tests.research.prove.scenes import END_OF_DAY, profile_of, scene


@pytest.fixture
def judge(tmp_path: Path) -> Any:
    """A judge of a firm with these terms, from 10:00 on Monday."""
    return lambda **firm: Judge(profile_of(tmp_path, firm=firm).firm, MONDAY_MS)


def test_at_the_floor_the_rule_is_broken_and_a_cent_above_it_is_not(judge: Any) -> None:
    one = judge()
    one.sees(hour(1), ZERO - 1_000, CENT - 1_000)
    assert one.broken is None
    one.sees(hour(2), ZERO - 1_000, ZERO - 1_000)
    assert one.broken == Broken(hour(2), Decimal(48_000), Decimal(48_000), Decimal(50_000))


def test_in_real_time_the_peak_counts_with_every_price(judge: Any) -> None:
    one = judge()
    one.sees(hour(1), ZERO, ZERO + 700)
    assert one.floor == 48_700


def test_at_the_end_of_the_day_the_peak_is_what_the_equity_was_then(judge: Any) -> None:
    one = judge(**END_OF_DAY)
    one.sees(hour(1), ZERO, ZERO + 700)
    one.sees(hour(5) + 599_999, ZERO, ZERO + 300)  # a millisecond before 15:10
    assert one.floor == 48_000
    one.sees(hour(5) + 600_000, ZERO, ZERO + 900)
    assert one.floor == 48_300
    one.sees(hour(6), ZERO, ZERO)
    assert one.floor == 48_300


def test_the_floor_locks(judge: Any) -> None:
    one = judge(locks_at=50_100)
    one.sees(hour(1), ZERO, ZERO + 2_050)
    assert one.floor == 50_050
    one.sees(hour(2), ZERO, ZERO + 9_000)
    assert one.floor == 50_100


def test_a_peak_of_what_is_realized_is_tested_with_what_is_open(judge: Any) -> None:
    one = judge(peak_on="realized")
    one.sees(hour(1), ZERO + 500, ZERO + 700)
    assert one.floor == 48_500
    one.sees(hour(2), ZERO + 500, ZERO - 2_000)
    assert one.broken.equity == 48_500


def test_where_only_what_is_realized_counts_an_open_loss_breaks_nothing(judge: Any) -> None:
    one = judge(peak_on="realized", tested_on="realized")
    one.sees(hour(1), ZERO, ZERO - 5_000)
    assert one.broken is None


@pytest.mark.parametrize(("at", "ends"), [("15:10", "2025-01-10 15:10"), ("09:00", "2025-01-11 09:00")])
def test_no_day_ends_on_a_weekend_but_the_one_before_it(judge: Any, at: str, ends: str) -> None:
    zone = ZoneInfo("America/Chicago")

    def ms(text: str) -> int:
        return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)

    one = judge(at=at, zone=zone.key)
    one.sees(ms("2025-01-10 15:00"), ZERO, ZERO + 500)
    one.sees(ms(ends), ZERO, ZERO + 700)
    assert one.floor == 48_500
    one.sees(ms("2025-01-12 20:00"), ZERO, ZERO)
    assert one.floor == 48_500


def terms() -> SearchStrategy[dict[str, object]]:
    """Terms of a firm that ours can say as they are."""
    ends = st.sampled_from([{}, END_OF_DAY, {"at": "00:00", "zone": "UTC"}])
    locks = st.sampled_from([{}, {"locks_at": 48_500}, {"locks_at": 50_100}])
    on = st.sampled_from(["total", "realized"])
    both = on.map(lambda word: {"peak_on": word, "tested_on": word})
    return st.tuples(ends, locks, both).map(lambda all_: {k: v for one in all_ for k, v in one.items()})


@given(firm=terms(), seed=st.integers(0, 1 << 32))
def test_without_costs_and_with_all_marks_there_our_floor_is_the_firms(
    tmp_path_factory: pytest.TempPathFactory, firm: dict[str, object], seed: int
) -> None:
    on = scene(profile_of(tmp_path_factory.mktemp("law"), firm=firm))
    history = history_of(explored(on, ["CL", "ES", "RTY"], Random(seed))).on_time
    play = Play(on)
    for step in history.steps:
        play.take(step)
        play.take(Step("wait"))
        capital, limits = play.state.capital, play.state.limits
        assert capital is not None
        assert limits is not None
        assert trailing_floor(limits, capital) == play.judge.floor
