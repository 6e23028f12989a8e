"""Updates out of what sessions hand over, across all reconnects of one subscription. Pure.

Guarantees:
- What is closed is final, what is open is built anew: each session is replayed from the last closed minute
  (`resume_ms`), so a reconnect counts nothing twice and loses nothing.
- A symbol's prices never go back in time, and none of an earlier contract follows a roll.
- Without a `since_ms` the first minute that is given is the first of which the beginning was heard.
"""

from collections.abc import Iterable, Iterator

from portfold.exchange_time import utc, utc_clock
from portfold.workers.market.minute_bars import MinuteBars, Traded
from portfold.workers.market.silence import SilenceWatch
from portfold.workers.market.source import MINUTE_MS, ContractListed, Notice, PriceUpdate, Roll, Update
from portfold.workers.market.sources.items import (
    CaughtUp,
    ClockAt,
    Item,
    Mapped,
    Priced,
    SessionOf,
    Slow,
    Unknown,
)

_REPLAYED_TWICE_MS = 2_000


class Assembly:
    """Of `symbols`, ours; bars from `since_ms` on."""

    def __init__(self, symbols: Iterable[str], since_ms: int | None, silent_ms: int) -> None:
        self._bars = None if since_ms is None else MinuteBars(since_ms)
        self._symbols = frozenset(symbols)
        self._silence = SilenceWatch(self._symbols, silent_ms)
        self._contracts: dict[str, str] = {}
        self._prices: dict[str, PriceUpdate] = {}
        self._waiting: set[str] = set()  # symbols with a price that was not given yet
        self._priced_ms: dict[str, int] = {}
        self._now_ms = 0
        self._asked_from_ms = 0
        self._is_caught_up = True
        self._opened_on = ""
        self._late: dict[str, int] = {}

    @property
    def resume_ms(self) -> int | None:
        """Returns from where on the next session is to be replayed; None where nothing was heard yet."""
        return None if self._bars is None else self._bars.over_ms

    @property
    def present_ms(self) -> int | None:
        """Returns what time it is by the data; None where that is only replayed, or nothing was heard yet."""
        return self._now_ms if self._is_caught_up and self._now_ms else None

    @property
    def is_next_day(self) -> bool:
        """Returns whether a session has gone on into a day in UTC on which its symbols may mean others."""
        day = _day(self._now_ms - MINUTE_MS)
        return self._opened_on != "" and day > self._opened_on

    def begin(self) -> None:
        """A session begins, which is replayed from `resume_ms` on."""
        self._opened_on = ""
        self._is_caught_up = self._bars is None
        if self._bars is not None:
            self._bars.forget_open()
            self._asked_from_ms = self._bars.over_ms

    def take(self, item: Item) -> Iterator[Update]:
        """Gives what is to be told because of `item`; prices wait for `prices`."""
        if isinstance(item, Traded):
            yield from self._traded(item)
        elif isinstance(item, Priced):
            yield from self._priced(item)
        elif isinstance(item, ClockAt):
            yield from self._clock(item.at_ms)
        elif isinstance(item, CaughtUp):
            self._is_caught_up = True
        elif isinstance(item, Mapped):
            yield from self._mapped(item)
        elif isinstance(item, ContractListed):
            yield item
        elif isinstance(item, SessionOf):
            yield from self._silence.session(item.symbol, is_open=item.is_open, at_ms=item.at_ms)
        elif isinstance(item, Slow):
            yield from self._slow(item)
        elif isinstance(item, Unknown):
            yield from self._unknown(item)

    def prices(self) -> Iterator[PriceUpdate]:
        """Gives the last price of each symbol that has a new one."""
        for symbol in sorted(self._waiting):
            yield self._prices[symbol]
        self._waiting.clear()

    def late(self) -> dict[str, int]:
        """Returns how often each symbol was traded in a minute that was over, since this was last asked."""
        late, self._late = self._late, {}
        return late

    def _traded(self, traded: Traded) -> Iterator[Update]:
        if self._bars is None:
            self._bars = MinuteBars(traded.at_ms + 1)
        elif not self._bars.add(traded) and traded.at_ms >= self._asked_from_ms + _REPLAYED_TWICE_MS:
            self._late[traded.symbol] = self._late.get(traded.symbol, 0) + 1
        yield from self._priced(Priced(traded.symbol, traded.contract, traded.close, traded.at_ms))

    def _priced(self, priced: Priced) -> Iterator[Update]:
        symbol, contract, price, at_ms = priced
        if at_ms >= self._priced_ms.get(symbol, 0):
            self._priced_ms[symbol] = at_ms
            self._prices[symbol] = PriceUpdate(symbol, price, at_ms, contract)
            self._waiting.add(symbol)
            yield from self._silence.price(symbol, at_ms)

    def _clock(self, at_ms: int) -> Iterator[Update]:
        if at_ms <= self._now_ms:
            return
        self._now_ms = at_ms
        if self._is_caught_up and not self._opened_on:
            self._opened_on = _day(at_ms)
            for symbol in self._symbols - self._contracts.keys():  # nobody will say that it is open
                yield from self._silence.session(symbol, is_open=True, at_ms=at_ms)
        if self._bars is None:
            self._bars = MinuteBars(at_ms)
        yield from self._bars.at(at_ms)
        yield from self._silence.at(at_ms)

    def _mapped(self, mapped: Mapped) -> Iterator[Update]:
        before = self._contracts.get(mapped.symbol)
        self._contracts[mapped.symbol] = mapped.contract
        if before not in (None, mapped.contract):
            self._waiting.discard(mapped.symbol)
            yield Roll(mapped.symbol, before or "", mapped.contract, mapped.at_ms)

    def _slow(self, slow: Slow) -> Iterator[Update]:
        yield Notice("slow_reader", slow.sentence)
        if slow.lost:
            yield from self._unknown(Unknown(max(self._now_ms, 0), slow.at_ms, "the gateway skipped it"))

    def _unknown(self, unknown: Unknown) -> Iterator[Update]:
        from_ms, to_ms, why = unknown
        sentence = f"What was traded from {utc_clock(from_ms)} to {utc_clock(to_ms)} is not known: {why}"
        yield Notice("gap", sentence, (), from_ms, to_ms)
        if self._bars is not None:
            self._bars.forget_open(unknown.to_ms)


def _day(ms: int) -> str:
    return f"{utc(ms):%Y-%m-%d}"
