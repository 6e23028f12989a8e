"""What is subscribed: the options of the entry, and which of the vendor's symbols is which of ours.

    "options": {"schema": "ohlcv-1s", "dataset": "GLBX.MDP3", "key_env": "DATABENTO_API_KEY"}

A vendor's symbol is continuous, `ES.c.0` by calendar, `ES.v.0` by volume, `ES.n.0` by open interest, or names
a contract, ESZ6 or ESZ2026, in which the broker trades.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from msgspec import Struct

from portfold.config.rules import Duration, EnvironmentName, Text, Whole, YesOrNo
from portfold.workers.market.source import MarketRefused

Schema = Literal["ohlcv-1s", "ohlcv-1m", "trades"]

_CONTINUOUS = re.compile(r"[A-Z0-9]{1,12}\.[cvn]\.[0-9]{1,2}")
_CONTRACT = re.compile(r"([A-Z0-9]{1,12}[FGHJKMNQUVXZ])(?:20[0-9])?([0-9])")
_NEITHER = re.compile(r"[!-~]{1,40}")


class Options(Struct, frozen=True):
    """`silent_seconds`: without a price while the session is open; `history`: whether the historical API may
    be asked for what intraday replay does not reach, which Databento bills; `definitions`: whether it is
    asked when contracts end. The gateways are Databento's own where none is named.
    """

    key_env: EnvironmentName = "DATABENTO_API_KEY"
    dataset: Annotated[str, Text(r"[A-Z]{2,8}\.[A-Z0-9]{2,12}", "a dataset such as GLBX.MDP3")] = "GLBX.MDP3"
    schema: Schema = "ohlcv-1s"
    heartbeat_seconds: Annotated[int, Whole(5, 1800, "seconds")] = 5
    silent_seconds: Annotated[float, Duration(86_400)] = 900.0
    history: Annotated[bool, YesOrNo()] = True
    definitions: Annotated[bool, YesOrNo()] = True
    gateway: Annotated[str, Text(r"[A-Za-z0-9.-]{1,200}", "the name of a host")] | None = None
    gateway_port: Annotated[int, Whole(1, 65_535)] = 13_000
    history_gateway: Annotated[str, Text(r"https://[!-~]{1,200}", "an address with https://")] | None = None


class Group(NamedTuple):
    """Symbols that are subscribed in one request: all continuous, or all contracts."""

    stype: Literal["continuous", "raw_symbol"]
    symbols: tuple[str, ...]


class Symbols:
    """Ours and the vendor's, both ways. Raises MarketRefused for a symbol that can be neither."""

    def __init__(self, vendors: Mapping[str, str]) -> None:
        self._ours: dict[str, str] = {}
        for symbol, named in vendors.items():
            vendor = _as_the_vendor_writes(symbol, named)
            if vendor in self._ours:
                raise MarketRefused(
                    f"market.symbols: {symbol} and {self._ours[vendor]} are both {vendor} at Databento: "
                    "name another for one."
                )
            self._ours[vendor] = symbol

    @property
    def ours(self) -> tuple[str, ...]:
        """Returns our symbols, sorted."""
        return tuple(sorted(self._ours.values()))

    @property
    def groups(self) -> tuple[Group, ...]:
        """Returns what to subscribe, one group for each way of naming."""
        continuous = tuple(vendor for vendor in self._ours if _CONTINUOUS.fullmatch(vendor))
        contracts = tuple(vendor for vendor in self._ours if vendor not in continuous)
        both = (Group("continuous", continuous), Group("raw_symbol", contracts))
        return tuple(group for group in both if group.symbols)

    def rolls(self) -> bool:
        """Returns whether the contract behind any of them can change."""
        return any(group.stype == "continuous" for group in self.groups)

    def ours_of(self, vendor: str) -> str | None:
        """Returns our symbol for the vendor's."""
        return self._ours.get(vendor)

    def named_in(self, text: str) -> tuple[str, ...]:
        """Returns which of the vendor's symbols a sentence names, as ours."""
        words = re.split(r"[^A-Za-z0-9.]+", text)
        named = {word.strip(".") for word in words}
        return tuple(sorted(ours for vendor, ours in self._ours.items() if vendor in named))

    def shown(self, ours: tuple[str, ...]) -> str:
        """Returns symbols with the vendor's beside them, for people: `ES (ES.v.0)`."""
        vendors = {symbol: vendor for vendor, symbol in self._ours.items()}
        return ", ".join(f"{symbol} ({vendors[symbol]})" for symbol in ours)


def _as_the_vendor_writes(symbol: str, named: str) -> str:
    if _CONTINUOUS.fullmatch(named):
        return named
    if contract := _CONTRACT.fullmatch(named):
        return contract[1] + contract[2]
    shown = named if _NEITHER.fullmatch(named) else "something else"
    raise MarketRefused(
        f"market.symbols.{symbol}: expected a continuous symbol such as {symbol}.v.0 (.c by calendar, .n by "
        f"open interest) or a contract such as {symbol}Z6, got {shown}."
    )
