"""An existing Backtrader strategy behind the gate, unchanged, by the broker that its cerebro trades with.

In a backtest, in process and in simulated time:

    from portfold.workers.adapters.backtrader import backtest_broker
    cerebro.broker = backtest_broker("sma-ES")

and live, over the bus, through the broker that runtime.json names:

    from portfold.workers.adapters.backtrader import live_broker
    cerebro.broker = live_broker("sma-ES", ["ES"])

(with `live=True` where that one trades with money). Set it before what is set of it
(`cerebro.broker.set_cash(...)`). Data feeds are named by their symbols, or `contracts={"6N_hour": "6N",
"6N_day": "6N"}` says whose they are; any feed of Backtrader's will do, and `Bars` makes one of ours.
Needs the extra `backtrader`.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import backtrader as bt

from portfold.config import ConfigError, Configuration, Runtime, load
from portfold.coordinator.configured import unwatched_limits
from portfold.events.wire.errors import BusError
from portfold.log import Log
from portfold.program_log import program_log
from portfold.servers.own import state_folder
from portfold.workers.adapters.backtrader_backtest import Fresh, GatedBroker, Shared
from portfold.workers.adapters.backtrader_feeds import CannotRun, Feeds
from portfold.workers.adapters.backtrader_live import LiveBroker
from portfold.workers.brokers.paper import fill_at
from portfold.workers.brokers.protocol import BrokerError, BrokerSetup
from portfold.workers.brokers.registry import is_paper, open_broker
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.run.book_file import book_there
from portfold.workers.run.first_words import FirstWords
from portfold.workers.run.in_process import InProcessPortfolio
from portfold.workers.run.money import OfNow, RunRefused, with_or_without

__all__ = ["Bars", "CannotRun", "GatedBroker", "LiveBroker", "backtest_broker", "live_broker"]


def backtest_broker(
    worker: str = "backtest",
    *,
    contracts: Mapping[str, str] | None = None,
    portfolio: InProcessPortfolio | None = None,
    configuration: Configuration | None = None,
    at_close: bool = False,
    log: Log | None = None,
) -> GatedBroker:
    """Returns Backtrader's broker, within the limits and at the costs of the configuration that applies here.

    Each run has a portfolio of its own, so `optstrategy` and a second run begin as the first does, but for
    `portfolio`: where several cerebros share one. `contracts`: whose a data feed is that is not named by its
    symbol. `at_close`: orders at the market are filled at the close of their own bar, as live, and not at
    the open of the next. Raises ConfigError, CannotRun.
    """
    found = configuration or load(None, os.environ, Path.cwd())
    return GatedBroker(
        worker,
        Shared(worker, portfolio) if portfolio else Fresh(worker, unwatched_limits(found)),
        Feeds(found.contracts, contracts),
        at_close=at_close,
        log=log or program_log(worker),
    )


def live_broker(  # noqa: PLR0913 - what a strategy author says, each by its name
    worker: str,
    symbols: Sequence[str],
    *,
    contracts: Mapping[str, str] | None = None,
    settings: GateSettings | None = None,
    configuration: Configuration | None = None,
    book: Path | None = None,
    cash: float = 100_000.0,
    paper: bool = False,
    live: bool = False,
    log: Log | None = None,
    **gate: Any,
) -> LiveBroker:
    """Returns a broker that trades through the one that runtime.json names, on the portfolio's bus.

    `contracts`: whose a data feed is that is not named by its symbol. `book` is that broker's file, by
    default the one that `portfold worker` and `portfold flattener` use;
    `gate` is passed on to PortfolioGate. A broker that trades with money wants `live=True`, or `paper=True`
    to trade on paper all the same; with money a bar that is not of now opens nothing. Raises ConfigError,
    CannotRun, BrokerError.
    """
    found = _with_or_without(configuration or load(None, os.environ, Path.cwd()), paper=paper, live=live)
    chosen = settings or GateSettings.of(found, url=os.environ.get("PORTFOLD_URL"))
    log = log or program_log(worker)
    file = book or _default_book(chosen, found.runtime)
    if fill_at(found) != "mark":
        expected = "mark: for Backtrader see at_close of backtest_broker"
        raise ConfigError(found.files.runtime.path, "broker.options.fill_at", expected, "next_bar")
    for symbol in symbols:
        if found.runtime.stop_distance(symbol) is not None:
            expected = "null, as no stop rests at the broker beside what Backtrader enters"
            place = f"protective_stop.symbols.{symbol}"
            raise ConfigError(found.files.runtime.path, place, expected, "a distance")
    feeds = Feeds(found.contracts, contracts)
    broker = open_broker(BrokerSetup(found, worker, file, log, os.environ))
    words = FirstWords()
    opened = PortfolioGate(
        worker,
        symbols=symbols,
        settings=chosen,
        holdings=words,
        log=log,
        **gate,
    )
    of_now = None if is_paper(found) else partial(OfNow, log)
    trading = LiveBroker(opened, broker, feeds, cash=cash, log=log, of_now=of_now)
    words.are(trading.report_leftovers, trading.holdings)
    return trading


def _with_or_without(configuration: Configuration, *, paper: bool, live: bool) -> Configuration:
    try:
        return with_or_without(configuration, None, paper=paper, live=live)
    except RunRefused as refused:
        raise CannotRun(f"live_broker: {refused}") from refused


def _default_book(settings: GateSettings, runtime: Runtime) -> Path:
    if runtime.book is not None:
        return Path(runtime.book)
    folder = state_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BrokerError(f"Cannot make the folder {folder}: {error.strerror}") from error
    try:
        return book_there(settings, folder, runtime.broker.kind)
    except BusError as error:
        raise BrokerError(f"Which book is the portfolio's is not known: {error}") from error


class Bars(bt.feed.DataBase):  # type: ignore[misc]  # Backtrader has no types
    """Bars of one of our feeds as a data feed: `Bars(bars=feed.bars("ES"), live=True)`.

    `bars` may give None while none comes; then `live` must be true. Those that are not live are all taken at
    once: each run, and each process of an optimization, begins with the first.
    """

    params = (("bars", None), ("live", False))

    def __init__(self, **_: Any) -> None:  # Backtrader has made `self.p` of them by now
        super().__init__()
        if not self.p.live:
            self.p.bars = list(self.p.bars)

    def islive(self) -> bool:
        """Tells Backtrader whether there may be more to come that is not there yet."""
        return bool(self.p.live)

    def start(self) -> None:
        """Begins, called by Backtrader."""
        super().start()
        self._iterator: Iterator[Bar | None] = iter(self.p.bars)

    def _load(self) -> bool | None:
        """Answers Backtrader: true for a bar, None for none yet, false at the end."""
        try:
            bar = next(self._iterator)
        except StopIteration:
            return False
        if bar is None:
            return None
        self.lines.datetime[0] = bt.date2num(bar.time.replace(tzinfo=None))
        for line, price in zip(
            ("open", "high", "low", "close"), (bar.open, bar.high, bar.low, bar.close), strict=True
        ):
            getattr(self.lines, line)[0] = float(price)
        self.lines.volume[0] = self.lines.openinterest[0] = 0.0
        return True
