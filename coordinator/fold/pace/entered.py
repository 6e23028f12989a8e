"""How often was entered: of the portfolio, by a worker, in a symbol; in the trading day, and in its week.

An entry counts with the first fill of its slot, and its slot counts as one until then; given back or expired
it was none. A fill that nobody granted is an entry; exits are none. A week is the trading days from Monday to
now. Guarantees: what is counted is bounded, however long the log.
"""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import WorkerDay
from portfold.coordinator.fold.pace.remembered import SYMBOLS_REMEMBERED, SymbolPace, entered_before
from portfold.coordinator.fold.state import Reservation, State
from portfold.coordinator.fold.taken import Counts
from portfold.coordinator.fold.worker_day import today_of
from portfold.events.incoming import PositionOpened
from portfold.exchange_time import week_of

_SINCE = 9
_COUNTED = frozenset(
    (
        *("max_entries", "max_entries_week", "worker_entries_week", "symbol_entries", "symbol_entries_week"),
        *("loss_streak", "worker_loss_streak", "symbol_loss_streak"),
    )
)


def is_counted(state: State) -> bool:
    """Returns whether pace is counted: an earlier version counted none, unless a rule asked."""
    return state.fold_version >= _SINCE or (
        state.limits is not None and not _COUNTED.isdisjoint(state.limits.present)
    )


def note_entry(state: State, fill: PositionOpened, slot: Reservation | None) -> None:
    """Counts a fill as an entry, unless the slot it uses was filled in part before."""
    if slot is not None and slot.entered:
        return
    if slot is not None:
        slot.entered = True
    known = today_of(state, fill.worker)
    if known is not None:
        known.entered += 1
    if is_counted(state):
        state.day.entered += 1
        of_symbol = pace_of(state, fill.symbol)
        if of_symbol is not None:
            of_symbol.entered += 1


def pace_of(state: State, symbol: str) -> SymbolPace | None:
    """Returns what is counted of the symbol, of the trading day; None of one that may not be traded."""
    symbols, limits = state.pace.symbols, state.limits
    known = symbols.get(symbol)
    if known is None:
        if limits is None or symbol not in limits.symbols:
            return None
        if len(symbols) >= SYMBOLS_REMEMBERED:
            del symbols[next(name for name in symbols if name not in limits.symbols)]
        known = symbols[symbol] = SymbolPace(state.day.date)
    elif known.date != state.day.date:
        known.entered_before = entered_before(known, state.day.date)
        known.date, known.entered = state.day.date, 0
    return known


def pending(state: State, counts: Counts) -> int:
    """Counts the slots of a part of the book that may become an entry yet."""
    return sum(not one.entered and counts(one) for one in state.reservations.values())


def of_portfolio(state: State) -> int:
    """Counts the filled entries of the trading day."""
    return state.day.entered


def of_portfolio_week(state: State) -> int:
    """Counts those of the week."""
    began = week_of(state.day.date) if state.day.date else ""
    return state.day.entered + sum(day.entered for day in state.past if day.date >= began)


def in_day(state: State, known: WorkerDay | SymbolPace | None) -> int:
    """Counts the filled entries of a worker, or in a symbol, of the trading day."""
    return known.entered if known is not None and known.date == state.day.date else 0


def in_week(state: State, known: WorkerDay | SymbolPace | None) -> int:
    """Counts those of the week."""
    return 0 if known is None else in_day(state, known) + entered_before(known, state.day.date)


def symbols_entered(state: State, limits: Limits) -> list[str]:
    """Returns the symbols that may be traded in which was entered this week, or may be yet."""
    counted = {name for name, known in state.pace.symbols.items() if in_week(state, known)}
    counted |= {one.symbol for one in state.reservations.values()}
    return sorted(counted.intersection(limits.symbols))
