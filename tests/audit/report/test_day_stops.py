"""Stops and how they were flattened, orders, other limits, and the warning signs with their boundaries."""

from collections import Counter
from decimal import Decimal

import pytest

from portfold.coordinator.audit.report.day_account import DayAccount
from portfold.coordinator.audit.report.days import Asked
from portfold.coordinator.audit.report.warning_signs import Sign, signs
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.events.codec import encode
from portfold.events.incoming import CoordinatorStarted
from portfold.events.stream_id import StreamId
from tests.audit.told import Told, stopped
from tests.coordinator.story import DAY, SECOND, chicago

THURSDAY = chicago(2025, 1, 15, 17)
"""When the trading day of the 16th begins; stories begin on the 15th at 10:00."""


def sign(code: str, *accounts: DayAccount) -> Sign:
    [found] = [one for one in signs(accounts) if one.code == code]
    return found


def seen(*accounts: DayAccount) -> set[str]:
    return {one.code for one in signs(accounts) if one.seen}


# --- stops and flattening -------------------------------------------------------------------------------


def test_a_stop_is_told_from_the_trigger_to_the_last_close() -> None:
    day = stopped().account()
    [stop] = day.stopped
    assert stop.triggered is not None
    assert (stop.triggered.daily_pnl, stop.triggered.limit) == (Decimal(-2600), Decimal(2500))
    assert [(step.kind, step.ms - stop.began_ms) for step in stop.steps] == [
        ("triggered", 0),
        ("closed", 40),
        ("closed", 90),
        ("flat", 90),
    ]
    assert stop.steps[0].text == "at $-2,600.00 of $-2,500: CL long 1 (ibs-CL), ES long 1 (ibs-ES)"
    assert stop.steps[1].text == "Closed: CL long 1 @ 100 | P&L: $-10.00 | ibs-CL"
    assert (stop.took_ms, day.stops, day.stops_in_week) == (90, 1, 1)


def test_a_late_flatten_tells_each_reminder_and_who_took_over() -> None:
    story = Told()
    story.enters("CL", "ES")
    story.marks("ES", "-2600")
    story.loses_worker("ibs-ES")
    story.after(10 * SECOND)
    story.closes("CL")
    story.closes("ES", "-2600", worker="flattener", owner="ibs-ES")
    [stop] = story.account().stopped
    assert [step.kind for step in stop.steps] == [
        "triggered",
        "handed over",
        "overdue",
        "handed over",
        "closed",
        "closed",
        "flat",
    ]
    assert stop.steps[1].text == "to the flattener: ES long 1 (ibs-ES)"
    assert stop.steps[2].text == "1 ms late, reminder 1: CL long 1 (ibs-CL), ES long 1 (ibs-ES)"
    assert stop.steps[-2].text == "Closed: ES long 1 @ 100 | P&L: $-2,600.00 | flattener for ibs-ES"
    assert "flatten_late" in seen(story.account())


def test_a_flatten_that_is_not_over_goes_on_in_the_next_day() -> None:
    story = Told()
    story.enters("ES")
    story.marks("ES", "-2600")
    triggered_ms = story.ms
    story.at(THURSDAY)
    story.closes("ES", "-2600")
    first, second = story.gathered().accounts
    assert first.flattenings == second.flattenings
    assert first.flattenings[0].took_ms == THURSDAY + 1 - triggered_ms
    assert [len(first.stopped), len(second.stopped)] == [first.stops, second.stops] == [1, 0]


def test_a_part_is_a_step_and_a_repeat_of_it_is_none() -> None:
    story = Told()
    story.enters("ES", size=2)
    story.marks("ES", "-2600")
    story.closes("ES", "-1300")
    story.hears_last_again()
    story.closes("ES", "-1300")
    [stop] = story.account().stopped
    assert [step.text for step in stop.steps if step.kind == "closed"] == [
        "Closed: ES long 1 @ 100 | P&L: $-1,300.00 | ibs-ES, 1 still open",
        "Closed: ES long 1 @ 100 | P&L: $-1,300.00 | ibs-ES",
    ]


