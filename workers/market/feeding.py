"""One term of a feed: puts on the bus what the source gives, for as long as the lease lasts.

Guarantees: a minute is put on the bus once it is over, whole; prices at most every PRICE_SECONDS, each
symbol's latest, and none that cannot be the contract's; what is wrong is logged, and stands on the bus until
it is over. Where the bus does not take
something the term ends: the next goes on behind the last minute that is there, so nothing is lost.
"""

from collections.abc import Mapping
from typing import NamedTuple

from portfold.clock import Clock
from portfold.events.market import Step, StepBar
from portfold.events.wire.bus import Bus
from portfold.events.wire.market import Added, FeedReplaced, ListedContract, NewPrice
from portfold.log import Log
from portfold.workers.market import notices
from portfold.workers.market.quotes import Quotes
from portfold.workers.market.source import (
    ContractListed,
    MinuteBar,
    MinuteEnd,
    MinuteUnknown,
    Notice,
    NoticeKind,
    PriceUpdate,
    Roll,
    Update,
)

PRICE_SECONDS = 0.25

_LEVELS: Mapping[NoticeKind, str] = {
    "disconnected": "error",
    "gap": "error",
    "refused": "critical",
    "silent_symbol": "error",
    "slow_reader": "warning",
    "reconnected": "info",
    "recovered": "info",
    "wrong_price": "error",
    "right_price": "info",
}


class Term(NamedTuple):
    """The lease of the feed `who`, under `epoch`, for `lease_ms` at a time."""

    who: str
    epoch: int
    lease_ms: int


class Manner(NamedTuple):
    """How it is written: by `source`, behind a step that was known since `known_since_ms`.

    `keep`: how many steps stay on the bus; `of_now`: whether prices have the data's time, not that at which
    they are written.
    """

    source: str
    known_since_ms: int
    keep: int
    of_now: bool


class Feeding:
    """The bus side of one term; `quotes` judges prices."""

    def __init__(
        self, bus: Bus, term: Term, manner: Manner, *, quotes: Quotes, log: Log, clock: Clock
    ) -> None:
        self._bus = bus
        self._who, self._epoch, self._lease_ms = term
        self._source, self._known_since_ms, self._keep, self._of_now = manner
        self._quotes = quotes
        self._log = log
        self._clock = clock
        self._bars: dict[int, dict[str, StepBar]] = {}
        self._unknown: dict[int, set[str]] = {}
        self._prices: dict[str, NewPrice] = {}
        self._priced_at = self._kept_at = float("-inf")
        self._last_ms = 0
        self._is_late_told = False

    def begin(self) -> None:
        """Takes back what an earlier term has left standing. Raises BusError, FeedReplaced."""
        if left := notices.of_a_new_term(self._bus.market().notices):
            self._bus.write_notices(self._epoch, left)

    def take(self, update: Update | None) -> None:
        """Puts an update on the bus, and whatever is due. Raises BusError, FeedReplaced."""
        for passed in self._quotes.passed(update) if update is not None else ():
            self._take(passed)
        self._look_after()

    def _take(self, update: Update) -> None:
        match update:
            case PriceUpdate(symbol, price, at_ms, contract):
                self._prices[symbol] = NewPrice(symbol, price, at_ms if self._of_now else None, contract)
            case MinuteBar(symbol, end_ms):
                self._bars.setdefault(end_ms, {})[symbol] = _on_the_bus(update)
            case MinuteUnknown(symbol, end_ms):
                self._unknown.setdefault(end_ms, set()).add(symbol)
            case MinuteEnd(end_ms):
                self._minutes_over(end_ms)
            case ContractListed(symbol, contract, last_day):
                self._bus.write_contracts(self._epoch, {symbol: ListedContract(contract, last_day)})
            case Notice() | Roll():
                self._tell(update)

    def refused(self, sentence: str) -> None:
        """Leaves on the bus why there is no feed any more. Raises BusError, FeedReplaced."""
        self._bus.write_notices(self._epoch, notices.changed_by(Notice("refused", sentence)))

    def _look_after(self) -> None:
        now = self._clock.monotonic()
        if now - self._kept_at >= self._lease_ms / 3_000:
            if not self._bus.keep_feed(self._who, self._lease_ms, self._epoch):
                raise FeedReplaced
            self._kept_at = now
        if self._prices and now - self._priced_at >= PRICE_SECONDS:
            self._bus.write_prices(self._epoch, self._source, self._prices.values())
            self._prices.clear()
            self._priced_at = now

    def _minutes_over(self, end_ms: int) -> None:
        for over_ms in sorted({end_ms, *(end for end in (*self._bars, *self._unknown) if end <= end_ms)}):
            bars, unknown = self._bars.pop(over_ms, {}), tuple(sorted(self._unknown.pop(over_ms, ())))
            if bars or unknown or over_ms > self._last_ms:
                self._add(Step(over_ms, bars, self._source, self._known_since_ms, unknown))

    def _add(self, step: Step) -> None:
        self._last_ms = max(self._last_ms, step.time_ms)
        added = self._bus.add_step(self._epoch, step, self._keep)
        if added is Added.BEHIND_ONE_AHEAD:
            self._tell(Notice("gap", notices.STEP_AHEAD))
        elif added is Added.NOT and not self._is_late_told:
            self._is_late_told = True
            self._tell(Notice("gap", notices.left_out(step.time_ms)))

    def _tell(self, news: Notice | Roll) -> None:
        if isinstance(news, Roll):
            self._log.warning(notices.roll_in_words(news), symbol=news.symbol)
        else:
            getattr(self._log, _LEVELS[news.kind])(news.sentence, kind=news.kind)
            if news.kind == "gap":
                self._known_since_ms = max(self._known_since_ms, news.to_ms)
        self._bus.write_notices(self._epoch, notices.changed_by(news))


def _on_the_bus(bar: MinuteBar) -> StepBar:
    volume = bar.volume if bar.volume or bar.contract else None
    return StepBar(bar.open, bar.high, bar.low, bar.close, volume, bar.contract)
