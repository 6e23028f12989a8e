"""Simulates trades with the production fold, so that the rules simulated are the rules enforced live.

There is no second set of rules here. `coordinator.fold.fold` allows or denies each entry and folds each fill,
mark and close; when it triggers the day's stop, all open positions are closed at once, as the workers would.
This module adds only the order of events (`research.simulate.trade_events`), the ticks at edges of windows
while something is open, the sessions of the exchange, and the record of the results.

Of a file of trades alone each trade is asked for at its entry. Of signals those are whose worker is flat, as
live: one that was denied asks again with its next signal, and one that was stopped signals anew.

Two things are assumed: entries fill at once at their own price; and a position that a stop closes is closed
at the last price of its bars, or, without bars, at its own final P&L, which lay in the future then. The
result counts the latter.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct, field

from portfold.coordinator.fold.fold import FOLD_VERSION, fold
from portfold.coordinator.fold.invariants import InvariantBroken
from portfold.coordinator.fold.state import State, daily_pnl
from portfold.coordinator.fold.windows.turning import next_turn
from portfold.dollars import ZERO
from portfold.events.decisions import (
    Decision,
    EntryAllowed,
    EntryDenied,
    FlattenOrdered,
    LimitReached,
    StopLossTriggered,
    TradingDayStarted,
)
from portfold.events.incoming import ClockTicked, Event, PositionClosed
from portfold.events.legs import parse_legs
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import StreamId
from portfold.research.simulate.trade_events import SESSION, TradeEvents, worker_of

_WHATEVER_THE_LOTS = frozenset(("stopped_out", "symbol_in_position"))

Fold = Callable[[State, StreamId, Event], Sequence[Decision]]


class SimulatedTrade(NamedTuple):
    """A trade that was made: its index in the timeline's trades, when it ended, its P&L in dollars.

    `forced`: a stop closed it. `known`: its P&L could be known at that moment.
    """

    trade: int
    closed_ms: int
    pnl: Decimal
    forced: bool = False
    known: bool = True


class DeniedTrade(NamedTuple):
    """A trade whose entry was denied, and the code of the reason."""

    trade: int
    code: str


class SimulatedDay(NamedTuple):
    """A trading day's P&L in dollars, and the number of points of the curve when it ended."""

    date: str
    pnl: Decimal
    points: int


class Simulated(Struct):
    """The results of the trades of `symbols` under one set of limits.

    `curve` holds the P&L since the beginning, in dollars, at the end of each moment in which money moved, in
    order: closed trades, and, where there are marks, open ones as far as the limits count them. It has one
    point for all events of a moment, as only lots put these in an order. `days` are those with an event.
    `stop_days` names the day of each daily stop, `reached` day and rule of each other limit of money.
    `open_at_end` counts the entries whose exit nobody knows, as the bars ended before.
    """

    symbols: tuple[str, ...]
    max_positions: int
    days: list[SimulatedDay] = field(default_factory=list)
    curve: list[Decimal] = field(default_factory=list)
    taken: list[SimulatedTrade] = field(default_factory=list)
    denied: list[DeniedTrade] = field(default_factory=list)
    stop_days: list[str] = field(default_factory=list)
    reached: list[tuple[str, str]] = field(default_factory=list)
    open_at_end: int = 0

    @property
    def requested(self) -> int:
        """Counts the entries that were requested."""
        return len(self.taken) + len(self.denied) + self.open_at_end

    @property
    def denials(self) -> Counter[str]:
        """Counts the denied entries by the code of their reason."""
        return Counter(denied.code for denied in self.denied)

    @property
    def decided_by_lot(self) -> bool:
        """Returns whether anybody was denied for want of room: then others' lots had got it."""
        return not set(self.denials) <= _WHATEVER_THE_LOTS

    @property
    def forced(self) -> list[SimulatedTrade]:
        """Lists the trades that a stop closed."""
        return [trade for trade in self.taken if trade.forced]


def simulate(timeline: TradeEvents, limits: LimitsChanged, decide: Fold = fold) -> Simulated:
    """Simulates the trades of the symbols in `limits` under these limits.

    `decide` is the fold, or a wrapper that observes it. Raises InvariantBroken where a request has no answer.
    """
    symbols = tuple(limits.symbols.split(" "))
    play = _Play(timeline, Simulated(symbols, limits.max_positions), decide)
    state, held, simulated = play.state, play.held, play.simulated
    passes = bool(limits.windows or timeline.published)
    decide(state, timeline.opening, limits)
    if passes:
        play.pass_time(timeline.opening.ms)
    for at, started in timeline.workers(symbols):
        decide(state, at, started)
    for symbol, trade, at, fact, request, filled_at, flat_before in timeline.of(symbols):
        if passes:
            play.pass_time(at.ms)
        if request is not None:
            if flat_before is not None and (symbol in held or play.left.get(symbol, -1) >= flat_before):
                continue
            decided = decide(state, at, request)
            answer = decided[-1]
            if len(decided) > 1:
                play.apply(at, decided)
            if type(answer) is EntryAllowed:
                held[symbol] = trade
                decide(state, filled_at, fact)
            elif type(answer) is EntryDenied:
                simulated.denied.append(DeniedTrade(trade, answer.code))
            else:
                raise InvariantBroken(f"the request at {at} was answered by {type(answer).__name__}")
        elif held.get(symbol) == trade:
            decided = decide(state, at, fact)
            if type(fact) is PositionClosed:
                play.leave(symbol, at.ms)
                simulated.taken.append(SimulatedTrade(trade, at.ms, fact.pnl))
            play.note(at, decided)
    play.end_day(state.day.date, daily_pnl(state))
    simulated.open_at_end = len(held)
    return simulated


