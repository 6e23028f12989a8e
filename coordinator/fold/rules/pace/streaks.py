"""So many losing trades in a row: of the portfolio, of a worker, in a symbol; then nothing is entered there.

A trade is a position from its first fill until nothing of it is left, and is judged then, by all that was
realized of it, net of commissions: however many parts it is closed in, it is one. One that made nothing is no
loss, and ends no row either. With minutes the pause is over by itself, without only a person ends it; the
count begins anew either way, so one loss with minutes is a pause after every loss. Guarantees: whatever is
denied, no exit is.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portfold.bounds import LONGEST_TEXT
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
_MINUTE_MS = 60_000
_MOST_READINGS = 8
_ABOUT = "losing trades in a row"


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
    decisions: list[Decision] = []
    for row in _rows(state, held):
        if made > 0:
            row.counted.losses = 0
            continue
        row.counted.losses += 1
        most = _most(limits, row)
        if most and row.counted.losses >= most:
            decisions += _reached(state, at, row, made)
    return decisions


def _rows(state: State, held: Position) -> Iterator[_Row]:
    yield _Row(_WHOLE, None, state.pace)
    worker = state.workers.get(held.worker)
    if worker is not None:  # what nobody owns is no worker's
        worker.pace = worker.pace or WorkerPace()
        yield _Row(_WORKER, Scope("worker", held.worker), worker.pace)
    of_symbol = pace_of(state, held.symbol)
    if of_symbol is not None:
        yield _Row(_SYMBOL, Scope("symbol", held.symbol), of_symbol)


def _most(limits: Limits, row: _Row) -> int:
    if row.scope is None:
        return limits.loss_streak
    return int(by_name(getattr(limits, row.rule)).of(row.scope.name) or 0)


def _minutes(limits: Limits, row: _Row) -> int:
    if row.scope is None:
        return limits.loss_streak_minutes
    return int(by_name(getattr(limits, f"{row.rule}_minutes")).of(row.scope.name) or 0)


def _reached(state: State, at: StreamId, row: _Row, made: Decimal) -> list[Decision]:
    limits, losses, scope = state.limits, row.counted.losses, row.scope
    if limits is None:
        return []
    row.counted.losses = 0
    most, minutes = _most(limits, row), _minutes(limits, row)
    until_ms = at.ms + minutes * _MINUTE_MS if minutes else 0
    of = f" of {scope.kind} {scope.name}" if scope is not None else ""
    until = f"until {clock(until_ms, ZoneInfo(limits.zone))} ({limits.zone})" if minutes else "until a resume"
    trades = "losing trade" if losses == 1 else "losing trades in a row"
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
    return _reading(state.pace.losses, limits.loss_streak, "") if limits.loss_streak else None


def _read_workers(state: State, limits: Limits) -> list[Reading]:
    """Returns the same of each worker that has lost, the nearest to its limit first."""
    workers = ((name, known.pace.losses) for name, known in state.workers.items() if known.pace is not None)
    return _nearest(workers, limits.worker_loss_streak, "worker ")


def _read_symbols(state: State, limits: Limits) -> list[Reading]:
    """Returns the same of each symbol."""
    symbols = ((name, known.losses) for name, known in state.pace.symbols.items())
    return _nearest(symbols, limits.symbol_loss_streak, "")


def _nearest(lost: Iterable[tuple[str, int]], text: str, kind: str) -> list[Reading]:
    mosts = by_name(text)
    numbers = ((name, losses, mosts.of(name)) for name, losses in lost if losses)
    found = [_reading(losses, int(most), f"{kind}{name}") for name, losses, most in numbers if most]
    return sorted(found, key=lambda one: (one.left, one.of))[:_MOST_READINGS]


def _reading(losses: int, most: int, of: str) -> Reading:
    left = max(ZERO, Decimal(most - losses))
    return Reading("losses", Decimal(most), Decimal(losses), left, Decimal(most), _ABOUT, of)


WHOLE = Rule(_WHOLE, denier(_WHOLE), (_WHOLE, f"{_WHOLE}_minutes"), read=_read)
OF_A_WORKER = Rule(_WORKER, by_its_scope, (_WORKER, f"{_WORKER}_minutes"), read_each=_read_workers)
OF_A_SYMBOL = Rule(_SYMBOL, by_its_scope, (_SYMBOL, f"{_SYMBOL}_minutes"), read_each=_read_symbols)
