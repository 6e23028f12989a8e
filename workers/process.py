"""A worker as a process: one symbol, one strategy, one gate. Its composition root.

Ends when its bars end or when it is told to (SIGTERM, Ctrl-C), in good order: positions stay open and
reported, the coordinator is told goodbye.
"""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from config import Configuration
from coordinator.log import Log
from events.bus import SERVERS_TIME, Bus
from events.connection import connect
from events.errors import BusError
from workers.bar import Bar
from workers.brokers.paper import PaperBroker
from workers.feeds.csv_folder import CsvFolder
from workers.feeds.driven import DrivenFeed
from workers.feeds.synthetic import SyntheticMarket
from workers.gate import PortfolioGate
from workers.settings import GateSettings
from workers.strategies.ibs import IbsStrategy
from workers.trader import Trader, holdings_of

_RETRY_SECONDS = 0.5


class WorkerPlan(Struct, frozen=True):
    """What one worker trades and from where.

    `bars`: `driven` (a conductor hands them out), `synthetic`, or a folder of CSV files; the latter two a bar
    every `pace_seconds`. `book`: the paper broker's file, shared by all workers of the portfolio.
    """

    symbol: str
    bars: str
    book: Path
    pace_seconds: float = 1.0
    seed: int = 1
    days: int = 10

    @property
    def worker(self) -> str:
        """The worker's name on the log."""
        return f"ibs-{self.symbol}"


def run(
    configuration: Configuration, settings: GateSettings, plan: WorkerPlan, *, log: Log, stop: threading.Event
) -> None:
    """Trades until the bars end or `stop` is set. Raises BrokerError, BarsError, ConfigError."""
    contract = configuration.contracts[plan.symbol]
    bus = Bus(connect(settings.url, password=settings.password), settings.portfolio)
    driven = DrivenFeed(bus, plan.symbol, plan.worker) if plan.bars == "driven" else None
    if driven is not None:
        settings = msgspec.structs.replace(
            settings, mark_seconds=0.0
        )  # a pace in real time means nothing there
    runtime = configuration.runtime
    with PaperBroker(
        plan.book,
        plan.worker,
        configuration.contracts,
        slippage_ticks=runtime.slippage_ticks,
        commission_per_side=runtime.commission_per_side,
    ) as broker:
        gate = PortfolioGate(
            plan.worker,
            symbols=[plan.symbol],
            settings=settings,
            holdings=lambda: holdings_of(broker, plan.worker),
            stamp=driven.stamp if driven else lambda: SERVERS_TIME,
            log=log,
        )
        strategy = IbsStrategy(runtime.worker(plan.symbol))
        trader = Trader(contract=contract, strategy=strategy, gate=gate, broker=broker, log=log)
        bars = _driven_bars(driven, log, stop) if driven else _paced_bars(configuration, plan, stop)
        _trade(gate, trader, broker, bars, driven is not None, stop)
    bus.close()


def _trade(
    gate: PortfolioGate,
    trader: Trader,
    broker: PaperBroker,
    bars: Iterator[Bar | None],
    driven: bool,
    stop: threading.Event,
) -> None:
    announced = False
    try:
        for bar in bars:
            # Where the clock is driven, nothing may be said before the first bar brings the time.
            if not announced and (bar is not None or not driven):
                trader.report_leftovers()
                gate.start()
                announced = True
            if bar is not None:
                broker.mark(bar.symbol, bar.close)
                trader.on_bar(bar)
            if stop.is_set():
                break
    finally:
        gate.close("told to stop" if stop.is_set() else "no more bars")


def _driven_bars(feed: DrivenFeed, log: Log, stop: threading.Event) -> Iterator[Bar | None]:
    while not stop.is_set():
        try:
            yield from feed.bars()
            return
        except BusError as error:
            log.error("Bars are not to be had", why=str(error))
            stop.wait(_RETRY_SECONDS)


def _paced_bars(
    configuration: Configuration, plan: WorkerPlan, stop: threading.Event
) -> Iterator[Bar | None]:
    """Bars of the past or of no market at all, as if they ended now, one every `pace_seconds`."""
    for bar in _recorded(configuration, plan):
        yield msgspec.structs.replace(bar, time=datetime.now(UTC))
        if stop.wait(plan.pace_seconds):
            return


def _recorded(configuration: Configuration, plan: WorkerPlan) -> Iterator[Bar]:
    if plan.bars == "synthetic":
        return SyntheticMarket(configuration.contracts, days=plan.days, seed=plan.seed).bars(plan.symbol)
    zone = ZoneInfo(configuration.runtime.bar_zone(plan.symbol))
    return CsvFolder(Path(plan.bars), zones={plan.symbol: zone}).bars(plan.symbol)


def book_of(portfolio: str, folder: Path) -> Path:
    """Where the paper broker's book of a portfolio lies."""
    return folder / f"paper-{portfolio}.sqlite"
