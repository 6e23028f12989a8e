"""What each kind of alert says, to the letter, and what is worth one."""

import re
from decimal import Decimal
from typing import get_args

import pytest

from portfold.config import AlertKind
from portfold.events.incoming import (
    CoordinatorStarted,
    FlattenRequested,
    LimitsChanged,
    LogTailMissing,
    LossAcknowledged,
    Malformed,
    PositionClosed,
    TradingHalted,
)
from portfold.workers.notify.sinks.discord import escaped
from portfold.workers.notify.words import together, wording
from tests.coordinator.story import DAY, MINUTE, SECOND, chicago, limits
from tests.notifier.telling import Telling

AFTERNOON = chicago(2025, 1, 15, 14, 23, 45)


def test_the_stop_line_by_line() -> None:
    telling = Telling(AFTERNOON, mark_stale_ms=0)
    telling.enters("CL", "SI")
    telling.fills("ES", worker="ibs-ES")
    telling.told()
    telling.closes("ES", pnl="-2512.50")
    assert telling.told()[1] == (
        "🚨 PORTFOLIO STOP LOSS HIT\n"
        "Daily P&L: $-2,512.50\n"
        "Limit: $-2,500.00\n"
        "Open positions: CL, SI\n"
        "Time: 2025-01-15T14:23:45"
    )


def test_a_stop_with_nothing_open_says_so_and_is_flat_at_once() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL")
    telling.told()
    telling.closes("CL", pnl="-2500")
    closed, stop, flat = telling.told()
    assert closed == "Closed: CL long 1 @ 100 | P&L: $-2,500.00 | ibs-CL | 14:23:45"
    assert "Open positions: none" in stop
    assert flat == (
        "✅ FLAT: every position is confirmed closed\nAfter 0 ms | daily stop loss\nTime: 2025-01-15T14:23:45"
    )


def test_a_trade_opened_and_closed() -> None:
    telling = Telling(AFTERNOON)
    telling.starts("ibs-CL", symbols="CL")
    telling.asks("CL")
    telling.fills("CL", price="-37.63", side="long")
    telling.closes("CL", pnl="1250.5", price="-36.38")
    assert telling.told() == [
        "Worker started: ibs-CL | Symbols: CL | 14:23:45",
        "Opened: CL long 1 @ -37.63 | ibs-CL | 14:23:45",
        "Closed: CL long 1 @ -36.38 | P&L: $1,250.50 | ibs-CL | 14:23:45",
    ]


def test_a_fill_whose_price_nobody_told() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL", price="0")
    assert "Opened: CL long 1 (no entry price told) | ibs-CL | 14:23:45" in telling.told()


@pytest.mark.parametrize("reason", ["no exit price told", "no exit price told, at 2025-01-15T14:00:00"])
def test_a_price_that_nobody_told_is_shown_to_nobody(reason: str) -> None:
    """The drop-in's: its interface has no exit price, and the one on the log only follows from the P&L."""
    telling = Telling(AFTERNOON)
    telling.enters("CL")
    telling.told()
    telling.hears(
        telling.next_of(
            PositionClosed,
            "ibs-CL",
            symbol="CL",
            side="long",
            size=1,
            price=Decimal("69.1234567891"),
            commission=Decimal(0),
            pnl=Decimal("-876.5432109"),
            reason=reason,
        )
    )
    assert telling.told() == [f"Closed: CL long 1 | P&L: $-876.54 | {reason} | ibs-CL | 14:23:45"]


def test_a_denied_entry_says_why() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL")
    telling.told()
    telling.asks("CL", worker="other")
    assert telling.told() == [
        "Entry denied: CL long 1 | symbol_in_position | CL is already in a position: long 1 by ibs-CL | "
        "other | 14:23:45"
    ]


def test_the_daily_loss_approaching() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL")
    telling.told()
    telling.marks("CL", "-2010")
    assert telling.told() == [
        "⚠️ Daily loss at 80 % of the limit | Daily P&L: $-2,010.00 | Limit: $-2,500.00 | 14:23:45"
    ]


def test_an_ordered_flatten_says_who_and_why_once() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL", "ES")
    telling.told()
    telling.flatten()
    assert telling.told() == [
        "🚨 FLATTEN ORDERED by ann: going home\n"
        "To close: CL long 1 (ibs-CL), ES long 1 (ibs-ES)\n"
        "Time: 2025-01-15T14:23:45"
    ]


