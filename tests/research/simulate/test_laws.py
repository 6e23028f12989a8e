"""What holds of every simulation, whatever the trades: limits, accounts, and that no order matters."""

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfold.coordinator.fold.fold import FOLD_VERSION, fold
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.ledger import decide
from portfold.events.chain import GENESIS
from portfold.events.codec import encode_checked
from portfold.events.decisions import Decision, LimitBreached
from portfold.events.incoming import Event
from portfold.events.stream_id import StreamId
from portfold.research.simulate.prices import Closes, Pricing
from portfold.research.simulate.scenario import Scenario
from portfold.research.simulate.simulator import Simulated, simulate
from portfold.research.trades.results_folder import read_results
from portfold.research.trades.trade_file import Trade
from tests.research.made import CHICAGO, HOUR_MS, packaged, random_trades, scenario_of, write_results

SYMBOLS = ("ES", "CL", "6E", "GC", "RTY", "SI")
seeds = st.integers(0, 10_000)
positions = st.integers(1, 7)
DRAWDOWN = ("max_dd", "max_dd_pct", "breach_events", "breach_periods", "pct_time_in_breach")
LAW = settings(max_examples=25)


def content(scenario: Scenario, played: Simulated) -> tuple[Any, ...]:
    """All that a simulation came to, told by the trades themselves."""
    trades = scenario.timeline.trades
    taken = [(trades[one.trade].content, *one[1:]) for one in played.taken]
    denied = [(trades[one.trade].content, one.code) for one in played.denied]
    days = [day for day in played.days if day.points]  # the first may have been quiet
    return played.symbols, days, played.curve, taken, denied, played.stop_days


def bars_of(trades: list[Trade], seed: int) -> Pricing:
    """Hourly closes near the entry prices, for some of the symbols."""
    random, contracts = Random(seed), packaged().contracts
    closes: dict[str, Closes] = {}
    for symbol in SYMBOLS[::2]:
        own = [one for one in trades if one.symbol == symbol]
        first, last = min(one.entry_ms for one in own), max(one.exit_ms for one in own)
        ends = range(first, last + HOUR_MS, HOUR_MS)
        tick = contracts[symbol].tick_size
        level = own[0].entry_price
        assert level is not None
        closes[symbol] = Closes(list(ends), [level + random.randint(-90, 90) * tick for _ in ends])
    return Pricing(contracts, closes)


# --- the order of things --------------------------------------------------------------------------------


@LAW
@given(seeds, positions, st.randoms(use_true_random=False))
def test_the_order_of_trades_changes_nothing(seed: int, level: int, random: Random) -> None:
    trades = random_trades(seed)
    scenario = scenario_of(trades)
    expected = content(scenario, scenario.simulate(SYMBOLS, level))
    random.shuffle(trades)
    shuffled = scenario_of(trades)
    symbols = random.sample(SYMBOLS, len(SYMBOLS))
    assert content(shuffled, shuffled.simulate(symbols, level)) == expected
    assert shuffled.digest() == scenario.digest()


@LAW
@given(seed=seeds, lots=seeds, with_bars=st.booleans(), breach=st.sampled_from([400, 1500, 4000]))
def test_the_order_within_a_moment_changes_no_drawdown_and_no_breach(
    seed: int, lots: int, *, with_bars: bool, breach: int
) -> None:
    """With room for all and no stop nothing else hangs on the lots."""
    trades = random_trades(seed)
    bars = bars_of(trades, seed) if with_bars else None
    first, second = (
        scenario_of(trades, pricing=bars, stop=999_999, breach=breach, seed=one) for one in (1, lots)
    )
    level = len(SYMBOLS)
    played = first.simulate(SYMBOLS, level)
    again = second.simulate(SYMBOLS, level)
    assert again.curve == played.curve
    assert again.days == played.days
    drawn = [getattr(second.figures(again), name) for name in DRAWDOWN]
    assert drawn == [getattr(first.figures(played), name) for name in DRAWDOWN]


def test_the_order_of_files_and_of_their_rows_changes_nothing(tmp_path: Path) -> None:
    trades = random_trades(5)
    found = []
    for number, random in enumerate((Random(1), Random(2))):
        random.shuffle(trades)
        folder = write_results(tmp_path / f"{number}", trades)
        read = read_results(folder, zone=CHICAGO)
        found.append(scenario_of(read.trades).digest())
    assert found[0] == found[1]


@LAW
@given(seeds, positions, st.sets(st.sampled_from(SYMBOLS), min_size=1))
def test_what_else_there_is_in_the_folder_changes_nothing(seed: int, level: int, chosen: set[str]) -> None:
    trades = random_trades(seed)
    everything = scenario_of(trades)
    alone = scenario_of([one for one in trades if one.symbol in chosen])
    assert content(everything, everything.simulate(chosen, level)) == content(
        alone, alone.simulate(chosen, level)
    )


