"""So many losing trades, of the portfolio, of a worker, in a symbol; then nothing is entered there.

They are counted in a row, or within so many minutes whatever was won between, where the limits say so.

A trade is a position from its first fill until nothing of it is left, and is judged then, by all that was
realized of it, net of commissions: however many parts it is closed in, it is one. One that made nothing is no
loss, and ends no row either. With minutes a pause is over by itself, without only a person ends it; the
count begins anew either way, so one loss with minutes is a pause after every loss. Guarantees: whatever is
denied, no exit is.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portfold.bounds import LONGEST_TEXT, MOST_LOSSES_WITHIN
from portfold.by_name import by_name
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.pace.entered import is_counted, pace_of
from portfold.coordinator.fold.pace.remembered import Pace, SymbolPace, WorkerPace
from portfold.coordinator.fold.rules.latching import denier
from portfold.coordinator.fold.rules.pace import cooldowns
from portfold.coordinator.fold.rules.pace.cooldowns import by_its_scope
from portfold.coordinator.fold.rules.rule import Reading, Rule
from portfold.coordinator.fold.state import Position, State
from portfold.dollars import ZERO, shown
from portfold.events.decisions import Decision, LimitReached
from portfold.events.scope import Scope
from portfold.events.stream_id import StreamId
from portfold.exchange_time import clock

_WHOLE, _WORKER, _SYMBOL = "loss_streak", "worker_loss_streak", "symbol_loss_streak"
_KEYS = frozenset(f"{rule}{of}" for rule in (_WHOLE, _WORKER, _SYMBOL) for of in ("", "_minutes", "_within"))
_MINUTE_MS = 60_000
_MOST_READINGS = 8
_IN_A_ROW = "losing trades in a row"


class _Row(NamedTuple):
    """Whose losing trades are counted, where, and by which rule; of the portfolio there is no scope."""

    rule: str
    scope: Scope | None
    counted: Pace | WorkerPace | SymbolPace


def trade_ended(state: State, at: StreamId, held: Position) -> list[Decision]:
    """Judges a trade of which nothing is left, and pauses whatever has lost as often as it may."""
    limits, made = state.limits, held.made
    if limits is None or not made or not is_counted(state):
        return []
    each = _counted(state, held)
    if limits.present.isdisjoint(_KEYS):  # no limit asks yet, and one that is ordered finds what was counted
        for counted in each:
            _count(counted, at, made, 0)
        return []
    decisions: list[Decision] = []
    for counted in each:
        row = _row(counted, held)
        _count(counted, at, made, _within(limits, row))
        most = _most(limits, row)
        if made < 0 and most and _losses(row.counted, _within(limits, row)) >= most:
            decisions += _reached(state, at, row, made)
    return decisions


def _count(counted: Pace | WorkerPace | SymbolPace, at: StreamId, made: Decimal, within: int) -> None:
    """Counts a trade: in a row always, and by its time where the losses of so many minutes count."""
    counted.losses = 0 if made > 0 else counted.losses + 1
    if not within:
        counted.lost_at = []
        return
    began_ms = at.ms - within * _MINUTE_MS
    lately = [ms for ms in counted.lost_at if ms >= began_ms]
    counted.lost_at = [*lately, at.ms][-MOST_LOSSES_WITHIN:] if made < 0 else lately


def _losses(counted: Pace | WorkerPace | SymbolPace, within: int) -> int:
    """Returns how many were lost, at the last trade."""
    return len(counted.lost_at) if within else counted.losses


def _counted(state: State, held: Position) -> list[Pace | WorkerPace | SymbolPace]:
    """Returns whose losing trades the position is one of: of all, its worker's, those in its symbol."""
    each: list[Pace | WorkerPace | SymbolPace] = [state.pace]
    worker = state.workers.get(held.worker)
    if worker is not None:  # what nobody owns is no worker's
        worker.pace = worker.pace or WorkerPace()
        each.append(worker.pace)
    of_symbol = pace_of(state, held.symbol)
    if of_symbol is not None:
        each.append(of_symbol)
    return each


def _row(counted: Pace | WorkerPace | SymbolPace, held: Position) -> _Row:
    match counted:
        case Pace():
            return _Row(_WHOLE, None, counted)
        case WorkerPace():
            return _Row(_WORKER, Scope("worker", held.worker), counted)
        case SymbolPace():
            return _Row(_SYMBOL, Scope("symbol", held.symbol), counted)


