"""Orders to flatten come to the strategy: none is missed, none is heard twice."""

from decimal import Decimal
from pathlib import Path

import pytest

from portfold.events.decisions import StopLossTriggered
from portfold.events.legs import Holding, Leg
from tests.coordinator.story import only
from tests.live import Live
from tests.processes import config_folder, coordinating
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.client.gates import Gates, Strategy

pytestmark = pytest.mark.usefixtures("listen_briefly")


def stopped_out(live: Live) -> StopLossTriggered:
    """Another worker loses what may be lost in a day."""
    live.asks("CL")
    live.fills("CL")
    return only(StopLossTriggered, live.closes("CL", pnl="-2500", price="97.505", commission="5"))


@pytest.mark.usefixtures("coordinator")
def test_the_stop_comes_to_the_strategy_on_a_thread_of_its_own_with_what_it_holds(
    gates: Gates, live: Live
) -> None:
    strategy = Strategy(closes=True)
    strategy.gate = gates(callbacks=(strategy,))
    assert strategy.gate.request_entry("ES")
    strategy.gate.position_opened("ES", price="100")
    live.all_decided()
    stop = stopped_out(live)
    until(lambda: live.status()["flattening"] == "", "the last close")
    [order] = strategy.orders
    assert order.cause == "daily stop loss"
    assert order.everything
    assert order.positions == (Leg("ES", "long", 1, "ibs-ES"),)
    assert (order.episode, str(order.event)) == (stop.episode, stop.episode)
    assert strategy.threads == ["flatten"]
    assert live.status()["stopped_out"] == "true"


@pytest.mark.usefixtures("coordinator")
def test_a_stop_that_happened_while_the_worker_was_down_comes_when_it_is_back(
    gates: Gates, live: Live
) -> None:
    first = gates()
    first.request_entry("ES")
    first.position_opened("ES", price="100")
    gates.close(first, "crashed, say")
    stopped_out(live)
    strategy = Strategy(closes=True)
    strategy.gate = gates(callbacks=(strategy,), holdings=lambda: [Holding("ES", "long", 1, Decimal(100))])
    order = until(lambda: next(iter(strategy.orders), None), "the order")
    assert order.positions == (Leg("ES", "long", 1, "ibs-ES"),)
    until(lambda: live.status()["open_positions_count"] == "0", "a flat book")
    strategy(order)  # told twice: what is closed already is refused, and not counted again
    live.all_decided()
    assert live.status()["realized_pnl"] == "-2505.00"
    assert live.status()["events_rejected"] == "1"


def test_a_strategy_that_fails_is_told_again_when_it_is_overdue_and_others_are_told_all_the_same(
    gates: Gates,
    live: Live,
    server: EmbeddedServer,
    portfolio: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "portfold.workers.client.closing.carrier._RETRY_SECONDS", 30
    )  # so that only reminders tell it again
    soon = config_folder(tmp_path / "config", runtime={"flatten_seconds": 0.1})
    with coordinating(server.url, portfolio, config=soon):
        failing, fine = Strategy(closes=True, failing=2), Strategy()
        failing.gate = gates(callbacks=(failing, fine))
        failing.gate.request_entry("ES")
        failing.gate.position_opened("ES", price="100")
        live.all_decided()
        stopped_out(live)
        until(lambda: live.status()["flattening"] == "", "the last close")
        assert [order.cause for order in failing.orders] == [
            "daily stop loss",
            "flatten overdue",
            "flatten overdue",
        ]
        assert [order.cause for order in fine.orders] == ["daily stop loss"], "it has not failed"
        assert "the broker is closed" in gates.logged("FLATTEN FAILED in the strategy")["why"]


def test_a_strategy_that_closes_and_reports_nothing_is_asked_once_and_told(
    gates: Gates, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    soon = config_folder(tmp_path / "config", runtime={"flatten_seconds": 0.1})
    with coordinating(server.url, portfolio, config=soon):
        silent = Strategy()
        gate = gates(callbacks=(silent,))
        gate.request_entry("ES")
        gate.position_opened("ES", price="100")
        live.all_decided()
        stopped_out(live)
        until(
            lambda: sum(one.fields[1] == "FlattenOverdue" for one in live.decisions()) >= 2, "two reminders"
        )
        assert "position_closed" in gates.logged("The on_flatten callback has returned")["event"]
        gate.position_closed("ES", price="90", pnl="-10", commission=5)
        live.all_decided()
        assert [order.cause for order in silent.orders] == ["daily stop loss"]


@pytest.mark.usefixtures("coordinator")
def test_an_order_nobody_listens_for_is_shouted_about(gates: Gates, live: Live) -> None:
    gate = gates()
    gate.request_entry("ES")
    stopped_out(live)
    assert gates.logged("Ordered to flatten, and nobody here closes positions")["level"] == "critical"


@pytest.mark.usefixtures("coordinator")
def test_the_kill_switch_is_heard_and_outranks_a_yes(gates: Gates, live: Live) -> None:
    strategy = Strategy()
    gate = gates(callbacks=(strategy,))
    yes = gate.request_entry("ES")
    assert gate.standing(yes)
    live.bus.pull_killswitch(["by", "ann"])
    order = until(lambda: next(iter(strategy.orders), None), "the order")
    assert order.everything
    assert "ann" in order.cause
    assert not gate.standing(yes)
