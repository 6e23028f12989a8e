"""Profiles and what they are played on, for a test: a floor $2,000 below the peak, and what is changed."""

import json
from collections.abc import Mapping
from pathlib import Path

from portfold.config.profiles import Profile, read_profile
from portfold.research.prove.playing import Scene
from portfold.research.prove.setting import scene_of
from tests.costs import costing
from tests.research.made import packaged

FIRM = {"start_balance": 50_000, "amount": 2_000}
END_OF_DAY = {"at": "15:10", "zone": "America/Chicago"}
LIMITS = {"max_positions": 3, "daily_stop_loss": 900_000, "symbols": ["CL", "ES", "RTY"]}


def profile_of(
    folder: Path,
    *,
    firm: Mapping[str, object] | None = None,
    margin: float = 0,
    limits: Mapping[str, object] | None = None,
) -> Profile:
    """A profile of the kind that fits the firm's terms."""
    terms = {**FIRM, **(firm or {})}
    tree = {
        "name": "A test's",
        "kind": "trailing_end_of_day" if "at" in terms else "trailing_real_time",
        "source": "made up",
        "as_of": "2026-01-01",
        "firm": terms,
        "margin": margin,
        "portfolio_constraints": {**LIMITS, **(limits or {})},
    }
    path = folder / "profile.json"
    path.write_text(json.dumps(tree))
    return read_profile(path)


def scene(profile: Profile, *, commission: str = "0", slippage_ticks: int = 0) -> Scene:
    """Its scene, by default without any costs."""
    found = scene_of(packaged(), profile)
    costs = costing(found.contracts, commission_per_side=commission, slippage_ticks=slippage_ticks)
    return found._replace(contracts=dict(costs))
