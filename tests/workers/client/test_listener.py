"""What a listener hears, and when: decisions and pulls of the kill switch are read in one go."""

import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from portfold.events.codec import encode
from portfold.events.decisions import FlattenOrdered
from portfold.events.wire.bus import Bus, Entry
from portfold.events.wire.connection import connect
from portfold.log import open_log
from portfold.workers.client.closing.flatten_order import FlattenOrder, order_for, pull_fields
from portfold.workers.client.listener import Listener
from tests.server import EmbeddedServer
from tests.waiting import until

FLOOD = 5_000


class Heard:
    """A listener, how many decisions it has read, and each order with how many it had read by then."""

    def __init__(self, bus: Bus) -> None:
        self.decisions = 0
        self.orders: list[tuple[str, int]] = []
        self.said = io.StringIO()
        log, self.lines = open_log("ibs-ES", target=self.said)
        self.listener = Listener(
            bus,
            read=self._read,
            on_order=lambda order: self.orders.append((order.cause, self.decisions)),
            on_silence=lambda: None,
            each_step=lambda: None,
            log=log,
        )

    def _read(self, entry: Entry) -> FlattenOrder | None:
        self.decisions += 1
        return order_for("ibs-ES", entry)


@pytest.fixture
def listening(server: EmbeddedServer, portfolio: str) -> Iterator[Callable[[], Heard]]:
    """Makes a listener that listens."""
    bus = Bus(connect(server.url, timeout_seconds=40), portfolio)
    made: list[Heard] = []

    def listen() -> Heard:
        made.append(Heard(bus))
        made[-1].listener.start()
        return made[-1]

    yield listen
    bus.pull_killswitch(pull_fields("the end", "", None))  # whoever waits for an order gets one
    for each in made:
        each.listener.close()
        each.lines.close()
    bus.close()


def decided(number: int) -> list[str]:
    order = FlattenOrdered("5-0", "the decisions", 0, everything=True)
    return [*encode(order), "event", f"{number}-0", "chain", "c"]


@pytest.mark.parametrize("stream", ["killswitch", "decisions"])
def test_a_listener_that_waits_hears_at_once(
    listening: Callable[[], Heard], bus: Bus, client: Any, monkeypatch: pytest.MonkeyPatch, stream: str
) -> None:
    monkeypatch.setattr(
        "portfold.workers.client.listener.LISTEN_SECONDS", 30.0
    )  # what is not heard at once is never heard
    heard = listening()
    until(lambda: client.info("clients")["blocked_clients"] > 0, "a listener that waits")
    if stream == "killswitch":
        bus.pull_killswitch(pull_fields("jane", "panic", None))
    else:
        client.execute_command("XADD", bus.keys.decisions, "*", *decided(7))
    until(lambda: heard.orders, "the order", seconds=10)


@pytest.mark.parametrize("repeat", range(3))
def test_a_pull_is_heard_before_the_decisions_that_flow(
    listening: Callable[[], Heard], bus: Bus, client: Any, repeat: int
) -> None:
    heard = listening()
    with client.pipeline(transaction=True) as commands:  # at one moment
        for number in range(FLOOD):
            words = ("type", "PortfolioFlat", "event", f"{number + 1}-0")
            commands.execute_command("XADD", bus.keys.decisions, f"{number + 1}-1", *words)
        commands.execute_command("XADD", bus.keys.killswitch, "*", *pull_fields(f"jane {repeat}", "", None))
        commands.execute()
    until(lambda: heard.decisions == FLOOD, "all decisions")
    assert heard.orders == [(f"kill switch by jane {repeat}", 0)]


def test_pulls_keep_no_decision_waiting_nor_decisions_a_pull(
    listening: Callable[[], Heard], bus: Bus, client: Any
) -> None:
    heard, stop = listening(), threading.Event()

    def flow() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            words = ("type", "PortfolioFlat", "event", f"{number}-0")
            client.execute_command("XADD", bus.keys.decisions, f"{number}-1", *words)

    flowing = threading.Thread(target=flow)
    flowing.start()
    try:
        until(lambda: heard.decisions > 100, "decisions that flow")
        for by in ("ann", "bob"):
            bus.pull_killswitch(pull_fields(by, "", None))
            until(lambda by=by: f"kill switch by {by}" in dict(heard.orders), "the pull")  # type: ignore[misc]
    finally:
        stop.set()
        flowing.join(20)


@pytest.mark.parametrize("overwritten", ["killswitch", "decisions"])
def test_where_somebody_overwrote_one_stream_the_other_is_heard(
    listening: Callable[[], Heard], bus: Bus, client: Any, overwritten: str
) -> None:
    heard = listening()
    key = getattr(bus.keys, overwritten)
    client.set(key, "somebody's text")
    if overwritten == "killswitch":
        client.execute_command("XADD", bus.keys.decisions, "*", *decided(7))
    else:
        bus.pull_killswitch(pull_fields("jane", "panic", None))
    until(lambda: heard.orders, "the order from the other")
    until(lambda: f"NOT HEARD: {key} " in heard.said.getvalue(), "that to be said")
    client.delete(key)
    if overwritten == "killswitch":
        bus.pull_killswitch(pull_fields("joe", "panic", None))
    else:
        client.execute_command("XADD", bus.keys.decisions, "*", *decided(7))
    until(lambda: len(heard.orders) == 2, "the order from the one that is a stream again")
    assert heard.said.getvalue().count(f"NOT HEARD: {key} ") == 1
