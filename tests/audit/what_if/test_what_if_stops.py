"""What if: stops that come, go or move, and the trades that end with them."""

from decimal import Decimal
from typing import Any

from portfold.coordinator.audit.what_if.findings import (
    DayFigures,
    DayOver,
    StopComes,
    StopGoes,
    TradeEnded,
    TradeGone,
)
from portfold.events.incoming import PositionClosed
from portfold.events.legs import Leg, parse_legs
from tests.audit.supposing import Supposed, WrittenDown, dollars
from tests.coordinator.story import DAY, chicago


def bad_day(**limits: Any) -> WrittenDown:
    """By 10:00: ES, CL and SI open, the last never marked; ES -400, CL -300, so the day is at -700."""
    story = WrittenDown(**limits)
    story.enters("ES", "CL", "SI")
    story.marks("ES", unrealized="-400")
    story.marks("CL", unrealized="-300")
    return story


def ended(supposed: Supposed) -> list[tuple[str, Decimal | None, Decimal]]:
    """Symbol, P&L at the stop, P&L on the log."""
    return [(one.symbol, one.pnl_at_stop, one.pnl) for one in supposed.each(TradeEnded)]


def _the_flatten_closes(story: WrittenDown, **pnls: str) -> None:
    for symbol, pnl in pnls.items():
        story.closes(symbol, pnl=pnl)


# --- a stop that comes ----------------------------------------------------------------------------------


def test_a_stop_that_comes_closes_what_is_marked_at_its_mark_and_the_rest_at_an_unknown_price() -> None:
    story = bad_day()
    story.closes("ES", pnl="-100")
    story.closes("CL", pnl="250")
    story.closes("SI", pnl="-30")

    supposed = story.what_if(daily_stop_loss=700)
    stop = supposed.one(StopComes)
    assert (stop.daily_pnl, stop.limit) == (dollars(-700), dollars(700))
    assert [leg.symbol for leg in parse_legs(stop.positions)] == ["CL", "ES", "SI"]
    assert ended(supposed) == [
        ("ES", dollars(-400), dollars(-100)),
        ("CL", dollars(-300), dollars(250)),
        ("SI", None, dollars(-30)),
    ]
    day = supposed.one(DayOver)
    assert day.recorded == DayFigures(asked=3, allowed=3, trades=3, pnl=Decimal(120))
    assert day.what_if == DayFigures(asked=3, allowed=3, trades=3, stops=1, pnl=Decimal(-700))
    assert day.unknown == 1
    assert (supposed.tally.unpriced.trades, supposed.tally.unpriced.pnl) == (1, dollars(-30))


def test_one_dollar_more_of_limit_and_it_does_not_come() -> None:
    assert bad_day().what_if(daily_stop_loss=701).each(StopComes) == []


def test_entries_after_it_are_denied_and_their_trades_gone() -> None:
    story = bad_day()
    story.closes("SI")
    story.enters("PL")
    story.closes("PL", pnl="90")
    supposed = story.what_if(daily_stop_loss=700)
    assert supposed.turns == [("PL", "allowed", "stopped_out")]
    (trade,) = supposed.each(TradeGone)
    assert (trade.symbol, trade.pnl, trade.why) == ("PL", dollars(90), "stopped_out")


def test_an_entry_allowed_before_it_and_filled_after_it_was_taken_back() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.is_allowed("CL")
    story.marks("ES", unrealized="-700")
    story.fills("CL")
    story.closes("CL", pnl="-20")
    supposed = story.what_if(daily_stop_loss=700)
    assert supposed.turns == []
    (trade,) = supposed.each(TradeGone)
    assert (trade.symbol, trade.pnl, trade.why) == ("CL", dollars(-20), "stopped_out")
    assert supposed.one(DayOver).what_if.pnl == -700


def test_what_is_marked_after_it_no_longer_counts() -> None:
    story = bad_day()
    story.marks("ES", unrealized="-2000")
    supposed = story.what_if(daily_stop_loss=700)
    assert supposed.one(DayOver).what_if.pnl == -700
    assert supposed.one(DayOver).recorded.pnl == -2300
    assert [one.open_pnl for one in supposed.each(TradeEnded)] == [-2000, -300, 0]


def test_the_next_day_is_traded_again() -> None:
    story = bad_day()
    for symbol in ("ES", "CL", "SI"):
        story.closes(symbol)
    story.at(chicago(2025, 1, 15, 17))
    story.enters("ES")
    story.closes("ES", pnl="55")
    supposed = story.what_if(daily_stop_loss=700)
    first, second = supposed.each(DayOver)
    assert (first.what_if.stops, first.what_if.pnl) == (1, dollars(-700))
    assert (second.recorded, second.over) == (second.what_if, False)
    assert second.what_if.pnl == 55
    assert (supposed.tally.what_if.worst_day, supposed.tally.what_if.worst_pnl) == (first.day, dollars(-700))
    assert (supposed.tally.recorded.worst_day, supposed.tally.recorded.worst_pnl) == (first.day, dollars(0))


def test_a_position_over_night_is_ended_at_what_it_lost_on_this_day() -> None:
    """-300 of ES fell on Wednesday. The stop comes on Thursday, at -500 more."""
    story = WrittenDown()
    story.enters("ES")
    story.marks("ES", unrealized="-300")
    story.at(chicago(2025, 1, 15, 17))
    story.marks("ES", unrealized="-800")
    story.closes("ES", pnl="-600")
    supposed = story.what_if(daily_stop_loss=500)
    assert ended(supposed) == [("ES", dollars("-800"), dollars("-600"))]
    wednesday, thursday = supposed.each(DayOver)
    assert (wednesday.what_if.pnl, thursday.what_if.pnl) == (dollars(-300), dollars(-500))
    assert (wednesday.recorded.pnl, thursday.recorded.pnl) == (dollars(-300), dollars(-300))


