"""Who comes is decided at each connection: a process may be older than the server, or than its passwords."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from portfold.cli.target import Target
from portfold.events.wire.bus import Bus
from portfold.events.wire.embedded import EmbeddedServer
from portfold.events.wire.errors import BusRefused, BusShut, BusUnreachable
from portfold.servers.own import LOCK_FILE, STARTING, note
from portfold.workers.client.settings import GateSettings, open_bus

ORDER = ["type", "TradingHalted", "by", "ann", "reason", "x"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The usual one of a server of our own, where nobody names a file of passwords."""
    monkeypatch.delenv("PORTFOLD_CREDENTIALS")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "portfold" / "server"


@pytest.fixture
def own(folder: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(folder) as server:
        yield server


def seat(url: str) -> Bus:
    return open_bus(GateSettings(url=url), "ibs-ES")


def test_whoever_was_there_before_the_server_is_let_in_also_when_it_comes_with_other_passwords(
    own: EmbeddedServer, folder: Path
) -> None:
    own.stop()
    operator = Target(url=own.url, portfolio="main").bus()
    with closing(seat(own.url)) as worker, closing(operator):
        with pytest.raises(BusUnreachable):
            worker.beat("ibs-ES", "s1", 60_000)
        for session in ("s2", "s3"):
            own.restart()
            worker.beat("ibs-ES", session, 60_000)
            operator.append(ORDER)
            with pytest.raises(BusRefused, match="No permissions to access a key"):
                worker.beat("another", "s1", 60_000)
            own.stop()
            (folder / "users.json").unlink()


def test_while_a_server_starts_at_an_address_nobody_comes_there_as_nobody(
    own: EmbeddedServer, folder: Path
) -> None:
    lock = os.open(folder / LOCK_FILE, os.O_WRONLY | os.O_APPEND)
    try:
        note(lock, own.url, STARTING)
        with closing(seat(own.url)) as worker:
            with pytest.raises(BusUnreachable, match="it is starting"):
                worker.beat("ibs-ES", "s1", 60_000)
            note(lock, own.url, "1")
            worker.beat("ibs-ES", "s1", 60_000)
    finally:
        os.close(lock)


def test_a_file_that_became_unfit_is_named_and_one_that_is_mended_counts(
    own: EmbeddedServer, folder: Path
) -> None:
    with closing(seat(own.url)) as worker:
        (folder / "users.json").chmod(0o644)
        with pytest.raises(BusShut, match="chmod 600"):
            worker.beat("ibs-ES", "s1", 60_000)
        (folder / "users.json").chmod(0o600)
        worker.beat("ibs-ES", "s1", 60_000)
