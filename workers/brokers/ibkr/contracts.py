"""Which contract at Interactive Brokers an order means, and whether it is the one that contracts.json has.

Interactive Brokers names some futures otherwise than the exchange does (the Euro's 6E is EUR there), so a
contract is looked up by its name there, its exchange and its month. Guarantees: no order goes out in a
contract whose point is worth another number of dollars, or whose price moves by another tick, than all limits
and profits are counted with.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from portfold.config import Contract
from portfold.workers.brokers.contract_month import LETTERS
from portfold.workers.brokers.ibkr.listener import exact
from portfold.workers.brokers.ibkr.order_records import LiveOrder
from portfold.workers.brokers.protocol import BrokerError

# Interactive Brokers' names where they are not the exchange's, from its list of futures.
NAMES: Mapping[str, str] = {
    "6A": "AUD",
    "6B": "GBP",
    "6C": "CAD",
    "6E": "EUR",
    "6J": "JPY",
    "6M": "MXP",
    "6N": "NZD",
    "6S": "CHF",
    "BTC": "BRR",
    "ETH": "ETHUSDRR",
}

_MONTHS = [f"{number:02}" for number in range(1, 13)]


class Traded(Struct, frozen=True):
    """A contract at the broker: our `name` for it (ESZ2025), its id there, and the client's own struct."""

    name: str
    con_id: int
    contract: Any


def called(symbol: str, names: Mapping[str, str]) -> str:
    """Returns the broker's name of a future; those of `names` go before the known ones."""
    return names.get(symbol, NAMES.get(symbol, symbol))


def wanted(symbol: str, name: str, exchange: str, names: Mapping[str, str]) -> dict[str, str]:
    """Returns what a future called `name`, such as CLZ2025, is looked up by. Raises BrokerError."""
    letter, year = name[len(symbol) : len(symbol) + 1], name[len(symbol) + 1 :]
    if not name.startswith(symbol) or letter not in LETTERS or len(year) != 4 or not year.isdecimal():
        raise BrokerError(f"Expected the contract of {symbol} as {symbol}Z2025, got {name!r}")
    return {
        "secType": "FUT",
        "symbol": called(symbol, names),
        "exchange": exchange,
        "currency": "USD",
        "lastTradeDateOrContractMonth": f"{year}{LETTERS.index(letter) + 1:02}",
    }


def check(ours: Contract, name: str, found: list[Any]) -> Traded:
    """Returns the one contract that was found, if it is ours. Raises BrokerError, which says what differs."""
    if len(found) != 1:
        what = ", ".join(each.contract.localSymbol for each in found) or "none"
        raise BrokerError(f"Expected one contract {name} at Interactive Brokers, found {what}")
    (details,) = found
    point_value = Decimal(details.contract.multiplier or 0) / (details.priceMagnifier or 1)
    if point_value != ours.point_value:
        raise BrokerError(
            f"A point of {name} is worth {point_value:f} dollars at Interactive Brokers and "
            f"{ours.point_value:f} in contracts.json: nothing is sent before both agree"
        )
    tick = exact(details.minTick)
    if tick != ours.tick_size:
        raise BrokerError(
            f"{name} moves by {tick:f} at Interactive Brokers and by {ours.tick_size:f} in contracts.json: "
            "nothing is sent before both agree"
        )
    return Traded(name, details.contract.conId, details.contract)


class ContractLookup:
    """Looks each contract up once; `ask` returns what the broker knows of one, and may raise BrokerError."""

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        names: Mapping[str, str],
        ask: Callable[[Mapping[str, object]], list[Any]],
    ) -> None:
        self._contracts = contracts
        self._names = names
        self._ask = ask
        self._known: dict[str, Traded] = {}

    def traded(self, symbol: str, name: str) -> Traded:
        """Returns the contract of ours called `name`, checked. Raises BrokerError."""
        known = self._known.get(name)
        if known is None:
            ours = self._contracts[symbol]
            known = check(ours, name, self._ask(wanted(symbol, name, ours.exchange, self._names)))
            self._known[name] = known
        return known

    def called(self, symbol: str) -> str:
        """Returns the broker's name of a future."""
        return called(symbol, self._names)

    def numbered(self, symbol: str, con_id: int) -> Traded:
        """Returns the contract of that id at the broker, whatever its month, checked. Raises BrokerError."""
        known = next((each for each in self._known.values() if each.con_id == con_id), None)
        if known is None:
            ours = self._contracts[symbol]
            found = self._ask({"conId": con_id, "secType": "FUT", "exchange": ours.exchange})
            known = check(ours, _name(symbol, found), found)
            self._known[known.name] = known
        return known

    def of(self, order: LiveOrder) -> Traded:
        """Returns the contract of an order of ours, by the id that it was checked with then."""
        from ib_async.contract import Contract as Future  # noqa: PLC0415

        exchange = self._contracts[order.symbol].exchange
        future = Future(conId=order.con_id, exchange=exchange, secType="FUT")
        return Traded(order.contract, order.con_id, future)


def _name(symbol: str, found: list[Any]) -> str:
    """Returns our name of what was found, by the month that the broker has it in, such as 202512."""
    month = next((each.contractMonth for each in found), "")
    letter = dict(zip(_MONTHS, LETTERS, strict=True)).get(month[4:], "")
    return f"{symbol}{letter}{month[:4]}"
