"""The referee's backtest: bars to trades and signals, from docs/ibs.md, docs/stops.md and docs/research.md.

It imports nothing of ours. It keeps no state from bar to bar: what comes of a signal is looked up bar by bar
from its beginning. Prices are fractions; only dollars are
rounded, to the cent, as the page says.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from zoneinfo import ZoneInfo

from tests.research.referee.simulation import Ware

DAY = 24 * 60


@dataclass(frozen=True)
class Candle:
    """A bar that ended at a millisecond."""

    ends: int
    open: Fraction
    high: Fraction
    low: Fraction
    close: Fraction


@dataclass(frozen=True)
class Resting:
    """A protective stop, so many `unit` away: ticks, dollars or atr."""

    unit: str
    amount: Fraction
    atr_bars: int = 14


@dataclass(frozen=True)
class Way:
    """How a symbol is traded, by the names of docs/ibs.md; times of day are minutes."""

    entry_from: Fraction
    entry_below: Fraction
    exit_above: Fraction
    exit_to: Fraction
    sides: str
    stop_percent: Fraction | None
    stop_atr: Fraction | None
    take_profit_percent: Fraction | None
    take_profit_atr: Fraction | None
    atr_bars: int
    max_bars: int | None
    exit_at: int | None
    entry_hours: tuple[int, int] | None
    cooldown_bars: int
    size: int
    next_bar: bool
    resting: Resting | None
    zone: str
    roll: int


@dataclass(frozen=True)
class Outcome:
    """What came of the signal at the close of bar `signal`: bars are numbers.

    `seen` is the last bar at whose close the position was there, else the bar of the signal; `free` the first
    bar that could bring another signal. The last bar ends a trade that has not `ended`.
    """

    signal: int
    long: bool
    entered: int
    left: int
    entry: Fraction
    exit: Fraction
    pnl: Fraction
    seen: int
    free: int
    ended: bool


class Traded:
    """A symbol's bars, and how they are traded."""

    def __init__(self, bars: Sequence[Candle], way: Way, ware: Ware) -> None:
        self.bars, self.way, self.ware = bars, way, ware
        self._averages: dict[int, list[Fraction | None]] = {}

    def alone(self, begins: int, refused: Container[int] = ()) -> tuple[list[Outcome], list[int]]:
        """Returns the trades from a bar on, an open one as the last, and the signals that were refused."""
        found: list[Outcome] = []
        dropped: list[int] = []
        free = begins
        for number in range(begins, len(self.bars)):
            if number < free or self.side(number) is None:
                continue
            if number in refused:
                dropped.append(number)
            elif (outcome := self.outcome(number)) is not None:
                found.append(outcome)
                free = outcome.free + self.way.cooldown_bars if outcome.ended else len(self.bars)
        return found, dropped

    def signals(self, begins: int, refused: Container[int] = ()) -> list[Outcome]:
        """Returns the outcome of every signal that is entered before the bars end."""
        asked = [at for at in range(begins, len(self.bars)) if at not in refused and self.side(at)]
        return [one for one in map(self.outcome, asked) if one is not None]

    # --- entries -------------------------------------------------------------------------------------------

    def side(self, number: int) -> str | None:
        """Returns the side that the close of this bar is a signal of, if any."""
        bar, way = self.bars[number], self.way
        if bar.high == bar.low or not self._may_enter(number):
            return None
        strength = (bar.close - bar.low) / (bar.high - bar.low)
        for side, seen in (("long", strength), ("short", 1 - strength)):
            if way.sides in (side, "both") and way.entry_from <= seen < way.entry_below:
                return side
        return None

    def _may_enter(self, number: int) -> bool:
        way, minute = self.way, self._minute(number)
        if way.entry_hours is not None:
            first, before = way.entry_hours
            within = first <= minute < before if first < before else minute >= first or minute < before
            if not within:
                return False
        if self._day_is_over(number):
            return False
        measured = way.stop_atr is not None or way.take_profit_atr is not None
        if measured and self.average_range(number, way.atr_bars) is None:
            return False
        return way.resting is None or self._distance(number) is not None

    # --- what comes of a signal ----------------------------------------------------------------------------

    def outcome(self, signal: int) -> Outcome | None:
        """Follows the signal bar by bar; None where the bars end before it is entered."""
        way, long, seen = self.way, self.side(signal) == "long", signal
        entered = signal + 1 if way.next_bar else signal
        if entered == len(self.bars):
            return None
        first = self.bars[entered]
        entry = self._worse(first.open if way.next_bar else first.close, buys=long)
        stop = self._stop(signal, entry, long=long)
        leaving = False

        def ended(at: int, price: Fraction, *, free: int) -> Outcome:
            return self._ended(signal, (entered, at), (entry, price), (seen, free), long=long)

        for at in range(entered, len(self.bars)):
            bar = self.bars[at]
            if leaving:
                return ended(at, bar.open, free=at)
            if stop is not None and (at > entered or way.next_bar):
                if long and bar.low <= stop:
                    return ended(at, min(stop, bar.open), free=at)
                if not long and bar.high >= stop:
                    return ended(at, max(stop, bar.open), free=at)
            if at == signal:
                continue
            seen = at
            if at > entered and self._leaves(at, signal, entered, entry):
                if not way.next_bar:
                    return ended(at, bar.close, free=at + 1)
                leaving = True
        last = len(self.bars) - 1
        seen = last
        return self._ended(
            signal, (entered, last), (entry, self.bars[-1].close), (last, last), long=long, over=False
        )

    def _ended(
        self,
        signal: int,
        bars: tuple[int, int],
        prices: tuple[Fraction, Fraction],
        after: tuple[int, int],
        *,
        long: bool,
        over: bool = True,
    ) -> Outcome:
        entry, exit_ = prices[0], self._worse(prices[1], buys=not long)
        gain = (exit_ - entry if long else entry - exit_) * self.ware.point * self.way.size
        pnl = to_cents(to_cents(gain) - 2 * self.ware.commission * self.way.size)
        return Outcome(signal, long, *bars, entry, exit_, pnl, *after, over)

    def _leaves(self, at: int, signal: int, entered: int, entry: Fraction) -> bool:
        bar, way, long = self.bars[at], self.way, self.side(signal) == "long"
        gain = bar.close - entry if long else entry - bar.close
        unit = self.average_range(signal, way.atr_bars)
        for moved, percent, ranges in (
            (-gain, way.stop_percent, way.stop_atr),
            (gain, way.take_profit_percent, way.take_profit_atr),
        ):
            if moved > 0 and percent is not None and moved >= abs(entry) * percent / 100:
                return True
            if moved > 0 and ranges is not None and unit is not None and moved >= unit * ranges:
                return True
        if bar.high > bar.low:
            strength = (bar.close - bar.low) / (bar.high - bar.low)
            if way.exit_above < (strength if long else 1 - strength) <= way.exit_to:
                return True
        if self._day_is_over(at) or (way.exit_at is not None and self.day(at) != self.day(entered)):
            return True
        return way.max_bars is not None and at - entered >= way.max_bars

    def _worse(self, price: Fraction, *, buys: bool) -> Fraction:
        slippage = self.ware.tick * self.ware.slippage_ticks
        return price + slippage if buys else price - slippage

    # --- the protective stop -------------------------------------------------------------------------------

    def _distance(self, number: int) -> Fraction | None:
        rests, tick = self.way.resting, self.ware.tick
        if rests is None:
            return None
        if rests.unit == "ticks":
            return rests.amount * tick
        points = rests.amount / self.ware.point
        if rests.unit == "atr":
            unit = self.average_range(number, rests.atr_bars)
            if unit is None:
                return None
            points = rests.amount * unit
        return max(1, floor(points / tick)) * tick

    def planned(self, one: Outcome) -> Fraction | None:
        """Returns the stop that the log has of a trade: as far from its fill as it was planned to be."""
        distance = self._distance(one.signal)
        if distance is None:
            return None
        return one.entry - distance if one.long else one.entry + distance

    def _stop(self, signal: int, entry: Fraction, *, long: bool) -> Fraction | None:
        distance, tick = self._distance(signal), self.ware.tick
        if distance is None:
            return None
        return ceil((entry - distance) / tick) * tick if long else floor((entry + distance) / tick) * tick

    # --- ranges and clocks ---------------------------------------------------------------------------------

    def average_range(self, number: int, count: int) -> Fraction | None:
        """Returns Wilder's average true range over `count` bars, at the close of a bar."""
        if count not in self._averages:
            self._averages[count] = self._averaged(count)
        return self._averages[count][number]

    def _averaged(self, count: int) -> list[Fraction | None]:
        found: list[Fraction | None] = []
        true = [self._true_range(at) for at in range(len(self.bars))]
        average = sum(true[:count], Fraction(0)) / count
        for number, one in enumerate(true):
            if number >= count:
                average = ((count - 1) * average + one) / count
            found.append(average if number + 1 >= count else None)
        return found

    def _true_range(self, at: int) -> Fraction:
        bar = self.bars[at]
        if at == 0:
            return bar.high - bar.low
        before = self.bars[at - 1].close
        return max(bar.high - bar.low, abs(bar.high - before), abs(bar.low - before))

    def _minute(self, number: int) -> int:
        local = self._local(self.bars[number].ends)
        return local.hour * 60 + local.minute

    def weekday(self, number: int) -> int:
        """Returns the weekday on the exchange's clock when a bar ended, Monday 0."""
        return self._local(self.bars[number].ends).weekday()

    def _day_is_over(self, number: int) -> bool:
        """Returns whether a bar ended from `exit_at` on, up to the roll, with which the next day begins."""
        if self.way.exit_at is None:
            return False
        left = (self.way.roll - self._minute(number) - 1) % DAY + 1
        return left <= (self.way.roll - self.way.exit_at) % DAY

    def day(self, number: int) -> date:
        """Returns the trading day of a bar: that of its end, and the next one's at the roll."""
        local = self._local(self.bars[number].ends)
        late = local.hour * 60 + local.minute >= self.way.roll
        found = local.date() + timedelta(days=late)
        while found.isoweekday() > 5:
            found += timedelta(days=1)
        return found

    def _local(self, ms: int) -> datetime:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
        return moment.astimezone(ZoneInfo(self.way.zone))


def to_cents(dollars: Fraction) -> Fraction:
    """Rounds to the cent; half a cent to the even one."""
    return Fraction(round(dollars * 100), 100)
