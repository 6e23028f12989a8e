"""A bad Monday and the week after it, as one page of HTML."""

from portfold.coordinator.audit.report.days import Gathered
from portfold.research.report.page import report_html
from tests.audit.told import Told
from tests.coordinator.story import DAY, MINUTE, SECOND, chicago

MONDAY = chicago(2025, 1, 13, 9)


def bad_monday() -> Told:
    """Four trades for 70.50, five requests for what is not traded, a halt; two open, and a stop at -2,600.

    It is flat after 90 ms, at -2,639.50; then come two requests more.
    """
    story = Told(MONDAY)
    for pnl in ("120", "-80", "45.50", "-15"):
        story.ms += 10 * MINUTE
        story.enters("ES")
        story.marks("ES", pnl)
        story.ms += MINUTE
        story.closes("ES", pnl, commission="5")
    for _ in range(5):
        story.asks("NQ")
        story.ms += 5 * MINUTE
    story.halt()
    story.ms += 5 * MINUTE
    story.resume()
    story.enters("CL", "ES")
    story.ms += MINUTE
    story.marks("ES", "-2670.50")
    story.ms += 39
    story.closes("CL", "-10")
    story.ms += 49
    story.closes("ES", "-2700")
    story.ms += SECOND
    story.asks("CL")
    story.asks("ES")
    return story


def bad_week() -> Told:
    """The bad Monday, and a Tuesday with one trade for 55, after which a position stays open."""
    story = bad_monday()
    story.ms = MONDAY + DAY
    story.enters("ES")
    story.closes("ES", "55")
    story.enters("SI", side="short")
    story.marks("SI", "12.50", side="short")
    return story


def html_of(
    found: Gathered, *, portfolio: str = "main", read_from: str = "memory", week: bool = False
) -> str:
    return report_html(found, portfolio=portfolio, read_from=read_from, week=week, version="0.1.0")
