"""Records of DBN in our own words: what is traded, whose contract it is, what time it is.

No clock but the data's. Guarantees: prices are exact to the last of Databento's nine decimals; a record of an
instrument that is none of ours, or without a price, is passed over and never taken for another's.

What the data says of the time (`ClockAt`): a bar says that all bars of earlier intervals were given, the end
of an interval that all up to it were; a trade or a heartbeat that everything of a second before it was. Bars
and trades are timed by when Databento received them (`ts_recv`), as its own bars are.
"""

from collections.abc import Callable, Iterator
from typing import Any

from portfold.exchange_time import utc
from portfold.workers.feeds.dbn_units import UNDEFINED_PRICE, exact_price, is_time, ms_of
from portfold.workers.market.minute_bars import Traded
from portfold.workers.market.source import ContractListed
from portfold.workers.market.sources.databento.secret import Key
from portfold.workers.market.sources.databento.subscription import Symbols
from portfold.workers.market.sources.items import (
    CaughtUp,
    ClockAt,
    Ended,
    Item,
    Mapped,
    Problem,
    SessionOf,
    Slow,
    Unresolved,
)

_GRACE_MS = 1_000
_BESIDE = ("status", "definition")
"""What is replayed beside prices, and says nothing of how far those are."""


class Records:
    """Of one session. `replays`: how many price subscriptions are replayed beside each other; more than one
    say nothing of the time until they have caught up, as one may be far ahead of another.
    """

    def __init__(self, symbols: Symbols, key: Key, *, replays: int = 0) -> None:
        import databento_dbn as dbn  # noqa: PLC0415 - an extra, and heavy

        self._symbols = symbols
        self._key = key
        self._is_held = replays > 1
        self._held_ms = 0
        self._of: dict[int, dict[str, str]] = {}  # contracts by symbol, by instrument
        self._system, self._error = dbn.SystemCode, dbn.ErrorCode
        self._readers: dict[type, Callable[[Any], Iterator[Item]]] = {
            dbn.OHLCVMsg: self._bar,
            dbn.TradeMsg: self._trade,
            dbn.SymbolMappingMsg: self._mapping,
            dbn.StatusMsg: self._status,
            dbn.InstrumentDefMsg: self._definition,
            dbn.SystemMsg: self._system_message,
            dbn.ErrorMsg: self._error_message,
        }

    def read(self, record: object) -> Iterator[Item]:
        """Gives what a record says; nothing for one of another kind."""
        reader = self._readers.get(type(record))
        return reader(record) if reader is not None else iter(())

    def map(self, symbol: str, contract: str, instrument: int) -> bool:
        """Takes note of whose an instrument is from now on; returns whether that is new."""
        if self._of.get(instrument, {}).get(symbol) == contract:
            return False
        for of in self._of.values():
            of.pop(symbol, None)
        self._of.setdefault(instrument, {})[symbol] = contract
        return True

    def _bar(self, bar: Any) -> Iterator[Item]:
        of = self._of.get(bar.instrument_id)
        prices = (bar.open, bar.high, bar.low, bar.close)
        if not of or UNDEFINED_PRICE in prices:
            return
        at_ms = ms_of(bar.ts_event)
        opened, high, low, close = map(exact_price, prices)
        for symbol, contract in of.items():
            yield Traded(symbol, contract, at_ms, opened, high, low, close, bar.volume)
        yield from self._time(at_ms)

    def _trade(self, trade: Any) -> Iterator[Item]:
        of = self._of.get(trade.instrument_id)
        if not of or trade.price == UNDEFINED_PRICE:
            return
        at_ms = ms_of(trade.ts_recv if is_time(trade.ts_recv) else trade.ts_event)
        price = exact_price(trade.price)
        for symbol, contract in of.items():
            yield Traded(symbol, contract, at_ms, price, price, price, price, trade.size)
        yield from self._time(at_ms - _GRACE_MS)

    def _mapping(self, mapping: Any) -> Iterator[Item]:
        symbol = self._symbols.ours_of(mapping.stype_in_symbol)
        contract = mapping.stype_out_symbol
        if symbol is not None and self.map(symbol, contract, mapping.instrument_id):
            yield Mapped(symbol, contract, ms_of(mapping.ts_event))

    def _status(self, status: Any) -> Iterator[Item]:
        if status.is_trading is not None:
            for symbol in self._of.get(status.instrument_id, ()):
                yield SessionOf(symbol, status.is_trading, ms_of(status.ts_event))

    def _definition(self, defined: Any) -> Iterator[Item]:
        for symbol, contract in self._of.get(defined.instrument_id, {}).items():
            if is_time(defined.expiration):
                last = utc(ms_of(defined.expiration))
                yield ContractListed(symbol, contract, f"{last:%Y-%m-%d}")

    def _system_message(self, message: Any) -> Iterator[Item]:
        at_ms = ms_of(message.ts_event) if is_time(message.ts_event) else 0
        if message.is_heartbeat():
            yield from self._caught_up()
            yield from self._time(at_ms - _GRACE_MS)
        elif message.code == self._system.END_OF_INTERVAL:
            yield from self._time(at_ms)
        elif message.code == self._system.REPLAY_COMPLETED:
            if not any(schema in message.msg for schema in _BESIDE):
                yield from self._caught_up()
        elif message.code == self._system.SLOW_READER_WARNING:
            yield Slow(lost=False, at_ms=at_ms, sentence=_slow(self._key.quoted(message.msg)))

    def _error_message(self, message: Any) -> Iterator[Item]:
        text = self._key.quoted(message.err)
        if message.code == self._error.SYMBOL_RESOLUTION_FAILED:
            yield Unresolved(self._symbols.named_in(message.err), text)
        elif message.code == self._error.SKIPPED_RECORDS_AFTER_SLOW_READING:
            yield Slow(lost=True, at_ms=ms_of(message.ts_event), sentence=_slow(text))
        else:
            yield Ended(Problem("session", text, _as_number(message.code)))

    def _caught_up(self) -> Iterator[Item]:
        self._is_held = False
        yield CaughtUp()
        yield from self._time(self._held_ms)

    def _time(self, at_ms: int) -> Iterator[Item]:
        self._held_ms = max(self._held_ms, at_ms)
        if not self._is_held and at_ms > 0:
            yield ClockAt(at_ms)


def _slow(text: str) -> str:
    return (
        "Databento finds that its data is read too slowly: give the feed more of the machine, or a schema "
        f"with less in it. It said: {text}"
    )


def _as_number(code: Any) -> int | None:
    try:
        return int(code)
    except (TypeError, ValueError):
        return None
