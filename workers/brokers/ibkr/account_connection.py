"""A connection that only reads: what the account holds, its working orders and its money, as of now.

Guarantees: nothing is ordered by it. Orders are asked for before positions, so whatever is filled in between
is seen in one of the two at least.
"""

from typing import NamedTuple

from portfold.log import Log
from portfold.workers.brokers.ibkr.connection import Connection, ConnectionSetup
from portfold.workers.brokers.ibkr.heard import AccountValue, HeldContract, Listing, OrderNews, WorkingOrder


class AccountRows(NamedTuple):
    """What the gateway says of one account."""

    working: list[WorkingOrder]
    held: list[HeldContract]
    values: list[AccountValue]


class _Nobody:
    """Hears of orders, and does nothing with it: they are others'."""

    is_in_doubt = False

    def hear(self, news: OrderNews) -> None:
        pass

    def hear_listing(self, listing: Listing) -> None:
        pass

    def hear_break(self, why: str) -> None:
        pass


class AccountConnection(Connection):
    """Reads the account that `setup` names."""

    def __init__(self, setup: ConnectionSetup, log: Log) -> None:
        super().__init__(setup, _Nobody(), log)

    def read_account(self, seconds: float) -> AccountRows:
        """Returns what the gateway says of the account now. Raises BrokerError."""
        return self._wait(self._read_account(seconds), 3 * seconds)

    async def _read_account(self, seconds: float) -> AccountRows:
        client, ask = self._client, self._questions.ask
        async with self._listing:
            working = await ask("open orders", lambda _key: client.reqAllOpenOrders(), seconds)
            held = await ask("positions", lambda _key: client.reqPositions(), seconds)
            request = client.getReqId()
            try:
                values = await ask(
                    request,
                    lambda key: client.reqAccountUpdatesMulti(key, self.account, "", False),  # noqa: FBT003
                    seconds,
                )
            finally:
                client.cancelAccountUpdatesMulti(request)
        return AccountRows(
            [each for each in working if each.account == self.account and not each.is_over],
            [each for each in held if each.account == self.account],
            values,
        )