def test_an_overdue_flatten_is_told_as_often_as_it_is_decided() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL")
    telling.flatten()
    telling.told()
    telling.after(10 * SECOND)
    telling.after(5 * SECOND)
    telling.after(5 * SECOND)
    first, second = telling.told()
    assert first == (
        "🚨 FLATTEN OVERDUE by 0 ms, reminder 1\n"
        "Still open: CL long 1 (ibs-CL)\n"
        "Look at the broker; close it there; then: portfold settle\n"
        "Time: 2025-01-15T14:23:55"
    )
    assert "OVERDUE by 10 s, reminder 2" in second


def test_a_lost_worker_and_what_becomes_of_its_position() -> None:
    telling = Telling(AFTERNOON, on_worker_lost="flatten")
    telling.enters("CL")
    telling.told()
    telling.loses_worker("ibs-CL")
    lost, ordered, handed_over = telling.told()
    assert lost == (
        "🚨 WORKER LOST: ibs-CL\n"
        "Silent for 5.0 s; its symbols get no entries until it is back, or: portfold retire\n"
        "Time: 2025-01-15T14:23:45"
    )
    assert ordered.startswith("🚨 FLATTEN ORDERED | worker ibs-CL was lost\nTo close: CL long 1 (ibs-CL)\n")
    assert handed_over == "Flatten handed over to the flattener: CL long 1 (ibs-CL) | 14:23:45"


def test_a_breached_limit() -> None:
    telling = Telling(AFTERNOON)
    telling.starts("ibs-CL")
    telling.told()
    telling.fills("CL", size=5)
    opened, ungranted, contracts = telling.told()
    assert opened.startswith("Opened: CL long 5 @ 100")
    assert ungranted == (
        "🚨 LIMIT BREACHED (ungranted): CL by ibs-CL\n"
        "Why: 5 filled where 0 were granted\n"
        "Time: 2025-01-15T14:23:45"
    )
    assert "(max_contracts)" in contracts


def test_log_and_broker_disagree() -> None:
    telling = Telling(AFTERNOON)
    telling.starts("ibs-CL", positions="CL:long:1:71.25")
    assert telling.told()[1] == (
        "🚨 POSITION MISMATCH (unknown_to_us): CL long of ibs-CL\n"
        "Log: 0 | Broker: 1 | the log holds 0, the broker 1 at 71.25; the larger counts\n"
        "Entries on the symbol are denied until: portfold settle\n"
        "Time: 2025-01-15T14:23:45"
    )
    telling.settle("CL", 0, pnl="-310")
    assert telling.told() == [
        "Position settled by ann: CL of ibs-CL is flat | P&L: $-310.00 | as the broker says | 14:23:45"
    ]


def test_a_worker_that_is_retired() -> None:
    telling = Telling(AFTERNOON)
    telling.starts("ibs-CL", symbols="CL")
    telling.loses_worker("ibs-CL")
    telling.told()
    telling.retires("ibs-CL")
    assert [alert.level for alert in telling.alerts][-1] == "warning"
    assert telling.told() == ["Worker retired by ann: ibs-CL | its machine is gone | 14:23:45"]
    telling.retires("ibs-CL")  # refused: not told as done
    assert telling.told() == [
        "Event rejected: WorkerRetired: ibs-CL is retired already; only a lost worker is retired | 14:23:45"
    ]


def test_a_late_report_leaves_open_what_the_broker_holds() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL")
    telling.starts("ibs-CL", session="s2", positions="CL:long:1:100")
    telling.told()
    telling.fills("CL", fill="b-7")
    assert telling.told()[-1] == (
        "🚨 POSITION MISMATCH (late_fill): CL long of ibs-CL\n"
        "Log: 2 | Broker: 1? | reported by session s1 of ibs-CL after its successor had started; if that was "
        "counted already, the broker holds 1, not 2\n"
        "Entries on the symbol are denied until: portfold settle\n"
        "Time: 2025-01-15T14:23:45"
    )


def test_a_late_close_is_a_trade_of_the_day() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL")
    telling.starts("ibs-CL", session="s2", positions="CL:long:1:100")
    telling.closes("CL", pnl="-40")
    assert telling.book.trades.count == 1


