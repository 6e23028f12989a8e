"""Which contract each of Backtrader's data feeds is of: strategies look at one in several timeframes.

A feed is named by its symbol, or `contracts` says whose it is: `{"6N_hour": "6N", "6N_day": "6N"}`. One that
was resampled or replayed from another and has no name is of that one's contract. Nothing is guessed from a
name: what a feed of a spread or a ratio showed would be taken for the contract's price.

Guarantees: a feed of no known contract is refused in a sentence before anything trades; a contract has one
position, whichever of its feeds an order names, and one price, that of its shortest bars.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from portfold.config import Contract
from portfold.events.codec import RefusedField


class CannotRun(RefusedField, SystemExit):
    """What a cerebro asks for cannot be. A program that does not catch it ends with the sentence alone."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.code = sentence  # what the interpreter prints


class Feeds:
    """The feeds of a cerebro, by their contracts. Raises CannotRun for a mapping to no known contract."""

    def __init__(self, contracts: Mapping[str, Contract], named: Mapping[str, str] | None = None) -> None:
        self.contracts = dict(contracts)
        self._named = dict(named or {})
        self._by_symbol: dict[str, list[Any]] = {}
        for name, symbol in self._named.items():
            if symbol not in self.contracts:
                raise CannotRun(f"contracts: {name!r}: expected one of {self._known()}, got {symbol!r}")

    def read(self, datas: Sequence[Any]) -> None:
        """Reads the cerebro's feeds, at each start. Raises CannotRun."""
        self._by_symbol = {}
        for data in sorted(datas, key=length_of):
            self._by_symbol.setdefault(self.symbol(data), []).append(data)

    def symbol(self, data: Any) -> str:
        """Returns the symbol of the contract that a feed is of. Raises CannotRun."""
        name = name_of(data) or getattr(getattr(data, "data", None), "_name", "")
        symbol = self._named.get(name, name)
        if symbol not in self.contracts:
            raise CannotRun(
                f"name: expected a feed named by a symbol ({self._known()}), got {name!r}; "
                f'or say whose it is: contracts={{"{name}": "{self._example(name)}"}}'
            )
        return symbol

    def contract(self, data: Any) -> Contract:
        """Returns the contract that a feed is of. Raises CannotRun."""
        return self.contracts[self.symbol(data)]

    def main(self, symbol: str) -> Any:
        """Returns the contract's feed of the shortest bars, which its position is kept by; None where it has
        none.
        """
        return next(iter(self._by_symbol.get(symbol, ())), None)

    def latest(self, symbol: str) -> Any:
        """Returns the contract's feed that has its price: of those of the shortest bars the one that ended
        last.

        A daily bar is dated at midnight, and closed hours before. None while no bar has ended.
        """
        begun = [data for data in self._by_symbol.get(symbol, ()) if len(data)]
        shortest = [data for data in begun if length_of(data) == length_of(begun[0])]
        return max(shortest, key=lambda data: data.datetime[0], default=None)

    def symbols(self) -> list[str]:
        """Returns the symbols of which there are feeds."""
        return list(self._by_symbol)

    def _known(self) -> str:
        return ", ".join(self.contracts)

    def _example(self, name: str) -> str:
        alike = [symbol for symbol in self.contracts if name.startswith(symbol)]
        return max(alike, key=len, default=next(iter(self.contracts), "ES"))


def name_of(data: Any) -> str:
    """Returns the name that a feed was added by, nothing where it has none."""
    name: str = data._name  # noqa: SLF001 - Backtrader has no other word for it
    return name


def length_of(data: Any) -> tuple[int, int]:
    """Returns the length of a feed's bars: the unit, of `bt.TimeFrame`, and how many of it."""
    return data._timeframe, data._compression  # noqa: SLF001 - Backtrader has no other word for it
