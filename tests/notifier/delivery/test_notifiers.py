"""What goes where, two notifiers of one portfolio, how one stops, and a place that somebody overwrote."""

import time
from pathlib import Path
from typing import Any

import pytest

from portfold.events.wire.notifier_bus import NotifierBus, former_group
from portfold.workers.notify import outage
from tests.fake_discord import FakeDiscord
from tests.live import Live
from tests.notifier.delivery.told import Notifying, halts, until_noted, until_told
from tests.notifier.notifiers import Notifiers, notifying
from tests.processes import coordinating
from tests.proxy import proxy_to
from tests.server import EmbeddedServer
from tests.waiting import until

# --- what goes where ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("coordinated")
def test_levels_and_kinds_say_what_goes_where(
    server: EmbeddedServer, portfolio: str, live: Live, discord: FakeDiscord, tmp_path: Path
) -> None:
    kinds = {"startup": False, "not_deciding": False}
    with FakeDiscord() as grave:
        destinations: dict[str, tuple[FakeDiscord, dict[str, Any]]] = {
            "all": (discord, {"kinds": kinds | {"trade_opened": False}}),
            "grave": (grave, {"level": "critical", "kinds": kinds | {"trade_closed": True, "flat": False}}),
        }
        with notifying(tmp_path / "config", server.url, portfolio, destinations):
            live.enters("CL")
            live.closes("CL", pnl="-2600", price="97.40")
            halts(live, "end")
            until_told(discord, "end")
            until(lambda: len(grave.texts) == 2, "what is grave")
        assert [text.split(":")[0].split("\n")[0] for text in grave.texts] == [
            "Closed",
            "🚨 PORTFOLIO STOP LOSS HIT",
        ]
        assert "Opened" not in "".join(discord.texts)


@pytest.mark.usefixtures("coordinated")
def test_at_startup_it_says_where_alerts_go_and_which_limits_are_in_force(
    live: Live, discord: FakeDiscord, tell: Notifying, portfolio: str
) -> None:
    halts(live, "lunch")
    with tell(changed={"kinds": {"mark_stale": False}, "level": "warning"}) as notifier:
        halts(live, "fresh")
        until_told(discord, "fresh")
        assert notifier.says("Alerts go to")["wanted"] == "warning and above; without mark_stale"
    with tell(changed={"kinds": {"mark_stale": False}}):
        until(lambda: len(discord.texts) == 2, "the greeting")
    assert discord.texts[1] == (
        f"Alerts of portfolio {portfolio} are told here: everything; without mark_stale\n"
        "Limits in force: max_positions=4, max_contracts=4, daily_stop_loss=$2,500, "
        "symbols=6A, 6B, 6C, 6N, 6S, CL, ES, PL, RTY, SI | HALTED by ann: fresh"
    )


def test_nobody_coordinating_is_told_once(
    live: Live,
    discord: FakeDiscord,
    tell: Notifying,
    monkeypatch: pytest.MonkeyPatch,
    server: EmbeddedServer,
    portfolio: str,
) -> None:
    monkeypatch.setattr(outage, "PATIENCE_SECONDS", 0.3)
    with tell(changed={"kinds": {"startup": False}}):
        until(lambda: len(discord.texts) == 1, "an alert")
        assert discord.texts[0].startswith("🚨 NOBODY COORDINATES: no entry is answered")
        with coordinating(server.url, portfolio):
            halts(live, "back")
            until_told(discord, "back")
        until(lambda: len([text for text in discord.texts if "NOBODY" in text]) == 2, "another alert")


def test_nobody_coordinating_is_told_also_where_the_connection_comes_and_goes(
    discord: FakeDiscord, tell: Notifying, monkeypatch: pytest.MonkeyPatch, server: EmbeddedServer
) -> None:
    monkeypatch.setattr(outage, "PATIENCE_SECONDS", 2.0)
    with (
        proxy_to(server.port) as between,
        tell(url=between.url, changed={"kinds": {"startup": False}}) as notifier,
    ):
        began, cuts = time.monotonic(), 0

        def told_meanwhile() -> list[str]:
            nonlocal cuts
            if time.monotonic() > began + cuts:  # each second, so never is there a connection for two
                cuts += 1
                between.lose("command", b"BLOCK")
            return discord.texts

        until(told_meanwhile, "an alert", seconds=20)
        notifier.says("The log cannot be reached", times=2)
    assert [text.split(":")[0] for text in discord.texts] == ["🚨 NOBODY COORDINATES"]


