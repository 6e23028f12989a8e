"""The sources of market data there are, by name; as `workers.brokers.registry` for brokers."""

from portfold.config import ConfigError, ConfiguredMarket
from portfold.workers.market.source import MarketSetup, MarketSource
from portfold.workers.named import find

REPLAYED = frozenset(("csv", "synthetic"))
"""Their bars are of the past, or of no market at all, and their prices count from when they are played."""

OURS = {
    "databento": "portfold.workers.market.sources.databento.source:open_databento",
    "ibkr": "portfold.workers.market.sources.ibkr.source:open_ibkr",
    "csv": "portfold.workers.market.sources.replay:open_csv",
    "synthetic": "portfold.workers.market.sources.replay:open_synthetic",
}


def open_market(market: ConfiguredMarket, setup: MarketSetup) -> MarketSource:
    """Returns the source that the entry names. Raises ConfigError, MarketRefused, BarsError."""
    source: MarketSource = find(market.source, OURS, setup.file, "market.source")(setup)
    if not callable(getattr(source, "updates", None)):
        raise ConfigError(setup.file, "market.source", "a source of market data", "one without updates")
    return source