def _most(limits: Limits, row: _Row) -> int:
    if row.scope is None:
        return limits.loss_streak
    return int(by_name(getattr(limits, row.rule)).of(row.scope.name) or 0)


def _minutes(limits: Limits, row: _Row) -> int:
    if row.scope is None:
        return limits.loss_streak_minutes
    return int(by_name(getattr(limits, f"{row.rule}_minutes")).of(row.scope.name) or 0)


def _within(limits: Limits, row: _Row) -> int:
    if row.scope is None:
        return limits.loss_streak_within
    return int(by_name(getattr(limits, f"{row.rule}_within")).of(row.scope.name) or 0)


def _reached(state: State, at: StreamId, row: _Row, made: Decimal) -> list[Decision]:
    limits, scope = state.limits, row.scope
    if limits is None:
        return []
    within = _within(limits, row)
    losses = _losses(row.counted, within)
    row.counted.losses, row.counted.lost_at = 0, []
    most, minutes = _most(limits, row), _minutes(limits, row)
    until_ms = at.ms + minutes * _MINUTE_MS if minutes else 0
    of = f" of {scope.kind} {scope.name}" if scope is not None else ""
    until = f"until {clock(until_ms, ZoneInfo(limits.zone))} ({limits.zone})" if minutes else "until a resume"
    trades = "losing trade" if losses == 1 else _about(within)
    reason = f"{losses} {trades}{of}, the last {shown(made)}: no entries {until}"[:LONGEST_TEXT]
    if scope is None:
        cooldowns.pause_all(state, at, row.rule, reason, until_ms)
    else:
        cooldowns.pause(state, at, scope, reason, until_ms)
    return [
        LimitReached(
            rule=row.rule,
            action="deny",
            now=Decimal(losses),
            limit=Decimal(most),
            until="",
            reason=reason,
            worker=scope.name if scope is not None and scope.kind == "worker" else "",
            symbol=scope.name if scope is not None and scope.kind == "symbol" else "",
            until_ms=until_ms,
        )
    ]


def _read(state: State, limits: Limits) -> Reading | None:
    """Returns how many of the last trades were lost, of those that may be."""
    if not limits.loss_streak:
        return None
    return _reading(state.pace, limits.loss_streak, limits.loss_streak_within, "")


def _read_workers(state: State, limits: Limits) -> list[Reading]:
    """Returns the same of each worker that has lost, the nearest to its limit first."""
    workers = ((name, known.pace) for name, known in state.workers.items() if known.pace is not None)
    return _nearest(workers, limits.worker_loss_streak, limits.worker_loss_streak_within, "worker ")


def _read_symbols(state: State, limits: Limits) -> list[Reading]:
    """Returns the same of each symbol."""
    symbols = state.pace.symbols.items()
    return _nearest(symbols, limits.symbol_loss_streak, limits.symbol_loss_streak_within, "")


def _nearest(
    lost: Iterable[tuple[str, WorkerPace | SymbolPace]], text: str, within: str, kind: str
) -> list[Reading]:
    mosts, spans = by_name(text), by_name(within)
    numbers = ((name, counted, mosts.of(name), int(spans.of(name) or 0)) for name, counted in lost)
    found = [
        _reading(counted, int(most), span, f"{kind}{name}")
        for name, counted, most, span in numbers
        if most and _losses(counted, span)
    ]
    return sorted(found, key=lambda one: (one.left, one.of))[:_MOST_READINGS]


def _reading(counted: Pace | WorkerPace | SymbolPace, most: int, within: int, of: str) -> Reading:
    losses, whole = Decimal(_losses(counted, within)), Decimal(most)
    return Reading("losses", whole, losses, max(ZERO, whole - losses), whole, _about(within), of)


def _about(within: int) -> str:
    if not within:
        return _IN_A_ROW
    return f"losing trades within {within} minute{'' if within == 1 else 's'}"


def _keys(rule: str) -> tuple[str, ...]:
    return rule, f"{rule}_minutes", f"{rule}_within"


WHOLE = Rule(_WHOLE, denier(_WHOLE), _keys(_WHOLE), read=_read)
OF_A_WORKER = Rule(_WORKER, by_its_scope, _keys(_WORKER), read_each=_read_workers)
OF_A_SYMBOL = Rule(_SYMBOL, by_its_scope, _keys(_SYMBOL), read_each=_read_symbols)
