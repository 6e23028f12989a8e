"""The summary of a day, the warning signs of a week, and what holds of every wording."""

import re
from decimal import Decimal
from typing import get_args

import pytest

from portfold.config import AlertKind
from portfold.coordinator.views.words.of_events import limits_words
from portfold.events.incoming import CoordinatorStarted, FlattenRequested
from portfold.events.limits_changed import LimitsChanged
from portfold.workers.notify.sinks.discord import escaped
from portfold.workers.notify.words import together
from tests.coordinator.story import DAY, MINUTE, chicago, limits
from tests.notifier.telling import AFTERNOON, Telling

# --- the day and the week -------------------------------------------------------------------------------


def test_the_summary_of_a_day() -> None:
    telling = Telling(AFTERNOON, max_positions=2)
    telling.enters("CL", "SI")
    telling.asks("ES")
    telling.asks("ES")
    telling.asks("CL", worker="other")
    telling.closes("CL", pnl="410")
    telling.closes("SI", pnl="-1210.25")
    telling.enters("PL")
    telling.closes("PL", pnl="0")
    telling.told()
    telling.at(chicago(2025, 1, 15, 17))
    assert telling.told() == [
        "Day 2025-01-15: P&L $-800.25\n"
        "Trades: 3 | Win rate: 33% | Best: CL $410.00 | Worst: SI $-1,210.25\n"
        "Entries: 6 asked, 3 allowed, 3 denied: max_positions 2, symbol_in_position 1\n"
        "Stops: 0"
    ]
    telling.at(chicago(2025, 1, 16, 17))
    assert telling.told() == [
        "Day 2025-01-16: P&L $0.00\nTrades: 0\nEntries: 0 asked, 0 allowed, 0 denied\nStops: 0"
    ]


def test_a_summary_of_a_day_that_was_not_seen_from_its_beginning_says_so() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL", "SI")
    telling.closes("CL", pnl="10")
    telling.book = type(telling.book)()
    telling.closes("SI", pnl="10")
    telling.told()
    telling.at(chicago(2025, 1, 15, 17))
    assert "Trades: 2 | Win rate: 100% (of 1 seen)" in telling.told()[0]


def test_the_summary_comes_before_the_first_event_of_the_new_day() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL")
    telling.told()
    telling.ms = chicago(2025, 1, 15, 17)
    telling.closes("CL", pnl="10")
    assert telling.kinds() == ["day_summary", "trade_closed"]
    assert telling.book.trades.count == 1


def stopped_out(telling: Telling) -> None:
    telling.enters("CL")
    telling.closes("CL", pnl="-2500")


@pytest.mark.parametrize(("stops", "signs"), [(3, 0), (4, 1), (5, 1)])
def test_more_than_three_stops_a_week_are_a_warning_sign_at_once_and_once(stops: int, signs: int) -> None:
    telling = Telling(chicago(2025, 1, 13, 10))
    for _ in range(stops):
        stopped_out(telling)
        telling.after(DAY)
    told = [text for text in telling.told() if "WARNING SIGN: " in text]
    assert len(told) == signs
    if told:
        assert told[0].startswith("⚠️ WARNING SIGN: stop 4 this week, more than 3 | ")


def test_the_week_begins_anew_on_monday() -> None:
    telling = Telling(chicago(2025, 1, 16, 10))
    for _ in range(2):
        stopped_out(telling)
        telling.after(DAY)
    telling.at(chicago(2025, 1, 20, 10))
    for _ in range(2):
        stopped_out(telling)
        telling.after(DAY)
    assert "weekly_signs" not in telling.kinds()


@pytest.mark.parametrize(("blocked", "sign"), [(2, False), (3, True)])
def test_more_than_half_of_a_weeks_entries_denied_is_a_warning_sign(blocked: int, *, sign: bool) -> None:
    telling = Telling(chicago(2025, 1, 16, 10))
    telling.enters("CL", "ES")
    for _ in range(blocked):
        telling.asks("CL", worker="other")
    telling.at(chicago(2025, 1, 17, 10))
    assert "weekly_signs" not in telling.kinds()
    telling.at(chicago(2025, 1, 17, 17))
    told = [one for one in telling.told() if "WARNING SIGNS" in one]
    assert bool(told) == sign
    if told:
        assert told[0] == (
            "⚠️ WARNING SIGNS of the week 2025-01-16 to 2025-01-17: 60% of entries denied (3 of 5), "
            "more than half\nP&L of the week: $0.00"
        )


# --- all of them ----------------------------------------------------------------------------------------


def test_every_kind_that_is_not_told_singly_is_counted_in_a_summary() -> None:
    critical = {
        *("stop", "flatten_ordered", "flatten_overdue", "flat", "limit_breached", "position_mismatch"),
        *("worker_lost", "log_lost", "not_deciding", "alerts_missed"),
        *("flat_unconfirmed", "account_differs", "account_silent", "stop_missing", "feed_missing"),
        "limit_reached",
    }
    singly = critical | {"day_summary", "weekly_signs", "less_than_expected"}
    assert {kind for kind in get_args(AlertKind) if together.counted_as(kind) is None} == singly


def test_no_wording_of_ours_needs_to_be_escaped() -> None:
    telling = Telling(AFTERNOON, on_worker_lost="flatten", point_values="CL=1000", mark_stale_ms=MINUTE)
    telling.hears(CoordinatorStarted(leader="host.1.a", epoch=1, fold=1))
    telling.starts("ibs-SI", positions="SI:long:1:30")
    telling.enters("CL", "ES", price="70")
    telling.fills("RTY", size=5)
    telling.asks("CL", worker="other")
    telling.loses_worker("ibs-ES")
    telling.after(MINUTE)
    telling.closes("CL", pnl="-9000", price="61")
    telling.hears(FlattenRequested(by="ann", reason="home"))
    telling.settle("SI", 0)
    telling.resume(force=True)
    telling.stops("ibs-CL")
    telling.at(chicago(2025, 1, 15, 17))
    told = telling.told()
    assert len(told) > 20
    assert [text for text in told if escaped(text) != text] == []
    assert all(re.search(r"\d\d:\d\d:\d\d", text) for text in told if not text.startswith("Day "))


def test_limits_are_worded_alike_from_the_log_and_from_the_status() -> None:
    changed = limits(daily_stop_loss=Decimal("2500.5"))
    assert isinstance(changed, LimitsChanged)
    assert limits_words(changed).startswith(
        "max_positions=4, max_contracts=4, daily_stop_loss=$2,500.50, symbols=6A, 6B"
    )
