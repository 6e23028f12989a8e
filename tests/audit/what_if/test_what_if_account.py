"""What if, with an account that is watched: no trade that is gone looks like a difference."""

from decimal import Decimal

import pytest

from portfold.coordinator.audit.what_if.account_rewriter import moved
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.events.account import EQUITY
from portfold.events.codec import encode
from portfold.events.incoming import CoordinatorStarted
from portfold.events.stream_id import StreamId
from tests.audit.supposing import WrittenDown
from tests.coordinator.story import SECOND

GRACE = 10 * SECOND


def watched() -> WrittenDown:
    story = WrittenDown(account="DU1", account_grace_ms=GRACE, account_tolerance=Decimal(5))
    started = encode(CoordinatorStarted(leader="host", epoch=1, fold=FOLD_VERSION))
    story.log.insert(0, (StreamId(story.ms, 0), started))  # earlier versions know no account
    story.account_says("50000")
    return story


def lasts(story: WrittenDown, equity: str, positions: str, unrealized: str = "0") -> None:
    story.account_says(equity, positions, unrealized=unrealized)
    story.account_says(equity, positions, unrealized=unrealized, after=GRACE)


def test_a_trade_that_is_gone_is_no_difference() -> None:
    story = watched()
    story.enters("ES", "CL")
    story.marks("CL", "-300", price="99.7")
    lasts(story, "49700", "CL:long:1:100 ES:long:1:100", unrealized="-300")
    supposed = story.what_if(max_positions=1)
    other = supposed.book.state
    assert set(other.positions) == {"ES:long:ibs-ES"}
    assert other.account is not None
    assert (other.account.differences, other.account.positions) == ({}, {"ES": 1})
    assert other.account.equity == Decimal(50_000)


def test_what_a_trade_that_is_gone_made_is_no_difference_in_the_equity() -> None:
    story = watched()
    story.enters("ES", "CL")
    story.closes("CL", pnl="-300")
    lasts(story, "49700", "ES:long:1:100")
    other = story.what_if(max_positions=1).book.state
    assert other.account is not None
    assert (other.account.differences, other.account.equity) == ({}, Decimal(50_000))


def test_what_differs_from_the_record_differs_there_too() -> None:
    story = watched()
    story.enters("ES", "CL")
    story.closes("CL", pnl="-300")
    lasts(story, "49600", "ES:long:3:100")
    other = story.what_if(max_positions=1).book.state
    assert other.account is not None
    assert set(other.account.differences) == {"ES", EQUITY}
    assert other.account.positions == {"ES": 3}
    assert other.account.equity == Decimal(49_900)


@pytest.mark.parametrize(
    ("reported", "recorded", "other", "beside_it"),
    [
        (1, 1, 1, 1),
        (1, 1, 0, 0),  # a trade that is gone
        (0, 1, 1, 0),
        (0, 1, 0, 0),  # what it lacks of a trade that is gone, nobody misses
        (3, 1, 0, 2),
        (-2, 0, 1, -1),
        (-1, 1, 1, -1),
        (-1, 1, 0, -1),
        (1, 3, 2, 0),
    ],
)
def test_the_account_holds_beside_the_other_book_what_it_held_beside_the_recorded_one(
    reported: int, recorded: int, other: int, beside_it: int
) -> None:
    assert moved(reported, recorded, other) == beside_it


def test_what_nobody_owns_the_account_holds_under_any_limits() -> None:
    story = watched()
    lasts(story, "50000", "ES:long:2:100")
    story.flatten()
    story.closes("ES", pnl="0", size=2, worker="account")
    story.account_says("50000")
    supposed = story.what_if(max_positions=1)
    assert supposed.turns == []
    assert supposed.book.state.positions == supposed.recorded.positions == {}
