"""Starts a server and a coordinator for a command with `--embedded`; both end with the command."""

import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from portfold.cli.exits import Failure, Unusable
from portfold.cli.run.leash import leashed
from portfold.cli.run.server import USUAL_PORTS
from portfold.cli.target import ResolvedTarget, Target
from portfold.events.roles.credentials import ENVIRONMENT_VARIABLE

if TYPE_CHECKING:
    from portfold.events.wire.embedded import EmbeddedServer
    from portfold.log import Log

_VARIABLE = "PORTFOLD_URL"
_LEADS_SECONDS = 20.0
_LOOK_SECONDS = 0.05


def check_embedded(resolved: ResolvedTarget, target: Target) -> None:
    """Raises Unusable where the options or the configuration name another server."""
    if target.url and target.url == os.environ.get(_VARIABLE):
        raise Unusable(
            f"--embedded starts its own server, and {_VARIABLE} names another. To have its own: unset "
            f"{_VARIABLE}; to trade on the other, leave out --embedded."
        )
    if target.url:
        raise Unusable("--embedded starts its own server: expected no --url with it.")
    if resolved.configuration.runtime.redis_password_env is not None:
        file = resolved.configuration.files.runtime.path
        raise Unusable(f"--embedded: {file}: redis_password_env: expected null, its server has no password.")


@contextmanager
def embedded(
    resolved: ResolvedTarget,
    words: list[str],
    log: "Log",
    stop: threading.Event,
    said: TextIO | None = None,
) -> Iterator[ResolvedTarget]:
    """Yields the portfolio on an embedded server, with a coordinator started by the options `words`.

    The data is that of `portfold server`, and is kept; so is the port, where it is free. `said` takes what
    the coordinator writes on stderr. Within the block the server's file of passwords is the environment's.
    Raises ServerError, CredentialsError, Failure.
    """
    from portfold.events.wire.embedded import EmbeddedServer
    from portfold.servers.own import usual_server_folder
    from portfold.workers.run.supervisor import SupervisedChild, Supervisor

    own = EmbeddedServer(usual_server_folder(), port=USUAL_PORTS)
    with _own(own) as server, _exported(server.users.file):
        for_others = f"export {_VARIABLE}={server.url}"
        where = {"url": server.url, "folder": str(server.folder)}
        log.info("The embedded server runs", **where, in_other_terminals=for_others)
        command = [*leashed(), "coordinator", *words]
        child = SupervisedChild("coordinator", command, {"PORTFOLD_URL": server.url})
        supervisor = Supervisor([child], log=log, said=said)
        ended = threading.Event()
        keeping = threading.Thread(target=supervisor.run, args=[ended], name="coordinator")
        keeping.start()
        try:
            there = replace(resolved, url=server.url)
            _wait_for_a_leader(there, server.folder, keeping, stop)
            yield there
        finally:
            ended.set()
            keeping.join()


@contextmanager
def _exported(credentials: Path) -> Iterator[None]:
    before = os.environ.get(ENVIRONMENT_VARIABLE)
    os.environ[ENVIRONMENT_VARIABLE] = str(credentials)
    try:
        yield
    finally:
        if before is None:
            del os.environ[ENVIRONMENT_VARIABLE]
        else:
            os.environ[ENVIRONMENT_VARIABLE] = before


@contextmanager
def _own(server: "EmbeddedServer") -> "Iterator[EmbeddedServer]":
    """Yields the server, started. Raises Failure where another one has its data, ServerError."""
    from portfold.events.wire.embedded import FolderInUse

    try:
        server.start()
    except FolderInUse as taken:
        raise Failure(f"{taken}\nTo trade on that one, leave out --embedded too.") from taken
    try:
        yield server
    finally:
        server.stop()


def _wait_for_a_leader(
    resolved: ResolvedTarget, folder: Path, keeping: threading.Thread, stop: threading.Event
) -> None:
    from portfold.clock import SystemClock

    clock = SystemClock()
    deadline = clock.monotonic() + _LEADS_SECONDS
    with closing(resolved.bus()) as bus:
        while bus.leader() is None and not stop.wait(_LOOK_SECONDS):
            if not keeping.is_alive() or clock.monotonic() > deadline:
                raise Failure(
                    f"No coordinator leads the portfolio in {folder}; the reason is in the log lines above."
                )
