"""`portfold server`: the embedded server in the foreground."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

if TYPE_CHECKING:
    from portfold.cli.stopping import StopSignal
    from portfold.events.wire.embedded import EmbeddedServer

_DEFAULT_PORT = 6379
USUAL_PORTS = range(_DEFAULT_PORT, _DEFAULT_PORT + 20)
"""The port where all commands look, and those tried where it is taken."""
_LOOK_SECONDS = 1.0


def register(app: App) -> None:
    """Adds the command."""
    app.command(server)


def server(
    *,
    folder: Annotated[Path | None, Parameter(name="--dir")] = None,
    port: Annotated[int | None, Parameter(validator=Number(gte=1, lte=65_535))] = None,
    cut_zero_tail: bool = False,
) -> int:
    """Run the embedded server until Ctrl-C, for machines without a Redis of their own.

    It listens on 127.0.0.1 only, and syncs every write to the disk before
    it answers. Its data is kept, and is there the next time.

    For example:

        portfold server --dir my-log

    Parameters
    ----------
    folder
        Where its data lies; by default `server` in the user's state folder (~/.local/state/portfold).
    port
        The port; by default 6379, where all commands look for it, or the first free one after that.
    cut_zero_tail
        Cut off zeros that a power loss left at the end of its file, then start: only zeros, and only there.
    """
    from portfold.cli.stopping import stopped_by_signals
    from portfold.events.wire.embedded import EmbeddedServer
    from portfold.servers.own import usual_server_folder

    ports = port if port is not None else USUAL_PORTS
    with (
        stopped_by_signals() as stop,
        EmbeddedServer(folder or usual_server_folder(), port=ports, cut=cut_zero_tail) as running,
    ):
        if cut_zero_tail:
            print(_cut(running.was_cut), flush=True)
        print(_greeting(running), flush=True)
        stay(running, stop)
    return stop.exit_code


def stay(running: "EmbeddedServer", stop: "StopSignal") -> None:
    """Returns when `stop` is set. Raises Failure when the server is gone."""
    from portfold.cli.exits import Failure
    from portfold.events.wire.bus import Bus
    from portfold.events.wire.connection import connect
    from portfold.events.wire.errors import BusError

    bus = Bus(connect(running.url), "main")
    while not stop.event.wait(_LOOK_SECONDS):
        try:
            bus.now_ms()
        except BusError as error:
            raise Failure(f"The embedded server is gone: {error} See {running.log}") from error
    bus.close()


def _cut(was: tuple[Path, int] | None) -> str:
    return f"Cut {was[1]:,} zero bytes off the end of {was[0]}" if was else "No zeros to cut."


def _greeting(running: "EmbeddedServer") -> str:
    port, users = running.port, shlex.quote(str(running.users.file))
    return (
        f"The embedded server runs at {running.url}, its data in {running.folder}\n"
        f"In other terminals:  export PORTFOLD_URL={running.url}\n"
        f"                     export PORTFOLD_CREDENTIALS={users}\n"
        f"To look inside:      redis-cli -p {port}   (or: pip install iredis; iredis -p {port})\n"
        f"To write by hand:    portfold acl --password operator, which says how\n"
        "Ctrl-C stops it."
    )
