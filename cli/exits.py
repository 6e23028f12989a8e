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
    from config import ConfigError
    from coordinator.archiver import NotArchived
    from coordinator.audit.lookup import NotOnRecord
    from coordinator.audit.moment import MomentError
    from coordinator.audit.record import RecordError
    from coordinator.follower import LogDiffers
    from coordinator.segment import ArchiveError
    from events.codec import RefusedField
    from events.embedded import ServerError
    from events.errors import BusError
    from research.errors import ResearchError
    from workers.brokers.protocol import BrokerError
    from workers.conductor import ConductorError
    from workers.feeds.csv_folder import BarsError

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
