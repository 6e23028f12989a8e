"""A decision explained: the numbers are those a person would work out by hand, for every kind there is."""

from collections.abc import Sequence
from decimal import Decimal
from typing import get_args

import pytest

from portfold.coordinator.audit.explain.consequences import threads_of
from portfold.coordinator.audit.explain.explanation import MOST_HAPPENED, Explanation, explain
from portfold.coordinator.audit.record.lookup import Found, NotOnRecord, find_id, find_last
from portfold.coordinator.audit.record.timeline import Wanted
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.fold.state import State
from portfold.events.decisions import Decision
from portfold.events.incoming import (
    ClockTicked,
    CoordinatorStarted,
    LogTailMissing,
    LossAcknowledged,
    PositionClosed,
)
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from tests.audit.in_memory import InMemory, realistic
from tests.audit.supposing import WrittenDown
from tests.coordinator.story import MINUTE, SECOND, chicago


def unseen(_: int) -> None:
    """Nobody looks at the progress."""


def why(story: WrittenDown, kind: str, nth: int = 0) -> Explanation:
    """The explanation of the event that led to the decision of this type."""
    record = InMemory(story.log)
    found = [
        Found(recorded.event.id, decision.id)
        for recorded in record.all
        for decision in recorded.decisions
        if decision.fields[1] == kind
    ]
    return explain(record, found[nth], unseen)


def reasons(told: Explanation) -> list[str]:
    """Why the decision that was asked about was made."""
    [asked] = [one for one in told.decisions if one.asked]
    return asked.because


def happened(told: Explanation) -> list[str]:
    return [one.text for one in told.next]


def row(told: Explanation, label: str) -> list[str]:
    """What it met, under this label."""
    return next(lines for name, lines in told.met_rows if name == label)


# --- entries --------------------------------------------------------------------------------------------


def test_no_slot_is_counted_out_with_what_held_them_and_from_when_there_was_one() -> None:
    story = WrittenDown()
    story.enters("ES", "CL", "6A")
    story.asks("PL")
    story.asks("SI")
    story.closes("CL", "-50")
    story.asks("SI")
    told = why(story, "EntryDenied")
    assert told.text == "SI entry requested: long 1 by ibs-SI"
    assert told.decisions[0].text.endswith("Max positions (4) reached. Open: 6A, CL, ES | Reserved: PL")
    assert reasons(told)[0] == "3 positions open + 1 reserved = 4 of 4; this would be number 5."
    assert reasons(told)[1].startswith("Asked before it, and did not object: stopped_out, halted, ")
    assert reasons(told)[1].endswith("symbol_in_position, symbol_pending.")
    assert row(told, "Positions")[0] == "3 of 4"
    assert row(told, "Reserved") == ["PL long 1 by ibs-PL until 10:00:30"]
    free, again = happened(told)
    assert free.startswith(
        "From here on it would have been allowed, after: Position closed: CL long 1 @ 100 "
    )
    assert again == "Asked again: SI entry allowed: long 1 | Slots: 4/4"
    assert told.ending == []


def test_a_request_is_answered_after_time_has_passed() -> None:
    story = WrittenDown()
    story.asks("ES")
    story.ms += 30 * SECOND
    story.asks("ES", worker="ibs-other")
    told = why(story, "EntryExpired")
    assert [one.type for one in told.decisions] == ["EntryExpired", "EntryAllowed"]
    assert row(told, "Reserved") == ["nothing"]
    until = f"Request {story.log[1][0]} was allowed until 10:00:30"
    assert told.decisions[0].because == [f"{until}; this is the first event after that, 0.001 s later."]


def test_contracts_are_added_up() -> None:
    story = WrittenDown(max_contracts=5)
    story.enters("ES", size=2)
    story.asks("CL", size=2)
    story.asks("6A", size=2)
    told = why(story, "EntryDenied")
    assert reasons(told)[0] == "2 held + 2 reserved + 2 asked = 6, and 5 is the limit."
    assert reasons(told)[1].endswith("max_positions.")


