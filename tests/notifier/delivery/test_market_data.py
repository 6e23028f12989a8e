"""How the market's data stands is told: once it lasts, once that it is over, and nothing twice."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.events.wire.market import NewPrice
from portfold.events.wire.notifier_bus import NotifierBus
from portfold.workers.notify import outage, unlogged
from tests.fake_discord import FakeDiscord
from tests.live import Live
from tests.notifier.delivery.told import Notifying, halts, until_told
from tests.waiting import until

LONG_MS = 600_000
LOST = "The connection to Databento was lost."


class Feed:
    """What a feed writes to the bus beside its minutes."""

    def __init__(self, bus: NotifierBus) -> None:
        self._bus = bus
        self._epoch = 0
        self.begins()

    def begins(self) -> None:
        self._epoch = self._bus.take_feed("here 1 feed", LONG_MS).epoch
        self._bus.write_prices(self._epoch, "databento", [NewPrice("ES", Decimal(6000), None)])

    def says(self, **notices: str) -> None:
        self._bus.write_notices(self._epoch, {name.replace("_", " "): text for name, text in notices.items()})

    def dies(self) -> None:
        self._bus.keep_feed("here 1 feed", 0, self._epoch)


@pytest.fixture(autouse=True)
def soon_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "PATIENCE_SECONDS", 0.4)
    monkeypatch.setattr(unlogged, "_LOOK_SECONDS", 0.05)


@pytest.fixture
def feed(notifier_bus: NotifierBus) -> Feed:
    return Feed(notifier_bus)


def firsts(discord: FakeDiscord) -> list[str]:
    """The first line of each message, without its time."""
    return [text.split("\n")[0].split(" | ")[0] for text in discord.texts]


def until_firsts(discord: FakeDiscord, *expected: str) -> None:
    try:
        until(lambda: firsts(discord) == list(expected), f"{expected}")
    except AssertionError as never:
        raise AssertionError(f"{never}; it was told {firsts(discord)}") from None


def until_noted(bus: NotifierBus, *texts: str) -> None:
    """What is remembered of the market holds these, so that a restart tells none of it again."""

    def noted() -> bool:
        delivered = bus.delivered("discord")
        return delivered is not None and all(text in delivered.book for text in texts)

    until(noted, f"{texts} to be noted")


def test_a_connection_that_is_lost_for_long_is_told_once_and_once_that_it_is_over(
    feed: Feed, tell: Notifying, discord: FakeDiscord
) -> None:
    lost = f"🚨 MARKET DATA, disconnected: {LOST}"
    with tell():
        feed.says(disconnected=LOST)
        until_firsts(discord, lost)
        feed.says(disconnected="It was lost again.")  # the same trouble, in other words
        feed.says(silent_ES="ES has given no price.")
        silent = "🚨 MARKET DATA, silent ES: ES has given no price."
        until_firsts(discord, lost, silent)
        feed.says(wrong_price_ES="ES at 59.90 is of another order of magnitude.")
        wrong = "🚨 MARKET DATA, wrong price ES: ES at 59.90 is of another order of magnitude."
        until_firsts(discord, lost, silent, wrong)
        feed.says(disconnected="")
        until_firsts(discord, lost, silent, wrong, "✅ The feed says no longer: disconnected")


def test_what_is_wrong_for_a_moment_is_not_told(feed: Feed, tell: Notifying, discord: FakeDiscord) -> None:
    with tell():
        feed.says(disconnected=LOST)
        feed.says(disconnected="", slow_reader="It reads too slowly.")
        until_firsts(discord, "Market data, slow reader: It reads too slowly.")


def test_that_nobody_feeds_is_told_once_over_restarts_of_the_notifier(
    feed: Feed, tell: Notifying, discord: FakeDiscord, notifier_bus: NotifierBus
) -> None:
    missing = "🚨 NO FEED: no bar comes, and no position is marked between bars"
    with tell():
        feed.dies()
        until_firsts(discord, missing)
        assert "The last price is " in discord.texts[0]
        assert "Start: portfold feed" in discord.texts[0]
        until_noted(notifier_bus, "no feed")
    with tell():
        feed.says(gap="From 10:00 to 10:05.")
        until_firsts(discord, missing, "Gap in the market data: From 10:00 to 10:05.")
        feed.begins()
        until_firsts(discord, *firsts(discord)[:2], "✅ The market is fed again")


def test_gaps_and_rolls_are_told_once_and_those_of_before_the_first_notifier_never(
    feed: Feed, tell: Notifying, discord: FakeDiscord, notifier_bus: NotifierBus
) -> None:
    feed.says(gap="Last week.", roll_ES="ES is ESZ6 now.")
    with tell():
        until_noted(notifier_bus, "Last week.", "ES is ESZ6 now.")
        feed.says(roll_ES="ES is ESH7 now.")
        until_firsts(discord, "Rolled: ES is ESH7 now.")
        until_noted(notifier_bus, "ESH7")
    feed.says(gap="While nobody told of it.")
    with tell():
        until_firsts(discord, "Rolled: ES is ESH7 now.", "Gap in the market data: While nobody told of it.")


def test_what_somebody_else_wrote_in_its_place_keeps_no_other_alert_back(
    notifier_bus: NotifierBus, client: Any, tell: Notifying, discord: FakeDiscord, feed: Feed
) -> None:
    client.set(notifier_bus.keys.feed_notices, "mine")
    with tell() as notifier:
        notifier.says("The market's data cannot be read")
        client.delete(notifier_bus.keys.feed_notices)
        feed.says(refused="The key is not known.")
        until_firsts(discord, "🚨 MARKET DATA, refused: The key is not known.")


@pytest.mark.usefixtures("coordinated")
def test_without_a_feed_there_is_nothing_to_tell(tell: Notifying, discord: FakeDiscord, live: Live) -> None:
    with tell():
        halts(live, "lunch")
        until_told(discord, "lunch")
    assert len(discord.texts) == 1
