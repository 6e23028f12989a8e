"""Starts a server and a coordinator for a command with `--embedded`; both end with the command."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from portfold.cli.exits import Failure, Unusable
from portfold.cli.run.leash import leashed
from portfold.cli.target import ResolvedTarget, Target

if TYPE_CHECKING:
    from portfold.log import Log

_LEADS_SECONDS = 20.0
_LOOK_SECONDS = 0.05


def check_embedded(resolved: ResolvedTarget, target: Target) -> None:
    """Raises Unusable where the options or the configuration name another server."""
    if target.url:
        raise Unusable("--embedded starts its own server: expected no --url and no PORTFOLD_URL.")
    if resolved.configuration.runtime.redis_password_env is not None:
        file = resolved.configuration.files.runtime.path
        raise Unusable(f"--embedded: {file}: redis_password_env: expected null, its server has no password.")


@contextmanager
def embedded(
    resolved: ResolvedTarget, words: list[str], log: "Log", stop: threading.Event
) -> Iterator[ResolvedTarget]:
    """Yields the portfolio on an embedded server, with a coordinator started by the options `words`.

    The data is that of `portfold server`, and is kept. Raises ServerError, Failure.
    """
    from portfold.cli.folders import state_folder
    from portfold.events.wire.embedded import EmbeddedServer
    from portfold.workers.run.supervisor import SupervisedChild, Supervisor

    with EmbeddedServer(state_folder() / "server") as server:
        log.info("The embedded server runs", url=server.url, folder=str(server.folder))
        command = [*leashed(), "coordinator", *words]
        supervisor = Supervisor(
            [SupervisedChild("coordinator", command, {"PORTFOLD_URL": server.url})], log=log
        )
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
