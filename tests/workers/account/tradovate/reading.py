"""A source at the fake of Tradovate, with a clock that a test moves and all that it logs."""

import io
from decimal import Decimal

from portfold.log import open_log
from portfold.workers.account.source import AccountSnapshot
from portfold.workers.account.tradovate.client import TradovateClient
from portfold.workers.account.tradovate.credentials import Credentials
from portfold.workers.account.tradovate.http import Http
from portfold.workers.account.tradovate.pauses import Pauses
from portfold.workers.account.tradovate.source import TradovateSource
from tests.fakes.tradovate.server import LOGIN, Tradovate


class Hand:
    """A clock that goes on only when a test moves it."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


class Reading:
    """A source that reads from `server`."""

    def __init__(
        self, server: Tradovate, *, password: str = "", name: str = "DEMO12345", timeout_seconds: float = 20.0
    ) -> None:
        self.clock = Hand()
        self._said = io.StringIO()
        self._log, self._lines = open_log("account", target=self._said)
        pauses = Pauses(self.clock)
        credentials = Credentials(
            str(LOGIN["name"]),
            password or str(LOGIN["password"]),
            str(LOGIN["appId"]),
            str(LOGIN["cid"]),
            str(LOGIN["sec"]),
        )
        self.http = Http(server.url, timeout_seconds)
        self.client = TradovateClient(self.http, credentials, pauses, self.clock, self._log)
        self.source = TradovateSource(
            self.client, pauses, name=name, seconds_between_reads=3.0, log=self._log
        )

    def read(self, after: float = 0.0) -> AccountSnapshot:
        """Reads once, so many seconds later."""
        self.clock.at += after
        return self.source.read()

    def held(self) -> dict[str, tuple[str, int, Decimal]]:
        """Reads once; returns side, size and price by symbol."""
        return {one.symbol: (one.side, one.size, one.price) for one in self.source.read().holdings}

    def close(self) -> str:
        """Returns all that was logged."""
        self.source.close()
        self._lines.close()
        return self._said.getvalue()
