"""What is to be sent to one destination, and by what: the same for all terms in which a notifier has it."""

from pathlib import Path
from typing import NamedTuple

from portfold.config import Destination
from portfold.coordinator.expected.lived import Expectation
from portfold.workers.notify.attempt import Attempts, Backoff
from portfold.workers.notify.outage import Outage
from portfold.workers.notify.words.wording import When

LEASE_MS = 5_000


class Plan(NamedTuple):
    """What is to be done for the destination `name`, and how; `archive` is where old events are.

    `driven`: the log's clock is driven, so nothing is ever stale, and nobody expects a leader or a feed to be
    there. `market`: whether the market is to be fed. `expectation`: what the days are held against.
    """

    name: str
    destination: Destination
    clock: When
    merge_seconds: float
    stale_seconds: float
    driven: bool
    archive: Path | None
    market: bool
    expectation: Expectation | None = None
    lease_ms: int = LEASE_MS


class Way(NamedTuple):
    """How the destination is reached, whichever term it is."""

    attempts: Attempts
    backoff: Backoff
    outage: Outage