def test_a_disputed_profit_and_the_lower_figure_counts_in_the_summary() -> None:
    telling = Telling(AFTERNOON, point_values="CL=1000")
    telling.enters("CL", price="70")
    telling.told()
    telling.closes("CL", pnl="999", price="70.10")
    assert telling.told()[1] == (
        "P&L DISPUTED: CL of ibs-CL | Reported: $999.00 | Computed: $100.00 | Counted: $100.00 | 14:23:45"
    )
    assert telling.book.trades.best is not None
    assert telling.book.trades.best.pnl == 100


def test_halt_and_resume_with_who_and_why() -> None:
    telling = Telling(AFTERNOON)
    telling.halt()
    telling.resume()
    assert telling.told() == [
        "Trading halted by ann: news | 14:23:45",
        "Trading resumed by ann: calm again | 14:23:45",
    ]


def test_a_halt_of_the_coordinators_is_critical_and_an_operators_is_not() -> None:
    telling = Telling()
    telling.halt()
    telling.hears(TradingHalted(by="coordinator", reason="the clock stands still"))
    assert [alert.level for alert in telling.alerts] == ["warning", "critical"]


def test_a_refused_resume_is_told_as_refused_and_not_as_a_resume() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL")
    telling.closes("CL", pnl="-2500")
    telling.told()
    telling.resume()
    assert telling.told() == [
        "Event rejected: TradingResumed: stopped out on 2025-01-15; force=true lifts the stop, on record | "
        "14:23:45"
    ]


def test_the_first_coordinator_and_one_that_takes_over() -> None:
    telling = Telling(AFTERNOON)
    telling.hears(CoordinatorStarted(leader="host.1.a", epoch=1, fold=1))
    telling.hears(CoordinatorStarted(leader="host.2.b", epoch=2, fold=1))
    symbols = "6A, 6B, 6C, 6N, 6S, CL, ES, PL, RTY, SI"
    in_force = f"Limits in force: max_positions=4, max_contracts=4, daily_stop_loss=$2,500, symbols={symbols}"
    assert telling.told() == [
        f"Coordinator started: host.1.a | epoch 1 | 14:23:45\n{in_force}",
        f"Coordinator took over: host.2.b after host.1.a | epoch 2 | 14:23:45\n{in_force}",
    ]


def test_where_the_same_process_leads_again_nothing_is_told() -> None:
    telling = Telling(AFTERNOON)
    telling.hears(CoordinatorStarted(leader="host.1.a", epoch=1, fold=1))
    telling.told()
    telling.hears(CoordinatorStarted(leader="host.1.a", epoch=2, fold=1))
    assert telling.told() == []


def test_a_price_that_was_computed_is_told_no_finer_than_a_tick() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("ES")
    telling.told()
    telling.closes("ES", pnl="10", price="101.2345678912")
    assert "@ ≈101.2345679 | P&L" in telling.told()[0]


def test_changed_limits() -> None:
    telling = Telling(AFTERNOON)
    telling.hears(limits(by="jane", reason="holiday week", max_positions=3, symbols="CL ES"))
    assert telling.told() == [
        "Limits in force: max_positions=3, max_contracts=4, daily_stop_loss=$2,500, symbols=CL, ES | "
        "by jane: holiday week | 14:23:45"
    ]


def test_a_log_that_lost_its_end_is_an_alarm_until_somebody_has_answered_for_it() -> None:
    telling = Telling(AFTERNOON)
    saw = f"{AFTERNOON - 5}-0"
    telling.says(LogTailMissing, "ibs-CL", saw=saw)
    telling.hears(LossAcknowledged(by="jane", reason="restored the backup"))
    telling.says(LogTailMissing, "ibs-ES", saw=saw)
    levels = [alert.level for alert in telling.alerts]
    lost, answered, covered = telling.told()
    assert lost.startswith(
        f"🚨 THE LOG LOST ITS END: ibs-CL saw event {saw}, which is gone\nEntries are denied."
    )
    assert answered == "Loss of log acknowledged by jane: restored the backup | 14:23:45"
    assert covered.startswith("The log lost its end, as was acknowledged: ibs-ES")
    assert levels == ["critical", "warning", "warning"]


