"""The account at Tradovate as a source: orders, positions and money, read one after the other.

Guarantees: orders are read before positions, so whatever is filled in between is seen in one of the two at
least, and what is reported flat and without orders was so. Nothing that is held is left out: a contract whose
name cannot be read, or one symbol held both ways in two months, makes the account unreadable, as a net figure
could not say it. New fills are logged with their prices when what is held has changed.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import TypeVar

from portfold.bounds import SYMBOL
from portfold.dollars import ZERO
from portfold.events.legs import Holding
from portfold.log import Log
from portfold.workers.account.months import as_one
from portfold.workers.account.source import AccountSnapshot
from portfold.workers.account.tradovate.answers import (
    ENDED,
    Account,
    CashBalance,
    Contract,
    Fill,
    Order,
    Position,
)
from portfold.workers.account.tradovate.client import TradovateClient
from portfold.workers.account.tradovate.pauses import Pauses
from portfold.workers.brokers.contract_names import symbol_of

_SEVERAL_CONTRACTS = "SPREAD"

Row = TypeVar("Row", Account, Order, Position, Fill)


class TradovateSource:
    """Reads the account called `name`, `seconds_between_reads` apart."""

    def __init__(
        self, client: TradovateClient, pauses: Pauses, *, name: str, seconds_between_reads: float, log: Log
    ) -> None:
        self.seconds_between_reads = seconds_between_reads
        self._client = client
        self._pauses = pauses
        self._name = name
        self._log = log
        self._id: int | None = None
        self._symbols: dict[int, str] = {}
        self._held: dict[int, int] = {}
        self._fills: set[int] | None = None

    def read(self) -> AccountSnapshot:
        """Asks Tradovate now. Raises AccountUnreadable."""
        if self._id is None:
            self._id = self._account_id()
        orders = [each for each in self._list("order/list", Order) if each.account_id == self._id]
        positions = [each for each in self._list("position/list", Position) if each.account_id == self._id]
        cash = self._client.ask("cashBalance/getcashbalancesnapshot", CashBalance, {"accountId": self._id})
        held = {each.contract_id: each.net_pos for each in positions if each.net_pos}
        self._log_new_fills(held, orders)
        equity, unrealized = self._money(cash, is_flat=not held)
        snapshot = AccountSnapshot(
            equity, cash.realized or ZERO, unrealized, self._holdings(positions), self._working(orders)
        )
        self._pauses.end()
        return snapshot

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    # --- what is held ------------------------------------------------------------------------------------

    def _account_id(self) -> int:
        accounts = self._list("account/list", Account)
        for each in accounts:
            if each.name == self._name:
                return each.id
        there = ", ".join(each.name for each in accounts)[:200] or "none"
        raise self._pauses.after_refusal(f"Expected account {self._name} at Tradovate, which shows {there}")

    def _money(self, cash: CashBalance, *, is_flat: bool) -> tuple[Decimal, Decimal]:
        """Returns equity and open profit; of an account that holds nothing the latter need not be said."""
        unrealized = ZERO if cash.unrealized is None and is_flat else cash.unrealized
        if unrealized is not None:
            if cash.net is not None:
                return cash.net, unrealized
            if cash.cash is not None:
                return cash.cash + unrealized, unrealized
        raise self._pauses.after_failure("Tradovate answered without the account's equity or its open P&L")

    def _holdings(self, positions: Iterable[Position]) -> tuple[Holding, ...]:
        by_symbol: dict[str, list[tuple[int, Decimal]]] = {}
        for each in positions:
            if each.net_pos:
                month = each.net_pos, each.net_price or ZERO
                by_symbol.setdefault(self._symbol(each.contract_id), []).append(month)
        return tuple(as_one(symbol, held) for symbol, held in sorted(by_symbol.items()))

    def _working(self, orders: Iterable[Order]) -> dict[str, int]:
        counted: dict[str, int] = {}
        for each in orders:
            if each.ord_status not in ENDED:
                symbol = _SEVERAL_CONTRACTS if each.contract_id is None else self._symbol(each.contract_id)
                counted[symbol] = counted.get(symbol, 0) + 1
        return counted

    def _symbol(self, contract_id: int) -> str:
        if contract_id not in self._symbols:
            name = self._client.ask(f"contract/item?id={contract_id}", Contract).name
            symbol = symbol_of(name)
            if symbol is None or not re.fullmatch(SYMBOL, symbol):
                raise self._pauses.after_failure(
                    f"The account has {name[:40]!r}, which is no month of a future such as ESZ6: nothing of "
                    "the account is reported, as a part of it would mislead"
                )
            self._symbols[contract_id] = symbol
        return self._symbols[contract_id]

    # --- fills -------------------------------------------------------------------------------------------

    def _log_new_fills(self, held: dict[int, int], orders: Iterable[Order]) -> None:
        """Logs what was filled since positions last changed; those of before the first look are not news."""
        if self._fills is not None and held == self._held:
            return
        mine = {each.id for each in orders}
        fills = [each for each in self._list("fill/list", Fill) if each.order_id in mine]
        for each in fills if self._fills is not None else ():
            if each.id not in (self._fills or ()):
                self._log.info(
                    "Filled at Tradovate",
                    symbol=self._symbol(each.contract_id),
                    action=each.action,
                    size=each.qty,
                    price=f"{each.price:f}",
                    at=each.timestamp,
                    fill=each.id,
                )
        self._held, self._fills = held, {each.id for each in fills}

    def _list(self, path: str, kind: type[Row]) -> list[Row]:
        return self._client.ask(path, list[kind])  # type: ignore[valid-type]  # the type is known at run time
