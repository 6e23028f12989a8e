"""A worker for `stop_to_flat`: production gate, trader and paper broker, always wanting to be long.

It reads prices from standard input, one a line, each a bar of its symbol, and ends with its input.
"""

import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from portfold.config import load
from portfold.config.locate import PACKAGED
from portfold.log import open_log
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.run.trader import Trader, holdings_of
from portfold.workers.strategies.intent import Enter, Intent, OwnPosition


class AlwaysLong:
    """Enters at every bar without a position, and never exits by itself."""

    def decide(self, bar: Bar, held: OwnPosition | None) -> Intent:  # noqa: ARG002 - the bar does not matter to it
        return Enter("long", 1) if held is None else None


def main(url: str, portfolio: str, symbol: str, book: str) -> None:
    """Trades `symbol` until standard input ends."""
    configuration = load(str(PACKAGED), {}, Path.cwd())
    worker = f"long-{symbol}"
    log, lines = open_log(worker)
    with PaperBroker(
        Path(book),
        worker,
        configuration.contracts,
    ) as broker:
        gate = PortfolioGate(
            worker,
            symbols=[symbol],
            settings=GateSettings(url=url, portfolio=portfolio, mark_seconds=0, answer_seconds=20),
            holdings=lambda: holdings_of(broker, worker),
            log=log,
        )
        trader = Trader(
            contract=configuration.contracts[symbol],
            strategy=AlwaysLong(),
            gate=gate,
            broker=broker,
            log=log,
        )
        with gate:
            for line in sys.stdin:
                price = Decimal(line)
                broker.mark(symbol, price)
                trader.on_bar(Bar(symbol, datetime.now(UTC), price, price, price, price))
    lines.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
