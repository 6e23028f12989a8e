"""Short alerts told apart by their reasons: said on the log, and awaited at the fake Discord."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

from portfold.events.wire.notifier_bus import NotifierBus
from tests.fake_discord import FakeDiscord, Manner
from tests.live import Live
from tests.notifier.notifiers import NotifierThread
from tests.waiting import until

Notifying = Callable[..., AbstractContextManager[NotifierThread]]


def halts(live: Live, *reasons: str) -> None:
    """Each a short alert of its own, told apart by its reason."""
    for reason in reasons:
        live.by_hand("type", "TradingHalted", "by", "ann", "reason", reason)
    live.all_decided()


def reasons(discord: FakeDiscord) -> list[str]:
    """Of all the halts it was told, in order."""
    return [found for text in discord.texts for found in re.findall(r"halted by ann: (\S+)", text)]


def until_told(discord: FakeDiscord, *expected: str) -> None:
    try:
        until(lambda: reasons(discord) == list(expected), f"{expected}")
    except AssertionError as never:
        raise AssertionError(f"{never}; it was told {reasons(discord)}") from None


def has_told_all(notifier_bus: NotifierBus) -> bool:
    told = notifier_bus.delivered("discord")
    return told is not None and told.cursor == notifier_bus.last_event()


def until_noted(notifier_bus: NotifierBus) -> None:
    """From here on nothing is on its way, so that nothing can come twice."""
    until(lambda: has_told_all(notifier_bus), "all to be told and noted")


def numbered(count: int) -> list[str]:
    return [f"n{number}" for number in range(count)]


NOT_TAKING: tuple[Manner, ...] = (
    "error page",
    "refused",
    "limited",
    "limited by a page",
    "hang",
    "reset",
    "nonsense",
    "drip",
)
