"""Asking why of a story, and reading what was told."""

from decimal import Decimal

from portfold.coordinator.audit.explain.explanation import Explanation, explain
from portfold.coordinator.audit.explain.lookup import Found
from portfold.events.incoming import PositionClosed
from tests.audit.in_memory import InMemory
from tests.audit.supposing import WrittenDown


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
