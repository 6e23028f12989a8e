"""Bugs to plant in exposure, the loss budget, windows and scopes: one a rule at least."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple
from unittest import mock

from portfold.coordinator.fold.closing import flatten, scoped
from portfold.coordinator.fold.effects import moments, stop_moves
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.budget import at_stop, loss_budget, worst
from portfold.coordinator.fold.rules.exposure import contracts_ladder, counted, of_a_group, of_a_worker
from portfold.coordinator.fold.rules.limits import worker_daily_loss
from portfold.coordinator.fold.scopes import symbols_of
from portfold.coordinator.fold.state import State, daily_pnl
from portfold.coordinator.fold.taken import Counts
from portfold.coordinator.fold.windows import occurrences, publishing, turning
from portfold.coordinator.fold.windows.calendar import Calendar
from portfold.coordinator.fold.windows.occurrences import Occurrence
from portfold.dollars import ZERO
from portfold.events.decisions import Decision
from portfold.events.incoming import StopMoved
from portfold.events.scope import Scope
from portfold.events.stream_id import StreamId
from portfold.weekly_windows import WeeklyWindow
from tests.simulation.plants.replaced import answered_as_if_nothing_were, answered_without, instead
from tests.simulation.rules.of_exposure import BUDGET
from tests.simulation.rules_of_money import START_BALANCE, Rules

Plant = Callable[[], AbstractContextManager[None]]


# --- what counts ------------------------------------------------------------------------------------------


def _positions_alone(state: State, counts: Counts) -> int:
    """What is reserved takes no place."""
    return sum(map(counts, state.positions.values()))


def _nothing(*_: object) -> Decimal:
    return ZERO


def _none_filled(*_: object) -> int:
    """An entry is forgotten once it is filled."""
    return 0


def _other_side(side: str, part: Counts) -> Counts:
    return lambda one: one.side != side and part(one)


def _highest_step(text: str, dollars: Decimal) -> int:  # noqa: ARG001 - whatever the equity is
    return max(int(word.partition("=")[2]) for word in text.split())


# --- a worker's own loss ----------------------------------------------------------------------------------


def _does_nothing(*_: object) -> list[Decision]:
    return []


def _lost_by_all(state: State, worker: str) -> Decimal:  # noqa: ARG001 - whoever lost it
    return -daily_pnl(state)


@contextmanager
def _loss_closes_all() -> Iterator[None]:
    """For one worker's loss all that is held is ordered closed."""
    closes = scoped.flatten_scope

    def flatten_scope(state: State, at: StreamId, scope: Scope, *, by: str, reason: str) -> list[Decision]:
        decisions = closes(state, at, scope, by=by, reason=reason)
        return [*decisions, *flatten.order(state, at, f"{scope}, and all else", state.positions)]

    with mock.patch.object(scoped, "flatten_scope", flatten_scope):
        yield


@contextmanager
def _what_waited_is_not_judged() -> Iterator[None]:
    """By marks that count together no worker is closed, whatever he lost."""
    counts = moments.count_together

    def count_together(state: State, at: StreamId) -> list[Decision]:
        with mock.patch.object(worker_daily_loss, "_close", _does_nothing):
            return counts(state, at)

    with mock.patch.object(moments, "count_together", count_together):
        yield


# --- the loss budget --------------------------------------------------------------------------------------


@contextmanager
def _stop_moved_is_a_new_leg() -> Iterator[None]:
    """A stop that moves leaves the leg without a plan."""
    moves = stop_moves.moved

    def moved(state: State, event: StopMoved) -> list[Decision]:
        decisions = moves(state, event)
        for held in state.positions.values():
            held.plan = None if held.worker == event.worker else held.plan
        return decisions

    with mock.patch.object(stop_moves, "moved", moved):
        yield


def _whatever_is_asked(limits: Limits, one: Any, plan: Any) -> Decimal | None:
    """What is asked loses what one contract of it does."""
    found = at_stop.entry_at_stop(limits, one, plan)
    return None if found is None else found / one.size


# --- windows ----------------------------------------------------------------------------------------------


def _only_now(state: State, calendar: Calendar, one: Occurrence, ms: int) -> bool:  # noqa: ARG001 - as asked
    """What nobody saw begin and end is let be."""
    return one.begins_ms <= ms < one.ends_ms


def _always(_: State) -> bool:
    """Whatever is open, all is flat."""
    return True


def _of_all(*_: object) -> tuple[str, ...]:
    """A window of some symbols is of all."""
    return ()


def _as_it_is_called(window: WeeklyWindow, *_: object) -> tuple[str, ...]:
    """A window of a group is of a symbol that is called like it."""
    return window.names


def _of_scopes_alone(state: State, symbol: str, worker: str) -> bool:
    """What fills in a window of some symbols is let be."""
    flat = [one for one in state.scopes.values() if one.flatten]
    return flatten.catches_new_fills(state) or any(one.covers(state.limits, symbol, worker) for one in flat)


# --- scopes -----------------------------------------------------------------------------------------------


def _worker_is_its_symbols(scope: Scope, limits: Limits | None, symbol: str, worker: str) -> bool:
    """A scope of a symbol is that of whoever trades it alone."""
    if scope.kind == "worker":
        return scope.name == worker
    return symbol in symbols_of(scope, limits) and worker != "bob"


class ExposurePlant(NamedTuple):
    """A plant, and the rules under which it soon shows."""

    rules: Rules
    plant: Plant


