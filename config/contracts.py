"""contracts.json: what a price move is worth, for every future that can be traded.

Figures are those of CME Group's contract specification pages (cmegroup.com, "Contract Specs" of each
product) for outright trades on Globex. Two things there catch people out:

- Several currency futures had their minimum move lowered: 6J, 6M, 6E and 6C between 2014 and 2016, 6A in
  November 2020, 6N in August 2021, 6S in May 2022. Many lists still carry the old tick. The dollar value of a
  point never changed.
- The micro contracts on CAD, CHF and JPY were turned round to USD/CAD, USD/CHF and USD/JPY and are quoted
  and settled in those currencies. Profit here is counted in dollars, so they are left out: a contract in
  another currency is refused. MCD, MSF and MJY, the same in dollars, are left out too: the exchange's pages
  differ on whether they are still listed. So are MRB and MHO, whose pages were not to be had.

Where a move depends on the month (ZQ and SR3, halved for the nearest), the smaller one stands here: the
value of a point is the same. Grains, livestock and soybean oil are in cents, as they are quoted; bonds and
notes in points of a hundred, with their 32nds written as decimals.
"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Struct

from portfold.bounds import MOST_SPECIFIED
from portfold.config.costs import COMMISSION_PER_SIDE, SLIPPAGE_TICKS, CommissionOrText, Slippage
from portfold.config.errors import ConfigError, UnfitError, describe, joined
from portfold.config.reading import read_strict
from portfold.config.rules import Exact, Symbol, Text
from portfold.config.runtime import Runtime
from portfold.config.strict_json import read_json

_COSTS = ("commission_per_side", "slippage_ticks")
_SMALLEST_POINT_SHARE = 10_000  # point values go to the coordinator with 4 decimals


class Specification(Struct, frozen=True):
    """What the exchange says of a future. `tick_size`: smallest move of its price; `tick_value`: dollars a
    tick, for one contract.

    `group`: what kind of market it is, for limits and reports by group; `currency`: what it is quoted in.
    """

    symbol: Symbol
    name: Annotated[str, Text(r"[ -~]{1,60}", "a name of 1 to 60 plain characters")]
    exchange: Annotated[str, Text(r"[A-Z]{2,12}", "an exchange in 2 to 12 capitals, such as CME")]
    group: Annotated[str, Text(r"[a-z][a-z ]{0,30}[a-z]", 'a group in small letters, such as "energy"')]
    currency: Literal["USD"]
    tick_size: Annotated[Decimal, Exact(Decimal("0.0000000001"), Decimal(1_000_000), 10, as_text=True)]
    tick_value: Annotated[Decimal, Exact(Decimal("0.0001"), Decimal(1_000_000), 4, "dollars", as_text=True)]

    def __post_init__(self) -> None:
        value = self._exact_point_value()
        if value > 999_999_999 or (value * _SMALLEST_POINT_SHARE).denominator != 1:
            raise UnfitError(
                "tick_value / tick_size to be an exact dollar value of at most 9 digits and 4 decimals",
                f"{self.tick_value:f} / {self.tick_size:f}",
                field="tick_value",
            )

    @property
    def point_value(self) -> Decimal:
        """Dollars that one contract gains when its price rises by 1; exact."""
        value = self._exact_point_value()
        exact = Decimal(value.numerator) / Decimal(value.denominator)  # at most 13 digits, see __post_init__
        return Decimal(f"{exact:f}")  # written out: 100000, not 1E+5

    def _exact_point_value(self) -> Fraction:
        return Fraction(self.tick_value) / Fraction(self.tick_size)


class Contract(Specification, frozen=True):
    """One future, and what it costs to trade: `commission_per_side` in dollars a contract, `slippage_ticks` a
    fill; runtime.json's where contracts.json does not name them.
    """

    commission_per_side: CommissionOrText = COMMISSION_PER_SIDE
    slippage_ticks: Slippage = SLIPPAGE_TICKS

    @property
    def specification(self) -> Specification:
        """Returns the contract without its costs."""
        return Specification(*(getattr(self, name) for name in Specification.__struct_fields__))


def read_contracts(path: Path, usual: Runtime | None = None) -> Mapping[str, Contract]:
    """Reads the contracts in `path`, by symbol, in the file's order. Raises ConfigError.

    The file holds `{"ES": {"name": …, "exchange": …, "group": …, "currency": …, "tick_size": …,
    "tick_value": …}, …}`; decimals are numbers or strings. Where a contract names no costs it has the
    `usual` ones.
    """
    tree = read_json(path)
    if not isinstance(tree, dict):
        raise ConfigError(path, "", "an object with a contract for each symbol", describe(tree))
    if not 1 <= len(tree) <= MOST_SPECIFIED:
        raise ConfigError(path, "", f"1 to {MOST_SPECIFIED} contracts", f"{len(tree)} of them")
    return {symbol: _read_contract(symbol, entry, path, usual or Runtime()) for symbol, entry in tree.items()}


def _read_contract(symbol: str, entry: object, path: Path, usual: Runtime) -> Contract:
    where = joined("", symbol)
    if not isinstance(entry, dict):
        raise ConfigError(path, where, "an object", describe(entry))
    if "symbol" in entry:
        raise ConfigError(path, joined(where, "symbol"), f"no such key ({where} above is the symbol)", "one")
    costs = {name: getattr(usual, name) for name in _COSTS}
    return read_strict(Contract, {"symbol": symbol, **costs, **entry}, path, where)
