"""Exit codes, and which mistake leads to which: the one place where they are written down."""

OK = 0
FAILED = 1
UNUSABLE = 2
UNREACHABLE = 3
INTERRUPTED = 130

MEANINGS = (
    "Exit codes: 0 done; 1 not so, or failed; 2 an option, the configuration or the bars cannot be used; "
    "3 Redis cannot be reached, or refuses; 130 interrupted by Ctrl-C."
)


class Failure(Exception):
    """What was asked about is not so, or what was asked for did not succeed; a sentence that says what."""


class Unusable(Exception):
    """What was given on the command line cannot be used; a sentence that says why."""


def explained(error: Exception) -> tuple[int, str] | None:
    """The exit code and the sentence for what a user can do something about; None for a fault of ours."""
    from portfold.config import ConfigError
    from portfold.coordinator.audit.record.lookup import NotOnRecord
    from portfold.coordinator.audit.record.moment import MomentError
    from portfold.coordinator.audit.record.record import RecordError
    from portfold.coordinator.store.archiver import NotArchived
    from portfold.coordinator.store.follower import LogDiffers
    from portfold.coordinator.store.segment import ArchiveError
    from portfold.events.codec import RefusedField
    from portfold.events.wire.embedded import ServerError
    from portfold.events.wire.errors import BusError
    from portfold.research.errors import ResearchError
    from portfold.workers.brokers.protocol import BrokerError
    from portfold.workers.feeds.csv_folder import BarsError
    from portfold.workers.run.conductor import ConductorError

    codes: tuple[tuple[int, tuple[type[Exception], ...]], ...] = (
        (FAILED, (Failure, ServerError, BrokerError, ConductorError)),
        (FAILED, (ArchiveError, LogDiffers, NotArchived, NotOnRecord)),
        (UNUSABLE, (Unusable, ConfigError, BarsError, RefusedField, RecordError, MomentError, ResearchError)),
        (UNREACHABLE, (BusError,)),
    )
    for code, kinds in codes:
        if isinstance(error, kinds):
            return code, str(error)
    return None
