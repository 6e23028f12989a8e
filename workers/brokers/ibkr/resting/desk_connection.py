"""A connection that orders, and sees and ends as well what others have at work."""

from collections.abc import Mapping
from typing import NamedTuple

from portfold.log import Log
from portfold.workers.brokers.ibkr.connection import Connection, ConnectionSetup
from portfold.workers.brokers.ibkr.heard import Hears, WorkingOrder


class Gateway(NamedTuple):
    """Where TWS or IB Gateway is, and whom we are to it: `first_client_id` and those after it are ours.

    `account` names the one to trade, None the only paper account. `names` are the broker's names of futures
    that are not the exchange's, beside those known; `reconnect_seconds` the first pause after a break.
    """

    host: str
    port: int
    first_client_id: int
    account: str | None = None
    names: Mapping[str, str] = {}
    connect_seconds: float = 10.0
    silence_seconds: float = 10.0
    reconnect_seconds: float = 1.0

    def connection(self, client_id: int, hears: Hears, log: Log) -> "DeskConnection":
        """Returns a connection to it, not begun, as that client."""
        setup = ConnectionSetup(
            self.host,
            self.port,
            client_id,
            self.account,
            self.connect_seconds,
            self.silence_seconds,
            self.reconnect_seconds,
        )
        return DeskConnection(setup, hears, log)


class DeskConnection(Connection):
    """One client's connection, see `Connection`."""

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts that the gateway is logged in to; none before it is connected."""
        try:
            return tuple(self._client.getAccounts())
        except ConnectionError:
            return ()

    def working_orders(self, seconds: float) -> list[WorkingOrder]:
        """Returns the orders of the account that may still be filled, whosever. Raises BrokerError."""
        return self._wait(self._ask_working(seconds), seconds)

    def cancel_all(self) -> None:
        """Asks for every order at the gateway to be cancelled, of all accounts and whoever gave it. Raises
        NotSent.
        """
        self._call(lambda: self._client.isReady() and self._client.reqGlobalCancel())

    async def _ask_working(self, seconds: float) -> list[WorkingOrder]:
        async with self._listing:
            rows = await self._questions.ask(
                "open orders", lambda _key: self._client.reqAllOpenOrders(), seconds
            )
        return [each for each in rows if each.account == self.account and not each.is_over]
