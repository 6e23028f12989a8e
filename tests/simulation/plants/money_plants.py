"""Bugs to plant in the limits of money: one a rule at least, each takes a part of what it promises out."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple
from unittest import mock

from portfold.coordinator.fold import equity
from portfold.coordinator.fold.effects import capital, marks, moments, resuming
from portfold.coordinator.fold.equity import Money
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import Capital
from portfold.coordinator.fold.rules import latching, table
from portfold.coordinator.fold.rules.limits import (
    consistency,
    equity_floor,
    loss_tiers,
    profit_lock,
    profit_target,
    rolling_loss,
    trailing_drawdown,
    week,
)
from portfold.coordinator.fold.rules.rule import Reached
from portfold.coordinator.fold.state import State
from portfold.dollars import ZERO
from portfold.events.account import CashMoved
from portfold.events.decisions import Decision
from portfold.events.stream_id import StreamId
from tests.simulation.plants.replaced import answered_as_if_nothing_were, answered_without, instead
from tests.simulation.rules_of_money import START_BALANCE, Rules

# --- the equity and its floors ----------------------------------------------------------------------------


@contextmanager
def _peak_falls() -> Iterator[None]:
    """The peak is the equity of now."""

    def follow(limits: Limits, known: Capital, money: Money) -> None:
        known.peak = equity.equity_for(limits, money, equity.TRAILING) or known.peak

    with ExitStack() as stack:
        for module in (equity, capital):
            stack.enter_context(mock.patch.object(module, "raise_peak", follow))
        yield


@contextmanager
def _peak_counts_always() -> Iterator[None]:
    """The peak moves with every mark, also where it is to count once a day."""
    notes = equity.note_equity

    def note(limits: Limits, known: Capital, money: Money) -> None:
        notes(limits, known, money)
        equity.raise_peak(limits, known, money)

    with mock.patch.object(table, "note_equity", note):
        yield


@contextmanager
def _balance_begins_anew() -> Iterator[None]:
    """Each order of limits begins the equity and its peak anew."""
    counts = capital.count_from

    def count(state: State, at: StreamId, limits: Limits) -> None:
        state.capital = None
        counts(state, at, limits)

    with mock.patch.object(capital, "count_from", count):
        yield


@contextmanager
def _payout_lowers_the_floor() -> Iterator[None]:
    """What is paid out lowers the peak."""
    moves = capital.cash_moved

    def moved(state: State, at: StreamId, event: CashMoved) -> list[Decision]:
        if state.capital is not None:
            state.capital.peak += min(event.amount, ZERO)
        return moves(state, at, event)

    with mock.patch.object(capital, "cash_moved", moved):
        yield


@contextmanager
def _floor_does_not_flatten() -> Iterator[None]:
    """A floor that is reached denies entries, and closes nothing."""
    latches = latching.latch

    def latch(state: State, at: StreamId, rule: str, reached: Reached) -> list[Decision]:
        return latches(state, at, rule, reached if reached.until else reached._replace(action="deny"))

    with mock.patch.object(latching, "latch", latch):
        yield


@contextmanager
def _new_day_lifts_the_floor() -> Iterator[None]:
    """What only a resume lifts goes with the next trading day."""
    latches = latching.latch

    def latch(state: State, at: StreamId, rule: str, reached: Reached) -> list[Decision]:
        decisions = latches(state, at, rule, reached)
        state.locks[rule].until = reached.until or latching.tomorrow(state)
        return decisions

    with mock.patch.object(latching, "latch", latch):
        yield


@contextmanager
def _forced_once_is_forced_for_good() -> Iterator[None]:
    """Below a floor that was forced there is none."""

    def allowed(limits: Limits, known: Capital, rule: str) -> Decimal:
        return floor(limits, known, rule) if rule not in known.forced else Decimal(-1_000_000)

    floor = equity.allowed_floor
    with ExitStack() as stack:
        for module in (equity_floor, trailing_drawdown):
            stack.enter_context(mock.patch.object(module, "allowed_floor", allowed))
        yield


def _floor_that_never_locks(limits: Limits, known: Capital) -> Decimal:
    return known.peak - limits.trailing_drawdown


def _equity_with_what_is_open(_: Limits, money: Money, __: str) -> Decimal | None:
    return money.equity


# --- the day, the week, the last days ---------------------------------------------------------------------


def _arms_once(state: State, limits: Limits, money: Money) -> None:
    """The day's best is what it was when the lock was armed."""
    profit = money.pnl - state.day.profit_from
    if limits.profit_lock_at and state.day.best is None and profit >= limits.profit_lock_at:
        state.day.best = profit


def _profit_of_the_whole_day(_: State, money: Money) -> Decimal:
    """Whatever a resume forced in between."""
    return money.pnl


def _whole_total(_: State, limits: Limits, __: Money) -> Decimal:
    return limits.consistency_total


def _until_today(state: State, days: int) -> str:  # noqa: ARG001 - a pause of none
    return state.day.date


def _pnl_of_a_day(_: State, money: Money) -> Decimal:
    return money.pnl


def _all_alike(_: object) -> tuple[int, int]:
    """No tier is stricter than another."""
    return 0, 0


