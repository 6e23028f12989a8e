"""Who trades while the kills go on: real traders and the flattener, by whatever broker is configured.

A trader gets a bar every few milliseconds and wants what it was last told: to hold (`enter`), to be flat
(`exit`), either at random (`trade`), or nothing (`rest`). `doom PLACE` says where it is to die.
"""

import os
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import NamedTuple

from portfold.config import load
from portfold.log import open_log
from portfold.workers.brokers.protocol import BrokerSetup
from portfold.workers.brokers.registry import open_broker
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.flattener.flattener import NAME
from portfold.workers.flattener.process import run
from portfold.workers.run.trader import Trader, holdings_of
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition
from tests.kills.account import worker_of
from tests.kills.children import Hear, Life
from tests.kills.doomed_broker import DOOM

_BAR_SECONDS = 0.02


class Desk(NamedTuple):
    """What all of them share."""

    url: str
    portfolio: str
    config: Path
    book: Path


class Told:
    """A strategy that wants what it was told."""

    def __init__(self, seed: str) -> None:
        self.word = "rest"
        self._random = Random(seed)

    def decide(self, bar: Bar, held: OwnPosition | None) -> Intent:  # noqa: ARG002 - it has no eyes
        word = self._random.choice(["enter", "exit", "rest"]) if self.word == "trade" else self.word
        if word == "enter" and held is None:
            return Enter(self._random.choice(["long", "short"]), self._random.randint(1, 2))
        return Exit("told to") if word == "exit" and held is not None else None


def trader(symbol: str, desk: Desk, seed: str) -> Life:
    """Gate, trader and broker as production puts them together. Orders: see above, and `stop`."""

    def live(orders: Callable[[Hear], None]) -> None:
        strategy, stop = Told(seed), threading.Event()

        def hear(order: str) -> None:
            if order.startswith("doom "):
                DOOM.place = order.removeprefix("doom ")
            elif order == "stop":
                stop.set()
            else:
                strategy.word = order

        orders(hear)
        configuration, worker = load(str(desk.config), {}, desk.config), worker_of(symbol)
        log, lines = open_log(worker)
        with closing(open_broker(BrokerSetup(configuration, worker, desk.book, log, os.environ))) as broker:
            gate = PortfolioGate(
                worker,
                symbols=[symbol],
                settings=GateSettings.of(configuration, url=desk.url, portfolio=desk.portfolio),
                holdings=lambda: holdings_of(broker, worker),
                log=log,
            )
            contract = configuration.contracts[symbol]
            one = Trader(contract=contract, strategy=strategy, gate=gate, broker=broker, log=log)
            one.report_leftovers()
            price, random = Decimal(1000), Random(seed)
            with gate:
                while not stop.wait(_BAR_SECONDS):
                    price += contract.tick_size * random.randint(-1, 1)
                    one.on_bar(Bar(symbol, datetime.now(UTC), price, price, price, price))
        lines.close()

    return live


def closer(desk: Desk) -> Life:
    """The production flattener. Orders: `doom PLACE`, `stop`."""

    def live(orders: Callable[[Hear], None]) -> None:
        stop = threading.Event()

        def hear(order: str) -> None:
            word, _, DOOM.place = order.partition(" ")
            if word == "stop":
                stop.set()

        orders(hear)
        configuration = load(str(desk.config), {}, desk.config)
        settings = GateSettings.of(configuration, url=desk.url, portfolio=desk.portfolio)
        log, lines = open_log(NAME)
        run(configuration, settings, desk.book, log=log, stop=stop)
        lines.close()

    return live
