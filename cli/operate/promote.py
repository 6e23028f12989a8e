"""Puts limits that were on trial in force, with what their trial came to in the order's reason.

The evidence is nobody's word: the trial is made again, from the same place of the same log. What loosens
waits for the next trading day as ever.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from portfold.cli.exits import Unusable
from portfold.cli.progress import progress
from portfold.cli.target import ResolvedTarget
from portfold.config import load
from portfold.coordinator.audit.record.moment import read_moment
from portfold.coordinator.audit.what_if.overrides import OVERRIDABLE
from portfold.coordinator.audit.what_if.shadow import Shadow
from portfold.coordinator.audit.what_if.trial import TrialBegan
from portfold.coordinator.audit.what_if.trial_tally import TrialTally
from portfold.coordinator.configured import configured_limits
from portfold.coordinator.fold.limits import limits_differing, limits_of
from portfold.coordinator.views.order_outcome import limits_ordered
from portfold.events.limits_changed import LimitsChanged
from portfold.events.wire.bus import Bus

ON_TRIAL = "on trial after"
"""With this the reason begins of limits that were on trial before they were ordered."""


def candidate_in(folder: Path) -> LimitsChanged:
    """Returns the limits of the configuration in the folder. Raises ConfigError."""
    return configured_limits(load(str(folder), os.environ, Path.cwd()))


def changes_of(bus: Bus, candidate: LimitsChanged) -> Mapping[str, str]:
    """Returns what of the limits on trial differs from those that are ordered. Raises Unusable."""
    ordered = limits_ordered(bus).limits
    if ordered is None:
        raise Unusable("--promote: no limits are in force yet; start a coordinator first.")
    differing = limits_differing(ordered, limits_of(candidate))
    changes = {name: text for name, text in differing.items() if name in OVERRIDABLE}
    if not changes:
        raise Unusable("--promote: the candidate's limits are those that are in force already.")
    return changes


def evidence(place: ResolvedTarget, bus: Bus, candidate: LimitsChanged, since: str | None) -> str:
    """Makes the trial again up to now; returns its span and tally. Raises what reading raises."""
    named = place.configuration.runtime.archive_folder
    moment = read_moment(since) if since is not None else None
    trial, tally, after = Shadow(bus, Path(named) if named else None, candidate, moment), TrialTally(), ""
    with progress("On trial", None, "findings") as on_progress:
        for number, found in enumerate(trial.up_to_now(), start=1):
            on_progress(number)
            if isinstance(found, TrialBegan):
                after = found.after
            elif trial.trial is not None:
                tally.add(found, trial.trial.exchange)
    return f"{ON_TRIAL} {after} to {trial.heard}: {tally}"
