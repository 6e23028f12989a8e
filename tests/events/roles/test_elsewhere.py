"""The keeper of a server of our own is nobody at another: no password of his is sent to another machine."""

from pathlib import Path
from typing import Any

import pytest

from portfold.cli.exits import OK, UNREACHABLE, UNUSABLE
from portfold.events.roles.credentials import with_passwords
from portfold.events.roles.own_server import KEEPER
from portfold.events.wire.errors import BusShut
from portfold.servers.own import is_here
from portfold.workers.client.settings import GateSettings, open_bus
from tests.cli.command_line import called
from tests.live import Live
from tests.server import EmbeddedServer

HALT = ("halt", "--by", "ann", "--reason", "x")


@pytest.fixture
def foreign(tmp_path: Path, client: Any) -> str:
    """The file of some other server of our own."""
    client.execute_command("ACL LOG", "RESET")
    return str(with_passwords(tmp_path / "users.json", [KEEPER]).file)


def elsewhere(server: EmbeddedServer) -> str:
    """An address of the server that is none of loopback's, as another machine's is none."""
    return server.url.replace("127.0.0.1", "0.0.0.0")  # noqa: S104 - nobody listens there


def told_passwords(client: Any) -> list[str]:
    return [attempt["username"] for attempt in client.acl_log() if attempt["reason"] == "auth"]


@pytest.mark.parametrize("words", [HALT, ("flatten", "--now", *HALT[1:]), ("status",)], ids=" ".join)
def test_elsewhere_a_command_comes_as_nobody_and_says_why(
    words: tuple[str, ...], live: Live, server: EmbeddedServer, tmp_path: Path, foreign: str
) -> None:
    where = ("--url", elsewhere(server), "--portfolio", live.keys.name)
    ran = called(*words, *where, cwd=tmp_path, PORTFOLD_CREDENTIALS=foreign)
    note = f"portfold: {foreign} is of an embedded server on this machine, so it is not used for "
    assert ran.err.startswith(note), ran.err
    assert told_passwords(live.client) == []
    if words[0] != "status":
        assert ran.code == OK
        assert live.events()[-1].fields[2:4] == ["by", "ann"]


def test_elsewhere_a_gate_comes_as_nobody(
    live: Live, server: EmbeddedServer, foreign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTFOLD_CREDENTIALS", foreign)
    bus = open_bus(GateSettings(url=elsewhere(server), portfolio=live.keys.name), "ibs-ES")
    bus.beat("ibs-ES", "s1", 1_000)
    bus.close()
    assert told_passwords(live.client) == []


@pytest.mark.parametrize("words", [("--apply", "--credentials", "mine.json"), ("--password", "operator")])
def test_elsewhere_nobody_is_kept_by_it(
    words: tuple[str, ...], live: Live, server: EmbeddedServer, tmp_path: Path, foreign: str
) -> None:
    where = ("--url", elsewhere(server), "--portfolio", live.keys.name)
    ran = called("acl", *words, *where, cwd=tmp_path, PORTFOLD_CREDENTIALS=foreign)
    assert ran.code == (OK if words[0] == "--apply" else UNUSABLE), ran.err
    assert told_passwords(live.client) == []


def test_here_the_file_of_another_server_is_named(
    live: Live, server: EmbeddedServer, tmp_path: Path, foreign: str
) -> None:
    where = ("--url", server.url, "--portfolio", live.keys.name)
    ran = called(*HALT, *where, cwd=tmp_path, PORTFOLD_CREDENTIALS=foreign)
    assert (ran.code, ran.out) == (UNREACHABLE, "")
    assert f"it does not know portfold.keeper with the password in {foreign}" in ran.err
    assert BusShut.remedy.split(":")[0] in ran.err
    assert "Start it: portfold server" not in ran.err


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("redis://127.0.0.1:6379/0", True),
        ("redis://127.8.9.1/0", True),
        ("redis://localhost:6379", True),
        ("redis://[::1]:6379/0", True),
        ("rediss://ann:secret@localhost:6379", True),
        ("unix:///tmp/redis.sock", True),
        ("redis://10.0.0.7:6379/0", False),
        ("redis://localhost.example.com/0", False),
        ("redis://127.0.0.1@example.com/0", False),
        ("redis:///0?host=example.com", False),
        ("redis+sentinel://127.0.0.1/mine/0", False),
        ("redis://[::1/0", False),
    ],
)
def test_which_addresses_are_this_machines_own(url: str, here: bool) -> None:  # noqa: FBT001 - a table's
    assert is_here(url) is here