@pytest.mark.parametrize(
    ("deny", "reason"),
    [
        (lambda story: story.halt(), "Halted since event 1736956800002-0, until somebody resumes."),
        (lambda story: story.enters("CL"), "Opened at event 1736956800003-0, at 100."),
        (
            lambda story: story.asks("CL", worker="other"),
            "Reserved by request 1736956800002-0 until 10:00:30.",
        ),
        (
            lambda story: story.starts("ibs-CL", "s2"),
            "The session in force of ibs-CL is s2: the last that said it started.",
        ),
        (
            lambda story: story.closes("CL", "-5", worker="other"),
            "Log and broker differ, or may, since event 1736956800002-0; portfold settle ends that.",
        ),
    ],
    ids=["halted", "in_position", "pending", "superseded", "unsettled"],
)
def test_what_stood_in_the_way_is_named_with_its_event(deny: object, reason: str) -> None:
    story = WrittenDown()
    story.starts("ibs-CL")
    assert callable(deny)
    deny(story)
    story.asks("CL")
    assert reasons(why(story, "EntryDenied"))[0] == reason


def test_without_limits_that_is_the_reason() -> None:
    story = WrittenDown()
    story.asks("ES")
    record = InMemory(story.log[1:])
    told = explain(record, find_last(record, Wanted(), unseen), unseen)
    assert told.decisions[0].because == ["There is no LimitsChanged on the log before it."]
    assert row(told, "Limits") == ["none in force"]


def test_an_allowed_entry_is_followed_to_its_close() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.asks("CL", size=2)
    story.fills("CL", 2, price="71.25")
    for unrealized in ("-120", "310", "80"):
        story.marks("CL", unrealized, price="71.30")
    story.marks("ES", "-999")
    story.closes("CL", "40", price="71.27")
    story.closes("CL", "45", price="71.28")
    story.enters("CL")
    told = why(story, "EntryAllowed", 1)
    assert reasons(told)[:2] == [
        "1 position open + 0 reserved = 1 of 4; this is number 2.",
        "1 contracts held or reserved + 2 asked = 3 of 4.",
    ]
    assert reasons(told)[3] == "Reserved until 10:00:30, for 30 s."
    assert happened(told) == [
        "Position opened: CL long 2 @ 71.25 by ibs-CL | Daily P&L: $0.00",
        "Position closed: CL long 1 @ 71.27 by ibs-CL | P&L: $40.00 | Daily P&L: $-919.00",
        "Position closed: CL long 1 @ 71.28 by ibs-CL | P&L: $45.00 | Daily P&L: $-914.00",
        "While open it was marked 3 times, between $-120.00 and $310.00.",
    ]


def test_a_slot_that_was_kept_for_a_later_bar_is_told_in_one_line() -> None:
    story = WrittenDown()
    story.hears(CoordinatorStarted(leader="host-1", epoch=1, fold=FOLD_VERSION))
    story.asks("ES")
    for _ in range(3):
        story.after(20 * SECOND)
        story.renews("ES")
    story.fills("ES", price="100")
    story.closes("ES", "5", price="101")
    assert happened(why(story, "EntryAllowed"))[:2] == [
        "The slot was kept meanwhile, renewed 3 times.",
        "Position opened: ES long 1 @ 100 by ibs-ES | Daily P&L: $0.00",
    ]


def test_a_slot_given_back_expired_or_taken_back_is_told_so() -> None:
    story = WrittenDown()
    story.asks("ES")
    story.withdraws("ES")
    assert happened(why(story, "EntryAllowed")) == ["ES entry withdrawn by ibs-ES | "]
    story.asks("ES")
    story.after(30 * SECOND)
    assert happened(why(story, "EntryAllowed", 1)) == [
        "ES entry expired, its slot is free again: not filled in time"
    ]
    story.asks("ES")
    story.flatten()
    assert "Flatten: nothing open | ordered by ann" in happened(why(story, "EntryAllowed", 2))


def test_a_slot_that_a_flatten_took_back_and_kept_is_told_with_why() -> None:
    story = WrittenDown()
    story.hears(CoordinatorStarted("host-1", 1, FOLD_VERSION, "", 5 * SECOND))
    story.asks("ES")
    story.flatten()
    story.resume()
    story.asks("ES", worker="another")
    [denied] = [one for one in why(story, "EntryDenied").decisions if one.asked]
    assert any(
        one.endswith("taken back by a flatten, and a fill may still be reported.") for one in denied.because
    )
    story.after(7 * SECOND)
    [expired] = [one for one in why(story, "EntryExpired").decisions if one.asked]
    assert "taken back by a flatten, and no fill of it was reported" in expired.text
    assert expired.because == [
        "Request 1736956800002-0 was allowed, and an order to flatten took it back; it was kept as long as a "
        "fill of it might still have been reported."
    ]


