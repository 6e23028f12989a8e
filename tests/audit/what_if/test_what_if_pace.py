"""What if less often, or not after a loss, might have been entered: asked about, and swept."""

import pytest

from portfold.coordinator.audit.what_if.sweep import read_range, sweep
from tests.audit.in_memory import InMemory
from tests.audit.supposing import WrittenDown


def a_day() -> WrittenDown:
    story = WrittenDown()
    for symbol in ("ES", "CL", "RTY"):
        story.enters(symbol)
        story.closes(symbol, "-10")
    return story


@pytest.mark.parametrize(
    ("asked", "turned"),
    [
        ({"max_entries": "2"}, [("RTY", "allowed", "max_entries")]),
        ({"max_entries": "3"}, []),
        ({"symbol_entries_week": "1"}, []),
        ({"loss_streak": "2"}, [("RTY", "allowed", "loss_streak")]),
        ({"symbol_loss_streak": "1"}, []),
        ({"worker_rate": "1"}, []),
    ],
)
def test_what_would_have_been_denied(asked: dict[str, object], turned: list[tuple[str, str, str]]) -> None:
    assert a_day().what_if(**asked).turns == turned


def test_a_sweep_asks_for_each_number() -> None:
    points = sweep(InMemory(a_day().log).recorded(), [read_range("loss_streak=1..3")])
    assert [point.tally.denied.total() for point in points] == [2, 1, 0]
