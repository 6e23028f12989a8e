"""Pulls the kill switch, without whatever of the environment it does not need and cannot be used.

Guarantees: no keys, passwords or certificates that are missing or unfit keep it back where the server takes
it without them, and each is noted; whatever does keep it back is said after the words that it is NOT PULLED.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from portfold.cli.exits import UNUSABLE, Failure, Unusable
from portfold.cli.ordering import NOT_PULLED, NotPulled, PulledAlone, pulled
from portfold.cli.target import Target
from portfold.cli.typed import print_note
from portfold.errors import PortfoldError

if TYPE_CHECKING:
    from portfold.events.incoming import FlattenRequested
    from portfold.events.stream_id import StreamId
    from portfold.events.wire.bus import Bus

Environment = dict[str, str]


def pulled_whatever_is_unfit(
    target: Target, order: "Callable[[], FlattenRequested]", say: Callable[[str], object]
) -> "tuple[Bus, StreamId]":
    """Pulls the kill switch by the order, and says so by `say`; returns the bus, and the event.

    A pull carries no proof, so it needs no keys; whom the server does not let in under a role, it may as
    nobody. Raises Unusable, Failure.
    """
    from portfold.events.roles.credentials import ENVIRONMENT_VARIABLE

    first: NotPulled | None = None
    with _said_not_pulled():
        made, environ = order(), dict(os.environ)
        while True:
            bus = _bus_without_what_is_unfit(target, environ)
            try:
                return bus, pulled(bus, made, say)
            except NotPulled as failed:
                bus.close()
                first = first or failed
                if not failed.as_whom or not _goes_on_without(environ, ENVIRONMENT_VARIABLE, failed.as_whom):
                    raise first from failed


def not_pulled_in(words: Sequence[str]) -> str:
    """Returns what the sentence on a command line that cannot be used has to begin with."""
    return NOT_PULLED if list(words[:1]) == ["flatten"] and "--now" in words else ""


@contextmanager
def _said_not_pulled() -> Iterator[None]:
    """Has whatever ends the block begin with the words that the kill switch is not pulled."""
    try:
        yield
    except (NotPulled, PulledAlone):
        raise
    except PortfoldError as error:
        kind = Unusable if error.exit_code == UNUSABLE else Failure
        raise kind(f"{NOT_PULLED}{error.with_remedy}") from error
    except Exception:
        print_note(f"{NOT_PULLED}a fault of portfold's. Close at the broker what cannot wait.")
        raise


def _bus_without_what_is_unfit(target: Target, environ: Environment) -> "Bus":
    """Returns the bus; takes out of the environment what names a file that cannot be used."""
    from portfold.events.roles.credentials import CredentialsError
    from portfold.events.roles.encrypted import TlsError
    from portfold.events.roles.server_roles import OPERATOR

    while True:
        try:
            return target.bus(OPERATOR, environ)
        except (CredentialsError, TlsError) as unfit:
            if not _goes_on_without(environ, unfit.variable, str(unfit)):
                raise


def _goes_on_without(environ: Environment, variable: str, why: str) -> bool:
    """Takes it out of the environment, and notes that; returns whether it was there.

    Of passwords it is that of the server that runs here that is left then, and nobody's in the end.
    """
    from portfold.events.roles.credentials import ENVIRONMENT_VARIABLE
    from portfold.events.roles.encrypted import CERTIFICATE, KEY

    together = (CERTIFICATE, KEY) if variable in (CERTIFICATE, KEY) else (variable,)
    there = [one for one in together if environ.get(one)]
    if there:
        for one in there:
            del environ[one]
        print_note(f"going on without {' and '.join(there)}: {why}")
    elif variable == ENVIRONMENT_VARIABLE and variable not in environ:
        environ[variable] = ""
        print_note(f"going on as nobody: {why}")
    else:
        return False
    return True
