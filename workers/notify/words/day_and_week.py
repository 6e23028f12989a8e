"""The words of what a day, or a week, came to; and which of that is a warning sign."""

from collections.abc import Mapping

from portfold.bounds import MOST_STOPS_A_WEEK, too_many_blocked, too_many_stops
from portfold.coordinator.expected.lived import DayLived, Lived
from portfold.coordinator.expected.words import sign_text
from portfold.dollars import shown
from portfold.events.decisions import TradingDayStarted
from portfold.workers.notify.book import CountedTrade, Trades, Week
from portfold.workers.notify.words.together import most_first
from portfold.workers.notify.words.wording import Lines


def day_summary(over: TradingDayStarted, trades: Trades, denied_by_code: Mapping[str, int]) -> Lines:
    asked, allowed, blocked = over.entries_requested, over.entries_allowed, over.entries_blocked
    by_code = ", ".join(f"{code} {count}" for code, count in most_first(denied_by_code))
    lines = [
        f"Day {over.previous_day}: P&L {shown(over.daily_pnl)}",
        f"Trades: {over.exits}{_how_they_went(trades, over.exits)}",
        f"Entries: {asked} asked, {allowed} allowed, {blocked} denied{f': {by_code}' if by_code else ''}",
        f"Stops: {over.stops}{' | HALTED' if over.halted else ''}",
    ]
    return tuple(lines)


def day_lived(over: TradingDayStarted, trades: Trades) -> DayLived:
    """Returns what is held against the days expected; of a day that was not seen whole the trades seen."""
    requests = over.entries_requested, over.entries_blocked
    return DayLived(over.previous_day, over.daily_pnl, trades.count, trades.won, *requests, over.stops)


def less_than_expected(lived: Lived, beside: Lines) -> Lines:
    return (f"⚠️ LESS THAN EXPECTED: {sign_text(lived)}", *beside, "All of it: portfold audit expected")


def _how_they_went(trades: Trades, exits: int) -> str:
    if trades.best is None or trades.worst is None:
        return ""
    seen = "" if trades.count == exits else f" (of {trades.count} seen)"
    return (
        f" | Win rate: {trades.won / trades.count:.0%}{seen} | Best: {_trade(trades.best)} | "
        f"Worst: {_trade(trades.worst)}"
    )


def stops_this_week(stops: int) -> Lines:
    return (f"⚠️ WARNING SIGN: stop {stops} this week, more than {MOST_STOPS_A_WEEK}",)


def week_signs(week: Week) -> Lines:
    """Returns the week's warning signs; nothing when there is none."""
    signs = []
    if too_many_stops(week.stops):
        signs.append(f"{week.stops} stops, more than {MOST_STOPS_A_WEEK}")
    if too_many_blocked(week.blocked, week.requested):
        rate = f"{week.blocked / week.requested:.0%}"
        signs.append(f"{rate} of entries denied ({week.blocked} of {week.requested}), more than half")
    if not signs:
        return ()
    days = week.first if week.first == week.last else f"{week.first} to {week.last}"
    return (
        f"⚠️ WARNING SIGNS of the week {days}: {'; '.join(signs)}",
        f"P&L of the week: {shown(week.pnl)}",
    )


def _trade(trade: CountedTrade) -> str:
    return f"{trade.symbol} {shown(trade.pnl)}"
