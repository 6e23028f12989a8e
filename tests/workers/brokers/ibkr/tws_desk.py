"""A desk at Interactive Brokers: brokers on one book and one fake gateway, and what they log."""

import io
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from portfold.config.contracts import read_contracts
from portfold.config.locate import CONTRACTS_FILE, PACKAGED
from portfold.log import open_log
from portfold.workers.brokers.contract_names import ContractNames
from portfold.workers.brokers.ibkr.broker import InteractiveBrokers
from portfold.workers.brokers.ibkr.order_records import LiveOrder
from portfold.workers.brokers.ibkr.resting.desk_connection import Gateway
from portfold.workers.brokers.ibkr.sending import Waits
from portfold.workers.brokers.protocol import BrokerError
from tests.fakes.tws.exchange import Exchange
from tests.fakes.tws.gateway import HOST
from tests.fakes.tws.gateway import Gateway as FakeGateway
from tests.waiting import logged, until

CONTRACTS = read_contracts(PACKAGED / CONTRACTS_FILE)
MONTHS = {"ES": "ESZ2025", "CL": "CLF2026"}
PRICE = Decimal(5000)
SHORT = Waits(fill=0.2, cancel=0.2, lists=0.5, commission=0.1, book=0.5)
"""For tests of what does not come; what does comes far sooner."""
LONG = Waits(fill=20.0, cancel=20.0, lists=20.0, commission=20.0)


class Desk:
    """Opens brokers, closes them at the end."""

    def __init__(self, folder: Path, accounts: Iterable[str] = ("DU1234567",)) -> None:
        self.book = folder / "ibkr.sqlite"
        self.exchange = Exchange(accounts=accounts)
        self.gateway = FakeGateway(self.exchange)
        self.gateway.start()
        self._said = io.StringIO()
        self.log, self._lines = open_log("worker", target=self._said)
        self._open: list[InteractiveBrokers] = []

    def broker(
        self,
        owner: str = "ibs-ES",
        *,
        waits: Waits = LONG,
        account: str | None = None,
        connect_seconds: float = 20.0,
        silence_seconds: float = 20.0,
        reconnect_seconds: float = 0.02,
    ) -> InteractiveBrokers:
        """Opens a broker of `owner`; a break is mended within milliseconds, if nothing else is said."""
        opened = InteractiveBrokers(
            self.book,
            owner,
            CONTRACTS,
            gateway=Gateway(
                HOST,
                self.gateway.port,
                101,
                account,
                connect_seconds=connect_seconds,
                silence_seconds=silence_seconds,
                reconnect_seconds=reconnect_seconds,
            ),
            waits=waits,
            names=ContractNames(MONTHS),
            log=self.log,
        )
        self._open.append(opened)
        return opened

    def holding(self, size: int, *, waits: Waits = SHORT) -> InteractiveBrokers:
        """Opens a broker that is long of ES, in a life that does not wait for long."""
        before = self.broker()
        before.enter("ES", "long", size, PRICE)
        self.end(before)
        now = self.broker(waits=waits)
        until(lambda: _is_checked(now), "the contract")
        return now

    def opened(self) -> list[InteractiveBrokers]:
        """Returns the brokers that are open, oldest first."""
        return self._open

    def end(self, broker: InteractiveBrokers) -> None:
        """Closes one broker; whoever opens the same owner next is its next life."""
        self._open.remove(broker)
        broker.close()

    def close(self) -> None:
        """Closes all of it."""
        for broker in self._open:
            broker.close()
        self.gateway.stop()
        self._lines.close()

    def said(self) -> str:
        """Returns all that was logged."""
        return logged(self.log, self._said)

    def sent(self) -> int:
        """Returns how many orders reached the exchange."""
        return len(self.exchange.orders)

    def at_work(self) -> str:
        """Waits for an order at the exchange that is not over. Returns its reference."""
        return until(self.exchange.working, "an order at the exchange")[0].reference


def only(orders: list[LiveOrder]) -> LiveOrder:
    """Returns the one order there is."""
    (order,) = orders
    return order


def _is_checked(broker: InteractiveBrokers) -> bool:
    try:
        return broker.check_contract("ES").name == "ESZ2025"
    except BrokerError:
        return False
