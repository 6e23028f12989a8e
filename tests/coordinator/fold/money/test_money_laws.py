"""Laws of the limits of money over random logs: no floor falls by itself, no lock goes by itself."""

from decimal import Decimal
from typing import get_args

from hypothesis import given, settings

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import LockAction
from portfold.coordinator.fold.state import State
from portfold.events.decisions import LooseningEnded, TradingDayStarted
from portfold.events.incoming import TradingResumed
from portfold.events.limits_changed import LimitsChanged
from tests.coordinator.random_logs import Log, logs, moments
from tests.coordinator.story import each

SEVERITY = get_args(LockAction)
laws = settings(max_examples=60, deadline=None)


def peak_of(state: State) -> Decimal | None:
    return state.capital.peak if state.capital is not None else None


@laws
@given(logs)
def test_a_peak_never_falls_but_by_a_persons_order(log: Log) -> None:
    before = None
    for moment in moments(log):
        now = peak_of(moment.state)
        ordered = isinstance(moment.event, LimitsChanged) or each(LooseningEnded, moment.decisions)
        if before is not None and not ordered:
            assert now is not None
            assert now >= before
        before = now


@laws
@given(logs)
def test_what_names_no_day_is_lifted_by_a_resume_alone_and_the_rest_not_before_its_day(log: Log) -> None:
    before: dict[str, tuple[str, int]] = {}
    for moment in moments(log):
        now = {rule: (lock.until, lock.until_ms) for rule, lock in moment.state.locks.items()}
        for rule, (until, until_ms) in before.items():
            if rule in now:
                continue
            came = (bool(until) and moment.state.day.date >= until) or 0 < until_ms <= moment.at.ms
            assert came or isinstance(moment.event, TradingResumed)
            if rule in ("weekly_loss", "weekly_profit", "rolling_loss"):
                assert came
        before = now


@laws
@given(logs)
def test_the_last_days_are_remembered_in_their_order(log: Log) -> None:
    for moment in list(moments(log))[-1:]:
        days = [day.date for day in moment.state.past]
        assert days == sorted(set(days))
        assert moment.state.limits is None or isinstance(moment.state.limits, Limits)


@laws
@given(logs)
def test_a_day_that_is_over_is_remembered_as_it_was_published(log: Log) -> None:
    for moment in moments(log):
        for began in each(TradingDayStarted, moment.decisions):
            if began.previous_day:
                over = moment.state.past[-1]
                assert (over.date, over.pnl) == (began.previous_day, began.daily_pnl)


@laws
@given(logs)
def test_what_is_latched_until_a_day_gives_way_to_nothing_milder_until_then(log: Log) -> None:
    before: dict[str, tuple[str, int, int]] = {}
    for moment in moments(log):
        locks = moment.state.locks.values()
        now = {lock.rule: (lock.until, SEVERITY.index(lock.action), -lock.size) for lock in locks}
        for rule, lock in before.items():
            if rule in now and now[rule][0] == lock[0]:
                assert now[rule] >= lock
        before = now
