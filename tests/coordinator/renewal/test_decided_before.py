"""What a renewal puts on again was decided once: it orders nothing closed, and what stands still denies."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.fold.invariants import check
from portfold.events.calendar import WindowClosed
from portfold.events.decisions import (
    Decision,
    FlattenHandedOver,
    FlattenOrdered,
    FlattenOverdue,
    LimitReached,
    StopLossTriggered,
)
from portfold.events.incoming import (
    CoordinatorStarted,
    Event,
    FlattenRequested,
    LossAcknowledged,
    Malformed,
    PositionClosed,
    PositionOpened,
    TradingHalted,
    WorkerStarted,
    WorkerStopped,
)
from tests.coordinator.random_logs import Log, logs, moments
from tests.coordinator.story import HOUR, SECOND, Story, chicago, code

CLOSING = FlattenOrdered | FlattenOverdue | FlattenHandedOver | StopLossTriggered
LIMIT = Decimal(2500)


def opened(story: Story, symbol: str) -> Event:
    return story.next_of(PositionOpened, f"ibs-{symbol}", symbol=symbol, side="long", size=1, price=LIMIT)


def closed(story: Story, symbol: str, pnl: str = "0") -> Event:
    told: dict[str, Any] = {"side": "long", "size": 1, "price": LIMIT, "commission": Decimal(0)}
    return story.next_of(PositionClosed, f"ibs-{symbol}", symbol=symbol, pnl=Decimal(pnl), **told)


def term(again: int) -> CoordinatorStarted:
    return CoordinatorStarted("renewal", 2, FOLD_VERSION, again=again)


def renewed(story: Story, *facts: Event, after: int = SECOND) -> list[Decision]:
    """The log is renewed, with these facts: all that is decided, from its term to its halt."""
    decisions = story.hears(term(len(facts) + 2), at=story.ms + after)
    record = LossAcknowledged(by="ann", reason="poison", removed="1-0 2-0")
    events: list[Event] = [record, *facts, TradingHalted(by="ann", reason="renewed")]
    for event in events:
        decisions += story.hears(event, at=story.ms)
    return decisions


def closing(decisions: Iterable[Decision]) -> list[Decision]:
    return [one for one in decisions if isinstance(one, CLOSING)]


def fills_late(story: Story, symbol: str = "RTY") -> list[Decision]:
    """A fill comes that was allowed before the renewal, of which nobody had heard."""
    return closing(story.hears(opened(story, symbol)))


def test_a_stop_that_facts_reach_again_closes_nothing_that_was_opened_since() -> None:
    story = Story()
    story.enters("ES", "CL")
    told = renewed(story, closed(story, "ES", "-2600"), closed(story, "CL", "-10"), opened(story, "SI"))
    assert closing(told) == []
    assert (story.open, story.stopped_out, story.state.flatten) == (["SI:long:1"], True, None)
    assert fills_late(story) == []
    story.resume()
    assert code(story.asks("GC")) == "stopped_out"
    story.resume(force=True)
    assert not story.stopped_out


@pytest.mark.parametrize(("lost", "triggered"), [("-2499.99", False), ("-2500.00", True)])
def test_a_stop_that_stands_closes_what_is_open_once_as_much_is_lost_again(
    lost: str, *, triggered: bool
) -> None:
    story = Story()
    story.enters("ES")
    renewed(story, closed(story, "ES", "-2600"), opened(story, "SI"), opened(story, "CL"))
    told = closing(story.closes("SI", lost))
    assert any(isinstance(one, StopLossTriggered) for one in told) == triggered
    assert bool(fills_late(story)) == triggered


def ordered(story: Story) -> None:
    story.flatten()


def of_a_scope(story: Story) -> None:
    story.hears(FlattenRequested(by="ann", reason="", symbol="CL"))


def a_stop(story: Story) -> None:
    story.marks("ES", "-2600")


def a_tier(story: Story) -> None:
    story.change_limits(loss_tiers="50%=flatten")
    story.marks("ES", "-1300")


def of_a_worker(story: Story) -> None:
    story.change_limits(worker_daily_loss="ibs-ES=1000 ibs-CL=1000")
    story.closes("CL", "-1000")


@pytest.mark.parametrize("closed_by", [ordered, of_a_scope, a_stop, a_tier, of_a_worker])
def test_what_closed_before_the_renewal_closes_nothing_that_came_since_for_it_may_have_been_resumed(
    closed_by: Callable[[Story], object],
) -> None:
    story = Story()
    story.enters("ES", "CL")
    closed_by(story)
    for symbol in ("ES", "CL"):
        if any(held.symbol == symbol for held in story.state.positions.values()):
            story.closes(symbol)
    assert closing(renewed(story, opened(story, "CL"), opened(story, "ES"))) == []
    assert story.open == ["CL:long:1", "ES:long:1"]
    assert fills_late(story) == fills_late(story, "CL") == []
    assert closing(story.closes("RTY")) == []
    assert story.state.flatten is None
    assert code(story.asks("CL", worker="ibs-CL")) != "allowed"


@pytest.mark.parametrize(
    "limits", [{"loss_tiers": "50%=flatten"}, {"worker_daily_loss": "ibs-ES=1250"}], ids=list
)
def test_what_facts_reach_again_is_said_to_deny_as_it_closes_nothing(limits: dict[str, Any]) -> None:
    story = Story(**limits)
    story.enters("ES", "CL")
    told = renewed(story, closed(story, "ES", "-1250"), opened(story, "ES"))
    assert closing(told) == []
    assert [one.action for one in told if isinstance(one, LimitReached)] == ["deny"]
    assert story.state.flatten is None
    assert fills_late(story, "ES") == closing(story.closes("RTY")) == []


def test_what_an_order_from_before_has_still_to_close_stays_ordered_and_nothing_beside_it() -> None:
    story = Story()
    story.enters("ES", "CL")
    story.flatten()
    back = story.next_of(WorkerStarted, "ibs-CL", "s2", symbols="CL", positions="CL:long:1:100")
    gone = story.next_of(WorkerStopped, "ibs-CL", "s2", reason="")
    assert closing(renewed(story, closed(story, "ES"), opened(story, "ES"), back, gone, after=HOUR)) == []
    overdue, handed_over = closing(story.after(SECOND))
    assert isinstance(overdue, FlattenOverdue)
    assert overdue.positions == "CL:long:1:ibs-CL"
    assert isinstance(handed_over, FlattenHandedOver)


@settings(max_examples=60)
@given(logs, st.sampled_from([1, 3, 9, 30]))
def test_whatever_is_put_on_again_orders_nothing_closed_and_all_that_must_hold_does(
    log: Log, again: int
) -> None:
    as_renewals = [
        (at, replace(event, again=again) if isinstance(event, CoordinatorStarted) else event)
        for at, event in log
    ]
    for moment in moments(as_renewals):
        check(moment.state, moment.at, moment.event)
        if moment.state.again:
            assert closing(moment.decisions) == []


WINDOW = "mon-fri/15:00..16:00=flatten"


def test_a_window_that_was_missed_is_not_caught_up_with_by_what_was_opened_since() -> None:
    story = Story(start_ms=chicago(2025, 1, 15, 14), windows=WINDOW)
    story.enters("ES")
    told = renewed(story, closed(story, "ES"), opened(story, "ES"), after=2 * HOUR + 1)
    told += story.after(SECOND) + story.after(HOUR)
    assert closing(told) == []
    assert story.open == ["ES:long:1"]


def test_a_window_that_was_open_before_is_over_and_one_that_is_open_then_closes_all() -> None:
    story = Story(start_ms=chicago(2025, 1, 15, 14), windows=WINDOW)
    story.enters("ES")
    story.after(HOUR)
    told = renewed(story, closed(story, "ES"), opened(story, "ES"), after=2 * HOUR)
    assert closing(told) == []
    assert [one.window for one in told if isinstance(one, WindowClosed)] == [WINDOW]
    assert closing(story.after(SECOND)) == fills_late(story) == []
    later = chicago(2025, 1, 16, 15, 30) - story.ms
    assert closing(renewed(story, closed(story, "ES"), opened(story, "ES"), after=later)) == []
    all_of_it, *_ = closing(story.after(SECOND))
    assert isinstance(all_of_it, FlattenOrdered)
    assert all_of_it.cause == f"window {WINDOW}"


def test_whatever_else_comes_ends_it_and_is_decided_as_ever() -> None:
    story = Story()
    story.enters("ES", "CL")
    story.hears(term(again=9))
    story.closes("ES")
    assert story.state.again == 8
    [ordered_now] = closing(story.flatten())
    assert isinstance(ordered_now, FlattenOrdered)
    assert story.state.again == 0
    assert fills_late(story)


def test_one_that_is_refused_among_them_ends_nothing() -> None:
    story = Story()
    story.enters("ES")
    told = story.hears(term(again=5), at=story.ms + SECOND)
    for event in (
        LossAcknowledged(by="ann", reason="poison", removed="1-0 2-0"),
        Malformed("proof: expected one by a key of ibs-CL, got another", "PositionClosed"),
        closed(story, "ES", "-2600"),
        opened(story, "SI"),
        TradingHalted(by="ann", reason="renewed"),
    ):
        told += story.hears(event, at=story.ms)
    assert closing(told) == []
    assert (story.open, story.state.again) == (["SI:long:1"], 0)