def test_an_ordered_flatten_is_no_stop() -> None:
    story = Told()
    story.enters("ES")
    story.flatten()
    story.closes("ES")
    day = story.account()
    assert (day.stops, day.stopped) == (0, [])
    [flattening] = day.flattenings
    assert [step.kind for step in flattening.steps] == ["ordered", "closed", "flat"]
    assert [one.kind for one in day.orders] == ["flatten"]
    assert day.halted


def test_a_flatten_that_becomes_a_stop_is_one_story() -> None:
    story = Told()
    story.enters("ES", "CL")
    story.flatten()
    story.marks("ES", "-2600")
    day = story.account()
    [flattening] = day.flattenings
    assert [step.kind for step in flattening.steps] == ["ordered", "triggered"]
    assert day.stopped == [flattening]
    assert flattening.took_ms is None


def test_a_fill_that_crosses_a_stop_is_closed_and_is_no_breach() -> None:
    story = Told()
    story.enters("ES")
    story.starts("ibs-CL")
    story.asks("CL")
    story.marks("ES", "-2600")
    story.fills("CL")
    day = story.account()
    assert (day.crossed, day.breaches) == (1, Counter())
    assert [step.kind for step in day.stopped[0].steps] == ["triggered", "ordered"]
    assert day.stopped[0].steps[0].text.endswith("ES long 1 (ibs-ES); not filled yet: CL long 1 (ibs-CL)")


# --- orders and limits ----------------------------------------------------------------------------------


def test_orders_stand_with_who_and_why_and_whether_they_were_refused() -> None:
    story = Told()
    story.halt()
    story.resume()
    story.enters("ES")
    story.closes("ES", "-2600")
    story.resume()
    story.resume(force=True)
    day = story.account()
    assert [(one.kind, bool(one.refused)) for one in day.orders] == [
        ("halt", False),
        ("resume", False),
        ("resume", True),
        ("resume by force", False),
    ]
    assert (day.orders[0].by, day.orders[0].reason) == ("ann", "news")
    assert day.stop_curve.points[-1][1] == Decimal(-5100)  # one more limit, from where it was


def test_limits_changed_during_the_day_are_told_one_by_one() -> None:
    story = Told()
    story.change_limits(
        max_positions=3, daily_stop_loss=Decimal(2000), by="jane", reason="holiday", second=""
    )
    story.change_limits(max_positions=3, daily_stop_loss=Decimal(2000), by="jane", reason="the same again")
    day = story.account()
    assert day.limits is not None
    assert day.limits.max_positions == 4
    [change] = day.changes
    assert (change.by, change.reason) == ("jane", "holiday")
    assert change.changes == (("max_positions", "4", "3"), ("daily_stop_loss", "2500", "2000"))
    assert [value for _, value in day.limit_curve.points] == [4, 3]
    assert [value for _, value in day.stop_curve.points] == [Decimal(-2500), Decimal(-2000)]


def test_limits_that_wait_are_an_order_of_their_day_and_a_change_of_the_next() -> None:
    story = Told()
    story.hears(CoordinatorStarted(leader="host", epoch=1, fold=FOLD_VERSION))
    story.orders("jane", max_positions=5)
    day = story.account()
    assert [(one.kind, one.by, one.reason) for one in day.orders] == [
        ("limits that wait", "jane", "from 2025-01-16: max_positions=5 (now 4)")
    ]
    assert day.changes == []
    story.at(chicago(2025, 1, 15, 17))
    [_, next_day] = story.gathered().accounts
    [change] = next_day.changes
    assert (change.by, change.changes) == ("jane", (("max_positions", "4", "5"),))


def test_lines_are_those_out_of_the_ordinary() -> None:
    day = stopped().account()
    assert [told.line.text[:30] for told in day.lines if told.line.level == "critical"] == [
        "🚨 PORTFOLIO STOP LOSS TRIGGERED"[:30]
    ]
    assert not any("Closed: " in told.line.text for told in day.lines)


