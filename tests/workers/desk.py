"""A trading desk: TradersPost brokers on one book and one server, and what they log."""

import io
from datetime import date
from pathlib import Path

from config.contracts import read_contracts
from config.locate import CONTRACTS_FILE, PACKAGED
from coordinator.log import open_log
from tests.workers.webhook_server import Receiver
from workers.brokers.traderspost import TradersPost
from workers.brokers.webhook import Webhook

CONTRACTS = read_contracts(PACKAGED / CONTRACTS_FILE)


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
    ) -> TradersPost:
        webhook = Webhook(url or self.server.url, timeout_seconds=timeout, log=self.log)
        opened = TradersPost(
            self.book,
            owner,
            CONTRACTS,
            webhook=webhook,
            send_seconds=4 * timeout,
            names=names or {},
            log=self.log,
            today=lambda: today,
        )
        self._open.append(opened)
        return opened

    def close(self) -> str:
        """All that was logged."""
        for broker in self._open:
            broker.close()
        self._lines.close()
        return self.said.getvalue()
