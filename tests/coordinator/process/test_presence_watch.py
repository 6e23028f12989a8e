"""Who is lost: no sign of life, or only that of another session which does not announce itself."""

from collections.abc import Callable

import pytest

from portfold.coordinator.fold.state import State
from portfold.coordinator.process.presence_watch import PresenceWatch
from portfold.events.wire.bus import Bus
from tests.coordinator.story import Story

LOST_MS = 5000


@pytest.fixture
def state() -> State:
    """ibs-ES is up, in its session s1."""
    story = Story()
    story.starts("ibs-ES", session="s1")
    return story.state


@pytest.fixture
def looks_at(bus: Bus, state: State) -> Callable[[float], list[str]]:
    """Looks when the clock shows so many seconds; gives the sessions that lapsed."""
    clock = [0.0]
    watch = PresenceWatch(bus, worker_lost_ms=LOST_MS, monotonic=lambda: clock[0])

    def look(seconds: float) -> list[str]:
        clock[0] = seconds
        return [lost.session for lost in watch.lapsed(state)]

    return look


def test_nobody_is_judged_before_a_heartbeat_could_have_been_renewed(
    looks_at: Callable[[float], list[str]],
) -> None:
    assert looks_at(4.999) == []
    assert looks_at(5) == ["s1"]


def test_who_gives_signs_of_life_is_not_lost(bus: Bus, looks_at: Callable[[float], list[str]]) -> None:
    bus.beat("ibs-ES", "s1", 60_000)
    assert [looks_at(second) for second in (5, 6, 7)] == [[], [], []]


def test_a_successor_has_until_the_next_look_to_announce_itself(
    bus: Bus, state: State, looks_at: Callable[[float], list[str]]
) -> None:
    """It gives its sign of life a moment before it says that it has started."""
    bus.beat("ibs-ES", "s2", 60_000)
    assert looks_at(5) == []
    state.workers["ibs-ES"].session = "s2"
    assert looks_at(6) == []


def test_one_that_does_not_announce_itself_keeps_no_dead_session_alive(
    bus: Bus, looks_at: Callable[[float], list[str]]
) -> None:
    bus.beat("ibs-ES", "s2", 60_000)
    assert looks_at(5) == []
    assert looks_at(5.4) == [], "it looks twice a second"
    assert looks_at(5.5) == ["s1"]


def test_who_has_stopped_in_good_order_is_not_looked_for(
    state: State, looks_at: Callable[[float], list[str]]
) -> None:
    state.workers["ibs-ES"].presence = "stopped"
    assert looks_at(5) == []
