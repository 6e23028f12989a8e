"""`portfold doctor --ping` sends one message to each webhook and says whether it was taken."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from portfold.cli.exits import FAILED, OK
from portfold.cli.watch.ping import ping
from portfold.config import load
from tests.cli.command_line import called
from tests.cli.fit import fit_for_the_open
from tests.fake_discord import HIDDEN, FakeDiscord, Manner
from tests.processes import config_folder
from tests.server import EmbeddedServer


@pytest.fixture
def discord() -> Iterator[FakeDiscord]:
    with FakeDiscord() as fake:
        yield fake


def pinged(discord: FakeDiscord, folder: Path) -> tuple[str, str]:
    """Level and text of the one finding."""
    config_folder(folder, runtime={"discord_webhook_env": "HOOK"})
    configuration = load(str(folder), {}, Path("/"))
    [found] = ping(configuration, {"HOOK": discord.url()}, "main")
    assert HIDDEN not in f"{found}"
    return found.level, found.text


@pytest.mark.parametrize("manner", ["ok", "no content", "ok, last for now"])
def test_a_webhook_that_takes_the_message_is_ok(discord: FakeDiscord, tmp_path: Path, manner: Manner) -> None:
    discord.next(manner)
    assert pinged(discord, tmp_path / "mine") == ("ok", "the message was taken: it should be there now")
    [post] = discord.attempts
    assert post.content == "portfold doctor: a test message for portfolio main. Nothing has happened."


@pytest.mark.parametrize(
    ("manner", "why"),
    [
        ("gone", "Discord answered 404"),
        ("error page", "Discord answered 5"),
        ("limited", "429"),
        ("reset", "no connection, or it broke"),
        ("redirect", "Discord answered 3"),
    ],
)
def test_a_webhook_that_does_not_take_it_fails_and_is_asked_once(
    discord: FakeDiscord, tmp_path: Path, manner: Manner, why: str
) -> None:
    discord.always(manner)
    level, text = pinged(discord, tmp_path / "mine")
    assert level == "fail"
    assert why in text
    assert len(discord.attempts) == 1


def test_nobody_is_pinged_whose_variable_is_not_set(discord: FakeDiscord, tmp_path: Path) -> None:
    config_folder(tmp_path / "mine", runtime={"discord_webhook_env": "HOOK"})
    assert ping(load(str(tmp_path / "mine"), {}, Path("/")), {}, "main") == []
    assert discord.attempts == []


def test_only_a_doctor_who_is_asked_to_pings(
    discord: FakeDiscord, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    with fit_for_the_open(server, portfolio, tmp_path / "mine") as fit:
        where = ("--config", str(fit.folder), "--url", server.url, "--portfolio", portfolio, "--json")
        assert called("doctor", *where, cwd=tmp_path, HOOK=discord.url()).code == OK
        assert discord.attempts == []
        discord.next("ok", "gone")
        for code in (OK, FAILED):
            ran = called("doctor", "--ping", *where, cwd=tmp_path, HOOK=discord.url())
            assert ran.code == code
            assert json.loads(ran.out)["findings"][-1]["check"] == "ping discord"
            assert HIDDEN not in ran.out + ran.err