# --- warning signs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("denied", "allowed", "is_sign"), [(1, 1, False), (2, 1, True), (0, 0, False)])
def test_a_sign_is_more_than_half_of_the_entries_blocked(denied: int, allowed: int, *, is_sign: bool) -> None:
    story = Told()
    for symbol in ["ES", "CL"][:allowed]:
        story.asks(symbol)
    for _ in range(denied):
        story.asks("NQ")
    assert sign("block_rate", story.account()).seen is is_sign


@pytest.mark.parametrize(("stops", "is_sign"), [(3, False), (4, True)])
def test_a_sign_is_more_than_three_stops_a_week(stops: int, *, is_sign: bool) -> None:
    story = Told(chicago(2025, 1, 13, 10))
    for day in range(stops):
        story.ms = chicago(2025, 1, 13, 10) + day * DAY
        story.enters("ES")
        story.closes("ES", "-2500")
    [last] = story.gathered(Asked(latest="day")).accounts
    assert (last.stops, last.stops_in_week) == (1, stops)
    assert sign("stops_in_week", last).seen is is_sign


def test_a_new_week_begins_without_stops() -> None:
    story = stopped()
    story.at(chicago(2025, 1, 17, 16, 59, 59))
    story.at(chicago(2025, 1, 17, 17))
    assert [one.stops_in_week for one in story.gathered().accounts] == [1, 1, 0]


@pytest.mark.parametrize(("lost", "is_sign"), [("-1999.99", False), ("-2000", True), ("-2500", True)])
def test_a_sign_is_a_loss_near_the_limit(lost: str, *, is_sign: bool) -> None:
    story = Told()
    story.enters("ES")
    story.marks("ES", lost)
    story.marks("ES", "0")
    assert sign("near_limit", story.account()).seen is is_sign


@pytest.mark.parametrize(("more", "is_sign"), [([], False), (["RTY"], True)])
def test_a_sign_is_more_open_than_allowed(more: list[str], *, is_sign: bool) -> None:
    story = Told(max_contracts=9)
    story.enters("ES", "CL", "6A", "6B")
    for symbol in more:
        story.fills(symbol)
    day = story.account()
    assert sign("above_limit", day).seen is is_sign
    assert [(one.what, one.held, one.limit) for one in day.above] == [("positions", 5, 4)] * is_sign
    assert ("breaches" in seen(day)) is is_sign


def test_a_limit_lowered_below_what_is_open_shows() -> None:
    story = Told()
    story.enters("ES", "CL")
    story.change_limits(max_positions=1, max_contracts=1)
    assert (
        sign("above_limit", story.account()).text
        == "2 positions, limit 1, 2 contracts, limit 1, on 2025-01-15"
    )


def test_an_ordinary_day_shows_no_sign() -> None:
    story = Told()
    story.enters("ES")
    story.closes("ES", "25")
    assert seen(story.account()) == set()


def test_signs_of_several_days_name_the_day() -> None:
    story = stopped()
    story.at(THURSDAY)
    found = sign("near_limit", *story.gathered().accounts)
    assert found.text.startswith(
        "at worst 108% of the daily limit was lost on 2025-01-15: $-2,710.00 of $-2,500"
    )


def test_an_account_that_differed_or_fell_silent_is_a_sign() -> None:
    story = Told(account="DU1", account_grace_ms=SECOND, account_silent_ms=30 * SECOND)
    started = CoordinatorStarted(leader="host", epoch=1, fold=FOLD_VERSION)
    story.entries.insert(0, (StreamId(story.ms, 0), encode(started)))  # earlier versions know no account
    story.account_says("50000")
    agreed = story.account()
    assert not {"account_differs", "account_silent"} & seen(agreed)
    for _ in range(2):
        story.account_says("49000", "ES:long:1:100")
    story.settle_account()
    story.after(31 * SECOND)
    day = story.account()
    assert sign("account_differs", day).text == f"ES 1, equity 1, on {day.day}"
    assert sign("account_silent", day).text == f"1 time, on {day.day}"
    assert [(order.kind, order.by) for order in day.orders] == [("settle", "ann")]
