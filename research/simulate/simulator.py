"""The simulator: trades through the production fold, so that what was simulated is what will be enforced.

There is no second set of rules here. Each entry is asked for and granted or denied by
`coordinator.fold.fold`, each fill, mark and close is folded by it, and when it triggers the day's stop, what
is open is closed at once, as the workers would. All that is added is who says what when
(`research.simulate.trade_events`) and what is noted down.

What a simulation cannot know it does not pretend to: entries fill at once at their own price, and a position
that a stop ends is closed at the last price that bars tell, or else at its own final P&L, which lay in the
future then; how many of those there were is on the result.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct, field

from portfold.coordinator.fold.fold import fold
from portfold.coordinator.fold.invariants import InvariantBroken
from portfold.coordinator.fold.state import State, daily_pnl
from portfold.dollars import ZERO
from portfold.events.decisions import (
    Decision,
    EntryAllowed,
    EntryDenied,
    StopLossTriggered,
    TradingDayStarted,
)
from portfold.events.incoming import Event, LimitsChanged, PositionClosed
from portfold.events.legs import parse_legs
from portfold.events.stream_id import StreamId
from portfold.research.simulate.trade_events import SESSION, TradeEvents, worker_of

Fold = Callable[[State, StreamId, Event], Sequence[Decision]]


class SimulatedTrade(NamedTuple):
    """A trade that was made: its place in the timeline's trades, when it ended, what it made.

    `forced`: a stop ended it. `known`: its P&L could be known at that moment.
    """

    trade: int
    closed_ms: int
    pnl: Decimal
    forced: bool = False
    known: bool = True


class DeniedTrade(NamedTuple):
    """A trade that was not made, and the code of the reason."""

    trade: int
    code: str


class SimulatedDay(NamedTuple):
    """A trading day's P&L in dollars, and how many points the curve had when it ended."""

    date: str
    pnl: Decimal
    points: int


class Simulated(Struct):
    """What became of the trades of `symbols` under one set of limits.

    `curve` holds the P&L since the beginning, in dollars, at the end of each moment in which money moved, in
    order: closed trades, and where there are marks open ones as far as the limits count them. What lay
    between events of one moment is not in it, as only lots put these in an order. `days` are those on which
    something happened. `stops` counts the daily stops, `stop_days` names their days.
    """

    symbols: tuple[str, ...]
    max_positions: int
    days: list[SimulatedDay] = field(default_factory=list)
    curve: list[Decimal] = field(default_factory=list)
    taken: list[SimulatedTrade] = field(default_factory=list)
    denied: list[DeniedTrade] = field(default_factory=list)
    stop_days: list[str] = field(default_factory=list)

    @property
    def requested(self) -> int:
        """How many entries were asked for."""
        return len(self.taken) + len(self.denied)

    @property
    def denials(self) -> Counter[str]:
        """How many were denied for which reason."""
        return Counter(one.code for one in self.denied)

    @property
    def forced(self) -> list[SimulatedTrade]:
        """What a stop ended."""
        return [one for one in self.taken if one.forced]


def simulate(timeline: TradeEvents, limits: LimitsChanged, decide: Fold = fold) -> Simulated:
    """Plays the trades of the symbols in `limits` under these limits.

    `decide` is the fold; who wants to watch passes one that looks on.
    """
    symbols = tuple(limits.symbols.split(" "))
    play = _Play(timeline, Simulated(symbols, limits.max_positions), decide)
    state, held, simulated = play.state, play.held, play.simulated
    decide(state, timeline.opening, limits)
    for at, started in timeline.workers(symbols):
        decide(state, at, started)
    for symbol, trade, at, fact, request, filled_at in timeline.of(symbols):
        if request is not None:
            decided = decide(state, at, request)
            answer = decided[-1]
            if len(decided) > 1:
                play.hear(at, decided)
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
                del held[symbol]
                simulated.taken.append(SimulatedTrade(trade, at.ms, fact.pnl))
            play.note(at, decided)
    play.end_day(state.day.date, daily_pnl(state))
    return simulated


class _Play:
    """A simulation under way. `held` is the trade that is open in a symbol: the rules allow one of each."""

    def __init__(self, timeline: TradeEvents, simulated: Simulated, decide: Fold) -> None:
        self.state = State()
        self.held: dict[str, int] = {}
        self.simulated = simulated
        self._timeline = timeline
        self._decide = decide
        self._before_today = ZERO
        self._noted_ms: int | None = None

    def note(self, at: StreamId, decided: Sequence[Decision]) -> None:
        """Money has moved: takes down where the P&L is now, and does what was decided.

        Of a moment the last counts. All of it lies on one trading day, so no day loses its last point.
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

    def hear(self, at: StreamId, decided: Sequence[Decision]) -> None:
        """Does what was decided where no money has moved."""
        for stop in self._days_and_stops(decided):
            self._close_all(at, stop)

    def end_day(self, date: str, pnl: Decimal) -> None:
        """A trading day is over."""
        self.simulated.days.append(SimulatedDay(date, pnl, len(self.simulated.curve)))
        self._before_today += pnl

    def _days_and_stops(self, decided: Sequence[Decision]) -> list[StopLossTriggered]:
        stops = []
        for decision in decided:
            if isinstance(decision, TradingDayStarted):
                self.end_day(decision.previous_day, decision.daily_pnl)
            elif isinstance(decision, StopLossTriggered):
                self.simulated.stop_days.append(self.state.day.date)
                stops.append(decision)
        return stops

    def _close_all(self, at: StreamId, stop: StopLossTriggered) -> None:
        """What the workers do when they hear of a stop, within the same moment."""
        for leg in parse_legs(stop.positions):
            at = StreamId(at.ms, at.seq + 1)
            trade = self.held.pop(leg.symbol)
            number = self.state.workers[worker_of(leg.symbol)].seqs[SESSION] + 1
            closed, known = self._timeline.forced_exit(trade, at, number)
            self.simulated.taken.append(SimulatedTrade(trade, at.ms, closed.pnl, forced=True, known=known))
            self.note(at, self._decide(self.state, at, closed))
