"""Losing trades in a row: what is one, what ends the row, and how long nothing is entered then."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.coordinator.fold.effects.time_passing import next_deadline
from portfold.coordinator.views.rule_view import shown_rules
from portfold.events.decisions import EntryDenied, EventRejected, LimitReached
from portfold.events.incoming import TradingHalted, TradingResumed
from tests.coordinator.story import MINUTE, Story, chicago, code, each, kinds, only


def at_work(**rules: Any) -> Story:
    return Story(**({"max_positions": 10, "max_contracts": 10} | rules))


def trades(story: Story, pnl: str, symbol: str = "ES", worker: str = "ann") -> list[LimitReached]:
    assert code(story.asks(symbol, worker=worker)) == "allowed"
    story.fills(symbol, worker=worker)
    return each(LimitReached, story.closes(symbol, pnl, worker=worker))


def asks(story: Story, symbol: str = "ES", worker: str = "ann") -> str:
    return code(story.asks(symbol, worker=worker))


def opens(story: Story, **scope: str) -> list[str]:
    return kinds(story.hears(TradingResumed(by="jo", reason="looked into it", force=False, **scope)))


def test_so_many_losing_trades_in_a_row_and_not_one_fewer_end_entries_until_a_resume() -> None:
    story = at_work(loss_streak=2)
    assert trades(story, "-1") == []
    (reached,) = trades(story, "-0.01", "CL", "bob")
    assert (reached.rule, reached.action, reached.now, reached.until) == (
        "loss_streak",
        "deny",
        Decimal(2),
        "",
    )
    assert asks(story) == "loss_streak"
    story.at(chicago(2025, 1, 22, 10))
    assert asks(story) == "loss_streak", "no new day and no new week lifts it"
    assert story.resume() == []
    assert asks(story) == "allowed"


def test_a_trade_that_made_money_ends_the_row_and_one_that_made_nothing_does_not() -> None:
    story = at_work(loss_streak=2)
    assert trades(story, "-1") == []
    assert trades(story, "0.01") == []
    assert trades(story, "-1") == []
    assert trades(story, "0") == []
    assert only(LimitReached, trades(story, "-1")).now == 2


@pytest.mark.parametrize(
    ("name", "losses", "within"), [("loss_streak", 2, 30), ("worker_loss_streak", "2", "30")]
)
def test_losses_within_minutes_count_whatever_was_won_between(name: str, losses: Any, within: Any) -> None:
    rules = {name: losses, f"{name}_within": within}
    for late_ms, expected in ((0, [name]), (1, [])):
        story = at_work(**rules)
        assert trades(story, "-1") == []
        first_ms = story.ms
        assert trades(story, "100") == []
        story.asks("ES", worker="ann")
        story.fills("ES", worker="ann")
        story.ms = first_ms + 30 * MINUTE + late_ms - 1
        assert [one.rule for one in each(LimitReached, story.closes("ES", "-1", worker="ann"))] == expected


def test_it_says_within_how_many_minutes_and_counts_anew_after_it() -> None:
    within = {"symbol_loss_streak_within": "60 CL=10", "symbol_loss_streak_minutes": "5"}
    story = at_work(symbol_loss_streak="2", **within)
    trades(story, "-1")
    [shown] = [one for one in shown_rules(story.state) if one.rule == "symbol_loss_streak"]
    assert (shown.now, shown.about, shown.of) == (Decimal(1), "losing trades within 60 minutes", "ES")
    reached = only(LimitReached, trades(story, "-2"))
    assert reached.reason.startswith("2 losing trades within 60 minutes of symbol ES, the last $-2.00: no")
    story.at(reached.until_ms)
    assert trades(story, "-1") == []


def test_partial_closes_are_one_trade_judged_by_what_it_made_in_all() -> None:
    story = at_work(loss_streak=2)
    trades(story, "-1")
    story.asks("ES", 3, worker="ann")
    story.fills("ES", 3, worker="ann")
    assert each(LimitReached, story.closes("ES", "-50", worker="ann")) == []
    assert each(LimitReached, story.closes("ES", "-50", worker="ann")) == []
    assert each(LimitReached, story.closes("ES", "100.01", worker="ann")) == [], "it has won"
    assert trades(story, "-1") == []
    assert trades(story, "-1"), "two in a row since"


def test_what_is_added_to_a_position_is_of_the_same_trade() -> None:
    story = at_work(loss_streak=1)
    story.asks("ES", worker="ann")
    story.fills("ES", worker="ann")
    story.fills("ES", worker="ann")
    assert each(LimitReached, story.closes("ES", "-60", worker="ann")) == []
    assert each(LimitReached, story.closes("ES", "60", worker="ann")) == [], "nothing made is no loss"


def test_a_trade_is_judged_by_the_lower_figure_where_report_and_price_differ() -> None:
    story = at_work(loss_streak=1, point_values="ES=50")
    story.asks("ES", worker="ann")
    story.fills("ES", worker="ann", price="5000")
    assert each(LimitReached, story.closes("ES", "25", price="5000", commission="4", worker="ann"))


def test_with_minutes_it_is_over_to_the_millisecond_and_a_tick_is_due_then() -> None:
    story = at_work(loss_streak=1, loss_streak_minutes=30)
    (reached,) = trades(story, "-5")
    assert reached.until_ms == story.ms + 30 * MINUTE
    assert next_deadline(story.state) == reached.until_ms
    assert "no entries until Wed 15 Jan 10:30:00 (America/Chicago)" in reached.reason
    story.at(reached.until_ms - 2)
    assert asks(story) == "loss_streak"
    assert story.ms == reached.until_ms - 1
    assert asks(story) == "allowed"


def test_another_loss_while_it_pauses_makes_it_longer_and_never_shorter() -> None:
    story = at_work(loss_streak=1, loss_streak_minutes=30)
    for symbol in ("ES", "CL"):
        story.asks(symbol, worker="ann")
        story.fills(symbol, worker="ann")
    (first,) = each(LimitReached, story.closes("ES", "-5", worker="ann"))
    story.after(10 * MINUTE)
    (second,) = each(LimitReached, story.closes("CL", "-5", worker="ann"))
    assert second.until_ms > first.until_ms
    story.at(first.until_ms)
    assert asks(story) == "loss_streak"
    story.at(second.until_ms - 1)
    assert asks(story) == "allowed"


def test_a_resume_ends_a_pause_of_minutes_by_force_alone() -> None:
    story = at_work(loss_streak=1, loss_streak_minutes=30)
    trades(story, "-5")
    assert only(EventRejected, story.resume()).reason.endswith("force=true lifts it, on record")
    assert asks(story) == "loss_streak"
    assert story.resume(force=True) == []
    assert asks(story) == "allowed"
    assert story.state.day.forced == 1


def test_the_count_begins_anew_once_it_was_reached() -> None:
    story = at_work(loss_streak=2)
    trades(story, "-1")
    trades(story, "-1")
    story.resume()
    assert trades(story, "-1") == []
    assert trades(story, "-1")


def test_exits_go_on_while_nothing_is_entered() -> None:
    story = at_work(loss_streak=1, worker_loss_streak="1", symbol_loss_streak="1")
    for symbol in ("ES", "CL"):
        story.asks(symbol, worker="ann")
        story.fills(symbol, worker="ann")
    story.closes("ES", "-5", worker="ann")
    assert each(EventRejected, story.closes("CL", "-5", worker="ann")) == []
    assert story.open == []


# --- of one worker, in one symbol --------------------------------------------------------------------------


def test_a_worker_that_lost_too_often_is_closed_alone_until_a_person_lets_it_in() -> None:
    story = at_work(worker_loss_streak="2 bob=1")
    trades(story, "-1")
    trades(story, "5", worker="bob")
    (reached,) = trades(story, "-1")
    assert (reached.rule, reached.worker, reached.until_ms) == ("worker_loss_streak", "ann", 0)
    assert (asks(story, "CL"), asks(story, "CL", "bob")) == ("scope_closed", "allowed")
    story.at(chicago(2025, 1, 22, 10))
    assert asks(story, "SI") == "scope_closed"
    assert opens(story, worker="ann") == []
    assert asks(story, "SI") == "allowed"


def test_a_worker_with_minutes_pauses_and_the_others_go_on() -> None:
    story = at_work(worker_loss_streak="1", worker_loss_streak_minutes="30 ann=10")
    (reached,) = trades(story, "-1")
    assert reached.until_ms == story.ms + 10 * MINUTE
    assert (asks(story), asks(story, "CL", "bob")) == ("scope_closed", "allowed")
    story.at(reached.until_ms - 1)
    assert asks(story) == "allowed"


def test_after_a_loss_a_symbol_is_closed_to_every_worker_and_no_other_symbol_is() -> None:
    story = at_work(symbol_loss_streak="1", symbol_loss_streak_minutes="15")
    (reached,) = trades(story, "-1")
    assert (reached.symbol, reached.worker) == ("ES", "")
    assert (asks(story, "ES", "bob"), asks(story, "CL")) == ("scope_closed", "allowed")
    answer = story.asks("ES", worker="bob")
    assert isinstance(answer, EntryDenied)
    assert "1 losing trade of symbol ES, the last $-1.00: no entries until" in answer.reason
    story.at(reached.until_ms)
    assert asks(story, "ES", "bob") == "allowed"


@pytest.mark.parametrize("person_first", [False, True])
def test_what_a_person_closes_no_pause_opens(person_first: bool) -> None:  # noqa: FBT001 - a case
    story = at_work(worker_loss_streak="1", worker_loss_streak_minutes="5")
    story.asks("ES", worker="ann")
    story.fills("ES", worker="ann")
    halt = TradingHalted(by="jo", reason="odd", worker="ann")
    if person_first:
        story.hears(halt)
    story.closes("ES", "-1", worker="ann")
    if not person_first:
        story.hears(halt)
    story.after(60 * MINUTE)
    assert asks(story) == "scope_closed"
    assert opens(story, worker="ann") == []
    assert asks(story) == "allowed"


def test_what_a_person_settles_is_judged_where_it_ends_a_position() -> None:
    story = at_work(loss_streak=1)
    story.asks("ES", worker="ann")
    story.fills("ES", worker="ann")
    assert only(LimitReached, story.settle("ES", 0, "-3", worker="ann")).rule == "loss_streak"


def test_a_rule_that_comes_later_is_held_against_the_next_trade_that_ends() -> None:
    story = at_work()
    for _ in range(3):
        trades(story, "-1")
    assert each(LimitReached, story.change_limits(loss_streak=2)) == []
    assert asks(story) == "allowed"
    story.fills("ES", worker="ann")
    assert only(LimitReached, story.closes("ES", "-1", worker="ann")).now == 4


def test_where_no_more_scopes_can_be_closed_everything_is_halted() -> None:
    story = at_work(worker_loss_streak="1")
    for number in range(128):
        story.starts(f"w{number}")
        story.hears(TradingHalted(by="jo", reason="odd", worker=f"w{number}"))
    story.asks("ES", worker="ann")
    story.fills("ES", worker="ann")
    assert each(LimitReached, story.closes("ES", "-1", worker="ann"))
    assert asks(story, "CL", "bob") == "halted"
