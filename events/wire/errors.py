"""What can go wrong between us and the bus: one error for each remedy that a caller has."""

from portfold.errors import UNREACHABLE, PortfoldError


class BusError(PortfoldError):
    """The bus did not do what was asked. The text is a sentence for a person."""

    exit_code = UNREACHABLE


class BusUnreachable(BusError):
    """No answer in time, or no connection. Whether a write arrived is unknown."""


class BusRefused(BusError):
    """The server refused, or was not even asked. Nothing was written."""
