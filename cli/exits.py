"""Exit codes and their meanings. Each class of error names its exit code (`portfold.errors`)."""

from portfold.errors import FAILED, UNREACHABLE, UNUSABLE, PortfoldError

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "MEANINGS",
    "OK",
    "UNREACHABLE",
    "UNUSABLE",
    "Failure",
    "Unusable",
    "explained",
]

OK = 0
INTERRUPTED = 130

MEANINGS = (
    "Exit codes: 0 done; 1 a check or the command failed; 2 an option, the configuration or the bars cannot "
    "be used; 3 Redis cannot be reached, or refuses; 130 interrupted by Ctrl-C."
)


class Failure(PortfoldError):
    """A check or the command failed. The message is one sentence that says what failed."""


class Unusable(PortfoldError):
    """An argument of the command line cannot be used. The message is one sentence that says why."""

    exit_code = UNUSABLE


def explained(error: Exception) -> tuple[int, str] | None:
    """Returns exit code and sentence for an error that the user can mend; None for a fault of portfold's."""
    return (error.exit_code, error.with_remedy) if isinstance(error, PortfoldError) else None
