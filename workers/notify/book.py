"""What is remembered from one event to the next to word an alert: the day's trades, the week, a few names.

But for what was told of the market it follows from the log alone. It is never changed but replaced, and is
written down with the place in the log that it belongs to: a notifier that starts again words the next alert
as the one before it would have.
"""

from decimal import Decimal

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from portfold.coordinator.expected.lived import Lived
from portfold.dollars import ZERO
from portfold.events.decisions import TradingDayStarted
from portfold.events.message import WorkerEvent
from portfold.exchange_time import week_of

_FACTS_REMEMBERED = 64
_SLOTS_REMEMBERED = 64
_ASK_AFTER_MS = 90 * 60_000


class CountedTrade(Struct, frozen=True):
    """A closed trade's symbol and what it made, in dollars."""

    symbol: str
    pnl: Decimal


class Trades(Struct, frozen=True):
    """The day's closed trades that were seen."""

    count: int = 0
    won: int = 0
    best: CountedTrade | None = None
    worst: CountedTrade | None = None

    def with_one(self, trade: CountedTrade) -> "Trades":
        """Returns these with one trade more."""
        return Trades(
            count=self.count + 1,
            won=self.won + (trade.pnl > 0),
            best=trade if self.best is None or trade.pnl > self.best.pnl else self.best,
            worst=trade if self.worst is None or trade.pnl < self.worst.pnl else self.worst,
        )


class Week(Struct, frozen=True):
    """The days of one calendar week that are over; P&L in dollars."""

    first: str = ""
    last: str = ""
    pnl: Decimal = ZERO
    stops: int = 0
    requested: int = 0
    blocked: int = 0

    def with_day(self, over: TradingDayStarted) -> "Week":
        """Returns this with one day more, that is over as another has started."""
        return Week(
            first=self.first or over.previous_day,
            last=over.previous_day,
            pnl=self.pnl + over.daily_pnl,
            stops=self.stops + over.stops,
            requested=self.requested + over.entries_requested,
            blocked=self.blocked + over.entries_blocked,
        )


class Granted(Struct, frozen=True):
    """A slot granted at `since`, to be asked about at `ask_at` if it is not used by then; ms of the log."""

    since: int
    ask_at: int


class AlertMemory(Struct, frozen=True):
    """`denied` counts the day's denials by code, `stops` the day's stops, `facts` the last one of each
    session.

    `limits` are those last ordered in words, `limits_waiting` what of them waits for a later day. `leader` is
    who leads, `acknowledged` the event that answered for the last loss of the log. `slots` are those granted
    last, and neither used nor given back, by worker and symbol. `market` is what was told of the market's
    data, None until somebody looked. `lived` are the days that are held against those expected.
    """

    trades: Trades = Trades()
    denied: dict[str, int] = field(default_factory=dict)
    stops: int = 0
    week: Week = Week()
    facts: dict[str, int] = field(default_factory=dict)
    limits: str = ""
    limits_waiting: str = ""
    leader: str = ""
    acknowledged: str = ""
    slots: dict[str, Granted] = field(default_factory=dict)
    market: dict[str, str] | None = None
    lived: Lived = Lived()

    @property
    def limits_known(self) -> str:
        """Returns the limits in words, with what of them does not count yet."""
        return f"{self.limits}; of these only {self.limits_waiting}" if self.limits_waiting else self.limits

    def is_repeat(self, fact: WorkerEvent) -> bool:
        """Returns whether this is the last fact of its session, published once more. Older ones the fold
        refuses.
        """
        return self.facts.get(_session(fact)) == fact.seq

    def with_fact(self, fact: WorkerEvent) -> "AlertMemory":
        """Remembers it; only the latest sessions."""
        name = _session(fact)
        others = {session: seq for session, seq in self.facts.items() if session != name}
        if len(others) >= _FACTS_REMEMBERED:
            del others[next(iter(others))]
        return replace(self, facts=others | {name: fact.seq})

    def with_denial(self, code: str) -> "AlertMemory":
        """Returns this with one more entry denied today."""
        return replace(self, denied=self.denied | {code: self.denied.get(code, 0) + 1})

    def with_grant(self, worker: str, symbol: str, ms: int) -> "AlertMemory":
        """Returns this with a slot granted at `ms`; only the latest are remembered."""
        return self._with_slot(f"{worker}:{symbol}", Granted(ms, ms + _ASK_AFTER_MS))

    def long_renewed_ms(self, worker: str, symbol: str, ms: int) -> int:
        """Returns for how many ms a slot has been renewed at `ms`, where that is to be asked, else 0.

        First after an hour and a half, as an order may fill at the next hourly bar; then after as long again.
        """
        known = self.slots.get(f"{worker}:{symbol}")
        return ms - known.since if known is not None and ms >= known.ask_at else 0

    def with_renewal(self, worker: str, symbol: str, ms: int) -> "AlertMemory":
        """Returns this with a slot renewed at `ms`, after it was asked about where that is due."""
        name = f"{worker}:{symbol}"
        known = self.slots.get(name) or Granted(ms, ms + _ASK_AFTER_MS)
        if since_ms := self.long_renewed_ms(worker, symbol, ms):
            known = Granted(known.since, ms + since_ms)
        return self._with_slot(name, known)

    def without_slot(self, worker: str, symbol: str) -> "AlertMemory":
        """Returns this without a slot that was used, was given back or has ended."""
        gone = f"{worker}:{symbol}"
        return replace(self, slots={name: slot for name, slot in self.slots.items() if name != gone})

    def slots_of(self, worker: str) -> list[str]:
        """Returns the symbols in which the worker has a slot still."""
        names = (name.rpartition(":") for name in self.slots)
        return sorted(symbol for owner, _, symbol in names if owner == worker)

    def _with_slot(self, name: str, slot: Granted) -> "AlertMemory":
        others = {other: known for other, known in self.slots.items() if other != name}
        if len(others) >= _SLOTS_REMEMBERED:
            del others[next(iter(others))]
        return replace(self, slots=others | {name: slot})


def begins_a_week(started: TradingDayStarted) -> bool:
    """Returns whether the new day lies in another calendar week than the one before it."""
    return week_of(started.previous_day) != week_of(started.day)


def book_text(book: AlertMemory) -> str:
    """Returns the book as it is written down."""
    return msgspec.json.encode(book).decode()


def read_book(text: str) -> AlertMemory | None:
    """Reads `book_text`; None where it is none, as of another version."""
    try:
        return msgspec.json.decode(text, type=AlertMemory)
    except (msgspec.DecodeError, ValueError):
        return None


def _session(fact: WorkerEvent) -> str:
    return f"{fact.worker}:{fact.session}"