def test_what_is_no_event_is_told_without_anything_that_could_deceive() -> None:
    telling = Telling(AFTERNOON)
    telling.hears(Malformed(reason="type: missing; expected one of …"))
    assert telling.told() == ["Event rejected: type: missing; expected one of … | 14:23:45"]


def test_an_old_mark_and_an_entry_that_expired() -> None:
    telling = Telling(AFTERNOON, mark_stale_ms=2 * MINUTE)
    telling.enters("CL")
    telling.asks("ES")
    telling.told()
    telling.after(30 * SECOND)
    telling.after(2 * MINUTE)
    assert telling.told() == [
        "Entry expired: ES long 1 | not filled in time | ibs-ES | 14:24:15",
        "Mark of CL is 2 m 30 s old: its open loss may be out of date | ibs-CL | 14:26:15",
    ]


NOON = chicago(2025, 1, 15, 12)


def renewed_until(telling: Telling, symbol: str, minutes: int) -> list[str]:
    """The slot is renewed each half minute until `minutes` after noon; what was told of it."""
    while telling.ms < NOON + minutes * MINUTE:
        telling.ms += 30 * SECOND
        telling.renews(symbol)
    return [text for text in telling.told() if "never registered" in text]


def test_a_slot_that_is_kept_and_whose_fill_is_never_reported_is_asked_about_again_and_again() -> None:
    telling = Telling(NOON, reservation_ms=MINUTE)
    telling.asks("ES")
    assert renewed_until(telling, "ES", 89) == []
    assert renewed_until(telling, "ES", 179) == [
        "Granted, never registered: ES | ibs-ES has kept a slot for 1.5 h | was it filled? Report it, or "
        "give the slot back | 13:30:00"
    ]
    (second,) = renewed_until(telling, "ES", 300)
    assert "kept a slot for 3.0 h" in second


def test_an_order_that_fills_at_the_next_hourly_bar_is_not_asked_about() -> None:
    telling = Telling(NOON, reservation_ms=MINUTE)
    told = []
    for hour in range(1, 5):  # each slot by itself was kept for an hour
        telling.asks("ES")
        told += renewed_until(telling, "ES", 60 * hour)
        telling.fills("ES")
        telling.closes("ES", pnl="10")
    assert told == []


def test_a_repeated_answer_is_no_new_grant() -> None:
    telling = Telling(NOON, reservation_ms=MINUTE)
    telling.asks("ES")
    granted = telling.book.kept
    telling.ms += 30 * SECOND
    telling.hears_last_again()
    assert telling.book.kept == granted


def test_of_many_slots_the_latest_are_remembered() -> None:
    telling = Telling()
    book = telling.book
    for number in range(200):
        book = book.with_grant(f"worker-{number}", "ES", number)
        book, _ = book.with_renewal("steady", "ES", number)
    assert len(book.kept) == 64
    assert book.with_renewal("steady", "ES", 90 * MINUTE)[1] == 90 * MINUTE


# --- repeats --------------------------------------------------------------------------------------------


def test_what_is_published_twice_is_told_once() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL")
    telling.told()
    telling.asks("ES", worker="ibs-CL")
    telling.closes("CL", pnl="100")
    assert telling.kinds() == ["trade_closed"]
    telling.hears_last_again()
    assert telling.kinds() == []
    assert telling.book.trades.count == 1


def test_a_denial_that_is_repeated_is_counted_once() -> None:
    telling = Telling(AFTERNOON)
    telling.halt()
    telling.asks("ES")
    telling.hears_last_again()
    assert telling.kinds() == ["halted", "entry_denied"]
    assert telling.book.denied == {"halted": 1}


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
def test_more_than_half_of_a_weeks_entries_denied_is_a_warning_sign(blocked: int, sign: bool) -> None:
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


def test_every_kind_that_is_not_told_singly_can_be_counted_in_a_summary() -> None:
    critical = {
        *("stop", "flatten_ordered", "flatten_overdue", "flat", "limit_breached", "position_mismatch"),
        *("worker_lost", "log_lost", "not_deciding", "alerts_missed"),
    }
    assert set(together._STALE) == set(get_args(AlertKind)) - critical - {"day_summary", "weekly_signs"}


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
    assert wording.limits_words(changed).startswith(
        "max_positions=4, max_contracts=4, daily_stop_loss=$2,500.50, symbols=6A, 6B"
    )
