"""What the rules remember and reserve has a bound, and more than that is found."""

from decimal import Decimal

import pytest

from portfold.coordinator.fold.invariants import CONTRACTS_RESERVED, SLOTS_RESERVED, InvariantBroken, check
from portfold.coordinator.fold.money_state import Lock, PastDay
from portfold.coordinator.fold.rules.table import LATCHED
from portfold.coordinator.fold.state import DAYS_REMEMBERED
from portfold.events.fields import ContractLimit, PositionLimit
from portfold.events.stream_id import StreamId
from tests.coordinator.story import DAY, Story


def test_no_more_days_are_remembered_than_a_rule_may_look_back_on() -> None:
    story = Story()
    for _ in range(DAYS_REMEMBERED + 20):
        story.after(DAY)
    assert len(story.state.past) == DAYS_REMEMBERED


def test_more_days_or_locks_than_there_can_be_are_found() -> None:
    story = Story()
    story.state.past = [PastDay("2025-01-14", Decimal(0))] * (DAYS_REMEMBERED + 1)
    with pytest.raises(InvariantBroken, match="31 days that are over, at most 30"):
        check(story.state, StreamId(story.ms, 0), story.last)
    story.state.past = []
    story.state.locks = {str(one): Lock(str(one), "tell", "1-0", "", "x") for one in range(len(LATCHED) + 1)}
    with pytest.raises(InvariantBroken, match="limits that are latched"):
        check(story.state, StreamId(story.ms, 0), story.last)


def test_no_limit_may_be_larger_than_what_may_be_reserved() -> None:
    most = [kind.__metadata__[0].le for kind in (PositionLimit, ContractLimit)]  # type: ignore[attr-defined]
    assert most == [SLOTS_RESERVED, CONTRACTS_RESERVED]
