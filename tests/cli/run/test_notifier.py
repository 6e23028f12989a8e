"""`portfold notifier` as a person runs it, and a webhook that the demo refuses."""

import json
import signal
from pathlib import Path

import pytest

from portfold.cli.exits import INTERRUPTED, OK, UNUSABLE
from tests.cli.command_line import portfold, started
from tests.fake_discord import HIDDEN
from tests.processes import config_folder
from tests.server import EmbeddedServer

VARIABLE = "MY_WEBHOOK"


def configured(folder: Path, **changed: object) -> str:
    return str(config_folder(folder / "mine", runtime={"discord_webhook_env": VARIABLE, **changed}))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", f"expected the environment variable {VARIABLE} to be set, got nothing."),
        (HIDDEN, f"expected the environment variable {VARIABLE} to hold an address such as "),
        (f"ftp://{HIDDEN}", f"expected the environment variable {VARIABLE} to hold an address such as "),
    ],
)
def test_an_address_that_cannot_be_used_is_a_sentence_that_does_not_show_it(
    tmp_path: Path, value: str, expected: str
) -> None:
    ran = portfold("notifier", "--config", configured(tmp_path), cwd=tmp_path, MY_WEBHOOK=value)
    assert (ran.code, ran.out) == (UNUSABLE, "")
    assert f"runtime.json: discord_webhook_env: {expected}" in ran.err
    assert HIDDEN not in ran.err
    assert len(ran.err.splitlines()) == 1


def test_without_a_webhook_alerts_go_to_the_log(
    tmp_path: Path, server: EmbeddedServer, portfolio: str
) -> None:
    with started("notifier", "--url", server.url, "--portfolio", portfolio, cwd=tmp_path) as notifier:
        notifier.says(f"Alerts of portfolio {portfolio} are told here: everything")
        notifier.process.send_signal(signal.SIGTERM)
        assert notifier.ends() == OK
        lines = [json.loads(line) for line in notifier.said.read_text().splitlines()]
    assert [line["destination"] for line in lines if line["event"] == "Alerts go to"] == ["log"]
    assert lines[-1]["event"] == "Notifier stopped"


def test_ctrl_c_ends_it_in_good_order_even_without_a_server(tmp_path: Path) -> None:
    with started("notifier", "--url", "redis://127.0.0.1:1/0", cwd=tmp_path) as notifier:
        notifier.says("The log cannot be read for alerts")
        notifier.process.send_signal(signal.SIGINT)
        assert notifier.ends() == INTERRUPTED
        assert "Traceback" not in notifier.said.read_text()


def test_a_webhook_for_the_demo_that_is_none_is_a_sentence_that_does_not_show_it(tmp_path: Path) -> None:
    ran = portfold("demo", "--discord-url", HIDDEN, cwd=tmp_path)
    assert (ran.code, ran.out) == (UNUSABLE, "")
    assert "--discord-url: expected an address such as https://discord.com/" in ran.err
    assert HIDDEN not in ran.err
