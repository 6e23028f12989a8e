"""What if: what belongs to a trade that is gone, told in whatever way, and what is a fact and stays."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.coordinator.audit.what_if.findings import DayOver
from portfold.coordinator.fold.state import POSITIONS_HELD
from portfold.events.incoming import PositionOpened, WorkerStarted
from tests.audit.supposing import WrittenDown, dollars
from tests.coordinator.story import DAY, MINUTE, SECOND

# --- late, unseen, settled, told twice --------------------------------------------------------------------


def test_a_fill_after_the_reservation_expired_is_still_the_trade_of_its_request() -> None:
    story = WrittenDown(reservation_ms=30 * SECOND)
    story.enters("ES")
    story.is_allowed("CL")
    story.after(30 * SECOND)
    assert "CL:long:ibs-CL" not in story.state.reservations
    story.fills("CL")
    story.closes("CL", pnl="-10")
    assert story.what_if(max_positions=1).gone == [("CL", 1, dollars("-10"), "max_positions")]


def test_a_fill_that_only_the_broker_tells_of_is_the_trade_of_its_request() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.is_allowed("CL")
    story.says(WorkerStarted, "ibs-CL", "s2", symbols="CL", positions="CL:long:1:100")
    story.says(WorkerStarted, "ibs-CL", "s3", symbols="CL", positions="CL:long:1:100")
    supposed = story.what_if(max_positions=1)
    assert supposed.gone == [("CL", 1, dollars(0), "max_positions")]
    assert "CL" not in {odd.symbol for odd in supposed.book.state.unsettled.values()}


def test_a_settlement_of_a_trade_that_is_gone_books_nothing() -> None:
    story = WrittenDown()
    story.enters("ES", "CL")
    story.says(WorkerStarted, "ibs-CL", "s2", symbols="CL", positions="")
    story.settle("CL", size=0, pnl="-40")
    supposed = story.what_if(max_positions=1)
    assert supposed.gone == [("CL", 1, dollars("-40"), "max_positions")]
    assert supposed.one(DayOver).what_if.pnl == 0


def test_a_settlement_counts_in_the_trade_that_is_gone_also_where_it_closes_nothing() -> None:
    story = WrittenDown()
    story.enters("ES", "CL")
    story.settle("CL", size=1, price="99", pnl="-40")
    story.closes("CL", pnl="-10")
    supposed = story.what_if(max_positions=1)
    assert supposed.gone == [("CL", 1, dollars(-50), "max_positions")]
    assert supposed.one(DayOver).what_if.pnl == 0


def test_a_settlement_that_finds_what_was_filled_unseen_finds_the_trade_of_its_request() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.is_allowed("CL")
    story.settle("CL", size=1)
    supposed = story.what_if(max_positions=1)
    assert supposed.gone == [("CL", 1, dollars(0), "max_positions")]
    assert set(supposed.book.state.positions) == {"ES:long:ibs-ES"}


def test_too_large_a_close_of_a_trade_that_is_gone_unsettles_nothing() -> None:
    story = WrittenDown()
    story.enters("ES", "CL")
    story.closes("CL", size=3, pnl="-30")
    supposed = story.what_if(max_positions=1)
    assert (len(supposed.recorded.unsettled), supposed.book.state.unsettled) == (1, {})
    assert supposed.one(DayOver).what_if.pnl == 0


def test_what_is_said_of_a_trade_that_is_gone_is_not_refused_as_unheard_of() -> None:
    story = WrittenDown()
    story.enters("ES", "CL")
    story.marks("CL", unrealized="-30")
    story.closes("CL", pnl="-30")
    assert story.what_if(max_positions=1).book.state.stats.events_rejected == 0


def test_a_fill_reported_twice_or_closed_twice_is_not_news_either() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.is_allowed("CL")
    story.fills("CL", fill="broker-1")
    story.says(
        PositionOpened, "flattener", symbol="CL", side="long", size=1, price=Decimal(100), fill="broker-1"
    )
    story.closes("CL", pnl="-10")
    story.closes("CL", pnl="-10")
    supposed = story.what_if(max_positions=1)
    assert supposed.gone == [("CL", 1, dollars("-10"), "max_positions")]
    assert set(supposed.book.state.positions) == {"ES:long:ibs-ES"}
    assert supposed.one(DayOver).what_if.pnl == 0


def test_a_fill_reported_again_after_its_trade_is_over_is_not_news_either() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.is_allowed("CL")
    story.fills("CL", fill="broker-1")
    story.closes("CL", pnl="-10", fill="broker-2")
    story.fills("CL", worker="flattener", fill="broker-1")
    assert set(story.what_if(max_positions=1).book.state.positions) == {"ES:long:ibs-ES"}


def test_a_close_reported_again_on_another_day_is_not_news_either() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.is_allowed("CL")
    story.fills("CL")
    story.closes("CL", pnl="-10", fill="broker-1")
    story.after(DAY)
    story.closes("CL", pnl="-10", worker="flattener", owner="ibs-CL", fill="broker-1")
    today = story.what_if(max_positions=1).each(DayOver)[-1]
    assert (today.recorded.pnl, today.what_if.pnl) == (dollars(0), dollars(0))


def test_what_found_no_room_on_the_log_finds_none_where_less_is_open() -> None:
    story = WrittenDown()
    story.enters("ES", "CL")
    for number in range(POSITIONS_HELD - 2):
        story.fills(f"X{number}")
    story.fills("ONE2MANY")
    supposed = story.what_if(max_positions=1)
    assert len(supposed.recorded.positions) == POSITIONS_HELD
    assert set(supposed.recorded.positions) - set(supposed.book.state.positions) == {"CL:long:ibs-CL"}
    assert set(supposed.book.state.positions) < set(supposed.recorded.positions)


# --- facts stay -------------------------------------------------------------------------------------------


def test_a_fill_that_was_never_asked_for_stays() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.fills("CL")
    story.closes("CL", pnl="-10")
    supposed = story.what_if(max_positions=1)
    assert (supposed.turns, supposed.gone) == ([], [])
    assert supposed.one(DayOver).what_if.pnl == -10


@pytest.mark.parametrize("side", ["long", "short"])
def test_a_fill_after_its_entry_was_withdrawn_was_never_asked_for(side: str) -> None:
    story = WrittenDown()
    story.enters("ES")
    story.is_allowed("CL", side=side)
    story.withdraws("CL")
    story.fills("CL", side=side)
    story.closes("CL", pnl="-10", side=side)
    assert story.what_if(max_positions=1).gone == []


def test_a_process_that_was_replaced_withdraws_nothing() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.starts("ibs-CL", session="s0")
    story.starts("ibs-CL", session="s1")
    story.is_allowed("CL")
    story.withdraws("CL", session="s0")
    story.fills("CL")
    assert story.what_if(max_positions=1).gone == [("CL", 1, dollars(0), "max_positions")]


def test_a_fill_belongs_to_the_last_request_that_was_allowed() -> None:
    """The first of CL was never filled; the second is allowed with either limit, and its trade stays."""
    story = WrittenDown()
    story.enters("ES")
    story.is_allowed("CL")
    story.after(MINUTE)
    story.closes("ES")
    story.trades("CL", "-10")
    supposed = story.what_if(max_positions=1)
    assert supposed.turns == [("CL", "allowed", "max_positions")]
    assert supposed.gone == []


def test_a_fill_after_a_request_that_was_denied_was_never_asked_for() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.is_allowed("CL")
    story.after(MINUTE)
    story.halt()
    story.is_denied("CL")
    story.fills("CL")
    assert story.what_if(max_positions=1).gone == []


def test_unless_that_was_denied_because_the_one_before_is_still_pending() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.is_allowed("CL")
    story.is_denied("CL")
    story.fills("CL")
    assert story.what_if(max_positions=1).gone == [("CL", 1, dollars(0), "max_positions")]


def test_of_a_leg_that_is_gone_in_part_the_rest_stays_with_its_share() -> None:
    """Asked for 1, filled 3: the 2 that nobody granted are facts."""
    story = WrittenDown()
    story.enters("ES")
    story.is_allowed("CL", size=1)
    story.fills("CL", size=3)
    story.marks("CL", unrealized="-90")
    supposed = story.what_if(max_positions=1)
    (held,) = (one for one in supposed.book.state.positions.values() if one.symbol == "CL")
    assert (held.size, held.unrealized) == (2, dollars("-60.00"))

    story.closes("CL", size=3, pnl="-90", commission="9")
    supposed = story.what_if(max_positions=1)
    assert supposed.gone == [("CL", 1, dollars("-30.00"), "max_positions")]
    assert supposed.one(DayOver).what_if.pnl == dollars("-60.00")


def leg_gone_in_part(**limits: Any) -> WrittenDown:
    """Of CL 1 was granted and filled at 100, and 2 were filled at 103 that nobody had asked for."""
    story = WrittenDown(**limits)
    story.enters("ES")
    story.is_allowed("CL")
    story.fills("CL", size=1, price="100")
    story.fills("CL", size=2, price="103")
    return story


def test_the_rest_of_a_leg_has_its_own_price_and_its_share_of_the_commission() -> None:
    """103 to 104 with 2 contracts at $50 a point, less 2/3 of a commission of 9."""
    story = leg_gone_in_part(point_values="CL=50")
    story.closes("CL", size=3, price="104", pnl="291", commission="9")
    assert story.what_if(max_positions=1).one(DayOver).what_if.pnl == dollars("94.00")


def test_a_settlement_of_the_whole_leg_is_shared_too() -> None:
    story = leg_gone_in_part()
    story.settle("CL", size=0, pnl="-90")
    supposed = story.what_if(max_positions=1)
    assert supposed.gone == [("CL", 1, dollars(-30), "max_positions")]
    assert supposed.one(DayOver).what_if.pnl == -60


def test_a_settlement_to_another_size_leaves_what_is_excluded_out() -> None:
    story = leg_gone_in_part()
    story.settle("CL", size=4)
    held = story.what_if(max_positions=1).book.state.positions["CL:long:ibs-CL"]
    assert held.size == 3


def test_a_settlement_that_was_refused_is_not_taken_for_news() -> None:
    """The log says so already: 3 at 102. Without the one at 100 it would say 2 at 103."""
    story = leg_gone_in_part()
    story.settle("CL", size=3, price="102", pnl="-70")
    assert story.pnl == 0
    assert story.what_if(max_positions=1).one(DayOver).what_if.pnl == 0


def test_a_part_close_takes_the_excluded_contracts_first() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.is_allowed("CL", size=1)
    story.fills("CL", size=2)
    story.closes("CL", size=1, pnl="-10")
    story.closes("CL", size=1, pnl="-70")
    supposed = story.what_if(max_positions=1)
    assert supposed.gone == [("CL", 1, dollars("-10"), "max_positions")]
    assert supposed.one(DayOver).what_if.pnl == -70
