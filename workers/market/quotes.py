"""Refuses prices that cannot be the contract's: no multiple of its tick, of another order of magnitude, or no
price at all.

A vendor may quote in another unit than the exchange: dollars for cents, 32nds for decimals, a hundred times a
currency. A mark at such a price would be a loss, or a profit, that nobody has.

Pure. Guarantees: what is refused is no price, and no part of a bar; it is told once of a symbol until a whole
minute of it was sound. Of a symbol without a contract here only that is judged.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from portfold.bounds import PRICE
from portfold.config.contracts import Contract
from portfold.workers.market.source import MinuteBar, MinuteUnknown, Notice, PriceUpdate, Update

_PRICE = re.compile(PRICE, re.ASCII)
_NEAR = Decimal("0.1")
"""Of a power of ten, as a logarithm: from 0.79 to 1.26 times as much."""
_FEW_TICKS = 20
"""Nearer to zero a price may well be ten times as large a moment later (CL, 20 April 2020)."""


class Quotes:
    """Judges by `contracts`, ours, and by `known`, each symbol's last price, whoever gave it."""

    def __init__(self, contracts: Mapping[str, Contract], known: Mapping[str, Decimal]) -> None:
        self._contracts = contracts
        self._known = dict(known)
        self._wrong: set[str] = set()
        self._wrong_since_bar: set[str] = set()

    def passed(self, update: Update) -> Iterator[Update]:
        """Gives the update if it may pass; what is to be told of it else, and what is not known therefore."""
        match update:
            case PriceUpdate(symbol, price):
                fault = self._fault(symbol, price)
            case MinuteBar(symbol):
                fault = self._fault(symbol, update.open, update.high, update.low, update.close)
            case _:
                yield update
                return
        if fault:
            yield from self._refused(update, fault)
            return
        if isinstance(update, MinuteBar):
            yield from self._sound_minute(symbol)
        yield update

    def _refused(self, update: PriceUpdate | MinuteBar, fault: str) -> Iterator[Update]:
        symbol = update.symbol
        self._wrong_since_bar.add(symbol)
        if symbol not in self._wrong:
            self._wrong.add(symbol)
            yield Notice(
                "wrong_price",
                f"{fault}: it is refused, and marks nothing. Does the source quote it in another unit?",
                (symbol,),
            )
        if isinstance(update, MinuteBar):
            self._wrong_since_bar.discard(symbol)
            yield MinuteUnknown(symbol, update.end_ms)

    def _sound_minute(self, symbol: str) -> Iterator[Update]:
        if symbol in self._wrong and symbol not in self._wrong_since_bar:
            self._wrong.discard(symbol)
            yield Notice("right_price", f"Prices of {symbol} are multiples of its tick again.", (symbol,))
        self._wrong_since_bar.discard(symbol)

    def _fault(self, symbol: str, *prices: Decimal) -> str:
        """Returns what is wrong with one of the prices; where nothing is, they are known from now on."""
        for price in prices:
            if not _PRICE.fullmatch(f"{price:f}"):  # such as 1.797e308, a vendor's number for none
                return f"{symbol} at {price:.6g} is beyond all bounds of a price"
        contract = self._contracts.get(symbol)
        if contract is None:
            return ""
        tick, known = contract.tick_size, self._known.get(symbol)
        for price in prices:
            if price % tick:
                return f"{symbol} at {price:f} is no multiple of {tick:f}, its tick in contracts.json"
            if known is not None and _is_of_another_scale(price, known, tick):
                return (
                    f"{symbol} at {price:f} is of another order of magnitude than {known:f}, its last price"
                )
        self._known[symbol] = prices[-1]
        return ""


def _is_of_another_scale(price: Decimal, known: Decimal, tick: Decimal) -> bool:
    """Returns whether one is about a power of ten times the other."""
    if price * known <= 0 or min(abs(price), abs(known)) < _FEW_TICKS * tick:
        return False
    magnitude = (price / known).log10()
    power = magnitude.to_integral_value()
    return power != 0 and abs(magnitude - power) <= _NEAR
