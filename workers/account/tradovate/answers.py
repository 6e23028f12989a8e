"""What Tradovate answers with, as far as it is read: the fields of its REST reference, numbers exact.

A field that the reference calls optional may be missing; any other that is, or is of another kind, makes the
answer unreadable, and so the account: half of an answer says nothing of what is held.
"""

from decimal import Decimal
from typing import Final

from msgspec import Struct, field

ENDED: Final = frozenset({"Canceled", "Completed", "Expired", "Filled", "Rejected"})
"""Statuses of an order that cannot be filled any more; each other may, and a new one may too."""

_MOST_DECIMALS = 20
_BEYOND = 10**12


class Penalty(Struct, frozen=True):
    """What comes in place of an answer, under HTTP 200, where an endpoint was asked too often."""

    ticket: str = field(name="p-ticket", default="")
    seconds: Decimal = field(name="p-time", default=Decimal(0))
    captcha: bool = field(name="p-captcha", default=False)
    error_text: str | None = field(name="errorText", default=None)


class AccessToken(Struct, frozen=True, rename="camel"):
    """The answer to a login and to a renewal."""

    access_token: str = ""
    expiration_time: str = ""
    error_text: str | None = None

    def __repr__(self) -> str:
        return "AccessToken(not shown)"


class Account(Struct, frozen=True):
    """An account that the login may see."""

    id: int
    name: str


class Position(Struct, frozen=True, rename="camel"):
    """What an account holds of one contract: `net_pos` below zero is short."""

    account_id: int
    contract_id: int
    net_pos: int
    net_price: Decimal | None = None

    def __post_init__(self) -> None:
        _check(self.net_price)


class Order(Struct, frozen=True, rename="camel"):
    """An order of the day; one of several contracts at once names none."""

    id: int
    account_id: int
    ord_status: str
    contract_id: int | None = None


class Fill(Struct, frozen=True, rename="camel"):
    """A part of an order, or all of it, that was executed."""

    id: int
    order_id: int
    contract_id: int
    action: str
    qty: int
    price: Decimal
    timestamp: str

    def __post_init__(self) -> None:
        _check(self.price)


class Contract(Struct, frozen=True):
    """A contract by its name, such as ESZ6."""

    id: int
    name: str


class CashBalance(Struct, frozen=True):
    """A snapshot of the account's money: `netLiq` with open profit, `totalCashValue` without."""

    error_text: str | None = field(name="errorText", default=None)
    cash: Decimal | None = field(name="totalCashValue", default=None)
    net: Decimal | None = field(name="netLiq", default=None)
    unrealized: Decimal | None = field(name="openPnL", default=None)
    realized: Decimal | None = field(name="realizedPnL", default=None)

    def __post_init__(self) -> None:
        _check(self.cash, self.net, self.unrealized, self.realized)


def _check(*figures: Decimal | None) -> None:
    """Raises ValueError for a number that no account and no price has: nothing can be reckoned with it."""
    for figure in figures:
        if figure is None:
            continue
        exponent = figure.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -_MOST_DECIMALS or abs(figure) >= _BEYOND:
            raise ValueError("a number beyond all bounds")
