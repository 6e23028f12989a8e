"""One worker's loss of the day: that worker alone is closed, until a person lets it in again."""

from decimal import Decimal
from typing import Any

from portfold.coordinator.fold.worker_day import lost_today, pnl_today
from portfold.events.decisions import (
    EventRejected,
    FlattenOrdered,
    LimitBreached,
    LimitReached,
    PortfolioFlat,
)
from portfold.events.incoming import PositionMarked, TradingHalted, TradingResumed
from tests.coordinator.story import DAY, Story, chicago, code, each, limits

RULE: dict[str, Any] = {"worker_daily_loss": "500", "max_positions": 10, "max_contracts": 10}


def two_at_work(**rules: Any) -> Story:
    """Ann holds ES, Bob holds CL."""
    story = Story(**(RULE | rules))
    for worker, symbol in (("ann", "ES"), ("bob", "CL")):
        story.starts(worker)
        story.asks(symbol, worker=worker)
        story.fills(symbol, worker=worker)
    return story


def lets_in(story: Story, worker: str = "ann") -> list[Any]:
    return story.hears(TradingResumed(by="joe", reason="looked at it", worker=worker))


def marks(story: Story, unrealized: str) -> list[Any]:
    """Ann's ES is marked."""
    leg: dict[str, Any] = {"symbol": "ES", "side": "long", "price": Decimal(100)}
    return story.says(PositionMarked, "ann", unrealized=Decimal(unrealized), **leg)


def test_a_cent_before_the_limit_nothing_happens_and_at_it_that_worker_is_closed() -> None:
    story = two_at_work()
    assert marks(story, "-499.99") == []
    decided = marks(story, "-500")
    (reached,) = each(LimitReached, decided)
    assert (reached.rule, reached.worker, reached.now, reached.limit, reached.until) == (
        "worker_daily_loss",
        "ann",
        Decimal(-500),
        Decimal(-500),
        "",
    )
    (ordered,) = each(FlattenOrdered, decided)
    assert (ordered.positions, ordered.everything) == ("ES:long:1:ann", False)
    assert story.state.stop is None
    assert story.state.halt is None


def test_the_others_go_on_and_the_worker_enters_nothing() -> None:
    story = two_at_work()
    marks(story, "-500")
    assert code(story.asks("SI", worker="ann")) != "allowed"
    assert code(story.asks("SI", worker="bob")) == "allowed"


def test_each_worker_has_its_own_loss_and_nobody_elses() -> None:
    story = two_at_work(worker_daily_loss="500 bob=100")
    assert each(LimitReached, story.closes("CL", "-99.99", worker="bob")) == []
    story.asks("CL", worker="bob")
    story.fills("CL", worker="bob")
    (reached,) = each(LimitReached, story.closes("CL", "-0.01", worker="bob"))
    assert reached.worker == "bob"
    assert pnl_today(story.state, "ann") == 0


def test_what_is_realized_and_what_is_open_count_together() -> None:
    story = two_at_work()
    story.asks("SI", worker="ann")
    story.fills("SI", worker="ann")
    story.closes("SI", "-300", worker="ann")
    assert each(LimitReached, marks(story, "-199.99")) == []
    assert each(LimitReached, marks(story, "-200"))


def test_where_the_stop_counts_what_is_realized_alone_so_does_this() -> None:
    story = two_at_work(stop_loss_on="realized")
    assert marks(story, "-5000") == []
    assert each(LimitReached, story.closes("ES", "-500", worker="ann"))


def test_its_exit_is_counted_whoever_reports_it_and_none_is_blocked() -> None:
    story = two_at_work()
    marks(story, "-500")
    flat = story.closes("ES", "-520", worker="flattener", owner="ann")
    assert each(PortfolioFlat, flat)
    assert each(EventRejected, flat) == []
    assert lost_today(story.state, "ann") == 520


def test_a_slot_of_it_is_taken_back_and_what_still_fills_is_closed_as_it_comes() -> None:
    story = two_at_work()
    story.asks("SI", worker="ann")
    (ordered,) = each(FlattenOrdered, marks(story, "-500"))
    assert ordered.pending == "SI:long:1:ann"
    filled = story.fills("SI", worker="ann")
    assert [one.positions for one in each(FlattenOrdered, filled)] == ["SI:long:1:ann"]
    assert [one.code for one in each(LimitBreached, filled)] == ["ungranted"]


def test_no_new_day_lets_it_in_a_person_does() -> None:
    story = two_at_work()
    marks(story, "-500")
    story.closes("ES", "-500", worker="ann")
    story.after(DAY)
    assert code(story.asks("SI", worker="ann")) != "allowed"
    assert lets_in(story) == []
    assert code(story.asks("SI", worker="ann")) == "allowed"


def test_let_in_again_the_same_day_its_loss_counts_from_what_it_had_come_to() -> None:
    story = two_at_work()
    story.closes("ES", "-520", worker="ann")
    lets_in(story)
    story.asks("ES", worker="ann")
    story.fills("ES", worker="ann")
    assert marks(story, "-499.99") == []
    (reached,) = each(LimitReached, marks(story, "-500"))
    assert (reached.now, reached.limit) == (Decimal(-1020), Decimal(-1020))
    assert "counted from $-520.00" in reached.reason


def test_a_resume_of_a_worker_that_was_halted_by_hand_renews_no_loss() -> None:
    story = two_at_work()
    marks(story, "-300")
    story.hears(TradingHalted(by="joe", reason="careful", worker="ann"))
    lets_in(story)
    assert each(LimitReached, marks(story, "-500"))


def test_it_is_not_let_in_while_it_is_still_being_closed() -> None:
    story = two_at_work()
    marks(story, "-500")
    assert each(EventRejected, lets_in(story))


def test_letting_it_in_resets_neither_the_days_stop_nor_its_entries() -> None:
    story = two_at_work(worker_entries="1", daily_stop_loss=Decimal(600))
    story.closes("ES", "-520", worker="ann")
    lets_in(story)
    assert code(story.asks("ES", worker="ann")) == "worker_entries"
    story.closes("CL", "-80", worker="bob")
    assert story.state.stop is not None


def test_a_limit_ordered_below_what_is_lost_closes_at_once() -> None:
    story = two_at_work(worker_daily_loss="")
    marks(story, "-400")
    decided = story.hears(limits(**(RULE | {"worker_daily_loss": "ann=400"})))
    assert [one.worker for one in each(LimitReached, decided)] == ["ann"]


def test_what_was_lost_on_an_earlier_day_counts_for_that_day() -> None:
    story = two_at_work()
    marks(story, "-400")
    story.at(chicago(2025, 1, 15, 17))
    assert lost_today(story.state, "ann") == 0
    assert marks(story, "-899.99") == []
    assert each(LimitReached, marks(story, "-900"))


def test_it_is_told_once() -> None:
    story = two_at_work()
    marks(story, "-500")
    assert each(LimitReached, marks(story, "-600")) == []
