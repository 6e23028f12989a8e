"""Bugs to plant in the rules of pace: one a rule at least, each takes a part of what it promises out."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from functools import partial
from typing import NamedTuple
from unittest import mock

from portfold.coordinator.fold.effects import time_passing
from portfold.coordinator.fold.money_state import PastDay
from portfold.coordinator.fold.pace import entered
from portfold.coordinator.fold.pace.remembered import Pace
from portfold.coordinator.fold.rules.pace import cooldowns, entries, rate, streaks
from portfold.coordinator.fold.state import Position, State
from portfold.events.decisions import Decision, TradingDayStarted
from portfold.events.incoming import COORDINATOR
from portfold.events.scope import Scope
from portfold.events.stream_id import StreamId
from tests.simulation.plants.replaced import instead
from tests.simulation.rules_of_money import START_BALANCE, Rules


def _nothing(*_: object) -> int:
    return 0


def _does_nothing(*_: object) -> list[Decision]:
    return []


def _day_without_entries(state: State, started: TradingDayStarted) -> PastDay:
    """Of a day that is over its entries are forgotten."""
    return PastDay(state.day.date, started.daily_pnl)


@contextmanager
def _row_never_ends() -> Iterator[None]:
    """A trade that made money ends no row."""
    ends = streaks.trade_ended

    def trade_ended(state: State, at: StreamId, held: Position) -> list[Decision]:
        return [] if held.made > 0 else ends(state, at, held)

    with mock.patch.object(streaks, "trade_ended", trade_ended):
        yield


def _lost_ever(counted: Pace, at: StreamId, made: Decimal, within: int) -> None:
    """What was lost long ago counts like what was lost within the minutes."""
    counted.losses = 0 if made > 0 else counted.losses + 1
    counted.lost_at = [*counted.lost_at, at.ms] if within and made < 0 else counted.lost_at


@contextmanager
def _new_day_ends_a_pause() -> Iterator[None]:
    """What a rule has closed until a person opens it is opened by the next day."""
    rolls = time_passing.roll

    def roll(state: State, at: StreamId) -> list[Decision]:
        state.scopes = {name: one for name, one in state.scopes.items() if one.by != COORDINATOR}
        return rolls(state, at)

    with mock.patch.object(time_passing, "roll", roll):
        yield


@contextmanager
def _pause_is_of_all_symbols() -> Iterator[None]:
    """What one symbol lost closes another as well."""
    pauses = cooldowns.pause

    def pause(state: State, at: StreamId, scope: Scope, reason: str, until_ms: int) -> None:
        pauses(state, at, scope, reason, until_ms)
        pauses(state, at, Scope("symbol", "SI"), reason, until_ms)

    with mock.patch.object(cooldowns, "pause", pause):
        yield


@contextmanager
def _denial_takes_a_token() -> Iterator[None]:
    """What the rate denies takes a token as well."""
    notes = rate.note_denied

    def note_denied(state: State, at: StreamId, worker: str) -> list[Decision]:
        rate.note_allowed(state, at, worker)
        return notes(state, at, worker)

    with mock.patch.object(rate, "note_denied", note_denied):
        yield


Plant = Callable[[], AbstractContextManager[None]]


class PacePlant(NamedTuple):
    """A plant, and the rules under which it soon shows."""

    rules: Rules
    plant: Plant


_STREAK: Rules = {"loss_streak": 1}
_PAUSE: Rules = {"loss_streak": 1, "loss_streak_minutes": 1}
_RATE: Rules = {"worker_rate": "10"}
_PLANTED: Mapping[str, PacePlant] = {
    "slots-are-no-entries": PacePlant({"max_entries": 2}, partial(instead, entries, "pending", _nothing)),
    "symbols-are-never-entered": PacePlant(
        {"symbol_entries": "1"}, partial(instead, entered, "pace_of", lambda *_: None)
    ),
    "week-of-entries-is-a-day": PacePlant(
        {"max_entries_week": 3}, partial(instead, time_passing, "_over", _day_without_entries)
    ),
    "week-of-a-symbol-is-a-day": PacePlant(
        {"symbol_entries_week": "1"}, partial(instead, entered, "entered_before", _nothing)
    ),
    "row-never-ends": PacePlant({"loss_streak": 2}, _row_never_ends),
    "losses-of-long-ago-count": PacePlant(
        {"loss_streak": 2, "loss_streak_within": 1}, partial(instead, streaks, "_count", _lost_ever)
    ),
    "loss-pauses-nothing": PacePlant(_STREAK, partial(instead, cooldowns, "pause_all", _does_nothing)),
    "pause-never-ends": PacePlant(_PAUSE, partial(instead, cooldowns, "end", _does_nothing)),
    "new-day-ends-a-pause": PacePlant({"worker_loss_streak": "1"}, _new_day_ends_a_pause),
    "pause-is-of-another-symbol": PacePlant({"symbol_loss_streak": "ES=1 CL=1"}, _pause_is_of_all_symbols),
    "tokens-never-come-back": PacePlant(_RATE, partial(instead, rate, "refill", _does_nothing)),
    "tokens-are-never-taken": PacePlant(_RATE, partial(instead, rate, "note_allowed", _does_nothing)),
    "denial-takes-a-token": PacePlant({**_RATE, "worker_burst": "2"}, _denial_takes_a_token),
    "repeats-close-nobody": PacePlant(
        {**_RATE, "rate_repeats": 1}, partial(instead, rate, "note_denied", _does_nothing)
    ),
}
PACE_RULES_TO_SHOW: Mapping[str, Rules] = {
    name: {"start_balance": Decimal(START_BALANCE), **planted.rules} for name, planted in _PLANTED.items()
}
PACE_PLANTS: Mapping[str, Plant] = {name: planted.plant for name, planted in _PLANTED.items()}
"""By the names that `--plant` takes."""
