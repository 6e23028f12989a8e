"""Opens the bars of research: those of a folder, or those of the bundled synthetic market.

They come from the feeds that `portfold run` and `portfold worker` trade on: a folder is read on the clocks
that runtime.json names; the same number of days and seed give the same synthetic bars to the last digit.
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
    """A folder as `source`; or SYNTHETIC, for `days` trading days of the market with this `seed`."""

    source: str
    days: int = 0
    seed: int = 0

    def __str__(self) -> str:
        if self.source != SYNTHETIC:
            return self.source
        return f"the synthetic market of {self.days} days with seed {self.seed}"

    def open(self, configuration: Configuration) -> Feed:
        """Opens the feed, which reads bars as they are asked for. Raises BarsError, ResearchError."""
        contracts = configuration.contracts
        if self.source == SYNTHETIC:
            symbols = tuple(symbol for symbol in SYMBOLS if symbol in contracts)
            try:
                return SyntheticMarket(contracts, days=self.days, seed=self.seed, symbols=symbols)
            except ValueError as error:
                raise ResearchError(f"--bars {SYNTHETIC}: {error}.") from error
        zones = {symbol: ZoneInfo(configuration.runtime.bar_zone(symbol)) for symbol in contracts}
        return CsvFolder(Path(self.source), zones=zones)
