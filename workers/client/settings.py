"""Where the portfolio is, and how patient its workers are: what a gate needs of the configuration."""

import os
from pathlib import Path
from typing import Literal

from msgspec import Struct

from portfold.config import Configuration, load, secret
from portfold.config.runtime import Replicated, milliseconds
from portfold.events.roles.server_roles import FLATTENER, worker_role
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import as_role, connect, has_password, has_user, without_secrets
from portfold.events.wire.presence import WantedReplicas
from portfold.workers.client.listener import LISTEN_SECONDS


class GateSettings(Struct, frozen=True):
    """Seconds are as in runtime.json. `replicated`: what a yes must have reached; None: the server alone.
    `mark_seconds` 0 publishes every mark (a driven clock wants that)."""

    url: str = "redis://127.0.0.1:6379/0"
    password: str | None = None
    portfolio: str = "main"
    answer_seconds: float = 2.0
    heartbeat_seconds: float = 1.0
    worker_lost_seconds: float = 5.0
    bus_loss_seconds: float = 30.0
    on_bus_loss: Literal["hold", "flatten"] = "hold"
    mark_seconds: float = 5.0
    mark_stale_seconds: float = 120.0
    replicated: WantedReplicas | None = None

    def __repr__(self) -> str:
        return f"GateSettings({without_secrets(self.url)!r}, {self.portfolio!r})"

    @classmethod
    def of(
        cls, configuration: Configuration, *, url: str | None = None, portfolio: str | None = None
    ) -> "GateSettings":
        """Returns the settings in runtime.json, with another server or portfolio where one is given."""
        runtime = configuration.runtime
        url = url or runtime.redis_url
        return cls(
            url=url,
            password=None if has_password(url) else secret(configuration, "redis_password_env", os.environ),
            portfolio=portfolio or runtime.portfolio,
            answer_seconds=runtime.answer_seconds,
            heartbeat_seconds=runtime.heartbeat_seconds,
            worker_lost_seconds=runtime.worker_lost_seconds,
            bus_loss_seconds=runtime.bus_loss_seconds,
            on_bus_loss=runtime.on_bus_loss,
            mark_seconds=runtime.mark_seconds,
            mark_stale_seconds=runtime.mark_stale_seconds,
            replicated=_wanted(runtime.replicated),
        )

    @classmethod
    def found(cls) -> "GateSettings":
        """Returns the settings of the configuration that applies here; PORTFOLD_URL names another server."""
        return cls.of(load(None, os.environ, Path.cwd()), url=os.environ.get("PORTFOLD_URL"))


def _wanted(replicated: Replicated | None) -> WantedReplicas | None:
    if replicated is None:
        return None
    within_ms = milliseconds(replicated.seconds)
    return WantedReplicas(replicated.replicas, within_ms, on_disk=replicated.on == "disk")


def open_bus(settings: GateSettings, worker: str) -> Bus:
    """Returns a connection to the portfolio, as the gate of that worker needs it; connects when first used.

    Where the settings do not say as whom, it comes under the worker's role to whichever server it then is
    whose passwords are known. Raises CredentialsError.
    """
    patience = max(settings.answer_seconds, LISTEN_SECONDS) + 0.5  # longer than any blocking read
    url = settings.url
    if not has_user(url) and settings.password is None:
        role = FLATTENER if worker == FLATTENER.name else worker_role(worker)
        url = as_role(url, role.user(settings.portfolio))
    return Bus(connect(url, password=settings.password, timeout_seconds=patience), settings.portfolio)
