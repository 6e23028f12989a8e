"""What a leader's term is given, and how it ends before its time."""

from typing import Literal, NamedTuple

from portfold.errors import UNUSABLE, PortfoldError
from portfold.events.limits_changed import LimitsChanged


class LeadLost(PortfoldError):
    """Somebody else leads by now: nothing more may be written."""


class CannotProve(PortfoldError):
    """The keys that the environment names are not those of a coordinator."""

    exit_code = UNUSABLE


class Terms(NamedTuple):
    """The settings of a term: `limits` of the configuration, and whether somebody named that one."""

    lease_ms: int
    worker_lost_ms: int
    limits: LimitsChanged
    limits_asked_for: bool
    version: str
    clock: Literal["server", "driven"]
