"""A worker as a process: one symbol, one strategy, one gate. Its composition root.

Ends when its bars end, on SIGTERM or Ctrl-C, or when its strategy fails, in good order: positions stay open
and reported, and it publishes its goodbye. A broker that cannot say what is held ends nothing, at the start
neither: it is asked again, and nothing is opened until it can.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from portfold.config import ConfigError, Configuration, ConfiguredFeed, symbol_of
from portfold.coordinator.views.words.of_events import STRATEGY_FAILED
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import Place, connect
from portfold.events.wire.errors import BusError
from portfold.log import Log
from portfold.workers.brokers.paper import fill_at
from portfold.workers.brokers.protocol import BrokerError, BrokerSetup, OpenedBroker
from portfold.workers.brokers.registry import is_paper, open_broker
from portfold.workers.client.context import GateEnvironment
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings, open_bus
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.driven import DrivenFeed
from portfold.workers.feeds.progress import BarProgress
from portfold.workers.feeds.protocol import FeedSetup, LiveFeed, past_until
from portfold.workers.feeds.registry import DRIVEN, open_feed
from portfold.workers.filters.opened import open_filter
from portfold.workers.protection import Protection
from portfold.workers.run.first_words import FirstWords
from portfold.workers.run.marking import Marking
from portfold.workers.run.money import OfNow, is_of_the_past, refuse_a_past_market
from portfold.workers.run.trader import Manner, Trader, holdings_of
from portfold.workers.strategies.context import own_bars
from portfold.workers.strategies.guarded import StrategyFailed
from portfold.workers.strategies.intent import Strategy
from portfold.workers.strategies.opened import open_strategy

_RETRY_SECONDS = 0.5


class WorkerPlan(Struct, frozen=True):
    """What one worker trades and from where.

    `key`: its entry in `workers`, a symbol or SYMBOL:NAME. `feed` brings the bars; of kind `driven`, a
    conductor hands them out. `book`: the broker's file, shared by all workers of the portfolio. `progress`:
    the worker's own file, by which it goes on where an earlier life of it ended; None for one that always
    begins anew.
    """

    key: str
    feed: ConfiguredFeed
    book: Path
    progress: Path | None = None

    @property
    def symbol(self) -> str:
        """Returns what it trades."""
        return symbol_of(self.key)


def run(
    configuration: Configuration, settings: GateSettings, plan: WorkerPlan, *, log: Log, stop: threading.Event
) -> None:
    """Trades until the bars end or `stop` is set. Raises BrokerError, BarsError, ConfigError."""
    refuse_a_past_market(configuration, plan.feed)
    runtime, contract = configuration.runtime, configuration.contracts[plan.symbol]
    worker, opened = runtime.worker_name(plan.key), open_strategy(configuration, plan.key)
    strategy, entry_filter = opened.strategy(), open_filter(configuration, plan.key, log)
    progress = BarProgress(plan.progress)
    bus = Bus(connect(settings.url, password=settings.password), settings.portfolio)
    driven = DrivenFeed(bus, plan.symbol, worker) if plan.feed.kind == DRIVEN.kind else None
    if driven is not None:
        settings = msgspec.structs.replace(
            settings, mark_seconds=0.0
        )  # a pace in real time means nothing there
    with closing(open_broker(BrokerSetup(configuration, worker, plan.book, log, os.environ))) as broker:
        where = _feed_setup(configuration, settings, plan, progress, stop)._replace(context=opened.context)
        feed = None if driven else open_feed(where)
        live = _live_bars(feed, where, strategy)
        words = FirstWords()
        gate = PortfolioGate(
            worker,
            symbols=[plan.symbol],
            settings=settings,
            holdings=words,
            log=log,
            environment=GateEnvironment(stamp=driven.stamp) if driven else None,
        )
        trader = Trader(
            contract=contract,
            strategy=strategy,
            gate=gate,
            broker=broker,
            log=log,
            manner=Manner(
                entry_filter=entry_filter,
                progress=progress,
                fill_at=fill_at(configuration),
                of_now=None if is_paper(configuration) else OfNow(log),
                protection=Protection(runtime.stop_distance(plan.symbol), contract, log),
            ),
        )
        words.are(trader.report_leftovers, lambda: holdings_of(broker, worker))
        if feed is None and driven is not None:
            _trade(gate, trader, _driven_bars(driven, log, stop), stop, log, driven=True)
        elif feed is not None:
            with _marked(configuration, settings, gate, broker, plan, log):
                _trade(gate, trader, live, stop, log, past=partial(past_until, feed))
    bus.close()


def _trade(
    gate: PortfolioGate,
    trader: Trader,
    bars: Iterator[Bar | None],
    stop: threading.Event,
    log: Log,
    *,
    driven: bool = False,
    past: Callable[[], datetime | None] = lambda: None,
) -> None:
    """Trades the bars; on those that an earlier life has traded, or that were there before it, up to `past`,
    the strategy only warms up.
    """
    announced, resumes_after, failure = False, trader.resumes_after, ""
    try:
        for bar in bars:
            # Where the clock is driven, nothing may be said before the first bar brings the time.
            if not announced and (bar is not None or not driven):
                gate.start()
                announced = True
            if bar is not None and any(bar.time <= known for known in (resumes_after, past()) if known):
                _warm_up(trader, bar, stop, log)
            elif bar is not None:
                trader.on_bar(bar)
            elif not driven:
                trader.between_bars()
            if stop.is_set():
                break
    except StrategyFailed as failed:
        failure = f"{STRATEGY_FAILED}: {failed}"
        log.critical(
            f"STRATEGY FAILED: {gate.worker} ends, and what it holds stays open",
            symbol=trader.symbol,
            why=str(failed),
        )
        raise
    finally:
        reason = failure or ("told to stop" if stop.is_set() else "no more bars")
        trader.withdraw_waiting(reason)
        gate.close(reason)


def _warm_up(trader: Trader, bar: Bar, stop: threading.Event, log: Log) -> None:
    """Warms up once the broker can say what is held, and asks until it can."""
    while not stop.is_set():
        try:
            trader.warm_up(bar)
        except BrokerError as error:
            log.critical("The broker cannot say what is held: nothing is traded until it can", why=str(error))
            stop.wait(_RETRY_SECONDS)
        else:
            return


def _live_bars(feed: LiveFeed | None, setup: FeedSetup, strategy: Strategy) -> Iterator[Bar | None]:
    """Returns the bars of the symbol that is traded; the strategy is shown those of its context as they come.

    Raises ConfigError for a feed that brings no other markets.
    """
    if not setup.context:
        return feed.bars(setup.symbol) if feed is not None else iter(())
    together: Callable[..., Iterator[Bar | None]] | None = getattr(feed, "bars_with", None)
    if together is None:
        named = ", ".join(setup.context)
        expected = (
            f"a feed with bars_with(symbol, context), as the strategy of {setup.symbol} looks at {named}"
        )
        raise ConfigError(setup.configuration.files.runtime.path, "feed.kind", expected, setup.entry.kind)
    return own_bars(together(setup.symbol, setup.context), setup.symbol, strategy)


def _driven_bars(feed: DrivenFeed, log: Log, stop: threading.Event) -> Iterator[Bar | None]:
    while not stop.is_set():
        try:
            yield from feed.bars()
            return
        except BusError as error:
            log.error("Bars are not to be had", why=str(error))
            stop.wait(_RETRY_SECONDS)


@contextmanager
def _marked(
    configuration: Configuration,
    settings: GateSettings,
    gate: PortfolioGate,
    broker: OpenedBroker,
    plan: WorkerPlan,
    log: Log,
) -> Iterator[None]:
    """Marks what is held from the prices on the bus, where the portfolio has a feed of this symbol; not where
    it trades bars of the past, as those are of another market.
    """
    market = configuration.runtime.market
    if market is None or plan.symbol not in market.symbols or is_of_the_past(plan.feed):
        yield
        return
    marking = Marking(
        open_bus(settings, gate.worker),
        gate,
        broker,
        configuration.contracts[plan.symbol],
        mark_seconds=settings.mark_seconds,
        stale_seconds=market.price_stale_seconds,
        log=log,
    )
    with closing(marking):
        marking.start()
        yield


def _feed_setup(
    configuration: Configuration,
    settings: GateSettings,
    plan: WorkerPlan,
    progress: BarProgress,
    stop: threading.Event,
) -> FeedSetup:
    place = Place(settings.url, settings.password, settings.portfolio)
    return FeedSetup(configuration, plan.symbol, stop, plan.feed, progress.last, place)