def test_what_is_open_where_the_record_ends_is_said() -> None:
    story = WrittenDown()
    story.asks("ES")
    assert why(story, "EntryAllowed").ending == ["ES still has its slot where the record ends."]
    story.fills("ES")
    story.marks("ES", "-70")
    [ending] = why(story, "EntryAllowed").ending
    assert ending == "ES is still open where the record ends. While open it was marked once, at $-70.00."


def test_a_repeat_names_the_first() -> None:
    story = WrittenDown()
    story.asks("ES")
    story.hears_last_again()
    told = why(story, "EntryAllowed", 1)
    first = story.log[1][0]
    assert reasons(told) == [
        f"The same request was published before, as {first}: a repeat gets the same answer."
    ]
    assert "published and folded before" in told.notes[0]


def test_a_denial_that_outlasts_its_day_is_not_followed_further() -> None:
    story = WrittenDown(max_positions=1)
    story.enters("ES")
    story.asks("CL")
    story.at(chicago(2025, 1, 15, 17))
    assert happened(why(story, "EntryDenied")) == ["The trading day ended before it could have been allowed."]


# --- the stop -------------------------------------------------------------------------------------------


def stopped() -> WrittenDown:
    """A day that reached the limit with two positions open and a slot reserved."""
    story = WrittenDown(point_values="ES=50 CL=1000")
    story.enters("ES", "CL", price="5000")
    story.asks("6A")
    story.marks("ES", "-1500", price="4970")
    story.marks("CL", "-600", price="4999.4")
    story.says(
        PositionClosed,
        "ibs-CL",
        symbol="CL",
        side="long",
        size=1,
        price=Decimal(4999),
        commission=Decimal(5),
        pnl=Decimal(1000),
    )
    return story


def test_the_warning_before_the_stop_adds_the_day_up() -> None:
    told = why(stopped(), "StopLossApproaching")
    assert reasons(told) == [
        "realized $0.00 + ES $-1,500.00 + CL $-600.00 = $-2,100.00",
        "$2,100.00 is lost; 80 % of $2,500.00 are $2,000.00.",
    ]


def test_a_disputed_profit_is_computed_before_our_eyes() -> None:
    assert reasons(why(stopped(), "PnlDisputed")) == [
        "(4999 - 5000) x $1,000.00 a point x 1 - $5.00 commission = $-1,005.00, where $1,000.00 was "
        "reported. The lower counts."
    ]


def test_the_stop_is_added_up_and_its_flatten_followed_to_the_end() -> None:
    story = stopped()
    story.asks("SI")
    story.after(11 * SECOND)
    story.closes("ES", "-1600", price="4968")
    story.at(chicago(2025, 1, 15, 17))
    told = why(story, "StopLossTriggered")
    assert reasons(told) == [
        "realized $-1,005.00 + ES $-1,500.00 = $-2,505.00.",
        "The limit is $2,500.00, so the stop is at $-2,500.00; reaching it is enough.",
        "To be closed by 10:00:10, within 10 s: ES:long:1:ibs-ES.",
        "Taken back before they filled: 6A:long:1:ibs-6A.",
    ]
    assert row(told, "Daily P&L")[0].startswith("$-2,100.00, stop at $-2,500.00  [")
    assert [(one.name, one.after) for one in told.changes if one.name in ("stopped_out", "reserved")] == [
        ("reserved", ""),
        ("stopped_out", "true"),
    ]
    assert happened(told) == [
        "FLATTEN OVERDUE by 1.0 s | Still open: ES:long:1:ibs-ES",
        "Position closed: ES long 1 @ 4968 by ibs-ES | P&L: $-1,600.00 | Daily P&L: $-2,605.00",
        "Flat after 11 s | daily stop loss",
        "The stop lifts; it denied 1 request. Time passed",
    ]


def test_a_stop_after_a_forced_resume_counts_from_there() -> None:
    story = stopped()
    story.closes("ES", "-1500", price="4970")
    story.resume(force=True)
    story.enters("CL", price="5000")
    story.closes("CL", "-2505", price="4997.5", commission="5")
    told = why(story, "StopLossTriggered", 1)
    assert reasons(told)[1] == (
        "The limit is $2,500.00 below the $-2,505.00 from which a forced resume counts, so the stop is at "
        "$-5,005.00; reaching it is enough."
    )


def test_what_a_stop_denies_names_the_stop() -> None:
    story = stopped()
    story.asks("SI")
    latched = why(story, "StopLossTriggered").event
    assert reasons(why(story, "EntryDenied")) == [
        f"The stop latched at event {latched}, with the daily P&L at $-2,505.00. It lifts on a later trading "
        "day, once nothing is open."
    ]


