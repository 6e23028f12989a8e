"""Two who order limits at the same moment: neither undoes what the other named."""

import threading
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from portfold.cli.exits import Failure
from portfold.cli.operate.limits_order import change_limits
from portfold.coordinator.fold.limits import Limits, changed_limits, limits_named
from portfold.coordinator.views.order_outcome import limits_ordered
from portfold.events.codec import encode_checked
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import SERVERS_TIME, Bus
from portfold.events.wire.connection import connect
from tests.coordinator.story import limits
from tests.live import Live
from tests.server import EmbeddedServer

CHANGES = {
    "max_positions": "2",
    "max_contracts": "3",
    "daily_stop_loss": "900",
    "on_worker_lost": "flatten",
    "stop_loss_on": "realized",
}


class Overtaken(Bus):
    """A bus on which somebody else is quicker, as often as there are words left to say."""

    def __init__(self, client: Any, name: str, *words: Callable[[], list[str]]) -> None:
        super().__init__(client, name)
        self._words = list(words)

    def append(self, fields: Any, stamp: str = SERVERS_TIME) -> StreamId:
        if self._words:
            super().append(self._words.pop(0)(), stamp)
        return super().append(fields, stamp)


def by_bob(read: Limits | None, **changes: str) -> Callable[[], list[str]]:
    return lambda: encode_checked(changed_limits(read, changes, by="bob", reason="careful"))


def named(read: Limits | None) -> dict[str, str]:
    assert read is not None
    return limits_named(read)


def in_force(bus: Bus) -> dict[str, str]:
    return named(limits_ordered(bus).limits)


def test_what_another_ordered_between_is_kept_and_told(
    live: Live, server: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    live.publishes(limits())
    read = limits_ordered(live.bus).limits
    bus = Overtaken(connect(server.url), live.keys.name, by_bob(read, max_positions="2", symbols="CL"))
    event = change_limits(bus, {"daily_stop_loss": "900", "symbols": "ES"}, by="ann", reason="x")
    assert live.events()[-1].id == event
    assert in_force(bus) == named(read) | {
        "max_positions": "2",
        "daily_stop_loss": "900",
        "symbols": "ES",  # named by both: the later order holds
    }
    said = capsys.readouterr().err
    assert "bob ordered limits at the same moment: max_positions=2, symbols=CL.\n" in said
    assert "The last order, given here, sets: max_positions=2; " in said
    bus.close()


def test_who_is_overtaken_without_end_is_told_what_holds(live: Live, server: EmbeddedServer) -> None:
    live.publishes(limits())
    read = limits_ordered(live.bus).limits
    words = [by_bob(read, max_positions=str(number)) for number in range(10, 50)]
    bus = Overtaken(connect(server.url), live.keys.name, *words)
    with pytest.raises(Failure, match="Ordered here: max_positions=1"):
        change_limits(bus, {"daily_stop_loss": "900"}, by="ann", reason="x")
    bus.close()


@pytest.mark.parametrize("seed", range(10))
def test_of_two_who_order_at_once_all_that_they_named_holds(
    seed: int, live: Live, server: EmbeddedServer
) -> None:
    live.publishes(limits())
    names = Random(seed).sample(sorted(CHANGES), 2)
    together = threading.Barrier(len(names))

    def order(name: str) -> None:
        bus = Bus(connect(server.url), live.keys.name)
        bus.log_name()  # is connected
        together.wait(20)
        change_limits(bus, {name: CHANGES[name]}, by=f"who orders {name}", reason="x")
        bus.close()

    people = [threading.Thread(target=order, args=(name,)) for name in names]
    for one in people:
        one.start()
    for one in people:
        one.join(30)
    now = in_force(live.bus)
    assert {name: now[name] for name in names} == {name: CHANGES[name] for name in names}
