"""`portfold notifier` as a person runs it, and the demo with a webhook to tell."""

import json
import re
import signal
from pathlib import Path

import pytest

from portfold.cli.exits import INTERRUPTED, OK, UNUSABLE
from portfold.dollars import shown
from portfold.events.codec import decode_decided
from portfold.events.decisions import StopLossTriggered, TradingDayStarted
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.embedded import EmbeddedServer
from tests.cli.command_line import portfold, started
from tests.fake_discord import HIDDEN, FakeDiscord
from tests.processes import config_folder

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


def test_the_demo_tells_a_days_alerts_in_the_order_of_its_log(tmp_path: Path) -> None:
    words = ("demo", "--days", "2", "--symbols", "6B,CL,ES,RTY,SI")
    with FakeDiscord() as discord:
        ran = portfold(*words, cwd=tmp_path, PORTFOLD_DISCORD_URL=discord.url())
        told = discord.texts
    assert ran.code == OK, ran.out + ran.err
    assert ran.out.endswith("All alerts were sent to Discord.\n")
    assert told[0].startswith("Alerts of portfolio main are told here: everything")

    (folder,) = (tmp_path / "portfold-demo").iterdir()
    decisions = _decisions(folder)
    stop = next(one for one in decisions if isinstance(one, StopLossTriggered))
    day = next(one for one in decisions if isinstance(one, TradingDayStarted) and one.previous_day)
    place = next(number for number, text in enumerate(told) if text.startswith("🚨 PORTFOLIO"))
    assert re.fullmatch(
        r"🚨 PORTFOLIO STOP LOSS HIT\n"
        rf"Daily P&L: {re.escape(shown(stop.daily_pnl))}\n"
        r"Limit: \$-2,500\.00\n"
        r"Open positions: [0-9A-Z]+(?:, [0-9A-Z]+)*\n"
        r"Time: 2025-01-06T\d\d:00:00",
        told[place],
    )
    after = "\n".join(told[place + 1 :])
    in_order = ["| daily stop loss |", "✅ FLAT", "denied: stopped_out", "Day 2025-01-06: P&L", "Opened: "]
    places = [after.find(text) for text in in_order]
    assert -1 not in places
    assert places == sorted(places)
    assert f"Day 2025-01-06: P&L {shown(day.daily_pnl)}" in after
    assert f"Entries: {day.entries_requested} asked, {day.entries_allowed} allowed" in after

    written = [path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()]
    assert not any(HIDDEN in text for text in [*written, ran.out, ran.err])


def _decisions(folder: Path) -> list[object]:
    with EmbeddedServer(folder / "server") as server:
        bus = Bus(connect(server.url), "main")
        found = [decode_decided(entry.fields)[0] for entry in bus.decisions_after(ORIGIN, count=9999)]
        bus.close()
    return list(found)
