"""A trading desk: TradersPost brokers on one book and one server, and what they log."""

import io
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from portfold.config.contracts import read_contracts
from portfold.config.locate import CONTRACTS_FILE, PACKAGED
from portfold.log import open_log
from portfold.workers.brokers.contract_names import ContractNames
from portfold.workers.brokers.traderspost.broker import TradersPost
from portfold.workers.brokers.traderspost.webhook import Webhook, longest_seconds
from tests.workers.brokers.traderspost.webhook_server import Receiver

CONTRACTS = read_contracts(PACKAGED / CONTRACTS_FILE)


@contextmanager
def locked(book: Path) -> Iterator[Callable[[], None]]:
    """Another process holds the book's lock, until what is given here is called."""
    holder = sqlite3.connect(book, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield holder.rollback
    finally:
        holder.close()


class Desk:
    """Opens brokers on one book and one server, and keeps what they log."""

    def __init__(self, folder: Path, server: Receiver) -> None:
        self.book = folder / "traderspost.sqlite"
        self.server = server
        self.said = io.StringIO()
        self.log, self._lines = open_log("worker", target=self.said)
        self._open: list[TradersPost] = []

    def broker(
        self,
        owner: str = "ibs-CL",
        *,
        url: str = "",
        timeout: float = 5.0,
        names: dict[str, str] | None = None,
        today: date = date(2025, 11, 3),
        send_seconds: float | None = None,
    ) -> TradersPost:
        webhook = Webhook(url or self.server.url, timeout_seconds=timeout, log=self.log)
        opened = TradersPost(
            self.book,
            owner,
            CONTRACTS,
            webhook=webhook,
            send_seconds=longest_seconds(timeout) if send_seconds is None else send_seconds,
            names=ContractNames(names or {}, lambda: today),
            log=self.log,
        )
        self._open.append(opened)
        return opened

    def close(self) -> str:
        """All that was logged."""
        for broker in self._open:
            broker.close()
        self._lines.close()
        return self.said.getvalue()
