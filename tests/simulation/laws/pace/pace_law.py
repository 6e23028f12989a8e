"""What must hold of pace, counted a second time: entries, losses in a row, tokens, and pauses.

No more is entered than may be, and nobody is denied what may be; so many losses pause what has lost, and
nothing else is paused; a pause with a time ends at that time, one without by a person.
"""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import State
from portfold.dollars import ZERO
from portfold.events.account import ACCOUNT
from portfold.events.decisions import (
    Decision,
    EntryAllowed,
    EntryDenied,
    LimitReached,
)
from portfold.events.incoming import (
    Event,
    FlattenRequested,
    Malformed,
    PositionClosed,
    PositionSettled,
    TradingHalted,
    TradingResumed,
)
from portfold.events.stream_id import StreamId
from tests.simulation.laws.book import Book
from tests.simulation.laws.exposure.numbers import number_of
from tests.simulation.laws.pace.entries_counted import EntriesCounted
from tests.simulation.scheduler import Violation

_STREAKS = ("loss_streak", "worker_loss_streak", "symbol_loss_streak")
PACE_RULES = (*_STREAKS, "rate_repeats")
_ENTRIES = ("max_entries", "worker_entries", "symbol_entries")
_WEEK = "_week"
_MINUTE_MS = 60_000
_PAUSED = "so many losses in a row pause what has lost, and nothing else is paused"
_ENDS = "a pause ends at its time or by a person, and by nothing else"
_COUNTED = "as often is entered as may be, and nobody is denied before"
_RATED = "a worker enters as fast as it may, and is denied no sooner"


def _number(text: str | int, name: str) -> Fraction:
    """The number of a name; 0 for none."""
    return number_of(str(text), name) or Fraction(0)