def test_a_stop_that_holds_where_the_record_ends_is_said() -> None:
    assert why(stopped(), "StopLossTriggered").ending == [
        "Where the record ends the stop holds; it denied 0 requests so far.",
        "Where the record ends these are still to be closed: ES:long:ibs-ES.",
    ]


# --- every other kind -----------------------------------------------------------------------------------


def troubled() -> WrittenDown:
    """A day on which everything there is a decision for went wrong."""
    story = stopped()
    story.fills("6A")
    story.after(11 * SECOND)
    story.closes("ES", "-1500", price="4970")
    story.closes("6A", "-20")
    story.at(chicago(2025, 1, 15, 17))
    story.enters("SI")
    story.loses_worker("ibs-SI")
    story.after(2 * MINUTE)
    story.change_limits(mark_stale_ms=MINUTE)
    story.starts("ibs-SI", "s2", positions="SI:long:1:100")
    story.starts("ibs-PL", positions="PL:short:3:1000")
    story.flatten()
    story.halt()
    story.asks("RTY")
    story.marks("RTY", "5")
    story.settle("PL", 0, side="short")
    story.closes("SI", "0", worker="flattener", owner="ibs-SI")
    story.resume()
    story.asks("RTY")
    story.after(30 * SECOND)
    return story


def test_every_kind_of_decision_is_explained() -> None:
    story = troubled()
    record = InMemory(story.log)
    explained = {
        one.type: one.because
        for recorded in record.all
        for one in explain(record, Found(recorded.event.id), unseen).decisions
    }
    assert set(explained) == {kind.__name__ for kind in get_args(Decision)}
    assert [kind for kind, reasons in explained.items() if not reasons] == ["PositionAdopted"]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("FlattenHandedOver", "ibs-6A is unannounced: whoever owns these cannot close them."),
        (
            "LimitBreached",
            "2 positions open + 0 reserved = 2 of 4 after it. A fill is a fact: it counts, even ",
        ),
        ("MarkStale", "Last marked Wed 15 Jan 2025 17:00:00.003; after 60 s a mark counts as stale."),
        ("PositionMismatch", "The log holds 0, the broker 3. Entries in PL are denied until it is settled."),
        ("EventRejected", "It changed nothing."),
        ("TradingDayStarted", "The first limits on the log say what a trading day is, and so begin one."),
        ("PortfolioFlat", "The last of what event 1736956800010-0 began to flatten is reported closed."),
        ("FlattenOrdered", "It joins the flatten that began at event 1736956800010-0, due 10:00:10."),
        (
            "FlattenOverdue",
            "Ordered at event 1736956800010-0, due 10:00:10, now 1.001 s late. Reminder 1; the ",
        ),
    ],
)
def test_the_reason_is_in_the_numbers(kind: str, reason: str) -> None:
    assert reasons(why(troubled(), kind))[0].startswith(reason)


def test_a_late_report_leaves_open_what_the_broker_holds() -> None:
    story = WrittenDown()
    story.hears(CoordinatorStarted(leader="host-1", epoch=1, fold=FOLD_VERSION))
    story.enters("ES")
    story.starts("ibs-ES", "s2", positions="ES:long:1:100")
    story.fills("ES")
    assert reasons(why(story, "PositionMismatch")) == [
        "The log holds 2, the broker perhaps 1. Entries in ES are denied until it is settled."
    ]


def test_the_second_day_names_when_the_first_ended() -> None:
    assert reasons(why(troubled(), "TradingDayStarted", 1)) == [
        "2025-01-15 ended Wed 15 Jan 2025 17:00:00.000 (America/Chicago); this is the first event after that."
    ]


def test_a_halt_is_followed_to_the_resume() -> None:
    story = WrittenDown()
    story.halt()
    story.asks("ES")
    story.resume()
    told = explain(InMemory(story.log), Found(story.log[1][0]), unseen)
    assert told.decisions == []
    assert [(one.name, one.before, one.after) for one in told.changes] == [("halted", "false", "true")]
    assert happened(told) == ["Trading resumed by ann: calm again", "It denied 1 request."]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("WorkerLost", "Worker started: ibs-SI | Symbols: none"),
        ("PositionMarked", ""),
        ("LimitsChanged", "Limits in force: "),
    ],
)
def test_an_event_without_decisions_is_explained_too(kind: str, text: str) -> None:
    story = troubled()
    record = InMemory(story.log)
    event = next(one.event.id for one in record.all if one.event.fields[1] == kind)
    told = explain(record, Found(event), unseen)
    assert told.type == kind
    assert "".join(happened(told)).startswith(text)


