"""Whether orders may go to a broker with money: asked once at the start, and of every bar before an entry.

It exists because a made-up market and a real broker are each fine and together are a loss. Guarantees: with a
broker that is not paper, a feed of bars that are not of now (made up, played from a folder, handed out by a
demo), also through the bus, is refused in a sentence; a feed of the user's own is judged by the times of its
bars, and a bar that is not of now opens nothing. Exits are never asked about.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from portfold.config import ConfigError, Configuration, ConfiguredFeed
from portfold.errors import UNUSABLE, PortfoldError
from portfold.log import Log
from portfold.workers.brokers.registry import is_paper, on_paper
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.registry import BUS, DRIVEN, OURS
from portfold.workers.market.registry import REPLAYED

LATE_SECONDS = 300.0
"""How much later than its interval after its end a bar may come, and how far clocks may be apart."""

_OF_THE_PAST = frozenset((*OURS, DRIVEN.kind))


class RunRefused(PortfoldError):
    """What was asked for is not to be started; a sentence that says why."""

    exit_code = UNUSABLE


def with_or_without(
    configuration: Configuration,
    feed: ConfiguredFeed | None,
    *,
    paper: bool,
    live: bool,
    environ: Mapping[str, str] = os.environ,
) -> Configuration:
    """Returns the configuration to trade by: on paper that of the paper broker. Raises RunRefused,
    ConfigError.

    `feed`: None where the bars come from no feed of ours, and are judged by their times alone.
    """
    if paper and live:
        raise RunRefused("Expected --paper or --live, got both.")
    if paper:
        return on_paper(configuration)
    if is_paper(configuration):
        if live:
            file = configuration.files.runtime.path
            raise RunRefused(f"--live: {file}: broker.kind: expected a real broker, got paper.")
        return configuration
    if not live:
        kind = configuration.runtime.broker.kind
        raise RunRefused(
            f"The broker {kind} trades with money: say --live, or --paper to trade on paper "
            "(in a program live=True, or paper=True)."
        )
    refuse_missing(_credentials(configuration, feed), environ)
    if feed is not None:
        refuse_a_past_market(configuration, feed)
    return configuration


def refuse_missing(credentials: Iterable[tuple[str, str]], environ: Mapping[str, str]) -> None:
    """Raises RunRefused for fields that name environment variables which are not there."""
    missing = [f"{variable} ({field})" for field, variable in credentials if not environ.get(variable)]
    if missing:
        raise RunRefused(f"--live: expected these environment variables to be set: {', '.join(missing)}.")


def refuse_a_past_market(configuration: Configuration, feed: ConfiguredFeed) -> None:
    """Raises ConfigError where a real broker would trade on bars that are not of now."""
    if is_paper(configuration):
        return
    kind, market = configuration.runtime.broker.kind, configuration.runtime.market
    if feed.kind == BUS and market is not None and market.source in REPLAYED:
        expected = f"a source of now, as broker.kind {kind} trades with money (or say --paper)"
        raise ConfigError(configuration.files.runtime.path, "market.source", expected, market.source)
    if not is_of_the_past(feed):
        return
    expected = f"a feed of now, bus or FILE.py:NAME, as broker.kind {kind} trades with money (or say --paper)"
    raise ConfigError(configuration.files.runtime.path, "feed.kind", expected, feed.kind)


def is_of_the_past(feed: ConfiguredFeed) -> bool:
    """Returns whether its bars are of no market of now, whatever prices lie on the bus."""
    return feed.kind != BUS and feed.kind in _OF_THE_PAST


class OfNow:
    """Judges each bar of one symbol, in order: whether it has just ended, by this machine's clock.

    Called with each bar, or asked again of the last one. A bar is of now for as long as its interval, the
    shortest between two bars so far, and `LATE_SECONDS`; the first one, whose interval nobody knows yet, for
    `LATE_SECONDS`.
    """

    def __init__(self, log: Log, now: Callable[[], float] = time.time) -> None:
        self._log = log
        self._now = now
        self._previous: float | None = None
        self._interval = float("inf")
        self._warned = False

    def __call__(self, bar: Bar) -> bool:
        return self.judges(bar.symbol, bar.time)

    def judges(self, symbol: str, bar: datetime, *, ahead_seconds: float = 0.0) -> bool:
        """Returns whether the bar that ended at `bar` is of now; it may be dated less than `ahead_seconds`
        ahead.
        """
        ended = bar.timestamp()
        if self._previous is not None and ended != self._previous:
            self._interval = min(self._interval, ended - self._previous)
        self._previous = ended
        interval = 0.0 if self._interval == float("inf") else max(0.0, self._interval)
        age = self._now() - ended
        has_ended = age >= -LATE_SECONDS or -age < ahead_seconds
        of_now = has_ended and age <= interval + LATE_SECONDS
        if not of_now and not self._warned:
            self._log.warning(
                f"{symbol} bars are not of now: they open nothing",
                bar=bar.isoformat(),
                seconds_old=round(age),
                allowed=round(interval + LATE_SECONDS),
            )
        elif of_now and self._warned:
            self._log.info(f"{symbol} bars are of now again", bar=bar.isoformat())
        self._warned = not of_now
        return of_now


def _credentials(configuration: Configuration, feed: ConfiguredFeed | None) -> Iterator[tuple[str, str]]:
    """Returns what trading needs of the environment: the field that says so and the variable's name."""
    runtime = configuration.runtime
    if runtime.redis_password_env is not None:
        yield "redis_password_env", runtime.redis_password_env
    yield from credentials_in("broker.options", runtime.broker.options)
    yield from credentials_in("feed.options", feed.options if feed else {})


def credentials_in(section: str, options: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Returns the fields of an entry's options that name environment variables, and those."""
    for key, value in options.items():
        if key.endswith("_env") and isinstance(value, str):
            yield f"{section}.{key}", value
