"""The account behind the fake: what it holds, has made and was charged, exact to the cent."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

POINT_VALUES = {"ES": Decimal(50), "MES": Decimal(5), "NQ": Decimal(20), "CL": Decimal(1000)}
_ID = 4_000_001
_TRADE_DATE = {"year": 2025, "month": 12, "day": 1}
_AT = "2025-12-01T15:30:00.123Z"


@dataclass
class _Held:
    contract: int
    point_value: Decimal
    size: int = 0
    price: Decimal = Decimal(0)
    last: Decimal = Decimal(0)

    @property
    def open_profit(self) -> Decimal:
        return (self.last - self.price) * self.size * self.point_value


@dataclass
class Account:
    """One account, called `name`. A test trades in it as the exchange would; the server reads it."""

    name: str = "DEMO12345"
    id: int = _ID
    cash: Decimal = Decimal(50_000)
    commission: Decimal = Decimal("2.50")
    """Dollars a contract and side."""
    realized: Decimal = Decimal(0)
    orders: list[dict[str, Any]] = field(default_factory=list)
    fills: list[dict[str, Any]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.RLock)
    contracts: dict[str, int] = field(default_factory=dict)
    _held: dict[str, _Held] = field(default_factory=dict)

    # --- what a test does --------------------------------------------------------------------------------

    def trades(self, contract: str, price: str) -> None:
        """The last price moves."""
        with self.lock:
            self._of(contract).last = Decimal(price)

    def fills_order(self, contract: str, signed: int, price: str) -> None:
        """An order is filled whole: bought, or sold below 0."""
        with self.lock:
            held, paid = self._of(contract), Decimal(price)
            order = self._order(contract, signed, "Filled")
            self.fills.append(
                {
                    "id": 700_000 + len(self.fills),
                    "orderId": order["id"],
                    "contractId": held.contract,
                    "timestamp": _AT,
                    "tradeDate": _TRADE_DATE,
                    "action": order["action"],
                    "qty": abs(signed),
                    "price": _number(paid),
                    "active": True,
                    "finallyPaired": 0,
                }
            )
            self._pay(-self.commission * abs(signed))
            closes = min(abs(signed), abs(held.size)) if signed * held.size < 0 else 0
            direction = 1 if signed > 0 else -1
            self._pay((held.price - paid) * direction * closes * held.point_value)
            opens = abs(signed) - closes
            held.size += direction * closes
            if opens:
                together = held.price * abs(held.size) + paid * opens
                held.price = together / (abs(held.size) + opens)
                held.size += direction * opens
            held.last = paid

    def works_order(self, contract: str, signed: int, status: str = "Working") -> int:
        """An order is at work; returns its id."""
        with self.lock:
            return int(self._order(contract, signed, status)["id"])

    def ends_order(self, order: int, status: str = "Canceled") -> None:
        """An order is over."""
        with self.lock:
            next(each for each in self.orders if each["id"] == order)["ordStatus"] = status

    def is_charged(self, dollars: str) -> None:
        """Money leaves the account that no fill accounts for."""
        with self.lock:
            self.cash -= Decimal(dollars)

    @property
    def equity(self) -> Decimal:
        with self.lock:
            return self.cash + sum((each.open_profit for each in self._held.values()), Decimal(0))

    # --- what the server says ----------------------------------------------------------------------------

    def described(self) -> Mapping[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "userId": 11,
            "accountType": "Customer",
            "clearingHouseId": 1,
            "riskCategoryId": 1,
            "autoLiqProfileId": 1,
            "marginAccountType": "Speculator",
            "legalStatus": "Individual",
            "timestamp": _AT,
        }

    def positions(self) -> list[Mapping[str, Any]]:
        return [
            {
                "id": 300_000 + held.contract,
                "accountId": self.id,
                "contractId": held.contract,
                "timestamp": _AT,
                "tradeDate": _TRADE_DATE,
                "netPos": held.size,
                "netPrice": _number(held.price),
                "bought": max(held.size, 0),
                "boughtValue": 0.0,
                "sold": max(-held.size, 0),
                "soldValue": 0.0,
                "prevPos": 0,
            }
            for held in self._held.values()
        ]

    def cash_balance(self) -> Mapping[str, Any]:
        open_profit = self.equity - self.cash
        return {
            "totalCashValue": _number(self.cash),
            "totalPnL": _number(self.realized + open_profit),
            "initialMargin": 0.0,
            "maintenanceMargin": 0.0,
            "netLiq": _number(self.equity),
            "openPnL": _number(open_profit),
            "realizedPnL": _number(self.realized),
            "weekRealizedPnL": _number(self.realized),
        }

    def _of(self, contract: str) -> _Held:
        number = self.contracts.setdefault(contract, 2_000 + len(self.contracts))
        root = next(each for each in sorted(POINT_VALUES, key=len)[::-1] if contract.startswith(each))
        return self._held.setdefault(contract, _Held(number, POINT_VALUES[root]))

    def _order(self, contract: str, signed: int, status: str) -> dict[str, Any]:
        order = {
            "id": 500_000 + len(self.orders),
            "accountId": self.id,
            "contractId": self._of(contract).contract,
            "timestamp": _AT,
            "action": "Buy" if signed > 0 else "Sell",
            "ordStatus": status,
            "admin": False,
        }
        self.orders.append(order)
        return order

    def _pay(self, dollars: Decimal) -> None:
        self.cash += dollars
        self.realized += dollars


def _number(amount: Decimal) -> float:
    return float(amount)