class _Play:
    """A simulation under way. `held` is the open trade of each symbol: the rules allow one a symbol; `left`
    is when its worker last left one.
    """

    def __init__(self, timeline: TradeEvents, simulated: Simulated, decide: Fold) -> None:
        self.state = State(fold_version=FOLD_VERSION)  # decided by the rules of now, as by a leader of now
        self.held: dict[str, int] = {}
        self.left: dict[str, int] = {}
        self.simulated = simulated
        self._timeline = timeline
        self._decide = decide
        self._before_today = ZERO
        self._noted_ms: int | None = None
        self._to_publish = deque(timeline.published)

    def note(self, at: StreamId, decided: Sequence[Decision]) -> None:
        """Adds a point to the curve after money has moved, and applies the decisions.

        The last point of a moment replaces the earlier ones. A moment lies on one trading day, so no day
        loses its last point.
        """
        stopped = [] if not decided else self._days_and_stops(decided)
        today = daily_pnl(self.state) if self._timeline.marked else self.state.day.realized
        curve = self.simulated.curve
        if at.ms == self._noted_ms:
            curve.pop()
        curve.append(self._before_today + today)
        self._noted_ms = at.ms
        for stop in stopped:
            self._close_all(at, stop)

    def pass_time(self, until_ms: int) -> None:
        """Lets time pass before the next event, with what is published by its moment."""
        while self._to_publish and self._to_publish[0][0].ms <= until_ms:
            at, sessions = self._to_publish.popleft()
            self._pass_edges(at.ms)
            self.apply(at, self._decide(self.state, at, sessions))
        self._pass_edges(until_ms)

    def _pass_edges(self, before_ms: int) -> None:
        """Lets time pass at each edge of a window before that, as a leader's ticks do.

        So a window that flattens closes what is open at its time, and not with the next bar.
        """
        while self.held and self.state.calendar is not None:
            due_ms = next_turn(self.state, self.state.calendar)
            if due_ms >= before_ms:
                return
            at = StreamId(due_ms, 0)
            self.apply(at, self._decide(self.state, at, ClockTicked()))

    def leave(self, symbol: str, ms: int) -> int:
        """Notes that the symbol's position is closed, by its own exit or at `ms`. Returns its trade."""
        trade = self.held.pop(symbol)
        asked = self._timeline.trades[trade].asked
        own = asked is not None and self._timeline.is_due(trade, ms)
        self.left[symbol] = asked.left_ms if asked is not None and own else ms
        return trade

    def apply(self, at: StreamId, decided: Sequence[Decision]) -> None:
        """Applies decisions on events by which no money has moved."""
        for stop in self._days_and_stops(decided):
            self._close_all(at, stop)

    def end_day(self, date: str, pnl: Decimal) -> None:
        """Adds the trading day that has ended."""
        self.simulated.days.append(SimulatedDay(date, pnl, len(self.simulated.curve)))
        self._before_today += pnl

    def _days_and_stops(self, decided: Sequence[Decision]) -> list[StopLossTriggered | FlattenOrdered]:
        stops: list[StopLossTriggered | FlattenOrdered] = []
        for decision in decided:
            if isinstance(decision, TradingDayStarted):
                self.end_day(decision.previous_day, decision.daily_pnl)
            elif isinstance(decision, StopLossTriggered):
                self.simulated.stop_days.append(self.state.day.date)
                stops.append(decision)
            elif isinstance(decision, LimitReached):
                self.simulated.reached.append((self.state.day.date, decision.rule))
            elif isinstance(decision, FlattenOrdered):
                stops.append(decision)
        return stops

    def _close_all(self, at: StreamId, stop: StopLossTriggered | FlattenOrdered) -> None:
        """Closes all positions within the moment of the stop, as the workers would.

        What an earlier stop of the same moment has closed already is not closed again.
        """
        for leg in parse_legs(stop.positions):
            if leg.symbol not in self.held:
                continue
            at = StreamId(at.ms, at.seq + 1)
            trade = self.leave(leg.symbol, at.ms)
            number = self.state.workers[worker_of(leg.symbol)].seqs[SESSION] + 1
            closed, known = self._timeline.forced_exit(trade, at, number)
            forced = not self._timeline.is_due(trade, at.ms)
            self.simulated.taken.append(SimulatedTrade(trade, at.ms, closed.pnl, forced, known))
            self.note(at, self._decide(self.state, at, closed))
