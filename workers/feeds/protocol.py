"""What every feed of bars offers, whatever it reads them from."""

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from portfold.config import Configuration, ConfiguredFeed
from portfold.events.wire.connection import Place
from portfold.workers.feeds.bar import Bar
from portfold.workers.named import Shape, read_options


class FeedSetup(NamedTuple):
    """What a feed is opened with: the `symbol` that is traded, and `stop`, which ends every wait once set.

    `after`: how far an earlier life of the worker has traded; bars up to then, if the feed still has them,
    need not be waited for. `place`: where the portfolio is, if not where the configuration says. `context`:
    the other markets that the strategy looks at.
    """

    configuration: Configuration
    symbol: str
    stop: threading.Event
    entry: ConfiguredFeed
    after: datetime | None = None
    place: Place | None = None
    context: tuple[str, ...] = ()

    def options(self, shape: type[Shape]) -> Shape:
        """Returns the `options` of the feed's entry, as `shape` describes them. Raises ConfigError."""
        runtime = self.configuration.files.runtime.path
        return read_options(shape, self.entry.options, runtime, "feed.options")


class Feed(Protocol):
    """Bars of several symbols, each symbol's strictly increasing in time.

    Feeds are read lazily and may be read again: every call of `bars` starts from the first bar.
    """

    @property
    def symbols(self) -> tuple[str, ...]:
        """Returns the symbols it has bars of, in the order they are to be listed."""
        ...

    def bars(self, symbol: str) -> Iterator[Bar]:
        """Returns the bars of one symbol, oldest first; an error of the feed's own for a symbol it does not
        have.
        """
        ...


class LiveFeed(Protocol):
    """What a worker trades on: bars as they end."""

    def bars(self, symbol: str) -> Iterator[Bar | None]:
        """Yields each bar as it comes, and None now and then while none does, so that a worker can be
        stopped; ends when there are no more."""
        ...


class FeedOfSeveral(Protocol):
    """A live feed that brings other markets too, for strategies that look at some."""

    def bars_with(self, symbol: str, context: Sequence[str]) -> Iterator[Bar | None]:
        """Yields as `LiveFeed.bars`, and before each bar those of the `context` that had ended by then, by
        their ends."""
        ...


def past_until(feed: LiveFeed) -> datetime | None:
    """Returns up to when the feed's bars were there before the worker: its strategy warms up on them.

    Its attribute `past_until`, None while that is not known; a feed that has none brings no such bars.
    """
    past: datetime | None = getattr(feed, "past_until", None)
    return past
