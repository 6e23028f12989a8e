"""The days of the portfolio that was chosen, a place in each column for each: kept with the findings.

They are those of the span it was judged on: the test span where there is one, as the days it was chosen on
are too good. Of several drawings of lots they are the first's: a mean of histories varies less than any of
them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from msgspec import Struct

from portfold.config import ExpectedDays
from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.research.simulate.scenario import Scenario
from portfold.research.simulate.simulator import Simulated
from portfold.research.statistics.bootstrap import block_length
from portfold.research.statistics.metrics import daily_pnl


class JudgedDays(Struct, frozen=True):
    """The trading days from `first_day` to `last_day`: dollars, closed trades, those that won, entries asked
    for and denied, daily stops. `block_days` is the length of a block by which they are resampled.
    """

    first_day: str
    last_day: str
    block_days: float
    pnl: tuple[float, ...]
    trades: tuple[int, ...]
    won: tuple[int, ...]
    asked: tuple[int, ...]
    denied: tuple[int, ...]
    stops: tuple[int, ...]

    def expected(
        self, symbols: tuple[str, ...], max_positions: int, daily_stop_loss: Decimal, since: date
    ) -> ExpectedDays:
        """Returns them as what is expected of a portfolio from a day on."""
        return ExpectedDays(
            since=since.isoformat(),
            symbols=symbols,
            max_positions=max_positions,
            daily_stop_loss=float(daily_stop_loss),
            **{name: getattr(self, name) for name in self.__struct_fields__},
        )


def judged_days(simulated: Simulated, scenario: Scenario) -> JudgedDays:
    """Returns the days of a simulation of the scenario."""
    days, trades = scenario.days, scenario.timeline.trades
    made = daily_pnl(simulated, days)
    on = _Days(days, scenario.limits.zone, scenario.limits.roll)
    taken, denied = simulated.taken, simulated.denied
    refused = on.counted(trades[one.trade].entry_ms for one in denied)
    entered = on.counted(trades[one.trade].entry_ms for one in taken)
    return JudgedDays(
        first_day=days[0],
        last_day=days[-1],
        block_days=round(block_length(made), 3),
        pnl=tuple(round(float(one), 2) for one in made),
        trades=on.counted(one.closed_ms for one in taken),
        won=on.counted(one.closed_ms for one in taken if one.pnl > 0),
        asked=tuple(a + b for a, b in zip(entered, refused, strict=True)),
        denied=refused,
        stops=tuple(Counter(simulated.stop_days)[day] for day in days),
    )


class _Days:
    """Counts moments by trading day."""

    def __init__(self, days: Sequence[str], zone: str, roll: str) -> None:
        self._days, self._zone, self._roll = days, zone, roll

    def counted(self, moments: Iterable[int]) -> tuple[int, ...]:
        """Returns for each day how many of the moments, in ms, lie in it."""
        counts, day, begins_ms, ends_ms = Counter[str](), "", 0, 0
        for ms in sorted(moments):
            if not begins_ms <= ms < ends_ms:
                found = trading_day_at(ms, self._zone, self._roll)
                day, begins_ms, ends_ms = found.date, ms, found.ends_ms
            counts[day] += 1
        return tuple(counts[day] for day in self._days)
