"""A worker that does as it is told: production gate, trader and paper broker, and a strategy without a will.

Run as a module it is one process. It is told by lines through a named pipe, each a bar at one price: `enter
5000`, `mark 4990.25`, `exit 4980`. It ends in good order when the pipe is closed, and can be made to kill or
stop itself, as kill -9 and SIGSTOP would, at a moment of an order that no outside signal could hit.
"""

import os
import signal
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast, get_args

from portfold.config import load
from portfold.events.fields import Side
from portfold.log import open_log
from portfold.workers.brokers.order import ExitFill, Fill, OrderOutcome
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import MaySend, Withheld, always
from portfold.workers.brokers.resting.protective import StopPlace
from portfold.workers.client.decision import Decision
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.protection import protecting
from portfold.workers.run.trader import Trader, holdings_of
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition

Moment = Literal["allowed", "entering", "entered", "exiting", "exited", "reported"]
"""Just after the yes; before and after the broker's fill, in and out; the exit on the log, not yet noted."""


class Fate(NamedTuple):
    """What the process does to itself, and when."""

    moment: Moment
    signal: signal.Signals

    def reached(self, moment: Moment) -> None:
        """Everything in the process ends or stops here, all threads at once, if this is the moment."""
        if moment == self.moment:
            os.kill(os.getpid(), self.signal)


class FatedBroker(PaperBroker):
    """The paper broker; its owner's fate may come at an order."""

    fate: Fate | None = None

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
        if not may_send():
            raise Withheld(symbol)
        _reached(self.fate, "entering")  # on its way: nobody can call it back
        stop = StopPlace(stop_distance, stop_price)
        fill = protecting(super().enter, stop, at_limit=at_limit)(symbol, side, size, price)
        _reached(self.fate, "entered")
        return fill

    def exit(
        self, symbol: str, side: Side, size: int, price: Decimal | None, *, owner: str | None = None
    ) -> OrderOutcome[ExitFill]:
        _reached(self.fate, "exiting")
        fill = super().exit(symbol, side, size, price, owner=owner)
        _reached(self.fate, "exited")
        return fill

    def confirm_reported(self, fill_id: str) -> None:
        _reached(self.fate, "reported")
        super().confirm_reported(fill_id)


class FatedGate(PortfolioGate):
    """The gate; its owner's fate may come between a yes and the question whether it still stands."""

    fate: Fate | None = None

    def standing(self, decision: Decision, *, seconds: float = 0.0) -> bool:
        fate, self.fate = self.fate, None  # it is asked again, right before the order is sent
        _reached(fate, "allowed")
        return super().standing(decision, seconds=seconds)


class Obedient:
    """Wants what it was last told."""

    def __init__(self) -> None:
        self.told: Intent = None

    def decide(self, bar: Bar, held: OwnPosition | None) -> Intent:  # noqa: ARG002 - it has no eyes
        return self.told


_INTENTS: dict[str, Intent] = {"enter": Enter("long", 1), "mark": None, "exit": Exit("told to")}


def main(url: str, portfolio: str, config: str, symbol: str, book: str, pipe: str, *fate: str) -> None:
    """Trades `symbol` as told through `pipe`, until that is closed."""
    configuration = load(config, {}, Path.cwd())
    worker = f"ibs-{symbol}"
    log, lines = open_log(worker)
    with FatedBroker(
        Path(book),
        worker,
        configuration.contracts,
    ) as broker:
        gate = FatedGate(
            worker,
            symbols=[symbol],
            settings=GateSettings.of(configuration, url=url, portfolio=portfolio),
            holdings=lambda: holdings_of(broker, worker),
            log=log,
        )
        strategy = Obedient()
        contract = configuration.contracts[symbol]
        trader = Trader(contract=contract, strategy=strategy, gate=gate, broker=broker, log=log)
        gate.fate = broker.fate = _fate(*fate)
        trader.report_leftovers()
        with gate, Path(pipe).open(encoding="utf-8") as told:
            for line in told:
                word, price = line.split()
                strategy.told = _INTENTS[word]
                broker.mark(symbol, Decimal(price))
                trader.on_bar(_bar(symbol, Decimal(price)))
                log.info("Done", line=line.strip())
    lines.close()


def _bar(symbol: str, price: Decimal) -> Bar:
    return Bar(symbol, datetime.now(UTC), price, price, price, price)


def _fate(moment: str = "", number: str = "") -> Fate | None:
    if not moment:
        return None
    if moment not in get_args(Moment):
        raise ValueError(f"expected a moment of {get_args(Moment)}, got {moment!r}")
    return Fate(cast(Moment, moment), signal.Signals[number])


def _reached(fate: Fate | None, moment: Moment) -> None:
    if fate is not None:
        fate.reached(moment)


if __name__ == "__main__":
    arguments: list[Any] = sys.argv[1:]
    main(*arguments)
