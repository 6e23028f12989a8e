"""Every kind of decision can be explained, and which one is meant."""

from collections.abc import Sequence
from decimal import Decimal
from typing import get_args

import pytest

from portfold.coordinator.audit.explain.consequences import trackers_of
from portfold.coordinator.audit.explain.explanation import MOST_HAPPENED, explain
from portfold.coordinator.audit.explain.lookup import Found, NotOnRecord, find_id, find_last
from portfold.coordinator.audit.record.timeline import Wanted
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.fold.state import State
from portfold.events.decisions import Decision
from portfold.events.incoming import (
    ClockTicked,
    CoordinatorStarted,
    LockoutOrdered,
    LogTailMissing,
    LossAcknowledged,
)
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from tests.audit.explain.explained import happened, reasons, stopped, unseen, why
from tests.audit.in_memory import InMemory, realistic
from tests.audit.supposing import WrittenDown
from tests.coordinator.story import MINUTE, SECOND, chicago

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


def watched() -> WrittenDown:
    """The same day, and an account that differs, agrees, falls silent, and does not confirm a flatten."""
    story = troubled()
    story.hears(CoordinatorStarted(leader="host-1", epoch=1, fold=FOLD_VERSION))
    story.change_limits(account="DU1", account_silent_ms=MINUTE, account_tolerance=Decimal(5))
    story.account_says("50000")
    story.account_says("50000", "CL:long:1:71")
    story.account_says("50000")
    story.after(MINUTE)
    story.account_says("50000")
    story.flatten()
    story.after(10 * SECOND)
    story.account_says("40000")
    story.settle_account()
    story.change_limits(weekly_loss=Decimal(1), mark_jumps="ES=5", mark_confirm_seconds=10)
    story.fills("ES")
    story.marks("ES", "-500", price="90")
    story.orders(max_positions=9)
    story.orders()
    story.change_limits(windows="mon-sun/00:00..23:59=deny")
    story.change_limits()
    story.hears(LockoutOrdered(by="ann", reason="enough", until_ms=story.ms + MINUTE))
    story.after(MINUTE)
    return story


def test_every_kind_of_decision_is_explained() -> None:
    story = watched()
    record = InMemory(story.log)
    explained = {
        one.type: one.because
        for recorded in record.all
        for one in explain(record, Found(recorded.event.id), unseen).decisions
    }
    assert set(explained) == {kind.__name__ for kind in get_args(Decision)}
    unexplained = [kind for kind, reasons in explained.items() if not reasons]
    assert unexplained == ["PositionAdopted", "AccountAgrees", "AccountHeard", "WindowClosed", "LockoutEnded"]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("FlattenHandedOver", "ibs-6A is unannounced: whoever owns these cannot close them."),
        (
            "LimitBreached",
            "2 positions open + 0 reserved = 2 of 4 after it. A fill is a fact: it counts, even ",
        ),
        ("MarkStale", "Last marked Wed 15 Jan 2025 17:00:00.003; after 1 m 00 s a mark counts as stale."),
        ("PositionMismatch", "The log holds 0, the broker 3. Entries in PL are denied until it is settled."),
        ("EventRejected", "It changed nothing."),
        ("TradingDayStarted", "The first limits on the log say what a trading day is, and so begin one."),
        ("PortfolioFlat", "The last of what event 1736956800010-0 began to flatten is reported closed."),
        ("FlattenOrdered", "It joins the flatten that began at event 1736956800010-0, due 10:00:10 CST."),
        (
            "FlattenOverdue",
            "Ordered at event 1736956800010-0, due 10:00:10 CST, now 1.0 s late. Reminder 1; the ",
        ),
    ],
)
def test_the_reason_is_in_the_numbers(kind: str, reason: str) -> None:
    assert reasons(why(troubled(), kind))[0].startswith(reason)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("AccountSilent", "A report is due every 1 m 00 s at the latest. Its silence denies no entries."),
        ("AccountDiffers", "It lasted 0 ms; a fill on its way has 0 ms."),
        (
            "FlatUnconfirmed",
            "A flatten is over once a report of the account from after the last close shows nothing open",
        ),
    ],
)
def test_what_was_said_of_the_account_is_explained(kind: str, reason: str) -> None:
    assert reasons(why(watched(), kind))[0].startswith(reason)


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
        ("LimitsChanged", "Limits ordered: "),
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
    assert told.decisions[0].text == "CL entry allowed: long 1 | Slots: 1/4 | ibs-ES"
    assert "On record is not what the rules make of it: Decision " in told.notes[0]
    record.all[1].decisions[0] = Entry(decision.id, ["type", "Nonsense", "\x1b", ""])
    told = explain(record, Found(record.all[1].event.id), unseen)
    assert told.decisions[0].text == "Not a decision: \\u001b="


def test_a_tick_by_itself_begins_no_story() -> None:
    assert trackers_of(ClockTicked(), [], State()) == []


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
