"""The futures that the fake exchange lists, and which of them a request means.

The figures of ES, MES, NQ and CL are those of the exchange's contract specifications; the contract ids are
made up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

HOURS = "20251201:1700-20251202:1600;20251202:1700-20251203:1600"


@dataclass(frozen=True)
class Listed:
    """One month of a future. `multiplier`: dollars that a move of 1 is worth; `month`: the contract's, which
    need not be that of its last day.
    """

    con_id: int
    symbol: str
    local_symbol: str
    last_trade_date: str
    multiplier: str
    min_tick: Decimal
    exchange: str = "CME"
    name: str = "E-mini"
    price_magnifier: int = 1
    zone: str = "US/Central"
    hours: str = HOURS
    month: str = "202512"

    def fields(self) -> dict[str, str]:
        """Returns the contract as messages name it, by the client's names of its fields."""
        return {
            "conId": str(self.con_id),
            "symbol": self.symbol,
            "secType": "FUT",
            "lastTradeDateOrContractMonth": self.last_trade_date,
            "strike": "0",
            "right": "",
            "multiplier": self.multiplier,
            "exchange": self.exchange,
            "primaryExchange": self.exchange,
            "currency": "USD",
            "localSymbol": self.local_symbol,
            "tradingClass": self.symbol,
        }

    def on_grid(self, price: Decimal) -> bool:
        return price % self.min_tick == 0


def usual() -> list[Listed]:
    """Returns two months of ES, one each of MES, NQ and CL."""
    quarter, fine = Decimal("0.25"), Decimal("0.01")
    return [
        Listed(495512563, "ES", "ESZ5", "20251219", "50", quarter, name="E-mini S&P 500"),
        Listed(533620665, "ES", "ESH6", "20260320", "50", quarter, name="E-mini S&P 500", month="202603"),
        Listed(586139726, "MES", "MESZ5", "20251219", "5", quarter, name="Micro E-mini S&P 500"),
        Listed(495512572, "NQ", "NQZ5", "20251219", "20", quarter, name="E-mini NASDAQ 100"),
        Listed(
            174230601,
            "CL",
            "CLF6",
            "20251219",
            "1000",
            fine,
            "NYMEX",
            "Light Sweet Crude Oil",
            month="202601",
        ),
    ]


def matching(contracts: Iterable[Listed], wanted: Mapping[str, str]) -> list[Listed]:
    """Returns the contracts that a request with these fields means: an empty field asks nothing.

    A continuous future is the month that ends first: by which rule the real one rolls is not known here.
    """
    found = [each for each in contracts if _fits(each, wanted)]
    if wanted.get("secType") == "CONTFUT" and found:
        return [min(found, key=lambda each: each.last_trade_date)]
    return found


def _fits(listed: Listed, wanted: Mapping[str, str]) -> bool:
    con_id = wanted.get("conId", "")
    if con_id not in ("", "0"):
        return int(con_id) == listed.con_id
    fields = listed.fields()
    date = wanted.get("lastTradeDateOrContractMonth", "")
    asked = ("symbol", "localSymbol", "tradingClass", "currency", "multiplier")
    return (
        wanted.get("secType") in ("FUT", "CONTFUT")
        and all(wanted.get(name, "") in ("", fields[name]) for name in asked)
        and date in ("", listed.month, listed.last_trade_date)
        and wanted.get("exchange", "") in ("", listed.exchange)
    )