def test_nothing_is_told_before_it_is_decided(
    server: EmbeddedServer, portfolio: str, live: Live, discord: FakeDiscord, tell: Notifying
) -> None:
    def looks() -> int:
        return int(live.client.info("commandstats")["cmdstat_xinfo|stream"]["calls"])

    with tell():
        live.by_hand("type", "TradingHalted", "by", "ann", "reason", "undecided")
        before = looks()
        until(lambda: looks() > before + 2, "it to be seen")
        assert discord.attempts == []
        with coordinating(server.url, portfolio):
            until_told(discord, "undecided")


# --- two of them ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("coordinated")
def test_of_two_notifiers_one_tells_and_when_it_dies_the_other_goes_on(
    live: Live, discord: FakeDiscord, notifiers: Notifiers, notifier_bus: NotifierBus
) -> None:
    first = notifiers.start()
    second = notifiers.start(ready=False)
    second.says("Standing by")
    halts(live, "one", "two")
    until_noted(notifier_bus)
    first.kill()
    halts(live, "three")
    until_told(discord, "one", "two", "three")
    second.says("Alerts go here")
    assert second.stop() == 0


@pytest.mark.usefixtures("coordinated")
def test_a_notifier_that_was_paused_and_replaced_tells_nothing_more_and_takes_nothing_away(
    live: Live, discord: FakeDiscord, notifiers: Notifiers, notifier_bus: NotifierBus
) -> None:
    first = notifiers.start()
    halts(live, "one")
    until_noted(notifier_bus)
    first.pause()
    second = notifiers.start()
    first.wake()
    halts(live, "two", "three")
    until_told(discord, "one", "two", "three")
    first.says("Another notifier has taken over")
    until_noted(notifier_bus)
    second.kill()
    halts(live, "four")
    until_told(discord, "one", "two", "three", "four")


# --- after an upgrade -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("coordinated")
def test_what_an_earlier_version_read_by_a_consumer_group_is_told_once(
    live: Live, discord: FakeDiscord, tell: Notifying, notifier_bus: NotifierBus
) -> None:
    events, group = notifier_bus.keys.events, former_group("discord")
    with tell():
        halts(live, "one")
        until_told(discord, "one")
        until_noted(notifier_bus)
    live.client.xgroup_create(events, group, str(notifier_bus.last_event()))
    halts(live, "read, and not told", "not read")
    live.client.xreadgroup(group, "notifier", {events: ">"}, count=1)
    with tell():
        until_told(discord, "one", "read,", "not")
    assert live.client.xinfo_groups(events) == []


# --- stopping -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("coordinated")
def test_told_to_stop_it_ends_in_good_order_and_leaves_the_rest_for_the_next(
    live: Live, discord: FakeDiscord, notifiers: Notifiers
) -> None:
    notifier = notifiers.start()
    halts(live, "one")
    until_told(discord, "one")
    discord.always("hang")
    halts(live, "two")
    until(lambda: len(discord.attempts) == 2, "an attempt")
    begun = time.monotonic()
    assert notifier.stop() == 0
    assert time.monotonic() - begun < 10
    assert notifier.texts()[-1] == "Notifier stopped"
    discord.always("ok")
    notifiers.start()
    until_told(discord, "one", "two")


# --- a place that somebody overwrote --------------------------------------------------------------------


@pytest.mark.usefixtures("coordinated")
def test_a_place_that_the_log_has_not_come_to_is_said_and_begun_anew(
    live: Live, discord: FakeDiscord, tell: Notifying, notifier_bus: NotifierBus
) -> None:
    halts(live, "one")
    with tell():
        pass
    live.client.hset(notifier_bus.keys.notifier("discord"), "cursor", "9999999999999-0")
    with tell():
        halts(live, "two")
        until_told(discord, "two")
    assert discord.texts[0].startswith("🚨 ALERTS MISSED, perhaps")


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("how", ["another type", "no cursor", "no term", "no part"])
@pytest.mark.usefixtures("coordinated")
def test_a_place_that_somebody_overwrote_is_said_and_ends_no_notifier(
    live: Live, discord: FakeDiscord, tell: Notifying, notifier_bus: NotifierBus, how: str, *, running: bool
) -> None:
    place = notifier_bus.keys.notifier("discord")

    def overwrite() -> None:
        until_noted(notifier_bus)
        if how == "another type":
            live.client.set(place, "gone")
        else:
            live.client.hset(place, how.removeprefix("no "), "99999999999999999999999-x")

    with tell():
        halts(live, "one")
        until_told(discord, "one")
        if running:
            overwrite()
            if how == "another type":
                until(lambda: "ALERTS MISSED" in "".join(discord.texts), "a word of it")
            halts(live, "two")
            until_told(discord, "one", "two")
    if not running:
        overwrite()
        with tell():
            halts(live, "two")
            until_told(discord, "one", "two")
        lost = how in ("another type", "no cursor")
        assert ("ALERTS MISSED, perhaps" in "".join(discord.texts)) == lost
