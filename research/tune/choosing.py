"""Chooses among sets of parameters by what was known at some bar: the one with the highest Sharpe of dollars.

A set is traded alone, by the live trader, over all bars and once; what it made up to some bar depends on no
later one. Sets with too few trades are tries like the others, and are not chosen.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from msgspec import Struct, structs

from portfold.research.backtest.out_of_sample import Past
from portfold.research.backtest.trading import trade_alone
from portfold.research.errors import ResearchError
from portfold.research.statistics.clusters import tries_among
from portfold.research.statistics.metrics import daily_returns, dollar_sharpe
from portfold.research.statistics.reality_check import RealityCheck, TriedHistories
from portfold.research.statistics.significance import Deflated, deflated_sharpe
from portfold.research.tune.exploring import Places, explore
from portfold.research.tune.histories import Calendar, History
from portfold.research.tune.plan import TunePlan
from portfold.research.tune.ranges import Space
from portfold.research.tune.record import TrialRecord, Tried
from portfold.workers.strategies.opened import OpenedStrategy


class Choice(NamedTuple):
    """The set of `parameters` that was chosen when the bars before number `known` were: its `places` in the
    ranges, its Sharpe of dollars until then, on how many trades, and the sets it was chosen `among`.
    """

    known: int
    parameters: Struct
    places: Places
    sharpe: float
    trades: int
    among: tuple[Places, ...]


class Chooser:
    """Trades sets of a symbol's parameters, those that are not on record, and chooses."""

    def __init__(self, plan: TunePlan, symbol: str, past: Past, opened: OpenedStrategy, space: Space) -> None:
        self._plan, self._symbol, self._past, self._opened, self.space = plan, symbol, past, opened, space
        self._calendar = Calendar(past, plan.backtest.configuration.runtime.trading_day)
        self._histories: dict[Places, History] = {}

    def choose(self, known: int, record: TrialRecord, on_looked: Callable[[], object]) -> Choice:
        """Chooses by the bars before number `known`; calls `on_looked` after each set.

        Raises ResearchError where no set has trades enough.
        """

        def worth(places: Places) -> float | None:
            history = self._history(places, record)
            on_looked()
            enough = self._calendar.trades(history, known) >= self._plan.min_trades
            return dollar_sharpe(self._calendar.dollars(history, known)) if enough else None

        found = explore(self.space, self._plan.trials, self._plan.seed, worth)
        able = {places: value for places, value in found.items() if value is not None}
        if not able:
            raise ResearchError(
                f"{self._symbol}, before {self._past.bars[known - 1].time:%Y-%m-%d}: none of {len(found):,} "
                f"sets of parameters made {self._plan.min_trades} trades (--min-trades). A later --test-from "
                "has more."
            )
        best = max(able, key=lambda places: able[places])
        parameters = self.space.at(best)
        trades = self._calendar.trades(self._histories[best], known)
        return Choice(known, parameters, best, able[best], trades, tuple(found))

    def luck(self, choice: Choice, tried: int) -> tuple[RealityCheck | None, Deflated | None]:
        """Asks how much of a choice may be luck, among its sets, and among all that were ever `tried`."""
        cash = float(self._plan.backtest.cash)
        returns = np.array(
            [
                daily_returns(self._calendar.dollars(self._histories[one], choice.known), cash)
                for one in choice.among
            ]
        )
        row = choice.among.index(choice.places)
        tries = tries_among(returns)
        counted = structs.replace(tries, count=max(tries.count, tried))
        checked = TriedHistories(returns, seed=self._plan.seed).check(row)
        return checked, deflated_sharpe([returns[row]], counted)

    def _history(self, places: Places, record: TrialRecord) -> History:
        if places not in self._histories:
            parameters = self.space.at(places)
            known = record.known(parameters) or self._traded(parameters, record)
            self._histories[places] = self._calendar.history(known)
        return self._histories[places]

    def _traded(self, parameters: Struct, record: TrialRecord) -> Tried:
        traded = trade_alone(
            self._symbol,
            self._past.bars,
            self._plan.backtest.configuration,
            begins=self._past.begins,
            opened=self._opened._replace(parameters=parameters),
        )
        ends = ((trade.entry_ms, trade.exit_ms, int(100 * trade.pnl)) for trade in traded.trades)
        return record.add(parameters, tuple(ends))
