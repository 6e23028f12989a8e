"""Stories of an account that is watched: how they begin."""

from decimal import Decimal
from typing import Any

from portfold.events.account import AccountReported
from portfold.events.decisions import Decision
from tests.coordinator.story import SECOND, Story, kinds

GRACE = 10 * SECOND
WATCHED: dict[str, Any] = {
    "account_grace_ms": GRACE,
    "account_tolerance": Decimal(5),
    "account_silent_ms": 30 * SECOND,
}


def watched(**limits: Any) -> Story:
    """An account that is watched, and was reported with 50,000 dollars before anything happened."""
    story = Story(account="DU1", **(WATCHED | limits))
    assert story.account_says("50000") == []
    return story


def differing(symbol: str = "ES") -> Story:
    """The account holds two contracts of the symbol that nobody on the log has, for longer than the grace."""
    story = watched()
    story.account_says("50000", f"{symbol}:long:2:100")
    assert kinds(story.account_says("50000", f"{symbol}:long:2:100", after=GRACE)) == ["AccountDiffers"]
    return story


def says(
    story: Story, equity: str, positions: str = "", *, age: int, unrealized: str = "0", after: int = SECOND
) -> list[Decision]:
    """The account is reported as of now, with dollars that may be so many milliseconds older."""
    now = story.ms + after
    report = AccountReported(
        account="DU1",
        source="ibkr",
        as_of_ms=now,
        equity=Decimal(equity),
        realized=Decimal(0),
        unrealized=Decimal(unrealized),
        positions=positions,
        equity_as_of_ms=now - age,
    )
    return story.hears(report, at=now)
