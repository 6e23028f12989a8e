"""What if: entries that turn to denied, and the trades that go with them. To be checked by eye."""

from decimal import Decimal

import pytest

from portfold.coordinator.audit.what_if.findings import DayFigures, DayOver, TradeGone
from portfold.coordinator.store.follower import LogDiffers
from portfold.events.codec import encode
from portfold.events.incoming import TradingHalted
from portfold.events.stream_id import StreamId
from tests.audit.in_memory import realistic
from tests.audit.supposing import WrittenDown, asked, dollars
from tests.coordinator.story import MINUTE

# --- by hand ----------------------------------------------------------------------------------------------


def test_three_positions_in_place_of_four_checked_by_hand() -> None:
    """Recorded with at most 4. The column `3` is what at most 3 make of it.

    who asks   open on the log     recorded   open with 3     3            its trade
    ES         -                   allowed    -               allowed
    CL         ES                  allowed    ES              allowed
    SI         ES CL               allowed    ES CL           allowed
    PL         ES CL SI            allowed    ES CL SI        denied       gone: it made -300
    6A         ES CL SI PL         denied     ES CL SI        denied
    (CL closes with 120)
    6B         ES SI PL            allowed    ES SI           allowed
    (PL closes with -300)
    6C         ES SI 6B            allowed    ES SI 6B        denied       gone: it made 80
    """
    story = WrittenDown(max_positions=4)
    story.enters("ES", "CL", "SI", "PL")
    story.is_denied("6A")
    story.closes("CL", pnl="120")
    story.enters("6B")
    story.closes("PL", pnl="-300")
    story.enters("6C")
    story.closes("6C", pnl="80")

    supposed = story.what_if(max_positions=3)
    assert supposed.turns == [("PL", "allowed", "max_positions"), ("6C", "allowed", "max_positions")]
    assert supposed.gone == [
        ("PL", 1, dollars("-300"), "max_positions"),
        ("6C", 1, dollars("80"), "max_positions"),
    ]
    day = supposed.one(DayOver)
    assert day.recorded == DayFigures(asked=7, allowed=6, denied=1, trades=3, pnl=dollars("-100"))
    assert day.what_if == DayFigures(asked=7, allowed=4, denied=3, trades=1, pnl=dollars("120"))
    assert set(supposed.book.state.positions) == {"ES:long:ibs-ES", "SI:long:ibs-SI", "6B:long:ibs-6B"}


# --- allowed, then denied ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "what_if"),
    [
        ({"max_positions": 1}, "max_positions"),
        ({"max_contracts": 2}, "max_contracts"),
        ({"symbols": "ES SI"}, "symbol_not_allowed"),
    ],
)
def test_each_limit_denies_with_its_code(limit: dict[str, object], what_if: str) -> None:
    story = WrittenDown()
    story.enters("ES", size=2)
    story.trades("CL", "-50")
    supposed = story.what_if(**limit)
    assert supposed.turns == [("CL", "allowed", what_if)]
    assert supposed.gone == [("CL", 1, dollars("-50"), what_if)]


def test_a_limit_at_the_boundary_turns_nothing() -> None:
    story = WrittenDown()
    story.enters("ES", size=2)
    story.trades("CL", "-50")
    assert story.what_if(max_positions=2, max_contracts=3).turns == []


def test_an_entry_that_was_never_filled_leaves_no_trade_behind() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.is_allowed("CL")
    story.withdraws("CL")
    supposed = story.what_if(max_positions=1)
    assert supposed.turns == [("CL", "allowed", "max_positions")]
    assert supposed.gone == []


def test_a_trade_that_is_gone_moves_no_money_while_it_is_open() -> None:
    """The recorded day is stopped by CL's open loss; without CL there is nothing to stop."""
    story = WrittenDown(daily_stop_loss=Decimal(1000))
    story.enters("ES", "CL")
    story.marks("CL", unrealized="-1000")
    assert story.state.stop is not None
    assert story.what_if(max_positions=1).book.state.stop is None


def test_partial_fills_and_partial_closes_are_one_trade() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.is_allowed("CL", size=3)
    story.fills("CL", size=1)
    story.fills("CL", size=2)
    story.closes("CL", size=2, pnl="-20")
    story.closes("CL", size=1, pnl="-30")
    (trade,) = story.what_if(max_positions=1).each(TradeGone)
    assert (trade.contracts, trade.pnl) == (3, dollars("-50"))
    opened, closed = StreamId.parse(trade.opened), StreamId.parse(trade.closed)
    assert closed.ms - opened.ms == 3


def test_a_trade_that_is_open_when_the_log_ends_is_told_at_its_mark() -> None:
    story = WrittenDown()
    story.enters("ES", "CL")
    story.marks("CL", unrealized="-75")
    trade = story.what_if(max_positions=1).one(TradeGone)
    assert (trade.closed, trade.pnl, trade.open_pnl) == ("", dollars(0), dollars(-75))


def test_the_pnl_of_a_trade_that_is_gone_is_the_one_that_was_counted() -> None:
    """100 to 101 long at $50 a point makes 50, not 5,000: what was counted is the lower."""
    story = WrittenDown(point_values="CL=50")
    story.enters("ES", "CL")
    story.closes("CL", price="101", pnl="5000", commission="5")
    assert story.what_if(max_positions=1).gone == [("CL", 1, dollars("45.00"), "max_positions")]


# --- limits -----------------------------------------------------------------------------------------------


def test_limits_that_change_later_do_not_undo_the_question_and_keep_their_other_values() -> None:
    story = WrittenDown(max_positions=4, symbols="ES CL")
    story.change_limits(max_positions=2, symbols="ES CL SI")
    story.enters("ES")
    story.trades("SI", "-10")
    supposed = story.what_if(max_positions=1)
    assert supposed.gone == [("SI", 1, dollars("-10"), "max_positions")]  # and not symbol_not_allowed
    assert supposed.tally.in_place_of == {"max_positions": [4, 2]}


# --- the record -------------------------------------------------------------------------------------------


def test_an_entry_with_an_id_that_leaves_no_room_for_decisions_changes_nothing_in_either_book() -> None:
    story = WrittenDown()
    story.enters("ES")
    beyond = StreamId(story.ms, 2**64 - 1)
    story.log.append((beyond, encode(TradingHalted(by="ann", reason="news"))))
    story.after(MINUTE)
    story.enters("CL")
    supposed = story.what_if(max_positions=1)
    assert (supposed.recorded.halt, supposed.book.state.halt) == (None, None)


def test_a_record_that_is_not_what_was_decided_is_nothing_to_compare_with() -> None:
    record = realistic(200)
    altered = next(one for one in record.all if len(one.decisions) == 1)
    altered.decisions.clear()
    with pytest.raises(LogDiffers, match=r"is not on record.* portfold audit verify"):
        asked(record, max_positions=3)
