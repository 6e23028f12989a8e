"""What can go wrong between us and the bus: one error for each remedy that a caller has."""

from typing import ClassVar

from portfold.errors import UNREACHABLE, PortfoldError


class BusError(PortfoldError):
    """The bus did not do what was asked. The text is a sentence for a person."""

    exit_code = UNREACHABLE


class BusUnreachable(BusError):
    """No answer in time, or no connection. Whether a write arrived is unknown."""

    remedy: ClassVar[str] = (
        "Start it: portfold server; or name another: --url redis://HOST:PORT/0, PORTFOLD_URL, or redis_url "
        "in runtime.json."
    )


class BusReadOnly(BusUnreachable):
    """The server is a copy of another, and takes no writes."""

    remedy: ClassVar[str] = (
        "Name the primary: --url redis://HOST:PORT/0, PORTFOLD_URL, or redis_url in runtime.json."
    )


class BusShut(BusUnreachable):
    """The server is there, and does not know whom we come as. Nothing was written."""

    remedy: ClassVar[str] = (
        "PORTFOLD_CREDENTIALS names the file of that server's users, of an embedded server the users.json in "
        "its folder; without it one comes as nobody."
    )


class BusRefused(BusError):
    """The server refused, or was not even asked. Nothing was written."""
