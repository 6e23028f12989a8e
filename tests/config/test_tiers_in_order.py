"""Tiers of loss that cannot be meant are refused in a sentence, in a file and in an order."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portfold.config import ConfigError, load
from portfold.coordinator.fold.limits import changed_limits, limits_of
from portfold.events.codec import RefusedField
from portfold.whole_rules import expected_of_tiers
from tests.coordinator.story import limits
from tests.processes import config_folder

IN_ORDER = "50%=tell 1500=above:2 80%=deny 100%=flatten"
REFUSED = [
    ("2500.01=tell", "no tier beyond the daily stop of 2500 dollars, which 2500.01=tell is"),
    ("80%=tell 50%=deny", "the smallest loss first, and 50%=deny comes after 80%=tell"),
    ("50%=tell 1250=deny", "the smallest loss first, and 1250=deny comes after 50%=tell"),
    ("50%=deny 80%=tell", "nothing milder at a worse loss, and 80%=tell is milder than 50%=deny"),
    ("50%=above:2 80%=above:3", "nothing milder at a worse loss, and 80%=above:3 is milder than 50%=above:2"),
    ("50%=above:4", "less than max_contracts, 4, after above: 50%=above:4 would deny nothing"),
]


@pytest.mark.parametrize("tiers", ["", IN_ORDER, "2500=flatten", "50%=above:3", "50%=tell 80%=tell"])
def test_tiers_that_can_be_meant_are_taken(tiers: str) -> None:
    assert expected_of_tiers(tiers, Decimal(2500), 4) is None


@pytest.mark.parametrize(("tiers", "expected"), REFUSED)
def test_a_file_is_refused_with_what_was_expected(tiers: str, expected: str, tmp_path: Path) -> None:
    chosen: dict[str, Any] = {"max_positions": 4, "daily_stop_loss": 2500, "loss_tiers": tiers}
    with pytest.raises(ConfigError) as refused:
        load(str(config_folder(tmp_path / "mine", limits=chosen)), {}, tmp_path)
    assert f"portfolio_constraints.loss_tiers: expected {expected}, got {tiers}" in str(refused.value)


@pytest.mark.parametrize(("tiers", "expected"), REFUSED)
def test_an_order_is_refused_likewise(tiers: str, expected: str) -> None:
    with pytest.raises(RefusedField, match="loss_tiers: expected") as refused:
        changed_limits(limits_of(limits()), {"loss_tiers": tiers}, by="ann", reason="x")
    assert expected in str(refused.value)


def test_a_tighter_stop_is_ordered_although_it_leaves_a_tier_behind_it() -> None:
    in_force = limits_of(limits(loss_tiers="2000=deny"))
    order = changed_limits(in_force, {"daily_stop_loss": "1500"}, by="ann", reason="x")
    assert (order.daily_stop_loss, order.loss_tiers) == (Decimal(1500), "2000=deny")