def test_a_lost_end_of_the_log_is_followed_to_who_answers_for_it() -> None:
    story = WrittenDown()
    story.says(LogTailMissing, "ibs-ES", saw="99-0")
    story.asks("CL")
    told = explain(InMemory(story.log), Found(story.log[1][0]), unseen)
    assert told.ending == ["Nobody acknowledged the loss."]
    story.hears(LossAcknowledged(by="ann", reason="looked"))
    told = explain(InMemory(story.log), Found(story.log[1][0]), unseen)
    assert happened(told) == ["Loss acknowledged by ann: looked | what is missing"]


def test_a_long_story_is_cut_and_says_where_it_goes_on() -> None:
    story = WrittenDown()
    story.asks("ES", size=4)
    for _ in range(4 * MOST_HAPPENED):
        story.fills("ES", size=1)
    told = why(story, "EntryAllowed")
    assert len(told.next) >= MOST_HAPPENED
    assert told.ending == [f"And so on: portfold audit show --from {told.next[-1].id}"]


def test_every_event_of_a_realistic_log_with_garbage_in_it_can_be_explained() -> None:
    record = realistic(160)
    for recorded in record.all:
        told = explain(record, Found(recorded.event.id), unseen)
        assert [one.id for one in told.decisions] == [str(one.id) for one in recorded.decisions]


def test_what_is_on_record_is_told_even_where_the_rules_say_otherwise() -> None:
    story = WrittenDown()
    story.asks("ES")
    record = InMemory(story.log)
    decision = record.all[1].decisions[0]
    decision.fields[decision.fields.index("ES")] = "CL"
    told = explain(record, Found(record.all[1].event.id), unseen)
    assert told.decisions[0].text == "CL entry allowed: long 1 | Slots: 1/4"
    assert "On record is not what the rules make of it: Decision " in told.notes[0]
    record.all[1].decisions[0] = Entry(decision.id, ["type", "Nonsense", "\x1b", ""])
    told = explain(record, Found(record.all[1].event.id), unseen)
    assert told.decisions[0].text == "Not a decision: \\u001b="


def test_a_tick_by_itself_begins_no_story() -> None:
    assert threads_of(ClockTicked(), [], State()) == []


# --- which one is meant ---------------------------------------------------------------------------------


def test_an_id_is_that_of_an_event_before_that_of_a_decision() -> None:
    story = stopped()
    record = InMemory(story.log)
    last = record.all[-1]
    assert [str(one.id) for one in last.decisions] == ["1736956800010-0", "1736956800010-1"]
    assert find_id(record, last.event.id, unseen) == Found(last.event.id)
    assert find_id(record, StreamId(1736956800010, 1), unseen) == Found(
        last.event.id, StreamId(1736956800010, 1)
    )
    story.hears(ClockTicked(), at=story.ms)
    found = find_id(InMemory(story.log), StreamId(1736956800010, 1), unseen)
    assert found.event == StreamId(1736956800010, 1)
    assert found.note == ("1736956800010-1 is also a decision of event 1736956800010-0: ask for that event.")


@pytest.mark.parametrize("at", [StreamId(1, 0), StreamId(1736956800003, 7), StreamId(2**63, 0)])
def test_an_id_that_is_not_there_is_said(at: StreamId) -> None:
    with pytest.raises(NotOnRecord, match=f"no event and no decision {at} on record"):
        find_id(InMemory(stopped().log), at, unseen)


def last_types(story: WrittenDown, *wanted: Wanted) -> Sequence[str]:
    record = InMemory(story.log)
    found = [find_last(record, one, unseen).decision for one in wanted]
    decisions = {one.id: one.fields[1] for recorded in record.all for one in recorded.decisions}
    return [decisions[one] for one in found if one is not None]


def test_the_last_decision_is_meant_or_the_last_about_something() -> None:
    story = troubled()
    assert last_types(
        story,
        Wanted(),
        Wanted(symbols=frozenset(["ES"])),
        Wanted(symbols=frozenset(["PL"])),
        Wanted(types=frozenset(["EntryDenied"])),
        Wanted(symbols=frozenset(["ES"]), types=frozenset(["EntryAllowed"])),
    ) == ["EntryExpired", "FlattenOverdue", "FlattenOrdered", "EntryDenied", "EntryAllowed"]
    with pytest.raises(NotOnRecord, match="There is no such decision on record"):
        last_types(story, Wanted(symbols=frozenset(["GC"])))
