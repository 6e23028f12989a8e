"""What is subscribed: the options of the entry, and which future each of our symbols is.

    "options": {"port": 4002}, "symbols": {"ES": "ES", "CL": "CL.cont", "GC": "GCZ6"}

`ES` is the month that our brokers trade on that day (`contract_month`), `CL.cont` the one that Interactive
Brokers takes for its continuous future, `GCZ6` one month for good.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, NamedTuple

from msgspec import Struct, field

from portfold.config.rules import Duration, Symbol, Text, Whole
from portfold.workers.brokers.contract_month import LETTERS, ROLLS, contract_name
from portfold.workers.brokers.ibkr.contracts import NAMES
from portfold.workers.market.source import MarketRefused

_CONTRACT = re.compile(rf"([A-Z0-9]{{1,12}})([{LETTERS}])(?:20([0-9]{{2}})|([0-9]{{1,2}}))")
_CONTINUOUS = re.compile(r"([A-Z0-9]{1,12})\.cont")
_SYMBOL = re.compile(r"[A-Z0-9]{1,12}")


class Options(Struct, frozen=True):
    """Where the gateway is, and as which client it is asked: another than the account's and the brokers'.

    `silent_seconds`: without a price while the session is open; `names`: what Interactive Brokers calls a
    future that it does not call as the exchange does.
    """

    port: Annotated[int, Whole(1, 65_535)]
    host: Annotated[str, Text(r"[A-Za-z0-9.:-]{1,253}", "a host such as 127.0.0.1")] = "127.0.0.1"
    client_id: Annotated[int, Whole(1, 1_000_000)] = 99
    connect_seconds: Annotated[float, Duration(60)] = 10.0
    answer_seconds: Annotated[float, Duration(120)] = 30.0
    silent_seconds: Annotated[float, Duration(86_400)] = 900.0
    names: Mapping[Symbol, Annotated[str, Text(r"[A-Z0-9]{1,20}", "a name such as EUR")]] = field(
        default_factory=dict
    )


class Wanted(NamedTuple):
    """One of our symbols: the exchange's `root` of its future, and the month as it is named.

    `month` is its letter and two digits of its year, None for the month that the day, or Interactive
    Brokers, gives.
    """

    symbol: str
    root: str
    month: str | None
    is_continuous: bool = False

    def query(self, day: date, exchange: str, names: Mapping[str, str]) -> dict[str, str]:
        """Returns what its contract on `day` is looked up by."""
        asked = {
            "symbol": names.get(self.root, NAMES.get(self.root, self.root)),
            "exchange": exchange,
            "currency": "USD",
        }
        if self.is_continuous:
            return {"secType": "CONTFUT", **asked}
        year, letter = self._year_and_letter(day)
        month = f"{year}{LETTERS.index(letter) + 1:02}"
        return {"secType": "FUT", **asked, "lastTradeDateOrContractMonth": month}

    def shown(self, day: date) -> str:
        """Returns the contract on `day` for people: ESZ2026, or what it was called."""
        if self.is_continuous:
            return f"{self.root}.cont"
        year, letter = self._year_and_letter(day)
        return f"{self.root}{letter}{year}"

    def _year_and_letter(self, day: date) -> tuple[int, str]:
        if self.month is None:
            name = contract_name(self.root, day)
            return int(name[len(self.root) + 1 :]), name[len(self.root)]
        digits = self.month[1:]
        span = 10 ** len(digits)
        year = day.year - day.year % span + int(digits)
        return (year + span if year < day.year - 1 else year), self.month[0]


def wanted(vendors: Mapping[str, str]) -> tuple[Wanted, ...]:
    """Returns what is subscribed. Raises MarketRefused for a name that can be none."""
    found = tuple(_wanted(symbol, named) for symbol, named in sorted(vendors.items()))
    for each in found:
        if each.month is None and not each.is_continuous and each.root not in ROLLS:
            raise MarketRefused(
                f"market.symbols.{each.symbol}: expected a contract such as {each.root}Z6, or "
                f"{each.root}.cont for that of Interactive Brokers, as no rule says which month of "
                f"{each.root} is traded; got {each.root}."
            )
    return found


def name_of(root: str, contract_month: str) -> str:
    """Returns the exchange's name of the month 202612: ESZ6."""
    return f"{root}{LETTERS[int(contract_month[4:6]) - 1]}{contract_month[3]}"


def _wanted(symbol: str, named: str) -> Wanted:
    if named in ROLLS:
        return Wanted(symbol, named, None)
    if continuous := _CONTINUOUS.fullmatch(named):
        return Wanted(symbol, continuous[1], None, is_continuous=True)
    if contract := _CONTRACT.fullmatch(named):
        return Wanted(symbol, contract[1], contract[2] + (contract[3] or contract[4]))
    if _SYMBOL.fullmatch(named):
        return Wanted(symbol, named, None)
    shown = named if re.fullmatch(r"[!-~]{1,40}", named) else "something else"
    raise MarketRefused(
        f"market.symbols.{symbol}: expected a future such as {symbol} (the month that is traded), "
        f"{symbol}.cont (that of Interactive Brokers) or {symbol}Z6, got {shown}."
    )
