"""Orders and executions as the fake exchange keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from tests.fakes.tws.listed import Listed

Status = Literal[
    "PendingSubmit", "PreSubmitted", "Submitted", "PendingCancel", "Cancelled", "Filled", "Inactive"
]
DONE: tuple[Status, ...] = ("Cancelled", "Filled", "Inactive")


@dataclass
class Order:
    """One order, by whatever client. `fields`: all that the client sent, by its own names."""

    perm_id: int
    client_id: int
    order_id: int
    contract: Listed
    account: str
    fields: Mapping[str, str]
    status: Status = "PendingSubmit"
    executions: list["Execution"] = field(default_factory=list)
    why_held: str = ""
    ended_at: datetime | None = None
    ended_because: str = ""

    @property
    def reference(self) -> str:
        """The client's own name for it, `orderRef`."""
        return self.fields.get("orderRef", "")

    @property
    def buys(self) -> bool:
        return self.fields["action"] == "BUY"

    @property
    def kind(self) -> str:
        return self.fields["orderType"]

    @property
    def size(self) -> int:
        return int(Decimal(self.fields["totalQuantity"]))

    @property
    def filled(self) -> int:
        return sum(each.size for each in self.executions)

    @property
    def remaining(self) -> int:
        return self.size - self.filled

    @property
    def is_done(self) -> bool:
        return self.status in DONE

    @property
    def average(self) -> Decimal:
        """The average price of what was filled; zero where nothing was."""
        paid = sum((each.price * each.size for each in self.executions), Decimal(0))
        return paid / self.filled if self.filled else Decimal(0)

    @property
    def outside_hours(self) -> bool:
        return self.fields.get("outsideRth") == "1"

    def price_of(self, name: str) -> Decimal | None:
        """Returns `lmtPrice` or `auxPrice`; None where the order has none."""
        value = self.fields.get(name, "")
        return Decimal(value) if value else None

    def __str__(self) -> str:
        return (
            f"{self.fields['action']} {self.size} {self.contract.local_symbol} {self.kind} '{self.reference}'"
        )


@dataclass
class Execution:
    """Contracts that an order got at one price, with the commission that the broker charged for them."""

    exec_id: str
    order: Order
    size: int
    price: Decimal
    at: datetime
    commission: Decimal
    cumulative: int
    average: Decimal
    realized: Decimal | None