_SYMBOL: Rules = {"max_symbol_contracts": "1"}
_GROUP: Rules = {"groups": "all=ES,CL,SI"}
_LOSS: Rules = {"worker_daily_loss": "60"}
_FLATTEN: Rules = {"windows": "mon-fri/10:01..10:02=flatten mon-fri/17:01..17:02=flatten"}
_OF_ES = "mon-fri/10:01..10:03=flatten:ES mon-fri/17:01..17:03=flatten:ES"
_UNSEEN: Plant = partial(answered_as_if_nothing_were, "calendar", None)
_PLANTED: Mapping[str, ExposurePlant] = {
    "symbol-denies-nothing": ExposurePlant(_SYMBOL, partial(answered_without, max_symbol_contracts="")),
    "order-denies-nothing": ExposurePlant(
        {"max_request_contracts": 1}, partial(answered_without, max_request_contracts=0)
    ),
    "contracts-count-alike": ExposurePlant(
        {"contract_weights": "ES=2 CL=3 SI=2"}, partial(answered_without, contract_weights="")
    ),
    "slots-of-a-worker-do-not-count": ExposurePlant(
        {"worker_positions": "1"}, partial(instead, counted, "slots_of", _positions_alone)
    ),
    "contracts-of-a-worker-do-not-count": ExposurePlant(
        {"worker_contracts": "1"}, partial(instead, counted, "contracts_of", _nothing)
    ),
    "entries-are-forgotten": ExposurePlant(
        {"worker_entries": "2"}, partial(instead, of_a_worker, "in_day", _none_filled)
    ),
    "slots-of-a-group-do-not-count": ExposurePlant(
        {**_GROUP, "group_positions": "1"}, partial(instead, counted, "slots_of", _positions_alone)
    ),
    "contracts-of-a-group-do-not-count": ExposurePlant(
        {**_GROUP, "group_contracts": "2"}, partial(instead, counted, "contracts_of", _nothing)
    ),
    "one-side-is-the-other": ExposurePlant(
        {**_GROUP, "group_one_side": "1"}, partial(instead, of_a_group, "on_side", _other_side)
    ),
    "ladder-is-at-its-top": ExposurePlant(
        {"contracts_ladder": "49000=1 50100=5"},
        partial(instead, contracts_ladder, "contracts_at", _highest_step),
    ),
    "ladder-never-climbs": ExposurePlant(
        {"contracts_ladder": "49000=1 49900=2 49990=3 50000=4 50020=5"},
        partial(instead, contracts_ladder, "note_at_roll", _does_nothing),
    ),
    "worker-loss-closes-nothing": ExposurePlant(
        _LOSS, partial(instead, worker_daily_loss, "_close", _does_nothing)
    ),
    "worker-loss-is-that-of-all": ExposurePlant(
        _LOSS, partial(instead, worker_daily_loss, "lost_today", _lost_by_all)
    ),
    "worker-loss-closes-all": ExposurePlant(_LOSS, _loss_closes_all),
    "marks-together-close-no-worker": ExposurePlant(
        {**_LOSS, "marks_together_seconds": 2}, _what_waited_is_not_judged
    ),
    "budget-forgets-slots": ExposurePlant(BUDGET, partial(instead, worst, "entry_at_stop", _nothing)),
    "budget-forgets-costs": ExposurePlant(
        {**BUDGET, "stop_costs": "ES=60 CL=60 SI=60"}, partial(instead, at_stop, "_costs", _nothing)
    ),
    "budget-forgets-floors": ExposurePlant(
        {**BUDGET, "equity_floor": Decimal(49_900)}, partial(instead, worst, "_floors", _does_nothing)
    ),
    "budget-knows-no-moved-stop": ExposurePlant(BUDGET, partial(instead, stop_moves, "moved", _does_nothing)),
    "budget-forgets-the-plan": ExposurePlant(BUDGET, _stop_moved_is_a_new_leg),
    "budget-counts-one-contract": ExposurePlant(
        BUDGET, partial(instead, loss_budget, "entry_at_stop", _whatever_is_asked)
    ),
    "window-denies-nothing": ExposurePlant({"windows": "mon-fri/10:00..10:05=deny"}, _UNSEEN),
    "window-missed-is-let-be": ExposurePlant(_FLATTEN, partial(instead, turning, "_is_due", _only_now)),
    "window-closes-nothing": ExposurePlant(
        _FLATTEN, partial(instead, turning, "_close_everything", _does_nothing)
    ),
    "window-is-over-though-not-flat": ExposurePlant(_FLATTEN, partial(instead, flatten, "is_flat", _always)),
    "window-of-some-is-of-all": ExposurePlant(
        {"windows": _OF_ES}, partial(instead, occurrences, "symbols_in", _of_all)
    ),
    "window-of-a-group-is-of-nothing": ExposurePlant(
        {**_GROUP, "windows": _OF_ES.replace(":ES", ":all")},
        partial(instead, occurrences, "symbols_in", _as_it_is_called),
    ),
    "window-of-some-lets-fills-be": ExposurePlant(
        {"windows": _OF_ES}, partial(instead, flatten, "catches_fill", _of_scopes_alone)
    ),
    "published-is-not-looked-at": ExposurePlant(
        _FLATTEN, partial(instead, publishing, "turn", _does_nothing)
    ),
    "scope-spares-a-worker": ExposurePlant(
        _SYMBOL, partial(instead, scoped, "covers", _worker_is_its_symbols)
    ),
}
EXPOSURE_RULES_TO_SHOW: Mapping[str, Rules] = {
    name: {"start_balance": Decimal(START_BALANCE), **planted.rules} for name, planted in _PLANTED.items()
}
EXPOSURE_PLANTS: Mapping[str, Plant] = {name: planted.plant for name, planted in _PLANTED.items()}
"""By the names that `--plant` takes."""
