"""The demo's market: which bars it plays, and in which order.

Every bar is read once before anything is started, so that a bad line in a file is reported at once and not
after half an hour.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from portfold.cli.exits import Unusable
from portfold.config import Configuration, TradingDayRoll
from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.exchange_time import milliseconds_of
from portfold.workers.feeds.csv_folder import CsvFolder
from portfold.workers.feeds.protocol import Feed
from portfold.workers.feeds.steps import Step, steps
from portfold.workers.feeds.synthetic import MONDAY, SyntheticMarket


@dataclass(frozen=True)
class DemoMarket:
    """A feed cut to whole trading days.

    `days` are the trading days in order, `length` is the number of steps, `first` the time of the first.
    """

    title: str
    feed: Feed
    symbols: tuple[str, ...]
    trading_day: TradingDayRoll
    days: tuple[str, ...]
    length: int
    first: datetime

    def steps(self) -> Iterator[Step]:
        """Yields the steps of its days."""
        last = self.days[-1]
        for moment, bars in steps(self.feed, self.symbols):
            if day_of(moment, self.trading_day) > last:
                return
            yield moment, bars


def day_of(moment: datetime, trading_day: TradingDayRoll) -> str:
    """Returns the trading day that a moment lies in."""
    return trading_day_at(milliseconds_of(moment), trading_day.zone, trading_day.roll).date


def synthetic_market(
    configuration: Configuration, *, symbols: Sequence[str], first: date | None, days: int, seed: int
) -> DemoMarket:
    """Returns a synthetic market with one bad day. Raises Unusable."""
    chosen = tuple(symbols) or configuration.portfolio.symbols
    try:
        feed = SyntheticMarket(
            configuration.contracts, days=days, seed=seed, symbols=chosen, start=first or MONDAY
        )
    except ValueError as error:
        raise Unusable(f"The synthetic market: {error}.") from error
    return _surveyed(f"synthetic market, seed {seed}", feed, chosen, configuration.runtime.trading_day, days)


def recorded_market(
    configuration: Configuration, folder: Path, *, symbols: Sequence[str], first: date | None, days: int
) -> DemoMarket:
    """Returns the market of a folder's bars, by default all with a contract. Raises Unusable, BarsError."""
    zones = {symbol: ZoneInfo(configuration.runtime.bar_zone(symbol)) for symbol in configuration.contracts}
    feed = CsvFolder(folder, zones=zones, first=first)
    tradable = tuple(symbol for symbol in feed.symbols if symbol in configuration.contracts)
    chosen = tuple(symbols) or tradable
    if not chosen:
        raise Unusable(f"--bars: none of {', '.join(feed.symbols)} in {folder} has a contract.")
    for symbol in chosen:
        if symbol not in configuration.contracts:
            raise Unusable(f"--symbols: expected symbols with a contract, got {symbol[:80]!r}.")
    title = f"bars of {folder}, hours in {configuration.runtime.bar_zones_in_words(chosen)}"
    return _surveyed(title, feed, chosen, configuration.runtime.trading_day, days)


def _surveyed(
    title: str, feed: Feed, symbols: tuple[str, ...], trading_day: TradingDayRoll, days: int
) -> DemoMarket:
    found: list[str] = []
    length, start = 0, datetime.max.replace(tzinfo=UTC)
    for moment, _ in steps(feed, symbols):
        day = day_of(moment, trading_day)
        if not found or day != found[-1]:
            if len(found) == days:
                break
            found.append(day)
        start = min(start, moment)
        length += 1
    if not found:
        raise Unusable(f"--from: expected an earlier date, as there are no bars from then on ({title}).")
    return DemoMarket(title, feed, symbols, trading_day, tuple(found), length, start)
