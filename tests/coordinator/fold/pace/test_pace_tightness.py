"""Which limits of pace loosen: fewer minutes, a larger burst, more of anything that is counted."""

from typing import Any

import pytest

from portfold.by_name import no_larger_burst, no_shorter
from portfold.coordinator.fold.limits import limits_of
from portfold.coordinator.fold.tightness import at_once
from tests.coordinator.story import limits


@pytest.mark.parametrize(
    ("here", "there", "tighter"),
    [
        ("30", "30", True),
        ("30", "29", False),
        ("30", "31", True),
        ("30", "", True),  # until a resume
        ("", "9999", False),
        ("30 ann=10", "30", True),
        ("30", "30 ann=10", False),
        ("30", "30 ann=0", True),
    ],
)
def test_a_longer_pause_is_tighter_and_one_without_an_end_the_tightest(
    here: str, there: str, *, tighter: bool
) -> None:
    assert no_shorter(here, there) is tighter


@pytest.mark.parametrize(
    ("here", "there", "tighter"),
    [("2", "1", True), ("2", "3", False), ("2", "", True), ("", "1", True), ("", "2", False)],
)
def test_no_burst_is_one_at_once(here: str, there: str, *, tighter: bool) -> None:
    assert no_larger_burst(here, there) is tighter


@pytest.mark.parametrize(
    ("in_force", "ordered", "waits"),
    [
        ({"max_entries": 3}, {"max_entries": 4}, True),
        ({"max_entries": 3}, {"max_entries": 2}, False),
        ({"max_entries_week": 3}, {}, True),
        ({"symbol_entries": "3"}, {"symbol_entries": "3 ES=4"}, True),
        ({}, {"loss_streak": 3, "loss_streak_minutes": 1}, False),
        ({"loss_streak": 3}, {"loss_streak": 3, "loss_streak_minutes": 9999}, True),
        ({"loss_streak": 3, "loss_streak_minutes": 30}, {"loss_streak": 2, "loss_streak_minutes": 60}, False),
        ({"loss_streak": 3, "loss_streak_minutes": 30}, {"loss_streak": 2, "loss_streak_minutes": 29}, True),
        ({"loss_streak": 3, "loss_streak_within": 30}, {"loss_streak": 3, "loss_streak_within": 31}, False),
        ({"loss_streak": 3, "loss_streak_within": 30}, {"loss_streak": 3, "loss_streak_within": 29}, True),
        ({"loss_streak": 3}, {"loss_streak": 3, "loss_streak_within": 30}, True),
        ({"loss_streak": 3, "loss_streak_within": 30}, {"loss_streak": 3}, True),
        (
            {"worker_loss_streak": "3", "worker_loss_streak_within": "30 ann=60"},
            {"worker_loss_streak": "3", "worker_loss_streak_within": "60"},
            False,
        ),
        (
            {"worker_loss_streak": "3", "worker_loss_streak_within": "30 ann=60"},
            {"worker_loss_streak": "3", "worker_loss_streak_within": "30"},
            True,
        ),
        ({"worker_rate": "2", "rate_repeats": 3}, {"worker_rate": "1", "rate_repeats": 4}, True),
        ({"worker_rate": "2"}, {"worker_rate": "2", "rate_repeats": 4}, False),
    ],
)
def test_what_loosens_a_rule_waits_whole(
    in_force: dict[str, Any], ordered: dict[str, Any], *, waits: bool
) -> None:
    here, there = limits_of(limits(**in_force)), limits_of(limits(**ordered))
    counting = at_once(here, there)
    assert counting == (here if waits else there)
