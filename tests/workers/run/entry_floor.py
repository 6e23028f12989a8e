"""A trading floor with one strategy, one filter and a broker, all of which note what they were asked."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

from portfold.clock import SystemClock
from portfold.config import StopDistance
from portfold.config.contracts import read_contracts
from portfold.config.locate import CONTRACTS_FILE, PACKAGED
from portfold.events.fields import Side
from portfold.log import open_log
from portfold.workers.brokers.order import ExitFill, Fill, OrderOutcome
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import (
    BrokerError,
    BrokerPosition,
    FillAt,
    MaySend,
    OrderUnknown,
    always,
)
from portfold.workers.brokers.resting.protective import StopPlace
from portfold.workers.client.decision import Decision
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.progress import BarProgress
from portfold.workers.filters.protocol import Verdict
from portfold.workers.protection import Protection, protecting
from portfold.workers.run.trader import Manner, Trader, holdings_of
from portfold.workers.strategies.intent import Enter, Intent, OwnPosition, Strategy
from tests.costs import costing

CONTRACTS = read_contracts(PACKAGED / CONTRACTS_FILE)
START = datetime(2025, 1, 6, 15, tzinfo=UTC)


class Wishes:
    """A strategy that wants what it is told to, bar by bar, and notes what it is shown."""

    def __init__(self, steps: list[str]) -> None:
        self.steps, self.next = steps, list[Intent]()
        self.shown: list[int | None] = []

    def decide(self, _bar: Bar, held: OwnPosition | None) -> Intent:
        self.shown.append(held.bars if held else None)
        intent = self.next.pop(0) if self.next else None
        self.steps.append("signal" if isinstance(intent, Enter) else "bar")
        return intent


class Says:
    """A filter that says the same to everything."""

    def __init__(self, steps: list[str], *, passed: bool) -> None:
        self.steps, self.passed = steps, passed
        self.taken = 0

    def take(self, _bar: Bar) -> None:
        self.taken += 1

    def judge(self, _bar: Bar, side: Side) -> Verdict:
        self.steps.append(f"filter {side}")
        return Verdict(self.passed, "told so")


class NotedBroker(PaperBroker):
    """The paper broker, whose orders are noted, and refused if so told."""

    steps: list[str]
    refuses = False
    silent = False
    sends_within_seconds = 0.0
    refused_exits: BrokerError | None = None
    gets_lost: Callable[[], object] | None = None

    def positions(self, owner: str | None = None) -> list[BrokerPosition]:
        if self.silent:
            raise BrokerError("Who knows")
        return super().positions(owner)

    def enter(  # noqa: PLR0913 - as its super's
        self,
        symbol: str,
        side: Side,
        size: int,
        price: Decimal,
        *,
        may_send: MaySend = always,
        stop_distance: Decimal | None = None,
        stop_price: Decimal | None = None,
        at_limit: bool = False,
    ) -> OrderOutcome[Fill]:
        self.steps.append("order")
        if self.refuses:
            raise BrokerError("Not today")
        if self.gets_lost is not None:
            super().enter(symbol, side, size, price, may_send=may_send)
            self.gets_lost()
            raise OrderUnknown("No answer")
        entering = protecting(super().enter, StopPlace(stop_distance, stop_price), at_limit=at_limit)
        return entering(symbol, side, size, price, may_send=may_send)

    def exit(
        self, symbol: str, side: Side, size: int, price: Decimal | None, *, owner: str | None = None
    ) -> OrderOutcome[ExitFill]:
        self.steps.append("exit")
        if self.refused_exits is not None:
            raise self.refused_exits
        return super().exit(symbol, side, size, price, owner=owner)


class Later(SystemClock):
    """The machine's clock, and what a test lets pass."""

    passed = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.passed


class NotedGate(PortfolioGate):
    """The gate, whose reports of fills are noted, and its last answer."""

    steps: list[str]
    answer: Decision

    def request_entry(self, *words: object, **more: object) -> Decision:
        self.steps.append("gate")
        self.answer = super().request_entry(*words, **more)  # type: ignore[arg-type]
        return self.answer

    def position_opened(self, *words: object, **more: object) -> bool:
        self.steps.append("fill reported")
        return super().position_opened(*words, **more)  # type: ignore[arg-type]


class Floor:
    """A trader of ES behind a real gate; each life of it has the same book and the same progress."""

    def __init__(self, url: str, portfolio: str, folder: Path) -> None:
        self.steps: list[str] = []
        self._folder = folder
        self.said = StringIO()
        self.log, self._lines = open_log("ibs-ES", target=self.said)
        settings = GateSettings(url=url, portfolio=portfolio, worker_lost_seconds=60, answer_seconds=10)
        self.book = folder / "book.sqlite"
        self.broker = NotedBroker(self.book, "ibs-ES", costing(CONTRACTS), patience=0.1)
        self.gate = NotedGate(
            "ibs-ES",
            symbols=["ES"],
            settings=settings,
            holdings=lambda: holdings_of(self.broker, "ibs-ES"),
            log=self.log,
        )
        self.broker.steps = self.gate.steps = self.steps
        self.begin()

    def begin(
        self,
        *,
        passes: bool | None = True,
        fill_at: FillAt = "mark",
        of_now: bool = True,
        stop: StopDistance | None = None,
        strategy: Strategy | None = None,
    ) -> None:
        """A new life of the trader; by default its strategy wants what it is told to."""
        self.of_now = of_now
        self.clock = Later()
        self.strategy = Wishes(self.steps)
        self.filter = Says(self.steps, passed=passes) if passes is not None else None
        self.trader = Trader(
            contract=CONTRACTS["ES"],
            strategy=strategy or self.strategy,
            gate=self.gate,
            broker=self.broker,
            log=self.log,
            manner=Manner(
                entry_filter=self.filter,
                progress=BarProgress(self._folder / "progress.json"),
                fill_at=fill_at,
                of_now=lambda _: self.of_now,
                protection=Protection(stop, CONTRACTS["ES"], self.log),
            ),
            clock=self.clock,
        )

    def bar(self, number: int, intent: Intent = None, opens: int = 5000) -> None:
        self.strategy.next = [intent]
        self.trader.on_bar(bar(number, opens))

    def close(self) -> None:
        self.broker.close()
        self._lines.close()


def bar(number: int, opens: int = 5000) -> Bar:
    open_, close = Decimal(opens), Decimal(5000)
    return Bar("ES", START + timedelta(hours=number), open_, max(open_, close), min(open_, close), close)
