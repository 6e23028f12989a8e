"""An answer to an entry explained: the numbers are those a person would work out by hand."""

import pytest

from portfold.coordinator.audit.explain.explanation import explain
from portfold.coordinator.audit.explain.lookup import find_last
from portfold.coordinator.audit.record.timeline import Wanted
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.events.incoming import CoordinatorStarted
from tests.audit.explain.explained import happened, reasons, row, unseen, why
from tests.audit.in_memory import InMemory
from tests.audit.supposing import WrittenDown
from tests.coordinator.story import SECOND, chicago


def test_no_slot_is_counted_out_with_what_held_them_and_from_when_there_was_one() -> None:
    story = WrittenDown()
    story.enters("ES", "CL", "6A")
    story.asks("PL")
    story.asks("SI")
    story.closes("CL", "-50")
    story.asks("SI")
    told = why(story, "EntryDenied")
    assert told.text == "SI entry requested: long 1 by ibs-SI"
    assert told.decisions[0].text.endswith(
        "Max positions (4) reached. Open: 6A, CL, ES | Reserved: PL | ibs-SI"
    )
    assert reasons(told)[0] == "3 positions open + 1 reserved = 4 of 4; this would be number 5."
    assert reasons(told)[1].startswith(
        "Asked before it, and did not object: stopped_out, locked_out, halted, "
    )
    assert reasons(told)[1].endswith("symbol_in_position, symbol_pending.")
    assert row(told, "Positions")[0] == "3 of 4"
    assert row(told, "Reserved") == ["PL long 1 by ibs-PL until 10:00:30 CST"]
    free, again = happened(told)
    assert free.startswith("From here on it would have been allowed, after: Closed: CL long 1 @ 100 ")
    assert again == "Asked again: SI entry allowed: long 1 | Slots: 4/4 | ibs-SI"
    assert told.ending == []


def test_a_request_is_answered_after_time_has_passed() -> None:
    story = WrittenDown()
    story.asks("ES")
    story.ms += 30 * SECOND
    story.asks("ES", worker="ibs-other")
    told = why(story, "EntryExpired")
    assert [one.type for one in told.decisions] == ["EntryExpired", "EntryAllowed"]
    assert row(told, "Reserved") == ["nothing"]
    until = f"Request {story.log[1][0]} was allowed until 10:00:30 CST"
    assert told.decisions[0].because == [f"{until}; this is the first event after that, 1 ms later."]


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
            "Reserved by request 1736956800002-0 until 10:00:30 CST.",
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
    assert reasons(told)[3] == "Reserved until 10:00:30 CST, for 30 s."
    assert happened(told) == [
        "Opened: CL long 2 @ 71.25 | ibs-CL | Daily P&L: $0.00",
        "Closed: CL long 1 @ 71.27 | P&L: $40.00 | ibs-CL | Daily P&L: $-919.00",
        "Closed: CL long 1 @ 71.28 | P&L: $45.00 | ibs-CL | Daily P&L: $-914.00",
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
        "The slot was renewed meanwhile, 3 times.",
        "Opened: ES long 1 @ 100 | ibs-ES | Daily P&L: $0.00",
    ]


def test_a_slot_given_back_expired_or_taken_back_is_told_so() -> None:
    story = WrittenDown()
    story.asks("ES")
    story.withdraws("ES")
    assert happened(why(story, "EntryAllowed")) == ["ES entry withdrawn by ibs-ES | "]
    story.asks("ES")
    story.after(30 * SECOND)
    assert happened(why(story, "EntryAllowed", 1)) == [
        "ES entry expired, its slot is free again: not filled in time | ibs-ES"
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
