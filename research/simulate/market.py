"""Opens the bars of research: those of a folder, or those of the bundled synthetic market.

They come from the feeds that `portfold run` and `portfold worker` trade on: a folder is read on the clocks
that runtime.json names; the same number of days and seed give the same synthetic bars to the last digit.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from portfold.config import Configuration
from portfold.research.errors import ResearchError
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.beside import by_their_ends, refuse_no_bars
from portfold.workers.feeds.csv_folder import CsvFolder
from portfold.workers.feeds.protocol import Feed
from portfold.workers.feeds.synthetic import SYMBOLS, SyntheticMarket

SYNTHETIC = "synthetic"


class ResearchMarket(Struct, frozen=True):
    """A folder as `source`; or SYNTHETIC, for `days` trading days of the market with this `seed`."""

    source: str
    days: int = 0
    seed: int = 0

    def __str__(self) -> str:
        if self.source != SYNTHETIC:
            return self.source
        return f"the synthetic market of {self.days} days with seed {self.seed}"

    def open(self, configuration: Configuration, context: Sequence[str] = ()) -> Feed:
        """Opens the feed, which reads bars as they are asked for: of what has a contract, and of the other
        markets of a `context`. Raises BarsError, ResearchError.
        """
        contracts = configuration.contracts
        if self.source == SYNTHETIC:
            symbols = tuple(symbol for symbol in SYMBOLS if symbol in contracts)
            try:
                return SyntheticMarket(contracts, days=self.days, seed=self.seed, symbols=symbols)
            except ValueError as error:
                raise ResearchError(f"--bars {SYNTHETIC}: {error}.") from error
        return CsvFolder(Path(self.source), zones=zones_of(configuration, (*contracts, *context)))


def zones_of(configuration: Configuration, symbols: Iterable[str]) -> dict[str, ZoneInfo]:
    """Returns on whose clocks the bars of each are read."""
    return {symbol: ZoneInfo(configuration.runtime.bar_zone(symbol)) for symbol in symbols}


def bars_beside(feed: Feed, symbol: str, context: Sequence[str], *, until: datetime) -> tuple[Bar, ...]:
    """Reads the bars of the other markets that the strategy of a symbol looks at, as far as they had ended.

    Raises BarsError, ResearchError.
    """
    refuse_no_bars(feed, symbol, context)
    each = [[bar for bar in feed.bars(market) if bar.time <= until] for market in context]
    for market, found in zip(context, each, strict=True):
        if not found:
            raise ResearchError(
                f"{symbol}: expected bars of {market} until {until:%Y-%m-%d} too, as its strategy looks at "
                "it, got none."
            )
    return tuple(by_their_ends(each))