def test_a_stop_that_is_earlier_comes_and_the_recorded_one_goes() -> None:
    story = bad_day(daily_stop_loss=Decimal(1000))
    story.marks("ES", unrealized="-900")
    _the_flatten_closes(story, ES="-910", CL="-310", SI="-40")
    supposed = story.what_if(daily_stop_loss=600)
    assert supposed.one(StopComes).daily_pnl == -700
    assert supposed.one(StopGoes).daily_pnl == -1200
    assert supposed.one(DayOver).what_if.pnl == -700
    assert supposed.tally.what_if.figures.stops == supposed.tally.recorded.figures.stops == 1


# --- a stop that goes -----------------------------------------------------------------------------------


def test_what_a_stop_that_goes_has_closed_keeps_its_recorded_outcome() -> None:
    story = bad_day(daily_stop_loss=Decimal(700))
    _the_flatten_closes(story, ES="-410", CL="-320", SI="15")
    story.is_denied("PL")
    supposed = story.what_if(daily_stop_loss=5000)
    stop = supposed.one(StopGoes)
    assert (stop.daily_pnl, stop.limit) == (dollars(-700), dollars(700))
    assert len(parse_legs(stop.positions)) == 3
    assert ended(supposed) == []
    assert supposed.turns == [("PL", "stopped_out", "allowed")]
    day = supposed.one(DayOver)
    assert (day.recorded.pnl, day.what_if.pnl, day.what_if.stops) == (dollars(-715), dollars(-715), 0)


def test_a_stop_may_come_from_the_closes_of_the_one_that_goes() -> None:
    """At -700 the recorded stop closes all; what the closes cost brings the day to -800."""
    story = bad_day(daily_stop_loss=Decimal(700))
    _the_flatten_closes(story, SI="0", ES="-450", CL="-350")
    supposed = story.what_if(daily_stop_loss=800)
    assert supposed.one(StopGoes).daily_pnl == -700
    assert supposed.one(StopComes).daily_pnl == -800
    assert ended(supposed) == []


# --- a stop that stays ----------------------------------------------------------------------------------


def test_a_stop_at_the_same_event_stays_and_closes_what_there_is() -> None:
    """Without SI the day is as bad: the flatten's reports are those on the log."""
    story = bad_day(daily_stop_loss=Decimal(700))
    _the_flatten_closes(story, ES="-410", CL="-320", SI="15")
    supposed = story.what_if(max_positions=2)
    assert (supposed.each(StopComes), supposed.each(StopGoes), ended(supposed)) == ([], [], [])
    (trade,) = supposed.each(TradeGone)
    assert (trade.symbol, trade.pnl) == ("SI", dollars(15))
    day = supposed.one(DayOver)
    assert (day.recorded.pnl, day.what_if.pnl, day.what_if.stops) == (dollars(-715), dollars(-730), 1)


def test_a_fill_that_crossed_a_stop_that_stays_is_a_fact() -> None:
    story = WrittenDown(daily_stop_loss=Decimal(700))
    story.enters("ES", "PL")
    story.is_allowed("CL")
    story.marks("ES", unrealized="-700")
    story.fills("CL")
    _the_flatten_closes(story, ES="-700", CL="-15", PL="0")
    supposed = story.what_if(max_positions=3, stop_loss_on="total")
    assert (supposed.turns, supposed.each(TradeGone)) == ([], [])
    assert supposed.one(DayOver).what_if.pnl == -715


# --- other causes ---------------------------------------------------------------------------------------


def test_a_stop_on_realized_losses_alone_does_not_see_open_ones() -> None:
    story = bad_day(daily_stop_loss=Decimal(700))
    supposed = story.what_if(stop_loss_on="realized")
    assert len(supposed.each(StopGoes)) == 1
    assert supposed.each(StopComes) == []


def test_a_stop_that_an_operator_lifted_is_lifted_where_it_is() -> None:
    story = bad_day(daily_stop_loss=Decimal(700))
    _the_flatten_closes(story, ES="-400", CL="-300", SI="0")
    story.resume(force=True)
    story.enters("ES")
    supposed = story.what_if(daily_stop_loss=650)
    assert (supposed.each(StopComes), supposed.turns) == ([], [])
    assert supposed.book.state.stop is None


def test_the_flattener_closing_for_a_dead_owner_is_no_news_to_who_has_closed_already() -> None:
    story = bad_day()
    story.says(
        PositionClosed,
        "flattener",
        owner="ibs-ES",
        symbol="ES",
        side="long",
        size=1,
        price=Decimal(99),
        commission=Decimal(0),
        pnl=Decimal(-50),
        fill="broker-1",
    )
    story.closes("ES", pnl="-50", fill="broker-1")
    story.closes("ES", pnl="-50")
    supposed = story.what_if(daily_stop_loss=700)
    assert ended(supposed)[0] == ("ES", dollars("-400"), dollars("-50"))
    assert supposed.one(DayOver).what_if.pnl == -700
    assert supposed.book.state.unsettled == {}


def test_days_that_nobody_trades_are_alike() -> None:
    story = bad_day()
    for symbol in ("ES", "CL", "SI"):
        story.closes(symbol)
    for _ in range(3):
        story.after(DAY)
    first, *others = story.what_if(daily_stop_loss=700).each(DayOver)
    assert first.recorded != first.what_if
    assert [day.recorded for day in others] == [day.what_if for day in others]


def test_the_positions_of_a_stop_are_named_as_decisions_name_them() -> None:
    stop = bad_day().what_if(daily_stop_loss=700).one(StopComes)
    assert parse_legs(stop.positions)[0] == Leg("CL", "long", 1, "ibs-CL")
