"""A worker restarts and says what its broker holds: adopted, unknown to us or gone, each a decision by name.

Where they differ, entries on the symbol are denied until an operator or the worker settles it. What it had
closed and not lived to report, it reports first.
"""

import threading

from portfold.cli.exits import OK
from portfold.events.legs import Holding
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from tests.coordinator.story import code
from tests.live import flat
from tests.seen import values_on
from tests.server import EmbeddedServer
from tests.stop.floor import Floor, Role, ToldWorker
from tests.waiting import until

JANE = ("--by", "jane", "--reason", "as the broker says")


def with_a_position(floor: Floor) -> ToldWorker:
    [worker] = floor.opens(Role("ES"))
    worker.enters(5000)
    return worker


def restarted(floor: Floor) -> ToldWorker:
    worker = floor.worker("ES")
    floor.live.all_decided()
    return worker


def asked_by_another(floor: Floor) -> str:
    return code(floor.live.asks("ES", worker="by-hand"))


def test_what_both_know_is_adopted_and_goes_on(floor: Floor) -> None:
    with_a_position(floor).kill()
    worker = restarted(floor)
    [adopted] = floor.decided("PositionAdopted")
    assert (adopted.worker, adopted.symbol, adopted.size) == ("ibs-ES", "ES", 1)
    assert floor.decided("PositionMismatch") == []
    assert floor.live.status()["unsettled"] == ""
    worker.does("exit", 5001)
    floor.live.all_decided()
    assert floor.live.open == []


def test_what_the_log_does_not_know_is_counted_and_the_symbol_denied_until_the_worker_closes_it(
    floor: Floor,
) -> None:
    """It died between the broker's fill and its report."""
    [dying] = floor.opens(Role("ES", "entered"))
    dying.told("enter", 5000)
    until(lambda: not dying.running, "its death")
    worker = restarted(floor)
    [odd] = floor.decided("PositionMismatch")
    assert (odd.kind, odd.log_size, odd.broker_size) == ("unknown_to_us", 0, 1)
    assert floor.live.open == ["ES:long:1"]
    assert floor.live.status()["unsettled"] == "ES of ibs-ES: unknown_to_us"
    assert asked_by_another(floor) == "symbol_unsettled"
    worker.does("exit", 5001)
    floor.live.all_decided()
    assert (floor.live.open, floor.live.status()["unsettled"]) == ([], "")


def test_or_until_an_operator_says_that_it_is_so(floor: Floor) -> None:
    [dying] = floor.opens(Role("ES", "entered"))
    dying.told("enter", 5000)
    until(lambda: not dying.running, "its death")
    restarted(floor)
    assert asked_by_another(floor) == "symbol_unsettled"
    settled = floor.portfold("settle", "ES", "ibs-ES", "--size", "1", "--price", "5000.25", *JANE)
    assert settled.code == OK
    floor.live.all_decided()
    assert floor.live.status()["unsettled"] == ""
    assert asked_by_another(floor) == "symbol_in_position"


def test_what_is_gone_at_the_broker_stays_counted_and_is_denied_until_an_operator_settles_it(
    floor: Floor,
) -> None:
    """Somebody has closed it by phone."""
    with_a_position(floor).kill()
    [fill] = floor.broker.flatten(owner="ibs-ES")
    floor.broker.confirm_reported(fill.fill_id)
    restarted(floor)
    [odd] = floor.decided("PositionMismatch")
    assert (odd.kind, odd.log_size, odd.broker_size) == ("gone_at_broker", 1, 0)
    assert floor.live.open == ["ES:long:1"], "never a silent correction"
    assert asked_by_another(floor) == "symbol_unsettled"
    assert floor.portfold("settle", "ES", "ibs-ES", "--size", "0", "--pnl", "-75", *JANE).code == OK
    floor.live.all_decided()
    status = values_on(floor.live.bus)
    assert (status["open_positions"], status["daily_pnl"], status["unsettled"]) == ([], -75, "")
    assert asked_by_another(floor) == "allowed"


def test_what_it_had_closed_and_not_reported_it_reports_before_anything_else(floor: Floor) -> None:
    [dying] = floor.opens(Role("ES", "exited"))
    dying.enters(5000)
    dying.told("exit", 5010)
    until(lambda: not dying.running, "its death")
    assert floor.unreported() == ["ES:ibs-ES"]
    restarted(floor)
    kinds = [flat(entry)["type"] for entry in floor.live.events()]
    told = [kind for kind in kinds if kind in {"PositionClosed", "WorkerStarted"}]
    assert told[-2:] == ["PositionClosed", "WorkerStarted"]
    [close] = floor.live.said("PositionClosed")
    assert (close["reason"], close["price"]) == ("reported after a restart", "5009.75")
    assert floor.unreported() == []
    assert floor.live.open == []
    assert floor.decided("PositionMismatch") == []


def test_and_not_again_after_the_next_restart(floor: Floor) -> None:
    """It died with the report on the log and before the broker was told; then it lives once more."""
    [dying] = floor.opens(Role("ES", "reported"))
    dying.enters(5000)
    dying.told("exit", 5010)
    until(lambda: not dying.running, "its death")
    restarted(floor).hang_up()
    assert len(floor.decided("EventRejected")) == 1, "the repeat, refused by the fill's name"
    restarted(floor)
    assert len(floor.live.said("PositionClosed")) == 2
    assert floor.live.state.stats.total_exits == 1


def test_while_it_says_what_the_broker_holds_no_order_falls_between_fill_and_report(
    server: EmbeddedServer, portfolio: str
) -> None:
    free: list[bool] = []

    def holdings() -> list[Holding]:
        trader = threading.Thread(target=lambda: free.append(gate.orders.acquire(blocking=False)))
        trader.start()
        trader.join()
        return []

    gate = PortfolioGate(
        "ibs-ES", settings=GateSettings(url=server.url, portfolio=portfolio), holdings=holdings
    )
    with gate:
        assert free == [False, False]  # before it is said and once it is
