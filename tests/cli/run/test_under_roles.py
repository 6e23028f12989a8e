"""A whole portfolio on a server where nobody comes without a name: each process works under its role."""

import json
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from redis import Redis

from portfold.cli.exits import OK
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import as_user, connect
from tests.cli.command_line import Ran, Running, portfold, started
from tests.processes import READY, config_folder
from tests.server import EmbeddedServer
from tests.waiting import until

ADMIN = "of-who-keeps-the-server"
ACCOUNT = {"positions": {}, "equity": 50_000}
TOLERATED = {("coordinator", "config|get"), ("auditor", "config|get")}
"""How the server keeps its log is asked, and not said to a role: among its settings are passwords."""


class Closed:
    """A server whose default user has a password, with the users of a portfolio of two symbols."""

    def __init__(self, server: EmbeddedServer, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "users.json"
        (folder / "account.json").write_text(json.dumps(ACCOUNT))
        watched = {"name": "DU1", "source": "file", "options": {"path": str(folder / "account.json")}}
        self.config = config_folder(
            folder / "mine",
            limits={"symbols": ["CL", "ES"], "daily_stop_loss": 1_000_000},
            runtime={
                "account": watched,
                "market": {"source": "synthetic", "symbols": {"ES": "ES"}},
                "lease_ms": 3_000,
            },
        )
        self.variables = {"PORTFOLD_URL": server.url, "PORTFOLD_CREDENTIALS": str(self.file)}
        keeper = as_user(server.url, "default", ADMIN)
        with Redis.from_url(server.url) as plain:
            plain.execute_command("ACL SETUSER", "default", "resetpass", f">{ADMIN}")
        self.admin = Redis.from_url(keeper, decode_responses=True)
        self.bus = Bus(connect(keeper), "main")
        applied = self.does("acl", "--apply", "--credentials", str(self.file), PORTFOLD_URL=keeper)
        assert applied.code == OK, applied.err

    def does(self, *words: str, **variables: str) -> Ran:
        where = ("--config", str(self.config))
        return portfold(*words, *where, cwd=self.folder, seconds=150, **{**self.variables, **variables})

    def begun(self, command: str) -> AbstractContextManager[Running]:
        """A process of the portfolio, under way."""
        return started(command, "--config", str(self.config), cwd=self.folder, **self.variables)

    def says_no_password(self, said: str) -> None:
        """Nothing that a process has said, here or in a file, holds a password."""
        said += "".join(file.read_text(errors="replace") for file in self.folder.rglob("*.said"))
        said += "".join(file.read_text(errors="replace") for file in self.folder.rglob("*.log"))
        for words in (("status", "--json"), ("doctor",), ("acl", "--credentials", str(self.file))):
            ran = self.does(*words)
            said += ran.out + ran.err
        assert "Portfolio coordinator initialized" in said
        assert not [one for one in (ADMIN, *json.loads(self.file.read_text()).values()) if one in said]

    def refusals(self) -> set[tuple[str, str]]:
        """What the server has refused to anybody: to whom, and what."""
        return {(str(one["username"]).split(".")[2], str(one["object"])) for one in self.admin.acl_log(1_000)}


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Closed]:
    with EmbeddedServer(tmp_path / "server") as server:
        made = Closed(server, tmp_path)
        yield made
        made.bus.close()
        made.admin.close()


def test_each_process_does_its_work_under_its_role(closed: Closed) -> None:
    """Coordinator, workers, flattener, account, feed, notifier; then orders, questions, and the archive."""
    with closed.begun("coordinator") as coordinator, closed.begun("notifier") as notifier:
        coordinator.says(READY)
        ran = closed.does("run", "--paper", "--bars", "synthetic", "--pace", "0", "--days", "30")
        assert (ran.code, "NOPERM" in ran.err) == (OK, False), ran.err
        told = {entry.by_name["type"] for entry in closed.bus.events_after(ORIGIN, count=100_000)}
        assert {"PositionOpened", "PositionClosed", "AccountReported", "WorkerStopped"} <= told
        with closed.begun("feed"):
            until(lambda: bool(closed.bus.market().prices), "prices on the bus")
        signed = ("--by", "jane", "--reason", "to see")
        for words in (
            ("flatten", "--now", *signed),
            ("limits", "--max-positions", "1", *signed),
            ("status",),
        ):
            assert closed.does(*words).code == OK, words
        notifier.says("FLATTEN ORDERED by jane")
        coordinator.process.send_signal(signal.SIGTERM)
        assert coordinator.ends() == OK
        closed.says_no_password(ran.out + ran.err)
    archived = closed.does("archive", "--dir", str(closed.folder / "archive"), "--keep-events", "10")
    assert (archived.code, "keeps all from event" in archived.out) == (OK, True), archived.err
    assert closed.does("audit", "verify", "--archive", str(closed.folder / "archive")).code == OK
    assert closed.refusals() <= TOLERATED
