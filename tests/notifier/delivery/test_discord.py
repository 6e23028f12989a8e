"""From the log to Discord, on real sockets and a real server: nothing lost, in order, whatever it does."""

import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from portfold.events.wire.notifier_bus import NotifierBus
from portfold.workers.notify import attempt, waiting
from portfold.workers.notify.sinks import discord as discord_sink
from tests.fake_discord import MANNERS, FakeDiscord, Manner
from tests.live import Live
from tests.notifier.delivery.told import (
    NOT_TAKING,
    Notifying,
    halts,
    numbered,
    reasons,
    until_noted,
    until_told,
)
from tests.notifier.notifiers import notifying
from tests.server import EmbeddedServer
from tests.waiting import until


@pytest.mark.usefixtures("coordinated")
def test_an_outage_delays_alerts_and_loses_none(
    live: Live, discord: FakeDiscord, tell: Notifying, notifier_bus: NotifierBus
) -> None:
    with tell() as notifier:
        halts(live, "before")
        until_told(discord, "before")
        until_noted(notifier_bus)
        discord.vanish()
        halts(live, *numbered(5))
        notifier.says("Alerts do not get through")
        discord.come_back()
        until_told(discord, "before", *numbered(5))
        notifier.says("Alerts get through again")


@pytest.mark.parametrize("manner", NOT_TAKING)
@pytest.mark.usefixtures("coordinated")
def test_what_did_not_get_through_is_told_once_it_does(
    live: Live, discord: FakeDiscord, tell: Notifying, manner: Manner
) -> None:
    discord.next(manner, manner)
    with tell():
        halts(live, "one")
        until_told(discord, "one")
        halts(live, "two")
        until_told(discord, "one", "two")


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.usefixtures("coordinated")
def test_on_a_bad_day_all_comes_in_order_and_twice_only_what_was_taken_without_a_word(
    live: Live, discord: FakeDiscord, tell: Notifying, seed: int
) -> None:
    random = Random(seed)
    manners = random.choices([manner for manner in MANNERS if manner != "drip headers"], k=25)
    discord.next(*manners)
    with tell():
        for number in range(12):
            halts(live, f"n{number}")
            if random.random() < 0.5:
                until(lambda: f"n{number}" in reasons(discord), "the last one")  # noqa: B023 - called at once
        until(lambda: reasons(discord)[-1:] == ["n11"], "the last of all")
        until(lambda: discord.attempts[-1].manner in ("ok", "no content", "ok, last for now"), "a word of it")
    told = reasons(discord)
    assert list(dict.fromkeys(told)) == numbered(12)
    for place, post in enumerate(discord.told):
        if post.content in [other.content for other in discord.told[:place]]:
            assert discord.told[place - 1].manner.startswith("taken")


@pytest.mark.usefixtures("coordinated")
def test_an_attempt_that_never_ends_is_left_behind(
    live: Live, discord: FakeDiscord, tell: Notifying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "ATTEMPT_SECONDS", 0.2)
    monkeypatch.setattr(discord_sink, "READ_SECONDS", 30)
    discord.always("drip headers")
    with tell() as notifier:
        halts(live, "one")
        assert notifier.says("Alerts do not get through")["why"] == "no end of it within 0.2 s"
        until(lambda: "earlier attempts still hang" in notifier.written(), "a bound")
        until(lambda: len(discord.attempts) == 3, "three attempts")
        monkeypatch.setattr(attempt, "ATTEMPT_SECONDS", 30)
        discord.always("ok")
        discord.vanish()  # which ends those that hang
        discord.come_back()
        until_told(discord, "one")


@pytest.mark.usefixtures("coordinated")
def test_what_is_too_long_for_a_service_is_told_in_parts(
    live: Live, discord: FakeDiscord, tell: Notifying
) -> None:
    discord.refuses = lambda text: len(text) > 300
    with tell(merge_seconds=1):
        halts(live, *numbered(12))
        until_told(discord, *numbered(12))
        halts(live, "long" + "x" * 450)
        until(lambda: reasons(discord)[-1].startswith("long"), "the beginning of a long one")
        halts(live, "after")
        until(lambda: reasons(discord)[-1] == "after", "what came after")
    assert discord.texts[-2].endswith("x…")
    assert "ALERTS MISSED" not in "".join(discord.texts)


