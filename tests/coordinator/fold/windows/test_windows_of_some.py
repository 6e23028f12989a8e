"""Windows of some symbols, or of a group: what is in them is closed in time, all else goes on."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from portfold.coordinator.audit.what_if.overrides import Overrides
from portfold.coordinator.fold.limits import changed_limits, limits_of
from portfold.coordinator.views.calendar_view import calendar_in_words, open_in_words
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.coordinator.views.words import of_calendar as words_of_calendar
from portfold.events.calendar import WindowClosed, WindowOpened, WindowsPublished
from portfold.events.codec import RefusedField
from portfold.events.decisions import FlattenOrdered, LooseningWaits, PortfolioFlat
from portfold.events.stream_id import StreamId
from tests.coordinator.story import SECOND, Story, chicago, code, each, limits, only

FRIDAY = (2025, 1, 17)
OIL = "fri/15:50..17:00=flatten:CL"
METALS = "fri/15:50..17:00=flatten:metals"
BEGINS = chicago(*FRIDAY, 15, 50) - 10 * SECOND


def holding(windows: str = OIL, **changed: Any) -> Story:
    """ES and CL long on a Friday at noon."""
    story = Story(start_ms=chicago(*FRIDAY, 12), windows=windows, flatten_ms=10 * SECOND, **changed)
    story.enters("ES", "CL")
    story.starts("ibs-SI")
    return story


def test_it_closes_its_symbol_early_enough_to_be_flat_and_leaves_the_others() -> None:
    story = holding()
    assert story.at(BEGINS - 1) == []
    decided = story.at(BEGINS)
    assert only(WindowOpened, decided).symbols == "CL"
    ordered = only(FlattenOrdered, decided)
    assert (ordered.cause, ordered.positions) == (f"window {OIL}", "CL:long:1:ibs-CL")
    assert (ordered.everything, ordered.deadline_ms) == (False, chicago(*FRIDAY, 15, 50))
    assert only(PortfolioFlat, story.closes("CL", pnl="5")).others == 1


def test_it_is_told_of_its_symbols_and_the_status_says_so_and_what_goes_on() -> None:
    story = holding(METALS, groups="metals=SI,CL")
    opened = only(WindowOpened, story.at(BEGINS))
    until = "2025-01-17 23:00:00 UTC"
    line = f"Window {METALS} is open until {until}: all is closed, no entries in SI CL"
    words = words_of_calendar.opened(opened)
    assert (words.level, words.text) == ("warning", line)
    view = portfolio_view(story.state, StreamId(story.ms, 0))
    assert view.calendar is not None
    assert calendar_in_words(view.calendar)["windows_open"] == f"{METALS} in SI, CL until {until}"
    shown = open_in_words(view.calendar.open, ZoneInfo("America/Chicago"))
    assert shown == f"{METALS}: all is closed, no entries in SI, CL until Fri 17 Jan 17:00:00 CST"
    assert not view.denies_entries
    assert [view.is_closed_for("ann", symbol) for symbol in ("CL", "ES")] == [True, False]


def test_a_millisecond_before_it_begins_entries_are_allowed_and_at_its_beginning_denied_in_it_alone() -> None:
    for ms, answers in ((BEGINS - 1, "allowed"), (BEGINS, "window")):
        story = holding("fri/15:50..17:00=flatten:SI")
        story.starts("ibs-PL")
        story.ms = ms - 1
        assert code(story.asks("SI")) == answers
        assert code(story.asks("PL")) == "allowed"


def test_what_fills_in_it_is_closed_and_what_fills_beside_it_is_not() -> None:
    story = holding("fri/15:50..17:00=flatten:SI")
    story.starts("ibs-PL")
    story.ms = BEGINS - 10
    story.asks("SI")
    story.asks("PL")
    assert only(FlattenOrdered, story.at(BEGINS)).pending == "SI:long:1:ibs-SI"
    assert each(FlattenOrdered, story.fills("PL")) == []
    assert only(FlattenOrdered, story.fills("SI")).positions == "SI:long:1:ibs-SI"


def test_it_is_over_at_its_end_once_it_is_flat_in_it_whatever_is_open_beside_it() -> None:
    story = holding()
    story.at(BEGINS)
    assert each(WindowClosed, story.at(chicago(*FRIDAY, 17))) == []
    assert code(story.asks("CL", worker="ibs-SI")) == "window"
    assert each(WindowClosed, story.closes("CL", pnl="5")) == []
    assert only(WindowClosed, story.at(story.ms)).window == OIL
    assert story.open == ["ES:long:1"]


def test_a_group_is_what_it_has_when_its_window_opens() -> None:
    story = holding(METALS, groups="metals=SI,CL")
    opened = story.at(BEGINS)
    assert only(WindowOpened, opened).symbols == "SI CL"
    assert only(FlattenOrdered, opened).positions == "CL:long:1:ibs-CL"
    story.change_limits(windows=METALS, groups="metals=SI,CL,PL", flatten_ms=10 * SECOND)
    story.starts("ibs-PL")
    assert code(story.asks("SI")) == "window"
    assert code(story.asks("PL")) == "allowed"


def test_a_window_may_deny_a_group() -> None:
    story = holding("fri/15:50..17:00=deny:metals", groups="metals=SI,PL")
    story.starts("ibs-PL")
    assert each(FlattenOrdered, story.at(chicago(*FRIDAY, 15, 50))) == []
    assert [code(story.asks(symbol)) for symbol in ("SI", "PL")] == ["window", "window"]


def test_two_that_open_at_once_are_one_order_and_one_of_all_is_of_everything() -> None:
    both = holding(f"{OIL} fri/15:50..16:00=flatten:ES")
    assert only(FlattenOrdered, both.at(BEGINS)).positions == "CL:long:1:ibs-CL ES:long:1:ibs-ES"
    everything = holding(f"{OIL} fri/15:50..16:30=flatten")
    assert only(FlattenOrdered, everything.at(BEGINS)).everything


def test_nobody_led_until_after_it_so_what_is_open_in_it_is_closed_and_nothing_where_nothing_is() -> None:
    late = chicago(*FRIDAY, 18)
    assert only(FlattenOrdered, holding().at(late)).positions == "CL:long:1:ibs-CL"
    assert each(WindowOpened, holding("fri/15:50..17:00=flatten:SI").at(late)) == []


def test_news_may_close_some_symbols() -> None:
    story = holding("")
    news = "2025-01-17T18:25Z..2025-01-17T18:40Z=flatten:CL#EIA"
    story.hears(WindowsPublished(by="ann", reason="week", source="news.csv", windows=news))
    assert only(FlattenOrdered, story.at(chicago(*FRIDAY, 12, 25))).positions == "CL:long:1:ibs-CL"


def test_a_symbol_that_is_traded_is_meant_and_no_group_that_is_called_the_same() -> None:
    story = holding(groups="CL=CL,ES")
    assert only(FlattenOrdered, story.at(BEGINS)).positions == "CL:long:1:ibs-CL"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"windows": "fri/15:50..17:00=flatten:Metals"}, "symbols, or a group as the limit groups has it"),
        ({"windows": "fri/15:50..17:00=flatten:METALS"}, "symbols that are known, or a group"),
        ({"windows": OIL, "groups": "CL=CL,SI"}, "a name that is not both a symbol and a group, not CL in"),
        ({"windows": "fri/15:50..17:00=deny:CL,CL"}, "each symbol once"),
    ],
    ids=["no group", "no symbol", "either", "twice"],
)
def test_an_order_of_what_nobody_knows_is_refused(changes: dict[str, str], expected: str) -> None:
    with pytest.raises(RefusedField, match=r"windows: expected ") as refused:
        changed_limits(limits_of(limits()), changes, by="ann", reason="r")
    assert expected in str(refused.value)


def test_a_question_may_name_a_group_whose_symbols_only_the_log_knows() -> None:
    asked = Overrides.of({"windows": METALS})
    assert asked.on(limits(groups="metals=SI,CL")).windows == METALS
    with pytest.raises(RefusedField, match="a group as the limit groups has it"):
        asked.on(limits(groups="oil=CL"))


def test_a_group_that_a_window_closes_is_taken_away_with_it_the_next_day_and_not_before() -> None:
    story = holding(METALS, groups="metals=SI,CL")
    waits = only(LooseningWaits, story.hears(limits(by="ann", flatten_ms=10 * SECOND)))
    assert waits.limits == f"windows=none (now {METALS}); groups=none (now metals=SI,CL)"
    assert only(FlattenOrdered, story.at(BEGINS)).positions == "CL:long:1:ibs-CL"
