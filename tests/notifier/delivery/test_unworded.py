"""An event that cannot be put into words is said to be one, and keeps back nothing that comes after it."""

import pytest

from portfold.coordinator.expected.lived import Expectation
from portfold.coordinator.store.recorded import Recorded
from portfold.workers.notify import service
from portfold.workers.notify.alerts import Worded, alerts_of
from portfold.workers.notify.book import AlertMemory
from portfold.workers.notify.words.wording import When
from tests.fake_discord import FakeDiscord
from tests.live import Live
from tests.notifier.delivery.told import Notifying, halts, until_told


def alerts_of_all_but_bad(
    book: AlertMemory, recorded: Recorded, clock: When, expectation: Expectation | None
) -> Worded:
    if any(field.startswith("bad") for field in recorded.event.fields):
        raise ValueError("so bad")
    return alerts_of(book, recorded, clock, expectation)


@pytest.mark.usefixtures("coordinated")
def test_a_fault_in_the_words_of_one_event_is_said_and_ends_no_alerts(
    live: Live, discord: FakeDiscord, tell: Notifying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "alerts_of", alerts_of_all_but_bad)
    with tell() as notifier:
        halts(live, "one", "bad-1", "bad-2", "two")
        until_told(discord, "one", "two")
        assert notifier.running
        said = notifier.says("No words for an event", times=2)
        assert said["why"] == "ValueError: so bad"
    (missed,) = [text for text in discord.texts if "MISSED" in text]
    assert " cannot be put into words, by a fault of the notifier's own: ValueError\n" in missed
