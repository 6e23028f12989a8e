"""A portfolio that is fit for the open, on a server of its own; a test plants what is to be found."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis import Redis

from portfold.config import Configuration, load
from portfold.coordinator.doctor.examine import examine
from portfold.coordinator.doctor.facts import Facts, gather
from portfold.coordinator.doctor.finding import Finding
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.live import Live
from tests.processes import config_folder, coordinating
from tests.server import EmbeddedServer

FLATTENER = "flattener"
SYMBOLS = ("ES", "CL")
STANDBY = "there.2.def"
_LASTS_MS = 600_000
_SERVERS_OWN = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory": "0",
    "maxmemory-policy": "noeviction",
}


class Fit:
    """The portfolio of `live`, its configuration in `folder`; what a test changes is gone after it."""

    def __init__(self, server: EmbeddedServer, live: Live, folder: Path) -> None:
        self.server = server
        self.live = live
        self.client = live.client
        self.bus = live.bus
        self.folder = folder
        self.environ: dict[str, str] = {"HOOK": "https://discord.example/api/webhooks/1/hush"}
        self.wall_ahead_ms = 0

    @property
    def configuration(self) -> Configuration:
        """As the files say now."""
        return load(str(self.folder), {}, Path("/"))

    def edit(
        self, *, limits: Mapping[str, object] | None = None, runtime: Mapping[str, object] | None = None
    ) -> None:
        """Changes the files."""
        config_folder(self.folder, limits=limits, runtime=runtime)

    def set(self, **settings: str) -> None:
        """Changes the server's settings."""
        for name, value in settings.items():
            self.client.config_set(name.replace("_", "-"), value)

    def findings(self) -> list[Finding]:
        return examine(
            self.bus,
            self.configuration,
            self.environ,
            url=self.server.url,
            flattener=FLATTENER,
            wall_ms=self._wall_ms,
        )

    def facts(self) -> Facts:
        return gather(
            self.bus, self.configuration, url=self.server.url, flattener=FLATTENER, wall_ms=self._wall_ms
        )

    def found(self) -> dict[str, str]:
        """The checks that are not ok, and how grave that is; each of them says what to do."""
        odd = [one for one in self.findings() if one.level != "ok"]
        assert all(one.text and one.remedy for one in odd)
        return {one.check: one.level for one in odd}

    def text(self, check: str) -> str:
        """What the check says."""
        [one] = [one for one in self.findings() if one.check == check]
        return one.text

    def _wall_ms(self) -> int:
        return int(time.time() * 1000) + self.wall_ahead_ms


@contextmanager
def fit_for_the_open(server: EmbeddedServer, portfolio: str, folder: Path) -> Iterator[Fit]:
    """Somebody leads, somebody stands by, a worker for every symbol, the flattener, a notifier."""
    runtime = {"discord_webhook_env": "HOOK", "lease_ms": 1_500}
    config_folder(folder, limits={"symbols": list(SYMBOLS)}, runtime=runtime)
    with Redis.from_url(server.url, decode_responses=True) as client:
        live = Live(Bus(connect(server.url), portfolio), client)
        fit = Fit(server, live, folder)
        with coordinating(server.url, portfolio, config=folder):
            live.bus.stand_by(STANDBY, _LASTS_MS)
            for name in fit.configuration.runtime.destinations:
                client.set(live.keys.notifier_lease(name), "here.3.fed", px=_LASTS_MS)
            for symbol in SYMBOLS:
                live.bus.beat(f"ibs-{symbol}", "s1", _LASTS_MS)
                live.starts(f"ibs-{symbol}", symbols=symbol)
            live.bus.beat(FLATTENER, "s1", _LASTS_MS)
            live.starts(FLATTENER)
            try:
                yield fit
            finally:
                _restore(client)
                live.bus.close()


def _restore(client: Any) -> None:
    for name, value in _SERVERS_OWN.items():
        client.config_set(name, value)
