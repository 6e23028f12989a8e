"""`audit at` and `audit why`: what was known of the account at a moment."""

from portfold.coordinator.audit.explain.portfolio_rows import portfolio_rows
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.events.stream_id import StreamId
from tests.coordinator.story import SECOND, Story


def rows(story: Story) -> dict[str, list[str]]:
    view = portfolio_view(story.state, StreamId(story.ms, 0))
    return {row.label: row.lines for row in portfolio_rows(view)}


def test_it_has_a_row_only_where_it_is_watched() -> None:
    assert "Account" not in rows(Story())
    assert rows(Story(account="DU1"))["Account"] == ["DU1, not reported yet"]


def test_the_row_says_what_was_reported_and_what_differs() -> None:
    story = Story(account="DU1", account_grace_ms=SECOND)
    story.account_says("50000", "ES:long:1:100", working="ES=2")
    early = rows(story)["Account"]
    assert early[0].startswith("DU1: $50,000.00, day $0.00, ES +1, 2 working in ES | ")
    assert early[1:] == ["within the grace: ES: log flat, account long 1"]
    story.account_says("50000", "ES:long:1:100")
    assert rows(story)["Account"][1:] == ["differs: ES: log flat, account long 1"]
