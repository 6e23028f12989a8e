"""That a position is without its protective stop is told once for as long as it is so."""

import pytest

from portfold.events.wire.notifier_bus import NotifierBus
from portfold.workers.notify import unlogged
from tests.fake_discord import FakeDiscord
from tests.notifier.delivery.told import Notifying
from tests.waiting import until

LONG_MS = 600_000


def without(what: str) -> str:
    return f"🚨 WITHOUT ITS STOP at the broker: {what}"


def test_it_is_told_once_and_anew_when_it_is_another(
    notifier_bus: NotifierBus, tell: Notifying, discord: FakeDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unlogged, "_LOOK_SECONDS", 0.05)

    def firsts() -> list[str]:
        return [text.split("\n")[0].split(" | ")[0] for text in discord.texts]

    with tell():
        notifier_bus.say_without_stop("ES long of ibs-ES", LONG_MS)
        until(lambda: firsts() == [without("ES long of ibs-ES")], "the alert")
        notifier_bus.say_without_stop("ES long of ibs-ES", LONG_MS)  # as the flattener does every 5 seconds
        notifier_bus.say_without_stop("CL long of ibs-CL", LONG_MS)
        until(
            lambda: firsts() == [without("ES long of ibs-ES"), without("CL long of ibs-CL")], "the next alert"
        )
