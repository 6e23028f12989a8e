"""What can go wrong between us and the bus, told apart by what a caller can do about it."""

from portfold.errors import UNREACHABLE, PortfoldError


class BusError(PortfoldError):
    """Anything the bus did not do for us. The text is a sentence for a person."""

    exit_code = UNREACHABLE


class BusUnreachable(BusError):
    """No answer in time, or no connection. Whether a write arrived is unknown."""


class BusRefused(BusError):
    """The server answered, and said no, or was not even asked. Nothing was written."""
