"""Finds symbols that give no price while their session is open.

A quiet minute is normal, a quiet quarter of an hour in an open market is a subscription that has died, a
contract that has expired, or a halt: whoever holds a position has to know. Pure; the clock is the data's.

Guarantees: a symbol is told once until it gives a price again; one whose session is closed, or of which
nobody has said that it is open, is never told; where it was silent when its session closes, that is over.
"""

from collections.abc import Iterable, Iterator

from portfold.exchange_time import span
from portfold.workers.market.source import Notice


class SilenceWatch:
    """Over `symbols`; one is silent after `patience_ms` without a price."""

    def __init__(self, symbols: Iterable[str], patience_ms: int) -> None:
        self._patience_ms = patience_ms
        self._heard_ms: dict[str, int] = dict.fromkeys(symbols, 0)
        self._open_since_ms: dict[str, int] = {}
        self._silent: set[str] = set()

    def session(self, symbol: str, *, is_open: bool, at_ms: int) -> list[Notice]:
        """Takes note that the symbol's session opens, or closes; returns `recovered` where it was silent."""
        if is_open:
            self._open_since_ms.setdefault(symbol, at_ms)
            return []
        self._open_since_ms.pop(symbol, None)
        if symbol not in self._silent:
            return []
        self._silent.discard(symbol)
        return [Notice("recovered", f"{symbol} need give no price: its session is closed.", (symbol,))]

    def price(self, symbol: str, at_ms: int) -> Iterator[Notice]:
        """Takes note of a price; gives `recovered` where the symbol was silent."""
        self._heard_ms[symbol] = max(self._heard_ms[symbol], at_ms)
        if symbol in self._silent:
            self._silent.discard(symbol)
            yield Notice("recovered", f"{symbol} gives prices again.", (symbol,))

    def at(self, now_ms: int) -> Iterator[Notice]:
        """Gives who is silent now and was not before."""
        for symbol, open_since_ms in sorted(self._open_since_ms.items()):
            quiet_ms = now_ms - max(self._heard_ms[symbol], open_since_ms)
            if quiet_ms >= self._patience_ms and symbol not in self._silent:
                self._silent.add(symbol)
                yield Notice(
                    "silent_symbol",
                    f"{symbol} has given no price for {span(quiet_ms)} while its session is open: look "
                    "whether it is halted, or its contract has expired.",
                    (symbol,),
                )
