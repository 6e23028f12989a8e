"""Notifiers as processes of their own, told where to go by a configuration of the test's."""

import io
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from portfold.config import load
from portfold.events.wire.connection import Place
from portfold.log import open_log
from portfold.workers.notify.process import run
from tests.fake_discord import FakeDiscord
from tests.processes import ChildProcess, Logged, config_folder

VARIABLE = "TEST_DISCORD_WEBHOOK"
LEASE_MS = 400
"""Short, as a test that kills a notifier waits for it."""

QUIET = {"startup": False, "not_deciding": False}
"""Without what a notifier says of itself: then all that is told comes from the log."""


class Notifiers:
    """Starts notifiers for a test; all of them tell the same."""

    def __init__(self, folder: Path, url: str, portfolio: str, discord: FakeDiscord) -> None:
        self._folder = folder
        self._url = url
        self._portfolio = portfolio
        self._discord = discord
        self._started: list[ChildProcess] = []

    def start(
        self,
        *,
        doom: str = "",
        nth: int = 1,
        merge_seconds: float = 0.05,
        stale_seconds: float = 300,
        driven: bool = False,
        ready: bool = True,
        **destination: Any,
    ) -> ChildProcess:
        """One that tells the fake Discord, once it has the destination; it dies where `doom` says."""
        number = len(self._started) + 1
        discord = {"to": "discord", "url_env": VARIABLE, "kinds": QUIET} | destination
        notifier = {
            "destinations": {"discord": discord},
            "merge_seconds": merge_seconds,
            "stale_seconds": stale_seconds,
        }
        folder = config_folder(self._folder / f"config-{number}", runtime={"notifier": notifier})
        started = self._process(
            f"notifier-{number}",
            {
                "config": str(folder),
                "url": self._url,
                "portfolio": self._portfolio,
                "doom": doom,
                "nth": nth,
                "driven": driven,
                "lease_ms": LEASE_MS,
            },
        )
        self._started.append(started)
        if ready:
            started.says("Alerts go here")
        return started

    def _process(self, name: str, told: dict[str, Any]) -> ChildProcess:
        with mock.patch.dict(os.environ, {VARIABLE: self._discord.url()}):
            return ChildProcess("tests.notifier.doomed", json.dumps(told), folder=self._folder, name=name)

    @property
    def written(self) -> str:
        """All that any of them has logged."""
        return "".join(one.written() for one in self._started)

    def end(self) -> None:
        for started in self._started:
            started.end()


class NotifierThread(Logged):
    """The same code in a thread of the test's own process, for where nobody needs to kill it."""

    def __init__(self, config: Path, environ: dict[str, str], place: Place, **where: Any) -> None:
        self._stop, self._said = threading.Event(), io.StringIO()
        log, self._lines = open_log("notifier", target=self._said)
        told = {"driven": False, "lease_ms": LEASE_MS, **where}
        told |= {"environ": environ, "log": log, "stop": self._stop}
        configuration = load(str(config), {}, config)
        self._thread = threading.Thread(target=run, args=(configuration, place), kwargs=told)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def written(self) -> str:
        return self._said.getvalue()

    def stop(self) -> None:
        """Ends it in good order."""
        self._stop.set()
        self._thread.join(40)
        self._lines.close()


@contextmanager
def notifying(
    folder: Path,
    url: str,
    portfolio: str,
    destinations: Mapping[str, tuple[FakeDiscord, Mapping[str, Any]]],
    *,
    merge_seconds: float = 0.05,
    stale_seconds: float = 300,
    archive: Path | None = None,
    **where: Any,
) -> Iterator[NotifierThread]:
    """Within the block a thread tells these destinations; it has them all when the block begins."""
    named: dict[str, dict[str, Any]] = {
        name: {"to": "discord", "url_env": f"TEST_{name.upper()}", "kinds": QUIET} | dict(changed)
        for name, (_, changed) in destinations.items()
    }
    notifier = {"destinations": named, "merge_seconds": merge_seconds, "stale_seconds": stale_seconds}
    runtime = {"notifier": notifier, "archive_folder": str(archive) if archive else None}
    environ = {f"TEST_{name.upper()}": fake.url() for name, (fake, _) in destinations.items()}
    thread = NotifierThread(
        config_folder(folder, runtime=runtime), environ, Place(url, None, portfolio), **where
    )
    try:
        thread.says("Alerts go here", times=len(destinations))
        yield thread
    finally:
        thread.stop()