# --- marks ------------------------------------------------------------------------------------------------


def _believed(*_: Any) -> bool:
    return True


def _never(*_: Any) -> list[Decision]:
    """A loss that nobody confirmed never counts."""
    return []


Plant = Callable[[], AbstractContextManager[None]]


class MoneyPlant(NamedTuple):
    """A plant, and the rules under which it soon shows: few others latch before."""

    rules: Rules
    plant: Plant


_FLOOR: Rules = {"equity_floor": Decimal(49_850)}
_TRAILING: Rules = {"trailing_drawdown": Decimal(300)}
_DENIES: Rules = {"profit_denies_only": True}
_TARGET: Rules = {"profit_target": Decimal(100), **_DENIES}
_LOCK: Rules = {"profit_lock_at": Decimal(60), "profit_lock_trail": Decimal(40), **_DENIES}
_JUMPS: Rules = {"mark_jumps": "ES=0.5 CL=0.02 SI=0.01", "mark_confirm_seconds": 1}
_TOGETHER: Rules = {"marks_together_seconds": 1}


_PLANTED: Mapping[str, MoneyPlant] = {
    "latched-denies-nothing": MoneyPlant(_FLOOR, partial(answered_as_if_nothing_were, "locks", {})),
    "floor-does-not-flatten": MoneyPlant(_FLOOR, _floor_does_not_flatten),
    "new-day-lifts-the-floor": MoneyPlant(_FLOOR, _new_day_lifts_the_floor),
    "forced-once-is-forced-for-good": MoneyPlant(_FLOOR, _forced_once_is_forced_for_good),
    "balance-begins-anew": MoneyPlant(_TRAILING, _balance_begins_anew),
    "payout-lowers-the-floor": MoneyPlant(_TRAILING, _payout_lowers_the_floor),
    "peak-falls": MoneyPlant(_TRAILING, _peak_falls),
    "peak-counts-always": MoneyPlant(
        {**_TRAILING, "trailing_at": "15:10", "trailing_zone": "America/Chicago"}, _peak_counts_always
    ),
    "floor-never-locks": MoneyPlant(
        {**_TRAILING, "trailing_locks_at": Decimal(49_600)},
        partial(instead, equity, "trailing_floor", _floor_that_never_locks),
    ),
    "floor-counts-what-is-open": MoneyPlant(
        {**_TRAILING, "trailing_on_realized": True},
        partial(instead, trailing_drawdown, "equity_for", _equity_with_what_is_open),
    ),
    "target-forgets-a-resume": MoneyPlant(
        _TARGET, partial(instead, profit_target, "counted_profit", _profit_of_the_whole_day)
    ),
    "lock-never-trails": MoneyPlant(_LOCK, partial(instead, profit_lock, "note_profit", _arms_once)),
    "consistency-of-the-plan": MoneyPlant(
        {"consistency_percent": 20, "consistency_total": Decimal(300)},
        partial(instead, consistency, "_most", _whole_total),
    ),
    "week-is-a-day": MoneyPlant(
        {"weekly_loss": Decimal(300), "weekly_profit": Decimal(200), **_DENIES},
        partial(instead, week, "_pnl", _pnl_of_a_day),
    ),
    "resume-lifts-the-week": MoneyPlant(
        {"weekly_profit": Decimal(100), **_DENIES}, partial(instead, table, "OUTLAST_RESUMES", frozenset())
    ),
    "pause-of-no-day": MoneyPlant(
        {"rolling_loss": Decimal(200), "rolling_days": 2, "rolling_pause_days": 1},
        partial(instead, rolling_loss, "weekdays_on", _until_today),
    ),
    "milder-tier-lifts": MoneyPlant(
        {"loss_tiers": "40=above:1 80=deny 120=tell"}, partial(instead, loss_tiers, "_severity", _all_alike)
    ),
    "resumes-without-bound": MoneyPlant(
        {**_TARGET, "max_forced_resumes": 0},
        partial(instead, resuming, "_as_many_as_may_be", lambda *_: False),
    ),
    "stale-denies-nothing": MoneyPlant(
        {"mark_stale_denies": True}, partial(answered_without, mark_stale_denies=False)
    ),
    "jump-is-believed": MoneyPlant(_JUMPS, partial(instead, marks, "is_believed", _believed)),
    "doubt-never-ends": MoneyPlant(_JUMPS, partial(instead, marks, "end_doubts", _never)),
    "doubt-denies-nothing": MoneyPlant(_JUMPS, partial(answered_without, mark_jumps="")),
    "half-of-a-moment-counts": MoneyPlant(_TOGETHER, partial(instead, moments, "_is_marked_at", _believed)),
    "mark-waits-for-ever": MoneyPlant(_TOGETHER, partial(instead, moments, "end_waiting", _never)),
}
MONEY_RULES_TO_SHOW: Mapping[str, Rules] = {
    name: {"start_balance": Decimal(START_BALANCE), **planted.rules} for name, planted in _PLANTED.items()
}
MONEY_PLANTS: Mapping[str, Plant] = {name: planted.plant for name, planted in _PLANTED.items()}
"""By the names that `--plant` takes."""
