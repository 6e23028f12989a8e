"""What tests of a leader share: how one is started, and the limit that is in force."""

from pathlib import Path
from typing import Literal, Protocol

from tests.live import Live
from tests.processes import CoordinatorThread


class Starter(Protocol):
    """Starts a coordinator in a thread, after stopping the one before: a restart where nobody is killed."""

    def __call__(
        self, config: Path | None = None, *, clock: Literal["server", "driven"] = "server", url: str = ""
    ) -> CoordinatorThread: ...


def in_force(live: Live) -> str:
    return live.status()["max_positions"]
