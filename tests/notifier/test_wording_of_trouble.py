"""What an alert says of trouble, to the letter, and that what is repeated is told once."""

from portfold.events.decisions import EntryAllowed
from portfold.events.incoming import (
    CoordinatorStarted,
    LogTailMissing,
    LossAcknowledged,
    Malformed,
    TradingHalted,
)
from portfold.remedies import settle
from tests.coordinator.story import MINUTE, SECOND, chicago, limits
from tests.notifier.telling import AFTERNOON, Telling


def test_log_and_broker_disagree() -> None:
    telling = Telling(AFTERNOON)
    telling.starts("ibs-CL", positions="CL:long:1:71.25")
    assert telling.told()[1] == (
        "🚨 POSITION MISMATCH (unknown_to_us): CL long of ibs-CL\n"
        "Log: 0 | Broker: 1 | the log holds 0, the broker 1 at 71.25; the larger counts\n"
        "Entries on the symbol are denied until: portfold settle CL ibs-CL --size SIZE --by NAME "
        "--reason TEXT\n"
        "Time: 2025-01-15T14:23:45 CST"
    )
    telling.settle("CL", 0, pnl="-310")
    assert telling.told() == [
        "Position settled by ann: CL of ibs-CL is flat | P&L: $-310.00 | as the broker says | 14:23:45 CST"
    ]


def test_a_worker_that_is_retired() -> None:
    telling = Telling(AFTERNOON)
    telling.starts("ibs-CL", symbols="CL")
    telling.loses_worker("ibs-CL")
    telling.told()
    telling.retires("ibs-CL")
    assert [alert.level for alert in telling.alerts][-1] == "warning"
    assert telling.told() == ["Worker retired by ann: ibs-CL | its machine is gone | 14:23:45 CST"]
    telling.retires("ibs-CL")  # refused: not told as done
    assert telling.told() == [
        "Event rejected: WorkerRetired: ibs-CL is retired already; only one that is lost, stopped or never "
        "announced itself is retired | 14:23:45 CST"
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
        "Entries on the symbol are denied until: portfold settle CL ibs-CL --size SIZE --by NAME "
        "--reason TEXT\n"
        "Time: 2025-01-15T14:23:45 CST"
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
        "P&L DISPUTED: CL of ibs-CL | Reported: $999.00 | Computed: $100.00 | Counted: $100.00 | 14:23:45 CST"
    )
    assert telling.book.trades.best is not None
    assert telling.book.trades.best.pnl == 100


def test_halt_and_resume_with_who_and_why() -> None:
    telling = Telling(AFTERNOON)
    telling.halt()
    telling.resume()
    assert telling.told() == [
        "Trading halted by ann: news | 14:23:45 CST",
        "Trading resumed by ann: calm again | 14:23:45 CST",
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
        "14:23:45 CST"
    ]


