"""A notifier may be killed at any step: nothing is lost, order is kept, one message at most comes twice."""

import signal

import pytest

from portfold.events.wire.notifier_bus import NotifierBus
from tests.fake_discord import FakeDiscord
from tests.live import Live
from tests.notifier.doomed import PLACES
from tests.notifier.notifiers import Notifiers
from tests.processes import ChildProcess, coordinating
from tests.server import EmbeddedServer
from tests.waiting import until

ONCE_MORE = ("sent", "before noting")
"""Where it has told something, and nobody has noted that yet."""


def a_bad_morning(live: Live) -> None:
    """Trades, a stop, and what follows."""
    live.enters("ES", "CL")
    live.closes("CL", pnl="-2600", price="97.40")
    live.closes("ES", pnl="0")
    live.halt()


def has_told_all(notifier_bus: NotifierBus) -> bool:
    told = notifier_bus.delivered("discord")
    return told is not None and told.cursor == notifier_bus.last_event()


def died(notifier: ChildProcess) -> None:
    until(lambda: not notifier.running, "the notifier's death")
    assert notifier.stop() == -signal.SIGKILL


def lines(texts: list[str]) -> list[str]:
    return [line for text in texts for line in text.splitlines()]


@pytest.mark.parametrize(
    ("place", "nth"),
    [(place, nth) for place in PLACES for nth in ((1, 3) if place != "taken over" else (1,))],
)
def test_killed_where(
    server: EmbeddedServer,
    live: Live,
    discord: FakeDiscord,
    notifiers: Notifiers,
    notifier_bus: NotifierBus,
    place: str,
    nth: int,
) -> None:
    with coordinating(server.url, live.keys.name):
        notifier_bus.take_over("discord", "test", 1)  # so that it begins before the story does
        a_bad_morning(live)
        live.all_decided()
    died(notifiers.start(doom=place, nth=nth, ready=False))
    before = discord.texts
    last = notifiers.start()
    until(lambda: has_told_all(notifier_bus), "all to be told")
    told = discord.texts

    repeated = [text for index, text in enumerate(told) if text in told[:index]]
    assert len(repeated) == (1 if place in ONCE_MORE else 0), told
    if repeated:
        assert told[len(before) - 1] == told[len(before)]  # the one that was on its way, and no other
        del told[len(before)]
    firsts = [line.split(" long")[0].split(" LOSS")[0] for line in lines(told)]
    expected = ["Opened: ES", "Opened: CL", "Closed: CL", "🚨 PORTFOLIO STOP", "Closed: ES"]
    assert [line for line in firsts if line in expected] == expected
    assert "✅ FLAT" in told[-2]
    assert "Trading halted by ann: news" in told[-1]
    assert last.stop() == 0
    assert has_told_all(notifier_bus)
