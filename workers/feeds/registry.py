"""The feeds there are, by name; as `workers.brokers.registry` for brokers.

`driven` is none of them: there a conductor hands out the bars, and the time with them (`feeds.driven`).
"""

from decimal import Decimal
from pathlib import Path

from portfold.config import ConfigError, ConfiguredFeed
from portfold.workers.feeds.csv_folder import refuse_no_folder
from portfold.workers.feeds.protocol import FeedSetup, LiveFeed
from portfold.workers.named import find

DRIVEN = ConfiguredFeed("driven")
BUS = "bus"
FROM_FILES = ("csv", "replay")
OURS = {
    BUS: "portfold.workers.market.bus_feed:open_bus",
    "csv": "portfold.workers.feeds.played:open_csv",
    "replay": "portfold.workers.feeds.played:open_replay",
    "synthetic": "portfold.workers.feeds.played:open_synthetic",
}


def open_feed(setup: FeedSetup) -> LiveFeed:
    """Returns the feed that `setup.entry` names. Raises ConfigError, BarsError."""
    runtime = setup.configuration.files.runtime.path
    feed: LiveFeed = find(setup.entry.kind, OURS, runtime, "feed.kind")(setup)
    if not callable(getattr(feed, "bars", None)):
        raise ConfigError(runtime, "feed.kind", "a feed", "one that has no bars")
    return feed


def refuse_no_market(feed: ConfiguredFeed) -> None:
    """Raises BarsError for a folder that is none: a mistyped name is reported before a server is asked."""
    folder = feed.options.get("folder")
    if feed.kind in FROM_FILES and isinstance(folder, str):
        refuse_no_folder(Path(folder))


def feed_for(
    configured: ConfiguredFeed, bars: str | None, options: dict[str, Decimal | int | None]
) -> ConfiguredFeed:
    """Returns the configured feed, unless `bars` names another: a kind, or a folder of CSV files.

    What is given of `options` goes before its own. A folder with a `speed` is replayed.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if bars is None or bars == configured.kind:
        return ConfiguredFeed(configured.kind, {**configured.options, **given})
    if bars in OURS or bars == DRIVEN.kind or ":" in bars:
        return ConfiguredFeed(bars, given)
    kind = "replay" if "speed" in given else "csv"
    return ConfiguredFeed(kind, {"folder": str(Path(bars).absolute()), **given})
