"""Simulates and measures sets of symbols with a number of positions, as a search asks for again and again.

A scenario is all that the figures depend on beside the symbols and the number of positions: the trades in
order, the other limits, the account. It is built once and handed whole to every process that simulates.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec
import numpy as np
from msgspec import Struct, structs

from portfold.config import Configuration
from portfold.coordinator.configured import unwatched_limits
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.events.codec import encode_checked
from portfold.events.limits_changed import LimitsChanged
from portfold.research.simulate.prices import Pricing
from portfold.research.simulate.sessions import KnownSessions, days_with
from portfold.research.simulate.simulator import Simulated, simulate
from portfold.research.simulate.trade_events import TradeEvents
from portfold.research.simulate.trade_events import drawings as drawn
from portfold.research.statistics.clusters import Tries
from portfold.research.statistics.intervals import Intervals, intervals
from portfold.research.statistics.metrics import (
    FIGURES_VERSION,
    Floats,
    Metrics,
    daily_pnl,
    daily_returns,
    days_within,
    mean_of,
    measured,
)
from portfold.research.statistics.significance import Deflated, deflated_sharpe
from portfold.research.trades.trading_days import Chosen


class TradingAccount(Struct, frozen=True):
    """The account that is traded: `cash` at the beginning, the broker's `breach_limit` on drawdown;
    dollars."""

    cash: Decimal
    breach_limit: Decimal


class Scenario(Struct, frozen=True):
    """Everything a simulation depends on but its symbols and its number of positions.

    `drawings` are the same trades in the order of several drawings of lots. Figures are means over them: who
    is a millisecond sooner at the last slot is chance, and one drawing of it no reason to choose anything.
    `days` are the trading days it is measured over, the same for every set of symbols. `max_contracts` None
    means as many as positions.
    """

    drawings: tuple[TradeEvents, ...]
    days: tuple[str, ...]
    account: TradingAccount
    limits: LimitsChanged
    max_contracts: int | None

    @property
    def timeline(self) -> TradeEvents:
        """Returns the trades in the order of the first drawing."""
        return self.drawings[0]

    @property
    def symbols(self) -> tuple[str, ...]:
        """Lists all symbols that have trades, sorted."""
        return tuple(sorted({trade.symbol for trade in self.timeline.trades}))

    def under(self, daily_stop_loss: Decimal) -> "Scenario":
        """Returns the same trades and account under another daily stop."""
        return structs.replace(self, limits=structs.replace(self.limits, daily_stop_loss=daily_stop_loss))

    def with_sessions(self, known: KnownSessions) -> "Scenario":
        """Returns the scenario with these sessions published, and the day to which its end belongs then."""
        until_ms = self.timeline.happenings[-1].at.ms
        return structs.replace(
            self,
            drawings=tuple(one.with_sessions(known) for one in self.drawings),
            days=days_with(known, self.days, until_ms, self.limits),
        )

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
        """Simulates these symbols with so many positions, in the order of the first drawing. Raises
        RefusedField.
        """
        return simulate(self.timeline, self.limits_of(symbols, max_positions))

    def simulations(self, symbols: Iterable[str], max_positions: int) -> list[Simulated]:
        """Simulates in the order of each drawing; once, where no lot decided anything.

        Raises RefusedField.
        """
        limits = self.limits_of(symbols, max_positions)
        first = simulate(self.timeline, limits)
        if not first.decided_by_lot:
            return [first]
        return [first, *(simulate(drawing, limits) for drawing in self.drawings[1:])]

    def measure(self, symbols: Iterable[str], max_positions: int) -> Metrics:
        """Simulates and measures: means over the drawings. Raises RefusedField."""
        return self.mean_figures(self.simulations(symbols, max_positions))

    def measure_with_returns(self, symbols: Iterable[str], max_positions: int) -> tuple[Metrics, Floats]:
        """Simulates and measures, and returns the daily returns with it: means. Raises RefusedField."""
        drawn = self.simulations(symbols, max_positions)
        return self.mean_figures(drawn), self._mean_returns(drawn)

    def figures(self, simulated: Simulated) -> Metrics:
        """Measures one simulation of this scenario."""
        account = self.account
        return measured(simulated, self.timeline.trades, self.days, account.cash, account.breach_limit)

    def mean_figures(self, simulations: Sequence[Simulated]) -> Metrics:
        """Measures simulations of several drawings."""
        return mean_of([self.figures(simulated) for simulated in simulations])

    def intervals(self, simulations: Sequence[Simulated], seed: int) -> Intervals:
        """Returns confidence intervals of the figures, over all drawings; they know of no choosing."""
        within = [days_within(simulated, self.days) for simulated in simulations]
        return intervals(within, float(self.account.cash), self.days, seed=seed)

    def returns(self, symbols: Iterable[str], max_positions: int) -> Floats:
        """Simulates, and returns the daily returns, means over the drawings. Raises RefusedField."""
        return self._mean_returns(self.simulations(symbols, max_positions))

    def _mean_returns(self, simulations: Sequence[Simulated]) -> Floats:
        mean: Floats = np.mean([self._returns_of(one) for one in simulations], axis=0)
        return mean

    def _returns_of(self, simulated: Simulated) -> Floats:
        return daily_returns(daily_pnl(simulated, self.days), float(self.account.cash))

    def deflated(
        self, simulations: Sequence[Simulated], tries: Tries, variants: Mapping[str, int]
    ) -> Deflated | None:
        """Deflates the mean Sharpe of simulations that were chosen among `tries`; each symbol's file was the
        best of its `variants`.
        """
        histories = [self._returns_of(one) for one in simulations]
        before = [variants.get(symbol, 1) for symbol in simulations[0].symbols]
        return deflated_sharpe(histories, tries, variants=before)

    def digest(self) -> str:
        """Returns the SHA-256 of the scenario: two scenarios of one digest give the same figures."""
        pricing = self.timeline.pricing
        facts = (
            [happening.fact for happening in self.timeline.happenings],
            [(happening.at, happening.flat_before) for happening in self.timeline.happenings],
            [(one.stop_price, one.price, one.risk) for one in self.timeline.requests],
            [trade.asked.left_ms if trade.asked else None for trade in self.timeline.trades],
            self.timeline.published,
            [[happening.trade for happening in drawing.happenings] for drawing in self.drawings],
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
    drawings: int = 1,
) -> Scenario:
    """Builds the scenario of these trades under the configuration's limits, with this daily stop.

    `drawings` is how often lots are drawn for those who ask at the same moment, from `seed`.

    It leaves out two of the live limits: point values, as a trade's P&L is the one in its file and must not
    be doubted; and the age at which marks are stale, as trades without bars are not marked. Under a loss
    budget a trade whose row says nothing of a stop counts by the default risk of its symbol, where there is
    one, though live may deny it: that a file is silent does not say that its worker would be.
    """
    symbols = tuple(sorted({trade.symbol for trade in chosen.trades}))
    portfolio = structs.replace(
        configuration.portfolio, max_positions=1, daily_stop_loss=daily_stop_loss, symbols=symbols
    )
    limits = unwatched_limits(structs.replace(configuration, portfolio=portfolio))
    counted = "default" if limits.loss_budget and limits.default_risk else limits.loss_budget
    return Scenario(
        drawings=drawn(chosen.trades, pricing, seed, drawings, counts_open=limits.stop_loss_on == "total"),
        days=chosen.days,
        account=account,
        limits=structs.replace(
            limits,
            reason="simulation",
            point_values="",
            mark_stale_ms=0,
            config="",
            loss_budget=counted,
        ),
        max_contracts=configuration.runtime.max_contracts,
    )
