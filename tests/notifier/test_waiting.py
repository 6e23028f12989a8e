"""What waits, and how far it is told: after a restart at any point each alert is told that was not yet."""

from hypothesis import given
from hypothesis import strategies as st

from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.notifier_bus import DeliveryCursor
from portfold.workers.notify.alert import Alert
from portfold.workers.notify.book import AlertMemory
from portfold.workers.notify.waiting import Waiting, WaitingEvent

EVENTS = st.lists(st.integers(0, 4), max_size=12)
"""How many alerts each event has."""


def held(number: int, alerts: int, since: float = 0.0) -> WaitingEvent:
    own = tuple(
        (2 * index + 1, Alert("halted", "warning", number, (f"{number}.{index}",))) for index in range(alerts)
    )
    return WaitingEvent(StreamId(number, 0), own, AlertMemory(leader=f"after {number}"), since)


def own_words() -> WaitingEvent:
    return WaitingEvent(None, ((0, Alert("startup", "info", 0, ("hello",))),), AlertMemory(), 0.0)


def lines(waiting: Waiting) -> list[str]:
    return [alert.lines[0] for alert in waiting.alerts]


def filled(counts: list[int], told: DeliveryCursor, *, greets: bool) -> Waiting:
    """What waits after a start at the place `told`, when everything has been read."""
    waiting = Waiting(told, AlertMemory())
    if greets:
        waiting.add(own_words())
    for number, alerts in enumerate(counts, start=1):
        if StreamId(number, 0) > told.cursor:
            waiting.add(held(number, alerts))
    return waiting


@given(EVENTS, st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.booleans())))
def test_whatever_is_told_and_wherever_it_is_restarted_each_alert_is_told_once_and_in_order(
    counts: list[int], steps: list[tuple[int, bool, bool]]
) -> None:
    expected = [f"{number}.{index}" for number, many in enumerate(counts, 1) for index in range(many)]
    told: list[str] = []
    waiting = filled(counts, DeliveryCursor(ORIGIN, 0, ""), greets=False)
    for most, restarts, greets in steps:
        count = min(most, waiting.count)
        told += [line for line in lines(waiting)[:count] if line != "hello"]
        waiting.deliver(count)
        if restarts:
            waiting = filled(counts, waiting.delivered, greets=greets)
    told += [line for line in lines(waiting) if line != "hello"]
    assert told == expected


@given(EVENTS)
def test_when_all_is_told_all_can_be_noted(counts: list[int]) -> None:
    waiting = filled(counts, DeliveryCursor(ORIGIN, 0, ""), greets=True)
    assert waiting.count == len(lines(waiting)) == sum(counts) + 1
    waiting.deliver(waiting.count)
    assert waiting.behind == len(counts) + 1, "the greeting may come with something to note, too"
    assert (waiting.delivered.cursor, waiting.delivered.part) == (
        StreamId(len(counts), 0) if counts else ORIGIN,
        0,
    )
    waiting.noted()
    assert waiting.behind == 0


def test_an_event_without_alerts_is_dealt_with_as_soon_as_nothing_before_it_waits() -> None:
    waiting = Waiting(DeliveryCursor(ORIGIN, 0, ""), AlertMemory())
    waiting.add(held(1, 0))
    assert waiting.delivered.cursor == StreamId(1, 0)
    waiting.add(held(2, 1, since=5.0))
    waiting.add(held(3, 0))
    assert waiting.delivered.cursor == StreamId(1, 0)
    assert waiting.since == 5.0
    waiting.deliver(1)
    assert (waiting.delivered.cursor, waiting.behind) == (StreamId(3, 0), 3)
    assert '"after 3"' in waiting.delivered.book


def test_the_part_names_the_alert_by_its_number_and_not_by_its_rank() -> None:
    """So that it stays true when a restarted notifier wants other kinds."""
    waiting = Waiting(DeliveryCursor(ORIGIN, 0, ""), AlertMemory())
    waiting.add(held(1, 3))
    waiting.deliver(1)
    assert waiting.delivered.part == 3
    again = Waiting(waiting.delivered, AlertMemory())
    again.add(held(1, 3))
    assert lines(again) == ["1.1", "1.2"]
