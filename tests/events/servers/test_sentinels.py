"""A real Sentinel that wants to know who asks: by the environment's password, and a clear word without."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from portfold.events.servers.primary import SENTINELS_PASSWORD, SENTINELS_USER
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.errors import BusShut
from tests.rig.node import Node, free_ports
from tests.rig.sentinels import PRIMARY, sentinel


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[str]:
    """The address of a Sentinel that lets only `asker` ask, with `secret`."""
    first, second = free_ports(2)
    with ExitStack() as ends:
        ends.callback(Node(tmp_path / "primary", first).kill)
        one = sentinel(tmp_path / "sentinel", second, first, down_ms=1_000)
        ends.callback(one.kill)
        one.ask("ACL", "SETUSER", "asker", "on", ">secret", "+@all")
        one.ask("ACL", "SETUSER", "default", "resetpass", ">other")
        yield f"redis+sentinel://127.0.0.1:{second}/{PRIMARY}"


def test_it_is_told_who_asks(asked: str, portfolio: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SENTINELS_USER, "asker")
    monkeypatch.setenv(SENTINELS_PASSWORD, "secret")
    with closing(Bus(connect(asked), portfolio)) as bus:
        assert bus.now_ms() > 0


@pytest.mark.parametrize("password", [None, "guessed"])
def test_without_the_password_it_is_said_what_is_missing(
    asked: str, password: str | None, portfolio: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if password is not None:
        monkeypatch.setenv(SENTINELS_PASSWORD, password)
    with (
        closing(Bus(connect(asked), portfolio)) as bus,
        pytest.raises(BusShut, match=f"a Sentinel wants {SENTINELS_PASSWORD}") as shut,
    ):
        bus.now_ms()
    assert "guessed" not in str(shut.value)
