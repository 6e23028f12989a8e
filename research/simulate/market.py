"""Where research has its bars from: a folder, or the bundled market of a seed.

They are the bars that `portfold run` and `portfold worker` trade, of the same feeds: a folder read on the
clocks that runtime.json names, a market of so many days and a seed the same to the last digit.
"""

from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from portfold.config import Configuration
from portfold.research.errors import ResearchError
from portfold.workers.feeds.csv_folder import CsvFolder
from portfold.workers.feeds.protocol import Feed
from portfold.workers.feeds.synthetic import SYMBOLS, SyntheticMarket

SYNTHETIC = "synthetic"


class ResearchMarket(Struct, frozen=True):
    """`source` is a folder, or SYNTHETIC: then `days` trading days of the market with this `seed`."""

    source: str
    days: int = 0
    seed: int = 0

    def __str__(self) -> str:
        if self.source != SYNTHETIC:
            return self.source
        return f"the synthetic market of {self.days} days with seed {self.seed}"

    def open(self, configuration: Configuration) -> Feed:
        """Its bars, read as they are asked for. Raises BarsError, ResearchError."""
        contracts = configuration.contracts
        if self.source == SYNTHETIC:
            symbols = tuple(symbol for symbol in SYMBOLS if symbol in contracts)
            try:
                return SyntheticMarket(contracts, days=self.days, seed=self.seed, symbols=symbols)
            except ValueError as error:
                raise ResearchError(f"--bars {SYNTHETIC}: {error}.") from error
        zones = {symbol: ZoneInfo(configuration.runtime.bar_zone(symbol)) for symbol in contracts}
        return CsvFolder(Path(self.source), zones=zones)