@LAW
@given(seeds)
def test_more_positions_than_symbols_change_nothing(seed: int) -> None:
    scenario = scenario_of(random_trades(seed))
    assert scenario.measure(SYMBOLS, len(SYMBOLS)) == scenario.measure(SYMBOLS, 50)


# --- the limits -----------------------------------------------------------------------------------------


@LAW
@given(seed=seeds, level=positions, with_bars=st.booleans())
def test_no_more_than_the_allowed_are_open_and_one_a_symbol(
    seed: int, level: int, *, with_bars: bool
) -> None:
    trades = random_trades(seed)
    scenario = scenario_of(trades, pricing=bars_of(trades, seed) if with_bars else None)
    played = scenario.simulate(SYMBOLS, level)
    spans = [(scenario.timeline.trades[one.trade], one.closed_ms) for one in played.taken]
    for moment in {one.entry_ms for one, _ in spans}:
        open_then = [one.symbol for one, closed in spans if one.entry_ms <= moment < closed]
        assert len(open_then) <= level
        assert max(Counter(open_then).values(), default=0) <= 1


@LAW
@given(seeds, positions)
def test_every_trade_is_taken_or_denied_once(seed: int, level: int) -> None:
    scenario = scenario_of(random_trades(seed))
    played = scenario.simulate(SYMBOLS, level)
    indices = [one.trade for one in played.taken] + [one.trade for one in played.denied]
    assert sorted(indices) == list(range(len(scenario.timeline.trades)))


@LAW
@given(seeds, positions)
def test_no_day_without_a_stop_loses_the_limit(seed: int, level: int) -> None:
    played = (scenario := scenario_of(random_trades(seed))).simulate(SYMBOLS, level)
    for day in played.days:
        assert day.pnl > -2500 or day.date in played.stop_days
    assert len(set(played.stop_days)) == len(played.stop_days)
    assert scenario.figures(played).daily_stops == len(played.stop_days)


# --- the accounts ---------------------------------------------------------------------------------------


@LAW
@given(seed=seeds, level=positions, with_bars=st.booleans())
def test_trades_days_and_curve_come_to_the_same(seed: int, level: int, *, with_bars: bool) -> None:
    trades = random_trades(seed)
    scenario = scenario_of(trades, pricing=bars_of(trades, seed) if with_bars else None)
    played = scenario.simulate(SYMBOLS, level)
    total = sum(one.pnl for one in played.taken)
    assert sum(day.pnl for day in played.days) == total
    assert played.curve[-1] == total
    assert played.days[-1].points == len(played.curve)
    assert [day.date for day in played.days] == sorted({day.date for day in played.days})
    assert {day.date for day in played.days} <= set(scenario.days)


@LAW
@given(seeds, positions)
def test_with_bars_every_forced_exit_of_their_symbols_was_known(seed: int, level: int) -> None:
    trades = random_trades(seed)
    scenario = scenario_of(trades, pricing=bars_of(trades, seed), stop=1000)
    for one in scenario.simulate(SYMBOLS, level).forced:
        symbol = scenario.timeline.trades[one.trade].symbol
        assert one.known or symbol not in scenario.timeline.pricing.closes


# --- the fold -------------------------------------------------------------------------------------------


class Said:
    """Looks on as the fold decides."""

    def __init__(self) -> None:
        self.events: list[tuple[StreamId, Event]] = []
        self.decisions: list[list[Decision]] = []

    def __call__(self, state: State, at: StreamId, event: Event) -> list[Decision]:
        decided = fold(state, at, event)
        self.events.append((at, event))
        self.decisions.append(decided)
        return decided


@LAW
@given(seed=seeds, level=positions, with_bars=st.booleans())
def test_the_log_of_a_simulation_is_one_the_coordinator_would_decide_alike(
    seed: int, level: int, *, with_bars: bool
) -> None:
    trades = random_trades(seed, each=12)
    scenario = scenario_of(trades, pricing=bars_of(trades, seed) if with_bars else None, stop=1500)
    said = Said()
    simulate(scenario.timeline, scenario.limits_of(SYMBOLS, level), said)
    ids = [at for at, _ in said.events]
    assert ids == sorted(set(ids))
    state, chain = State(fold_version=FOLD_VERSION), GENESIS
    for (at, event), decided in zip(said.events, said.decisions, strict=True):
        on_the_wire = decide(state, chain, at, encode_checked(event))
        chain = on_the_wire.chain
        assert not on_the_wire.repeated
        assert on_the_wire.decisions == decided
    assert (state.stats.events_rejected, state.positions, state.reservations) == (0, {}, {})
    assert not [one for decided in said.decisions for one in decided if isinstance(one, LimitBreached)]


@pytest.mark.parametrize("level", [1, 3])
def test_the_same_case_gives_the_same_answer(level: int) -> None:
    scenario = scenario_of(random_trades(11))
    assert scenario.measure(SYMBOLS, level) == scenario.measure(SYMBOLS, level)
