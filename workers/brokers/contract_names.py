"""Which contract an order of a symbol names: what is held is closed, or added to, in its own; else the day's.

A name in the configuration goes before the rules of `contract_month`. Guarantees: no order goes out in a
contract that nobody named and no rule gives, and a price of one month is none of what is held in another.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from portfold.workers.brokers.contract_month import LETTERS, ROLLS, contract_name
from portfold.workers.brokers.orders_book import HELD_BY, Orders
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition

_EXCHANGE = ZoneInfo("America/Chicago")
_MONTH_OF_A_FUTURE = re.compile(rf"([A-Z0-9]+)([{LETTERS}])([0-9]{{1,2}}|[0-9]{{4}})")


def exchange_day() -> date:
    """Returns the day on the exchange's clock."""
    return datetime.now(_EXCHANGE).date()


def symbol_of(name: str) -> str | None:
    """Returns the symbol of a month that is called ESZ6, ESZ26 or ESZ2026; None for anything else."""
    found = _MONTH_OF_A_FUTURE.fullmatch(name)
    return found.group(1) if found else None


def month_of(name: str, day: date) -> tuple[int, int] | None:
    """Returns year and month of a name, of its years the one that is nearest to `day`; None for none."""
    found = _MONTH_OF_A_FUTURE.fullmatch(name)
    if found is None:
        return None
    year, every = int(found[3]), 10 ** len(found[3])
    year += (day.year - year + every // 2) // every * every
    return year, LETTERS.index(found[2]) + 1


def is_price_of(held: BrokerPosition | None, contract: str) -> bool:
    """Returns whether a price of `contract` is one of what is held. Where either has no month, or nothing is
    held, any is.

    The symbols may differ: MES is marked at prices of ES.
    """
    return held is None or is_same_month(held.contract, contract)


def is_same_month(one: str, another: str) -> bool:
    """Returns whether both names are of one month, whichever their symbols; also where either has none."""
    mine, other = (_MONTH_OF_A_FUTURE.fullmatch(name) for name in (one, another))
    if mine is None or other is None:
        return True
    digits = min(len(mine[3]), len(other[3]))  # ESZ6 is ESZ2026, and every tenth year's
    return mine[2] == other[2] and mine[3][-digits:] == other[3][-digits:]


class ContractNames:
    """`names` are those of the configuration, by symbol; `today` is the exchange's day."""

    def __init__(self, names: Mapping[str, str], today: Callable[[], date] = exchange_day) -> None:
        self._names = names
        self._today = today

    def held(self, orders: Orders, owner: str, symbol: str) -> str:
        """Returns the contract that the position was opened in."""
        entered = [one for one in orders.of(owner, symbol, HELD_BY) if one.does == "enter"]
        return entered[-1].contract if entered else self.today(symbol)

    def today(self, symbol: str) -> str:
        """Returns the contract to enter now. Raises BrokerError."""
        if symbol in self._names:
            return self._names[symbol]
        if symbol not in ROLLS:
            raise BrokerError(
                f"No rule says which contract of {symbol} is traded: name it in broker.options.contracts"
            )
        return contract_name(symbol, self._today())
