"""Exit codes and their meanings; which mistake leads to which its class says (`portfold.errors`)."""

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
    "Exit codes: 0 done; 1 not so, or failed; 2 an option, the configuration or the bars cannot be used; "
    "3 Redis cannot be reached, or refuses; 130 interrupted by Ctrl-C."
)


class Failure(PortfoldError):
    """What was asked about is not so, or what was asked for did not succeed; a sentence that says what."""


class Unusable(PortfoldError):
    """What was given on the command line cannot be used; a sentence that says why."""

    exit_code = UNUSABLE


def explained(error: Exception) -> tuple[int, str] | None:
    """The exit code and the sentence for what a user can do something about; None for a fault of ours."""
    return (error.exit_code, str(error)) if isinstance(error, PortfoldError) else None