@pytest.mark.usefixtures("coordinated")
def test_one_message_that_is_refused_for_good_keeps_back_no_other(
    live: Live, discord: FakeDiscord, tell: Notifying, notifier_bus: NotifierBus
) -> None:
    discord.refuses = lambda text: "poison" in text
    with tell(merge_seconds=1) as notifier:
        live.enters("CL")
        halts(live, "before", "poison", "after")
        live.closes("CL", pnl="-2600", price="97.40")
        until(lambda: "STOP LOSS HIT" in "".join(discord.texts), "the stop")
        until(lambda: "ALERTS MISSED" in "".join(discord.texts), "what was passed over")
        until_noted(notifier_bus)
        passed_over = notifier.says("An alert is refused for good and passed over")
    assert reasons(discord) == ["before", "after"]
    assert "halted by ann: poison" in passed_over["said"]
    [missed] = [text for text in discord.texts if "ALERTS MISSED" in text]
    assert "An alert was refused here and passed over: Discord answered 400" in missed


@pytest.mark.usefixtures("coordinated")
def test_a_service_that_refuses_everything_makes_no_word_about_a_word(
    live: Live, discord: FakeDiscord, tell: Notifying, notifier_bus: NotifierBus
) -> None:
    discord.refuses = lambda _: True
    with tell() as notifier:
        halts(live, "one", "two")
        until_noted(notifier_bus)
        notifier.says("An alert is refused for good and passed over", times=2)
        discord.refuses = lambda _: False
        halts(live, "three")
        until_told(discord, "three")


@pytest.mark.usefixtures("coordinated")
def test_one_that_hangs_holds_up_no_other(
    server: EmbeddedServer, portfolio: str, live: Live, discord: FakeDiscord, tmp_path: Path
) -> None:
    with FakeDiscord() as other:
        discord.always("hang")
        destinations: dict[str, tuple[FakeDiscord, dict[str, Any]]] = {
            "hanging": (discord, {}),
            "well": (other, {}),
        }
        with notifying(tmp_path / "config", server.url, portfolio, destinations):
            halts(live, "one", "two")
            until_told(other, "one", "two")
            assert reasons(discord) == []


@pytest.mark.usefixtures("coordinated")
def test_after_an_outage_what_is_stale_is_summarized(
    live: Live, discord: FakeDiscord, tell: Notifying, notifier_bus: NotifierBus
) -> None:
    discord.vanish()
    with tell(stale_seconds=0.3):
        live.enters("CL")
        for _ in range(4):
            live.asks("CL", worker="other")
        live.closes("CL", pnl="-2600", price="97.40")
        live.all_decided()
        until(lambda: live.bus.now_ms() - live.bus.last_event().ms > 400, "it to be stale")
        discord.come_back()
        until(lambda: len(discord.texts) == 1, "the summary")
        until_noted(notifier_bus)
    with tell(changed={"kinds": {"startup": False}}):
        halts(live, "fresh")
        until_told(discord, "fresh")
    summary = discord.texts[0].splitlines()
    assert summary[0].startswith("⏳ Not told in time, ")
    stopped = r"\d\d:\d\d:\d\d C[SD]T 🚨 PORTFOLIO STOP LOSS HIT .*Open positions: none"
    assert re.fullmatch(stopped, summary[1])
    assert "✅ FLAT" in summary[2]
    assert summary[3:] == [
        "Workers started: 1",
        "Trades opened: 1",
        "Entries denied: 4 (symbol_in_position 4)",
        "Trades closed: 1",
    ]


@pytest.mark.usefixtures("coordinated")
def test_more_than_may_wait_waits_on_the_log(
    live: Live, discord: FakeDiscord, tell: Notifying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MOST_EVENTS", 10)
    discord.vanish()
    with tell():
        halts(live, *numbered(60))
        discord.come_back()
        until(lambda: reasons(discord)[-1:] == ["n59"], "the last of all")
    assert reasons(discord) == numbered(60)
