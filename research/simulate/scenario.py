"""What a search asks again and again: these symbols, so many positions, and what would have come of it?

A scenario is all that such an answer depends on: the trades in order, the limits but for symbols and number
of positions, the account. It is made once and handed whole to every process that simulates.
"""

import hashlib
from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct, structs

from portfold.config import Configuration, Portfolio
from portfold.coordinator.configured import configured_limits
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.events.codec import encode_checked
from portfold.events.incoming import LimitsChanged
from portfold.research.simulate.prices import Pricing
from portfold.research.simulate.simulator import Simulated, simulate
from portfold.research.simulate.trade_events import TradeEvents, timeline
from portfold.research.statistics.metrics import FIGURES_VERSION, Metrics, daily_pnl, daily_returns, measured
from portfold.research.statistics.significance import Deflated, Intervals, deflated_sharpe, intervals
from portfold.research.trades.trading_days import Chosen


class TradingAccount(Struct, frozen=True):
    """The account that is traded: `cash` to begin with, the broker's `breach_limit` on drawdown; dollars."""

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
        """All that have trades in it, sorted."""
        return tuple(sorted({trade.symbol for trade in self.timeline.trades}))

    def limits_of(self, symbols: Iterable[str], max_positions: int) -> LimitsChanged:
        """The limits in force. Raises RefusedField where they are none."""
        limits = structs.replace(
            self.limits,
            symbols=" ".join(sorted(symbols)),
            max_positions=max_positions,
            max_contracts=self.max_contracts or max_positions,
        )
        encode_checked(limits)
        return limits

    def simulate(self, symbols: Iterable[str], max_positions: int) -> Simulated:
        """What would have come of it."""
        return simulate(self.timeline, self.limits_of(symbols, max_positions))

    def measure(self, symbols: Iterable[str], max_positions: int) -> Metrics:
        """The same in figures."""
        return self.figures(self.simulate(symbols, max_positions))

    def figures(self, simulated: Simulated) -> Metrics:
        """The figures of a simulation of this scenario."""
        account = self.account
        return measured(simulated, self.timeline.trades, self.days, account.cash, account.breach_limit)

    def intervals(self, simulated: Simulated, seed: int) -> Intervals:
        """What chance does to them."""
        by_day = daily_pnl(simulated, self.days)
        return intervals(by_day, float(self.account.cash), self.days, seed=seed)

    def deflated(self, simulated: Simulated, tried: Sequence[float]) -> Deflated | None:
        """What is left of its Sharpe after choosing it among sets with the Sharpes `tried`."""
        by_day = daily_pnl(simulated, self.days)
        return deflated_sharpe(daily_returns(by_day, float(self.account.cash)), tried)

    def digest(self) -> str:
        """SHA-256 of all of it: two scenarios of one digest give the same answers."""
        pricing = self.timeline.pricing
        facts = (
            [one.fact for one in self.timeline.happenings],
            [one.at for one in self.timeline.happenings],
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
    """The scenario of these trades under the configuration's limits, with this daily stop.

    The limits differ from the live ones in two: a trade's P&L is what its file says, so no contract has a
    value to dispute it by; and trades without bars are not marked, so no mark of theirs is stale.
    """
    symbols = tuple(sorted({trade.symbol for trade in chosen.trades}))
    portfolio = Portfolio(max_positions=1, daily_stop_loss=daily_stop_loss, symbols=symbols)
    limits = configured_limits(structs.replace(configuration, portfolio=portfolio))
    return Scenario(
        timeline=timeline(chosen.trades, pricing, seed),
        days=chosen.days,
        account=account,
        limits=structs.replace(limits, reason="simulation", point_values="", mark_stale_ms=0, config=""),
        max_contracts=configuration.runtime.max_contracts,
    )
