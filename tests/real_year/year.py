"""A year: bars backtested to trades, and these through the simulator under limits that are configured."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portfold.config import Configuration, load, write_defaults
from portfold.coordinator.fold.fold import fold
from portfold.coordinator.fold.state import State
from portfold.events.decisions import Decision
from portfold.events.incoming import Event
from portfold.events.stream_id import StreamId
from portfold.pieces.place import HERE
from portfold.research.backtest.outcome import BacktestPlan
from portfold.research.backtest.several import FailedBacktest, each_alone
from portfold.research.simulate.market import ResearchMarket
from portfold.research.simulate.prices import from_market
from portfold.research.simulate.scenario import Scenario, TradingAccount, build_scenario
from portfold.research.simulate.simulator import simulate
from portfold.research.trades.results_folder import read_results
from portfold.research.trades.trading_days import DaySpan, trades_within
from tests.real_year.told import Told, told

_LONG_SECONDS = 31 * 86_400
_RUNTIME = {
    "lease_ms": 20_000,
    "answer_seconds": 20,
    "reservation_seconds": 60,
    "worker_lost_seconds": 600,
    "mark_stale_seconds": _LONG_SECONDS,
}
"""Deadlines in real time are long, as many share a machine; the age of marks is in simulated time."""


class Year(NamedTuple):
    """Trades with their prices, and the limits that they meet."""

    configuration: Configuration
    scenario: Scenario
    positions: int

    @property
    def symbols(self) -> tuple[str, ...]:
        return self.scenario.symbols


def configured(
    folder: Path, symbols: tuple[str, ...], constraints: Mapping[str, object], bar_zones: Mapping[str, str]
) -> Configuration:
    """A configuration of these limits in `folder`."""
    write_defaults(folder)
    limits = folder / "portfolio_optimization.json"
    limits.write_text(json.dumps({"portfolio_constraints": {**constraints, "symbols": symbols}}))
    runtime = folder / "runtime.json"
    tree = json.loads(runtime.read_text()) | _RUNTIME | {"bar_zones": {"default": "UTC", **bar_zones}}
    runtime.write_text(json.dumps(tree))
    return load(str(folder), {}, Path("/"))


def backtested(configuration: Configuration, market: ResearchMarket, span: DaySpan, results: Path) -> Year:
    """The trades of the span, each symbol backtested alone, and their scenario. Raises AssertionError."""
    day, symbols = configuration.runtime.trading_day, configuration.portfolio.symbols
    plan = BacktestPlan(configuration, market, span, Decimal(150_000), results)
    failed = [one.why for one in each_alone(plan, symbols, HERE) if isinstance(one, FailedBacktest)]
    assert not failed, failed
    read = read_results(results, zone=ZoneInfo(day.zone))
    chosen = trades_within(read.trades, span, zone=day.zone, roll=day.roll)
    scenario = build_scenario(
        configuration,
        chosen,
        pricing=from_market(configuration, market, symbols),
        account=TradingAccount(Decimal(150_000), Decimal(6_000)),
        daily_stop_loss=configuration.portfolio.daily_stop_loss,
        seed=1,
    )
    unpriced = [one for one in scenario.timeline.trades if not scenario.timeline.pricing.has_price(one)]
    assert not unpriced, f"trades without a price: {unpriced[:3]}"
    return Year(configuration, scenario, configuration.portfolio.max_positions)


def simulated(year: Year) -> Told:
    """What the simulator says of it."""
    seen = _Seen()
    scenario = year.scenario
    simulate(scenario.timeline, scenario.limits_of(scenario.symbols, year.positions), seen.look_on)
    return told(seen.decided, seen.events, seen.state)


class _Seen:
    """Looks on at a simulation."""

    def __init__(self) -> None:
        self.decided: list[tuple[StreamId, Decision]] = []
        self.events: list[tuple[StreamId, Event]] = []
        self.state = State()

    def look_on(self, state: State, at: StreamId, event: Event) -> list[Decision]:
        decisions = fold(state, at, event)
        self.state = state
        self.events.append((at, event))
        self.decided += ((at, one) for one in decisions)
        return decisions
