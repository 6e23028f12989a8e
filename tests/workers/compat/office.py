"""An office: drop-ins as they run in processes of their own, on a real server."""

import io
import json
from pathlib import Path
from typing import Any

from portfold.config import load
from portfold.events.decisions import Decision
from portfold.log import open_log
from portfold.workers.client.settings import GateSettings
from portfold.workers.compat import PortfolioCoordinator
from tests.live import Live, read
from tests.waiting import logged as all_logged
from tests.waiting import until


class Office:
    """Makes drop-ins for a test, and closes them with it."""

    def __init__(self, url: str, portfolio: str, folder: Path) -> None:
        self.configuration = load(None, {}, folder)
        self._settings: dict[str, Any] = {
            "url": url,
            "portfolio": portfolio,
            "heartbeat_seconds": 0.05,
            "worker_lost_seconds": 60.0,
            "answer_seconds": 5.0,
        }
        self.said = io.StringIO()
        self._log, self._lines = open_log("worker", target=self.said)
        self._open: list[PortfolioCoordinator] = []

    def __call__(
        self, *arguments: Any, worker: str = "old", settings: Any = None, **more: Any
    ) -> PortfolioCoordinator:
        chosen = GateSettings(**(self._settings | (settings or {})))
        made = PortfolioCoordinator(
            *arguments,
            worker=worker,
            settings=chosen,
            configuration=self.configuration,
            log=self._log,
            **more,
        )
        self._open.append(made)
        return made

    def close(self, one: PortfolioCoordinator) -> None:
        self._open.remove(one)
        one.close()

    def logged(self) -> list[str]:
        return [json.loads(line)["event"] for line in all_logged(self._log, self.said).splitlines()]

    def logs(self, text: str) -> str:
        return until(
            lambda: next((line for line in self.logged() if text in line), None), f"{text!r} in a log"
        )

    def end(self) -> None:
        for one in list(self._open):
            self.close(one)
        self._lines.close()


def decided(live: Live) -> list[Decision]:
    live.all_decided()
    return [read(entry) for entry in live.decisions()]
