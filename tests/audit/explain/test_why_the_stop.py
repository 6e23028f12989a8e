"""The stop explained: the day added up, its warning, its flatten, and what it denies."""

from tests.audit.explain.explained import happened, reasons, row, stopped, why
from tests.coordinator.story import SECOND, chicago


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
        "To be closed by 10:00:10 CST, within 10 s: ES long 1 (ibs-ES).",
        "Taken back before they filled: 6A long 1 (ibs-6A).",
    ]
    assert row(told, "Daily P&L")[0].startswith("$-2,100.00, stop at $-2,500.00  [")
    assert [(one.name, one.after) for one in told.changes if one.name in ("stopped_out", "reserved")] == [
        ("reserved", ""),
        ("stopped_out", "true"),
    ]
    assert happened(told) == [
        "FLATTEN OVERDUE by 1.0 s | Still open: ES long 1 (ibs-ES)",
        "Closed: ES long 1 @ 4968 | P&L: $-1,600.00 | ibs-ES | Daily P&L: $-2,605.00",
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
