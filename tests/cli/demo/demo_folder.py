"""What a demo leaves in its folder, and which processes still run for it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.server import EmbeddedServer


def folder_of(cwd: Path) -> Path:
    """The folder of the one demo that was run in `cwd`."""
    (folder,) = (cwd / "portfold-demo").iterdir()
    return folder


def processes_of(folder: Path) -> dict[int, str]:
    """What still runs for a demo: its processes name their folder on their command lines."""
    listed = subprocess.run(["ps", "-ewwo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    found = (line.split(maxsplit=1) for line in listed.splitlines() if str(folder) in line)
    return {int(pid): command for pid, command in found}


@contextmanager
def log_of(folder: Path) -> Iterator[tuple[EmbeddedServer, Bus]]:
    """The demo's log, opened again after it, and the server that has it."""
    with EmbeddedServer(folder / "server") as server:
        bus = Bus(connect(server.url), "main")
        yield server, bus
        bus.close()
