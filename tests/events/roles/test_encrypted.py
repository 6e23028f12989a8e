"""Connections by rediss://: who the server is, and who we are, is checked; what fails is said plainly."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from portfold.cli.exits import UNREACHABLE, UNUSABLE
from portfold.events.roles.encrypted import CA, CERTIFICATE, KEY, TlsError, encryption
from portfold.events.roles.server_roles import COORDINATOR
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.errors import BusUnreachable
from tests.cli.command_line import called
from tests.fakes.encrypted import Authority, encrypted
from tests.server import EmbeddedServer, under


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.fixture
def named(ours: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CA, str(ours.file))


@contextmanager
def bus_at(port: int, portfolio: str, scheme: str = "rediss") -> Iterator[Bus]:
    url = under(COORDINATOR, f"{scheme}://127.0.0.1:{port}/0", portfolio)
    with closing(Bus(connect(url), portfolio)) as bus:
        yield bus


def refusal_of(port: int, portfolio: str) -> str:
    with bus_at(port, portfolio) as bus, pytest.raises(BusUnreachable) as refused:
        bus.now_ms()
    return str(refused.value)


@pytest.mark.usefixtures("named")
def test_a_role_works_over_an_encrypted_connection_by_a_certificate_of_its_own(
    server: EmbeddedServer, portfolio: str, ours: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mine, key = ours.signs("mine")
    with encrypted(server.port, *ours.signs("server"), clients=ours.file) as port:
        assert CERTIFICATE in refusal_of(port, portfolio)  # that it wants one, and how to name it
        monkeypatch.setenv(CERTIFICATE, str(mine))
        monkeypatch.setenv(KEY, str(key))
        with bus_at(port, portfolio) as bus:
            assert bus.take_lead("me", 10_000).holder == "me"
        stranger, strangers_key = Authority(tmp_path, "another").signs("stranger")
        monkeypatch.setenv(CERTIFICATE, str(stranger))
        monkeypatch.setenv(KEY, str(strangers_key))
        assert CERTIFICATE in refusal_of(port, portfolio)


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"host": "127.0.0.9"}, "its certificate is for another host than the address names"),
        ({"lasts": timedelta(days=-1)}, "its certificate has expired"),
    ],
)
def test_a_server_that_is_not_the_one_is_named_for_what_is_wrong(
    server: EmbeddedServer, portfolio: str, ours: Authority, how: dict[str, object], said: str
) -> None:
    with encrypted(server.port, *ours.signs("server", **how)) as port:  # type: ignore[arg-type]
        assert refusal_of(port, portfolio).endswith(said)


def test_of_another_authority_the_command_says_so_and_shows_no_traceback(
    server: EmbeddedServer, portfolio: str, ours: Authority, tmp_path: Path
) -> None:
    with encrypted(server.port, *ours.signs("server")) as port:
        where = ("--url", f"rediss://127.0.0.1:{port}/0", "--portfolio", portfolio)
        ran = called("status", *where, cwd=tmp_path)
        assert ran.code == UNREACHABLE
        assert f"nobody trusted here signed its certificate: {CA}=FILE names who is" in ran.err
        assert "Traceback" not in ran.err
        assert called("status", *where, cwd=tmp_path, **{CA: "nothing.pem"}).code == UNUSABLE


def test_a_file_that_cannot_be_used_is_named_before_anything_is_sent(ours: Authority, tmp_path: Path) -> None:
    def refused(**files: object) -> str:
        with pytest.raises(TlsError) as error:
            encryption("rediss://127.0.0.1:1/0", {name: str(file) for name, file in files.items()})
        return str(error.value)

    mine, key = ours.signs("mine")
    text = tmp_path / "text.pem"
    text.write_text("nothing")
    assert encryption("redis://127.0.0.1:1/0", {CA: "nowhere"}) == {}
    assert "No such file" in refused(PORTFOLD_TLS_CA=tmp_path / "nowhere")
    assert refused(PORTFOLD_TLS_CA=text).startswith(f"{CA}: expected certificates in PEM form")
    assert refused(PORTFOLD_TLS_KEY=key).startswith(f"{CERTIFICATE}: expected the certificate of {KEY}")
    assert refused(PORTFOLD_TLS_CERT=mine).startswith(f"{CERTIFICATE}: expected a certificate in PEM form")
    key.chmod(0o640)
    assert f"chmod 600 {key}, got the permissions 640" in refused(
        PORTFOLD_TLS_CERT=mine, PORTFOLD_TLS_KEY=key
    )