def test_the_first_coordinator_and_one_that_takes_over() -> None:
    telling = Telling(AFTERNOON)
    telling.hears(CoordinatorStarted(leader="host.1.a", epoch=1, fold=1))
    telling.hears(CoordinatorStarted(leader="host.2.b", epoch=2, fold=1))
    symbols = "6A, 6B, 6C, 6N, 6S, CL, ES, PL, RTY, SI"
    in_force = f"Limits in force: max_positions=4, max_contracts=4, daily_stop_loss=$2,500, symbols={symbols}"
    assert telling.told() == [
        f"Coordinator started: host.1.a | epoch 1 | 14:23:45 CST\n{in_force}",
        f"Coordinator took over: host.2.b after host.1.a | epoch 2 | 14:23:45 CST\n{in_force}",
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
        "Limits ordered: max_positions=3, max_contracts=4, daily_stop_loss=$2,500, symbols=CL, ES | "
        "by jane: holiday week | 14:23:45 CST"
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
    assert answered == "Loss of log acknowledged by jane: restored the backup | 14:23:45 CST"
    assert covered.startswith("The log lost its end, as was acknowledged: ibs-ES")
    assert levels == ["critical", "warning", "warning"]


def test_what_is_no_event_is_told_without_anything_that_could_deceive() -> None:
    telling = Telling(AFTERNOON)
    telling.hears(Malformed(reason="type: missing; expected one of …"))
    assert telling.told() == ["Event rejected: type: missing; expected one of … | 14:23:45 CST"]


def test_an_old_mark_and_an_entry_that_expired() -> None:
    telling = Telling(AFTERNOON, mark_stale_ms=2 * MINUTE)
    telling.enters("CL")
    telling.asks("ES")
    telling.told()
    telling.after(30 * SECOND)
    telling.after(2 * MINUTE)
    assert telling.told() == [
        "Entry expired: ES long 1 | not filled in time | ibs-ES | 14:24:15 CST",
        "Mark of CL is 2 m 30 s old: its open loss may be out of date | ibs-CL | 14:26:15 CST",
    ]


NOON = chicago(2025, 1, 15, 12)


def renewed_until(telling: Telling, symbol: str, minutes: int) -> list[str]:
    """The slot is renewed each half minute until `minutes` after noon; what was told of it."""
    while telling.ms < NOON + minutes * MINUTE:
        telling.ms += 30 * SECOND
        telling.renews(symbol)
    return [text for text in telling.told() if "never registered" in text]


def test_a_slot_that_is_renewed_and_whose_fill_is_never_reported_is_asked_about_again_and_again() -> None:
    telling = Telling(NOON, reservation_ms=MINUTE)
    telling.asks("ES")
    assert renewed_until(telling, "ES", 89) == []
    assert renewed_until(telling, "ES", 179) == [
        "Granted, never registered: ES | ibs-ES has renewed a slot for 1.5 h | was it filled? Report it, or "
        "give the slot back | 13:30:00 CST"
    ]
    (second,) = renewed_until(telling, "ES", 300)
    assert "renewed a slot for 3.0 h" in second


def test_an_order_that_fills_at_the_next_hourly_bar_is_not_asked_about() -> None:
    telling = Telling(NOON, reservation_ms=MINUTE)
    told = []
    for hour in range(1, 5):  # each slot by itself was kept for an hour
        telling.asks("ES")
        told += renewed_until(telling, "ES", 60 * hour)
        telling.fills("ES")
        telling.closes("ES", pnl="10")
    assert told == []


def test_a_worker_that_stops_with_a_slot_is_asked_whether_it_was_filled() -> None:
    telling = Telling(NOON)
    for symbol in ("ES", "CL", "6A"):
        assert isinstance(telling.asks(symbol, worker="mine"), EntryAllowed)
    telling.fills("CL", worker="mine")
    telling.withdraws("6A", worker="mine")
    telling.told()
    telling.stops("mine")
    assert telling.told() == [
        "Worker stopped: mine | end of the day | 12:00:00 CST",
        "Granted, never registered: ES | mine stopped with its slot, which stays taken | was it filled? Look "
        f"at the broker; start it again, or: {settle()} | 12:00:00 CST",
    ]


def test_of_a_lost_worker_the_slots_that_it_has_are_named_until_somebody_knows() -> None:
    telling = Telling(NOON)
    for symbol in ("ES", "CL", "6A"):
        assert isinstance(telling.asks(symbol, worker="mine"), EntryAllowed)
    telling.fills("CL", worker="mine")
    telling.told()
    telling.loses_worker("mine")
    asked = f"was it filled? Look at the broker; start it again, or: {settle()}"
    assert telling.told()[0] == (
        "🚨 WORKER LOST: mine\n"
        "Silent for 5.0 s; its symbols get no entries until it is back, or: portfold retire\n"
        f"Granted, never registered: 6A | {asked}\n"
        f"Granted, never registered: ES | {asked}\n"
        "Time: 2025-01-15T12:00:00 CST"
    )
    telling.starts("mine", session="s2", positions="CL:long:1:100 ES:long:1:100")
    telling.told()
    telling.loses_worker("mine", session="s2")
    assert "Granted, never registered" not in telling.told()[0]


def test_a_repeated_answer_is_no_new_grant() -> None:
    telling = Telling(NOON, reservation_ms=MINUTE)
    telling.asks("ES")
    granted = telling.book.slots
    telling.ms += 30 * SECOND
    telling.hears_last_again()
    assert telling.book.slots == granted


def test_of_many_slots_the_latest_are_remembered() -> None:
    telling = Telling()
    book = telling.book
    for number in range(200):
        book = book.with_grant(f"worker-{number}", "ES", number)
        book = book.with_renewal("steady", "ES", number)
    assert len(book.slots) == 64
    assert book.long_renewed_ms("steady", "ES", 90 * MINUTE) == 90 * MINUTE


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