class PaceLaw:
    """Follows entries, trades and tokens. `_pauses` are what is closed, and until when; '' is everything."""

    def __init__(self, book: Book, entries: EntriesCounted) -> None:
        self._book, self._entries = book, entries
        self._held: set[str] = set()
        self._trades: dict[str, Decimal] = {}
        self._losses: Counter[tuple[str, str]] = Counter()
        self._lost_ms: dict[tuple[str, str], list[int]] = {}
        self._net = ZERO
        self._pauses: dict[str, int] = {}
        self._debts: dict[str, tuple[Fraction, int]] = {}
        self._denied: Counter[tuple[str, str]] = Counter()

    def enter(
        self, at: StreamId, event: Event | Malformed | None, decisions: list[Decision], state: State
    ) -> None:
        """Takes note of one event, None where it changed nothing, and what was decided. Raises Violation."""
        self._pauses = {name: ms for name, ms in self._pauses.items() if not ms or at.ms < ms}
        expected: list[tuple[str, str, Decimal | int, int]] = [*self._trade_over(at, event, state)]
        for one in decisions:
            if isinstance(one, EntryAllowed | EntryDenied) and not one.repeats and state.limits is not None:
                self._answered(at, one, state, state.limits)
                expected += self._rated(at, one, state, state.limits)
        said = [
            (one.rule, one.worker or one.symbol, one.now, one.until_ms)
            for one in decisions
            if isinstance(one, LimitReached) and one.rule in PACE_RULES
        ]
        if said != expected:
            raise Violation(_PAUSED, f"{at}: {said}, where it is {expected}")
        self._orders(at, event, decisions)
        self._same_pauses(at, state)
        self._held = set(self._book.held)

    # --- entries -------------------------------------------------------------------------------------------

    def _answered(self, at: StreamId, one: EntryAllowed | EntryDenied, state: State, limits: Limits) -> None:
        paused = [n for n in ("", f"worker {one.worker}", f"symbol {one.symbol}") if n in self._pauses]
        allowed = isinstance(one, EntryAllowed)
        if allowed and paused:
            raise Violation("no entry while it is paused", f"{at}: {one}, {paused} until {self._pauses}")
        if isinstance(one, EntryDenied) and one.code == "loss_streak" and "" not in paused:
            raise Violation(_ENDS, f"{at}: {one}, and nothing is paused")
        for rule, name in zip(_ENTRIES, ("", one.worker, one.symbol), strict=True):
            for each in (rule, rule + _WEEK):
                most = _number(getattr(limits, each), name)
                used = self._entries.used(each, name, state)
                if allowed and most and used > most:
                    raise Violation(_COUNTED, f"{at}: {used} of {most} by {each} of '{name}'")
                if isinstance(one, EntryDenied) and one.code == each and not (most and used + 1 > most):
                    raise Violation(_COUNTED, f"{at}: {one}, where {used} of {most} are used")

    # --- losses in a row -----------------------------------------------------------------------------------

    def _trade_over(
        self, at: StreamId, event: Event | Malformed | None, state: State
    ) -> Iterator[tuple[str, str, int, int]]:
        """Adds up what was made of each position, and judges it once nothing is left of it."""
        made, self._net = state.net - self._net, state.net
        held = set(self._book.held)
        over = None
        if isinstance(event, PositionClosed | PositionSettled):
            leg = self._whose(event)
            if leg in self._held:
                self._trades[leg] = self._trades.get(leg, ZERO) + made
                over = leg if leg not in held else None
        judged = self._trades.get(over, ZERO) if over is not None else ZERO
        self._trades = {leg: dollars for leg, dollars in self._trades.items() if leg in held}
        if over is not None and judged and state.limits is not None:
            symbol, _, worker = over.split(":")
            yield from self._row(at, "loss_streak", "", judged, state.limits)
            if worker in state.workers:
                yield from self._row(at, "worker_loss_streak", worker, judged, state.limits)
            if symbol in state.limits.symbols:
                yield from self._row(at, "symbol_loss_streak", symbol, judged, state.limits)

    def _row(
        self, at: StreamId, rule: str, name: str, made: Decimal, limits: Limits
    ) -> Iterator[tuple[str, str, int, int]]:
        self._losses[rule, name] = self._losses[rule, name] + 1 if made < 0 else 0
        losses, most = self._losses[rule, name], _number(getattr(limits, rule), name)
        within = int(_number(getattr(limits, f"{rule}_within"), name)) * _MINUTE_MS
        # Only what was lost while the times counted, and counted all along, has one.
        before = self._lost_ms.get((rule, name), []) if within else []
        self._lost_ms[rule, name] = lost = [ms for ms in before if at.ms - ms <= within]
        if within and made < 0:
            lost.append(at.ms)
        losses = len(lost) if within else losses
        if made > 0 or not most or losses < most:
            return
        self._losses[rule, name] = 0
        self._lost_ms.pop((rule, name))
        minutes = _number(getattr(limits, f"{rule}_minutes"), name)
        until_ms = at.ms + int(minutes) * _MINUTE_MS if minutes else 0
        self._pause({"w": "worker ", "s": "symbol "}.get(rule[0], "") + name, until_ms)
        yield rule, name, losses, until_ms

    def _whose(self, event: PositionClosed | PositionSettled) -> str:
        """What the account alone showed may have been closed under the name of who never reported it."""
        own, nobodys = (f"{event.symbol}:{event.side}:{name}" for name in (event.holder, ACCOUNT))
        unreported = isinstance(event, PositionClosed) and event.fill and own not in self._held
        return nobodys if unreported and nobodys in self._held else own

    # --- the rate ------------------------------------------------------------------------------------------

    def _rated(
        self, at: StreamId, one: EntryAllowed | EntryDenied, state: State, limits: Limits
    ) -> Iterator[tuple[str, str, int, int]]:
        rate, worker = _number(limits.worker_rate, one.worker), one.worker
        burst = _number(limits.worker_burst, worker) or Fraction(1)
        debt, since_ms = self._debts.get(worker, (Fraction(0), at.ms))
        debt = max(Fraction(0), debt - rate * (at.ms - since_ms) / _MINUTE_MS)
        full = bool(rate) and debt + 1 > burst
        limited = isinstance(one, EntryDenied) and one.code == "rate_limited"
        if (limited and not full) or (full and isinstance(one, EntryAllowed)):
            raise Violation(_RATED, f"{at}: {one}, {float(debt)} of {burst} are used")
        takes = bool(rate) and isinstance(one, EntryAllowed)
        self._debts[worker] = (debt + takes, at.ms)
        if limited:
            day = (worker, state.day.date)
            self._denied[day] += 1
            times = self._denied[day]
            if limits.rate_repeats and times >= limits.rate_repeats:
                self._denied[day] = 0
                self._pause(f"worker {worker}", 0)
                yield "rate_repeats", worker, times, 0

    # --- pauses --------------------------------------------------------------------------------------------

    def _pause(self, name: str, until_ms: int) -> None:
        before = self._pauses.get(name)
        endless = not until_ms or before == 0
        self._pauses[name] = 0 if endless else max(until_ms, before or 0)

    def _orders(self, at: StreamId, event: Event | Malformed | None, decisions: list[Decision]) -> None:
        """What a person closes, or a loss of the day, is closed until a person opens it."""
        for one in decisions:
            if isinstance(one, LimitReached) and one.worker and one.action == "flatten":
                self._pause(f"worker {one.worker}", 0)
        match event:
            case TradingHalted() | FlattenRequested() if event.scope is not None:
                self._pause(str(event.scope), 0)
            case TradingResumed() if event.scope is not None:
                self._pauses.pop(str(event.scope), None)
            case TradingResumed():
                if self._pauses.get("") and not event.force:
                    raise Violation(_ENDS, f"{at}: a resume without force ended a pause")
                self._pauses.pop("", None)

    def _same_pauses(self, at: StreamId, state: State) -> None:
        there = {name: closed.until_ms for name, closed in state.scopes.items()}
        lock = state.locks.get("loss_streak")
        there |= {"": lock.until_ms} if lock is not None else {}
        if there != self._pauses:
            raise Violation(_ENDS, f"{at}: {there}, not {self._pauses}")
