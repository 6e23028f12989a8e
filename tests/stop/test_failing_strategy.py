"""An order to close that fails in the strategy or at its broker is tried again; it needs no coordinator."""

from collections.abc import Callable, Iterator

import pytest

from portfold.events.wire.bus import Bus
from portfold.log import open_log
from portfold.workers.client.closing.flatten_order import FlattenOrder, pull_fields
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from tests.server import EmbeddedServer
from tests.waiting import until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.05)
    monkeypatch.setattr("portfold.workers.client.closing.carrier._RETRY_SECONDS", 0.01)


class Strategy:
    """Fails to close so many times; `tried` are the orders it was given."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.tried: list[FlattenOrder] = []

    def close(self, order: FlattenOrder) -> None:
        self.tried.append(order)
        if len(self.tried) <= self.failures:
            raise RuntimeError("the broker is away")

    @property
    def closed(self) -> bool:
        return len(self.tried) > self.failures


@pytest.fixture
def gate_of(portfolio: str) -> Iterator[Callable[..., PortfolioGate]]:
    """Makes the gate of some strategies; it is closed with the test."""
    made: list[PortfolioGate] = []
    log, lines = open_log("ibs-ES")

    def gate(url: str, *strategies: Strategy) -> PortfolioGate:
        settings = GateSettings(
            url=url,
            portfolio=portfolio,
            heartbeat_seconds=0.02,
            answer_seconds=0.1,
            bus_loss_seconds=0.1,
            on_bus_loss="flatten",
        )
        made.append(PortfolioGate("ibs-ES", settings=settings, log=log))
        for strategy in strategies:
            made[-1].on_flatten(strategy.close)
        return made[-1].start()

    yield gate
    for each in made:
        each.close()
    lines.close()


def test_a_pull_of_the_kill_switch_that_failed_is_tried_again_until_it_does_not(
    gate_of: Callable[..., PortfolioGate], server: EmbeddedServer, bus: Bus
) -> None:
    strategy = Strategy(failures=3)
    gate_of(server.url, strategy)
    bus.pull_killswitch(pull_fields("jane", "panic", bus.last_event()))
    until(lambda: strategy.closed, "a try that does not fail")
    assert {order.cause for order in strategy.tried} == {"kill switch by jane"}
    bus.pull_killswitch(pull_fields("joe", "panic", bus.last_event()))
    until(lambda: strategy.tried[-1].cause == "kill switch by joe", "the next order")
    assert len(strategy.tried) == 5, "what succeeded is not tried again"


def test_a_strategy_that_always_fails_is_given_up_until_the_next_order(
    gate_of: Callable[..., PortfolioGate], server: EmbeddedServer, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.client.closing.carrier._TRIES", 3)
    broken, sound = Strategy(failures=10_000), Strategy(failures=0)
    gate_of(server.url, broken, sound)
    bus.pull_killswitch(pull_fields("jane", "panic", bus.last_event()))
    until(lambda: len(broken.tried) == 3, "three tries")
    bus.pull_killswitch(pull_fields("joe", "panic", bus.last_event()))
    until(lambda: len(broken.tried) == 6, "three tries more")
    assert [order.cause for order in sound.tried] == ["kill switch by jane", "kill switch by joe"]
    assert [order.cause for order in broken.tried] == 3 * ["kill switch by jane"] + 3 * ["kill switch by joe"]


def test_what_failed_when_the_bus_was_lost_is_tried_again(gate_of: Callable[..., PortfolioGate]) -> None:
    strategy = Strategy(failures=2)
    gate_of("redis://127.0.0.1:1/0", strategy)
    until(lambda: strategy.closed, "a try that does not fail")
    assert {order.cause for order in strategy.tried} == {"bus lost"}
