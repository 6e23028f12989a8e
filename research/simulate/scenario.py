"""Simulates and measures sets of symbols with a number of positions, as a search asks for again and again.

A scenario is all that the figures depend on beside the symbols and the number of positions: the trades in
order, the other limits, the account. It is built once and handed whole to every process that simulates.
"""

import hashlib
from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct, structs

from portfold.config import Configuration
from portfold.coordinator.configured import unwatched_limits
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.events.codec import encode_checked
from portfold.events.limits_changed import LimitsChanged
from portfold.research.simulate.prices import Pricing
from portfold.research.simulate.simulator import Simulated, simulate
from portfold.research.simulate.trade_events import TradeEvents, timeline
from portfold.research.statistics.metrics import FIGURES_VERSION, Metrics, daily_pnl, daily_returns, measured
from portfold.research.statistics.significance import Deflated, Intervals, deflated_sharpe, intervals
from portfold.research.trades.trading_days import Chosen


class TradingAccount(Struct, frozen=True):
    """The account that is traded: `cash` at the beginning, the broker's `breach_limit` on drawdown;
    dollars."""

    cash: Decimal
    breach_limit: Decimal


class Scenario(Struct, frozen=True):
    """Everything a simulation depends on but its symbols and its number of positions.

    `days` are the trading days it is measured over, the same for every set of symbols. `max_contracts` None
    means as many as positions.
    """

    timeline: TradeEvents
    days: tuple[str, ...]
    account: TradingAccount
    limits: LimitsChanged
    max_contracts: int | None

    @property
    def symbols(self) -> tuple[str, ...]:
        """Lists all symbols that have trades, sorted."""
        return tuple(sorted({trade.symbol for trade in self.timeline.trades}))

    def limits_of(self, symbols: Iterable[str], max_positions: int) -> LimitsChanged:
        """Returns the limits in force. Raises RefusedField for limits that are not valid."""
        limits = structs.replace(
            self.limits,
            symbols=" ".join(sorted(symbols)),
            max_positions=max_positions,
            max_contracts=self.max_contracts or max_positions,
        )
        encode_checked(limits)
        return limits

    def simulate(self, symbols: Iterable[str], max_positions: int) -> Simulated:
        """Simulates these symbols with so many positions. Raises RefusedField."""
        return simulate(self.timeline, self.limits_of(symbols, max_positions))

    def measure(self, symbols: Iterable[str], max_positions: int) -> Metrics:
        """Simulates and measures. Raises RefusedField."""
        return self.figures(self.simulate(symbols, max_positions))

    def figures(self, simulated: Simulated) -> Metrics:
        """Measures a simulation of this scenario."""
        account = self.account
        return measured(simulated, self.timeline.trades, self.days, account.cash, account.breach_limit)

    def intervals(self, simulated: Simulated, seed: int) -> Intervals:
        """Returns confidence intervals of the figures of a simulation."""
        by_day = daily_pnl(simulated, self.days)
        return intervals(by_day, float(self.account.cash), self.days, seed=seed)

    def deflated(self, simulated: Simulated, tried: Sequence[float]) -> Deflated | None:
        """Deflates the Sharpe of a simulation that was chosen among sets with the Sharpes `tried`."""
        by_day = daily_pnl(simulated, self.days)
        return deflated_sharpe(daily_returns(by_day, float(self.account.cash)), tried)

    def digest(self) -> str:
        """Returns the SHA-256 of the scenario: two scenarios of one digest give the same figures."""
        pricing = self.timeline.pricing
        facts = (
            [happening.fact for happening in self.timeline.happenings],
            [happening.at for happening in self.timeline.happenings],
            self.days,
            self.account,
            self.limits,
            self.max_contracts,
            [(symbol, pricing.contracts[symbol]) for symbol in sorted(pricing.closes)],
            FOLD_VERSION,
            FIGURES_VERSION,
        )
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


def build_scenario(
    configuration: Configuration,
    chosen: Chosen,
    *,
    pricing: Pricing,
    account: TradingAccount,
    daily_stop_loss: Decimal,
    seed: int,
) -> Scenario:
    """Builds the scenario of these trades under the configuration's limits, with this daily stop.

    It leaves out two of the live limits: point values, as a trade's P&L is the one in its file and must not
    be doubted; and the age at which marks are stale, as trades without bars are not marked.
    """
    symbols = tuple(sorted({trade.symbol for trade in chosen.trades}))
    portfolio = structs.replace(
        configuration.portfolio, max_positions=1, daily_stop_loss=daily_stop_loss, symbols=symbols
    )
    limits = unwatched_limits(structs.replace(configuration, portfolio=portfolio))
    return Scenario(
        timeline=timeline(chosen.trades, pricing, seed),
        days=chosen.days,
        account=account,
        limits=structs.replace(limits, reason="simulation", point_values="", mark_stale_ms=0, config=""),
        max_contracts=configuration.runtime.max_contracts,
    )
