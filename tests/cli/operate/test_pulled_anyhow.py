"""`portfold flatten --now` goes on without files that it does not need, where they are missing or unfit."""

from collections.abc import Callable
from pathlib import Path

import pytest

from portfold.cli.exits import FAILED, OK, UNUSABLE
from portfold.events.incoming import COORDINATOR
from portfold.events.roles.credentials import with_passwords
from portfold.events.roles.encrypted import CA, CERTIFICATE, KEY
from portfold.events.roles.keyring import VARIABLE, with_new_key
from portfold.events.roles.own_server import KEEPER
from portfold.events.wire import embedded
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.cli.command_line import Ran, called
from tests.fakes.encrypted import Authority, encrypted
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer

PANIC = ("flatten", "--now", "--by", "jane", "--reason", "outage")
CREDENTIALS = "PORTFOLD_CREDENTIALS"
NOT_PULLED = "portfold: THE KILL SWITCH IS NOT PULLED: "
PULLED = "The kill switch is pulled"


def missing(file: Path) -> None:
    """There is none."""


def others_can_read_it(file: Path) -> None:
    with_new_key(file, "jane")
    file.chmod(0o644)


def nonsense(file: Path) -> None:
    file.write_text("{")
    file.chmod(0o600)


def of_others(file: Path) -> None:
    with_passwords(file, ["somebody"])


def of_another_server(file: Path) -> None:
    with_passwords(file, [KEEPER])


def panic(live: Live, url: str, folder: Path, **variables: str) -> Ran:
    return called(*PANIC, "--url", url, "--portfolio", live.keys.name, cwd=folder, **variables)


@pytest.mark.parametrize(
    ("variable", "spoil"),
    [
        *((VARIABLE, spoil) for spoil in (missing, others_can_read_it, nonsense)),
        *((CREDENTIALS, spoil) for spoil in (missing, others_can_read_it, of_others, of_another_server)),
    ],
)
def test_without_a_file_that_cannot_be_used(
    variable: str, spoil: Callable[[Path], None], live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    spoil(tmp_path / "file.json")
    ran = panic(live, server.url, tmp_path, **{variable: str(tmp_path / "file.json")})
    assert ran.code == OK, ran.err
    assert ran.out.startswith(PULLED)
    assert ran.err.startswith(f"portfold: going on without {variable}: ")
    assert live.client.xlen(live.keys.killswitch) == 1
    [order] = live.said("FlattenRequested")
    assert order["by"] == "jane"


def test_without_keys_on_a_log_that_asks_for_proofs_the_order_is_refused_and_the_switch_is_pulled(
    live: Live, server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (COORDINATOR, "jane"):
        with_new_key(tmp_path / "keys.json", name)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "keys.json"))
    with coordinating(server.url, live.keys.name) as leader:
        leader.says("Every event has to prove whose it is")
        ran = panic(live, server.url, tmp_path, **{VARIABLE: str(tmp_path / "none.json")})
    assert ran.out.startswith(PULLED)
    assert ran.code == FAILED
    assert "Refused, on record as" in ran.err
    assert "a key of jane, got none" in ran.err
    assert live.client.xlen(live.keys.killswitch) == 1


@pytest.mark.parametrize("spoil", [missing, of_another_server])
def test_on_a_server_that_lets_nobody_write_the_file_of_the_one_that_runs_here_is_taken(
    spoil: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CREDENTIALS)
    spoil(tmp_path / "file.json")
    with embedded.EmbeddedServer(tmp_path / "state" / "portfold" / "server") as own:
        where = ("--url", own.url, "--portfolio", "main")
        ran = called(*PANIC, *where, cwd=tmp_path, **{CREDENTIALS: str(tmp_path / "file.json")})
        assert (ran.code, ran.out[: len(PULLED)]) == (OK, PULLED), ran.err
        bus = Bus(connect(own.url), "main")
        assert bus.last_pull() is not None
        bus.close()
        ran = called(*PANIC, *where, cwd=tmp_path, **{CREDENTIALS: ""})
        assert ran.code == FAILED
        assert ran.err.startswith(NOT_PULLED)


def test_encrypted_without_a_certificate_that_cannot_be_used_and_never_to_a_stranger(
    live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    ours = Authority(tmp_path, "ours")
    with encrypted(server.port, *ours.signs("server")) as port:
        url, files = f"rediss://127.0.0.1:{port}/0", {CA: str(ours.file), CERTIFICATE: "nothing.pem"}
        for more, without in (({}, CERTIFICATE), ({KEY: CA}, f"{CERTIFICATE} and {KEY}")):
            ran = panic(live, url, tmp_path, **files, **more)
            assert ran.code == OK, ran.err
            assert ran.err.startswith(f"portfold: going on without {without}: ")
        ran = panic(live, url, tmp_path, **{CA: "nothing.pem"})
        assert ran.code == FAILED
        assert f"\n{NOT_PULLED.removeprefix('portfold: ')}" in ran.err.replace("portfold: ", "")
    assert live.client.xlen(live.keys.killswitch) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        ("--worker", "ibs-ES"),
        ("--url", "nonsense"),
        ("--portfolio", "no name"),
        ("--config", "nowhere"),
        ("--symbols", "ES"),
    ],
    ids=" ".join,
)
def test_whatever_keeps_it_from_being_pulled_begins_with_that(wrong: tuple[str, ...], tmp_path: Path) -> None:
    ran = called(*PANIC, *wrong, cwd=tmp_path)
    assert (ran.code, ran.out) == (UNUSABLE, "")
    assert ran.err.startswith(NOT_PULLED)
