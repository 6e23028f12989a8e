"""The drop-in's emergency callback: called for what is to be closed, not again for what is being closed."""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from portfold.events.incoming import FlattenRequested
from portfold.events.legs import Leg
from portfold.events.stream_id import StreamId
from portfold.workers.client.closing.flatten_order import FlattenOrder, pull_fields
from portfold.workers.compat import PortfolioCoordinator
from tests.live import Live
from tests.processes import config_folder, coordinating
from tests.proxy import Proxy
from tests.seen import spoilt
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.compat.office import Office

pytestmark = pytest.mark.usefixtures("listen_briefly")


@pytest.fixture
def coordinator(server: EmbeddedServer, portfolio: str) -> Iterator[None]:
    with coordinating(server.url, portfolio):
        yield


@pytest.fixture
def office(server: EmbeddedServer, portfolio: str, tmp_path: Path) -> Iterator[Office]:
    made = Office(server.url, portfolio, tmp_path)
    yield made
    made.end()


SHORT_ES = Leg("ES", "short", 2, "old")


class Desk:
    """Code written for one process whose orders are filled later: what it is told to close, call by call."""

    def __init__(self) -> None:
        self.told: list[list[str]] = []

    def __call__(self, _: str, context: dict[str, Any]) -> None:
        self.told.append(context["open_positions"])

    def legs(self) -> list[str]:
        return [symbol for told in self.told for symbol in told]

    def was_called(self, times: int) -> bool:
        return len(self.told) == times

    def was_told(self, times: int) -> bool:
        return self.told.count(["ES"]) >= times


def opens(old: PortfolioCoordinator, symbol: str) -> None:
    assert old.can_open_position(symbol)
    old.register_position_opened(symbol, 1, 100)


@pytest.mark.usefixtures("coordinator")
def test_of_late_fills_each_is_told_once(office: Office, live: Live) -> None:
    """What is being closed is still registered as open: told again it would be closed twice."""
    desk = Desk()
    old = office(4, 2500.0, desk)
    opens(old, "ES")
    live.flatten()
    for symbol in ("NQ", "CL", "6A"):
        old.register_position_opened(symbol, 1, 100)
    until(lambda: len(desk.legs()) >= 4, "the callback for each")
    live.all_decided()
    assert sorted(desk.legs()) == ["6A", "CL", "ES", "NQ"]


@pytest.fixture
def proxy(server: EmbeddedServer) -> Iterator[Proxy]:
    between = Proxy(server.port)
    yield between
    between.close()


def losing(proxy: Proxy) -> dict[str, Any]:
    return {"url": proxy.url, "on_bus_loss": "flatten", "bus_loss_seconds": 0.2, "answer_seconds": 1.0}


def is_back(old: PortfolioCoordinator) -> None:
    until(lambda: old.can_open_position("6A"), "the bus to be back")
    old.release_pending_position("6A")


@pytest.mark.usefixtures("coordinator")
def test_it_is_called_each_time_that_the_bus_is_lost(
    office: Office, server: EmbeddedServer, proxy: Proxy
) -> None:
    desk = Desk()
    old = office(4, 2500.0, desk, settings=losing(proxy))
    for times in (1, 2):
        opens(old, "ES")
        proxy.redirect(1)
        until(partial(desk.was_told, times), f"the callback for loss {times}")
        proxy.redirect(server.port)
        old.register_position_closed("ES", -10.0)
        is_back(old)
    assert desk.told == [["ES"], ["ES"]]


@pytest.mark.usefixtures("coordinator")
def test_and_where_nothing_but_an_order_is_under_way_which_it_may_cancel(
    office: Office, server: EmbeddedServer, proxy: Proxy
) -> None:
    desk = Desk()
    old = office(4, 2500.0, desk, settings=losing(proxy))
    assert old.can_open_position("ES")
    for times in (1, 2):
        proxy.redirect(1)
        until(partial(desk.was_called, times), f"the callback for loss {times}")
        proxy.redirect(server.port)
        is_back(old)
    assert desk.told == [[], []]


@pytest.mark.usefixtures("coordinator")
def test_what_is_filled_while_the_bus_is_lost_is_to_be_closed_too(office: Office, proxy: Proxy) -> None:
    desk = Desk()
    old = office(4, 2500.0, desk, settings=losing(proxy))
    assert old.can_open_position("ES")
    proxy.redirect(1)
    until(lambda: desk.told == [[]], "the callback for the loss")
    old.register_position_opened("ES", 1, 100)
    until(lambda: desk.told == [[], ["ES"]], "the callback for the fill")


@pytest.mark.usefixtures("coordinator")
def test_what_is_filled_in_parts_after_the_stop_is_closed_in_parts(office: Office, live: Live) -> None:
    desk = Desk()
    old = office(4, 2500.0, desk)
    assert old.can_open_position("ES", size=2)
    live.flatten()
    for part in (1, 2):
        old.register_position_opened("ES", 1, 100)
        until(partial(desk.was_told, part), f"the callback for part {part}")
    assert desk.legs() == ["ES", "ES"]


def test_a_pull_during_another_workers_flatten_is_one_order(
    office: Office, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    """What the first call is closing is still registered as open when the log's own order comes."""
    desk = Desk()
    flattening = config_folder(tmp_path / "config", runtime={"on_worker_lost": "flatten"})
    with coordinating(server.url, portfolio, config=flattening) as log:
        old = office(4, 2500.0, desk)
        live.starts("dead", symbols="CL")
        live.fills("CL", worker="dead")
        live.loses_worker("dead")
        log.says("Flatten handed over")  # an episode in which `old` has no part
        opens(old, "ES")
        event = live.publishes(FlattenRequested(by="ann", reason="panic"))
        live.bus.pull_killswitch(pull_fields("ann", "panic", event))
        until(lambda: desk.told, "the callback")
        live.all_decided()
        old.register_position_opened("NQ", 1, 100)  # heard after all that was ordered before
        until(lambda: ["NQ"] in desk.told, "the callback for what was filled late")
    assert desk.told == [["ES"], ["NQ"]]


@pytest.mark.usefixtures("coordinator")
def test_what_was_told_to_be_closed_is_not_told_again_for_a_fill_that_is_closed(office: Office) -> None:
    desk = Desk()
    old = office(4, 2500.0, desk)
    opens(old, "ES")
    first = FlattenOrder("1-0", StreamId(1, 0), "daily stop loss", everything=True)
    old.emergency.flatten(first)
    old.emergency.flatten(first._replace(positions=(Leg("CL", "long", 1, "old"),)))
    assert desk.told == [["ES"]]


# --- what others have done about it -----------------------------------------------------------------------


@pytest.mark.usefixtures("coordinator")
def test_what_another_process_closed_is_not_to_be_closed_again(office: Office) -> None:
    """Not even when that very close makes the stop due, before the next sign of life."""
    desk = Desk()
    opener, closer = office(4, 2500.0, desk, worker="opener"), office(4, 2500.0, worker="closer")
    opens(opener, "CL")
    opens(opener, "ES")
    until(lambda: all(map(opener.held.is_shown, ("CL", "ES"))), "a sign of life")
    closer.register_position_closed("ES", -2500.0)
    until(lambda: desk.told, "the callback")
    assert desk.told == [["CL"]]
    office.logs("ES is no longer open here: closed by closer")


@pytest.mark.usefixtures("coordinator")
def test_what_another_process_closed_is_not_there_when_the_symbol_is_entered_anew(
    office: Office, live: Live
) -> None:
    opener, closer = office(4, worker="opener"), office(4, worker="closer")
    opens(opener, "ES")
    closer.register_position_closed("ES", -5.0)
    opens(opener, "ES")
    opener.register_position_closed("ES", -5.0)
    live.all_decided()
    assert [fields.get("size") for fields in live.said("PositionClosed")] == ["1", "1"]
    assert live.status()["unsettled"] == ""


@pytest.mark.usefixtures("coordinator")
def test_of_what_another_closed_a_part_the_rest_is_still_open_and_announced(
    office: Office, live: Live
) -> None:
    old = office(4)
    assert old.can_open_position("ES", size=4)
    old.register_position_opened("ES", 4, 100)
    until(lambda: old.held.is_shown("ES"), "a sign of life")
    before = old.held.to_close(FlattenOrder("1-0", StreamId(1, 0), "stop", everything=True))
    for fill in ("f1", "f1", "f2"):  # one of them reported again
        live.closes("ES", worker="other", owner="old", price="100", pnl="0", fill=fill)
    for _ in range(2):
        assert old.gate.announce_again()
        live.all_decided()
        assert live.said("WorkerStarted")[-1]["positions"] == "ES:long:2:100"
    assert live.status()["unsettled"] == ""
    (again,) = old.held.to_close(FlattenOrder("1-0", StreamId(1, 0), "stop", everything=True))
    assert again is before[0], "who was told to close it is not told again"
    old.register_position_closed("ES", -10.0)
    live.all_decided()
    assert (live.said("PositionClosed")[-1]["size"], live.status()["open_positions"]) == ("2", "")


@pytest.mark.usefixtures("coordinator")
def test_what_was_closed_by_phone_and_settled_is_not_to_be_closed_again(office: Office, live: Live) -> None:
    desk = Desk()
    old = office(4, 2500.0, desk)
    opens(old, "CL")
    opens(old, "ES")
    until(lambda: all(map(old.held.is_shown, ("CL", "ES"))), "a sign of life")
    live.settle("ES", 0, worker="old")
    office.logs("ES is no longer open here: settled by ann")
    live.bus.pull_killswitch(pull_fields("ann", "panic", live.bus.last_event()))
    until(lambda: desk.told, "the callback")
    assert desk.told == [["CL"]]


@pytest.mark.usefixtures("coordinator")
def test_what_the_log_has_merely_lost_is_still_to_be_closed(office: Office, live: Live) -> None:
    desk = Desk()
    old = office(4, 2500.0, desk)
    opens(old, "ES")
    until(lambda: old.held.is_shown("ES"), "a sign of life")
    spoilt(live.client, live.keys.status, "positions", [])
    office.logs("ES is open here, and not by the log any more: who closed it?")
    live.bus.pull_killswitch(pull_fields("ann", "panic", live.bus.last_event()))
    until(lambda: desk.told, "the callback")
    assert desk.told == [["ES"]]


@pytest.mark.usefixtures("coordinator")
def test_an_order_that_a_fill_brings_finds_it_open(
    office: Office, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes as soon as the log has the fill, while who registers it still waits for the bus's answer."""
    desk = Desk()
    old = office(4, 2500.0, desk)
    live.flatten()
    until(lambda: desk.told == [[]], "the first order")
    reports = old.gate.position_opened

    def slow(*words: Any, **more: Any) -> bool:
        on_the_log = reports(*words, **more)
        until(lambda: len(desk.told) == 2, "the order for the fill")
        return on_the_log

    monkeypatch.setattr(old.gate, "position_opened", slow)
    old.register_position_opened("ES", 1, 100)
    assert desk.told == [[], ["ES"]]


@pytest.mark.usefixtures("coordinator")
@pytest.mark.parametrize("path", ["stats.limit_breaches", "positions.0.price"])
def test_what_an_earlier_life_left_open_is_to_be_closed_though_a_part_of_the_view_is_spoilt(
    office: Office, live: Live, path: str
) -> None:
    """By the rest of the view; and by the order alone where the position itself cannot be read."""
    live.starts("old", symbols="ES", positions="ES:short:2:100")
    live.client.delete(live.keys.worker("old"))
    spoilt(live.client, live.keys.status, path, "much")
    old = office(4, 2500.0, Desk())
    order = FlattenOrder("1-0", StreamId(1, 0), "stop", everything=True, positions=(SHORT_ES,))
    (leg,) = old.held.to_close(order)
    assert (leg.symbol, leg.side, leg.size) == ("ES", "short", 2)
    assert old.held.to_close(order)[0] is leg, "who was told to close it is not told again"
    old.register_position_closed("ES", -5.0)
    assert old.held.to_close(order) == [], "closed here: a reminder that was given before opens it not again"


# --- a life that ended between the order and its registration ----------------------------------------------


@pytest.mark.usefixtures("coordinator")
def test_what_an_earlier_life_was_granted_and_never_registered_is_asked_about(
    office: Office, live: Live
) -> None:
    """There is no broker to ask whether it was filled, and the slot is given back."""
    live.starts("old")
    live.asks("ES", worker="old")
    live.loses_worker("old")
    live.client.delete(live.keys.worker("old"))
    office(4)
    office.logs("ES long 1: granted to an earlier life of this process, never registered: was it filled?")


@pytest.mark.usefixtures("coordinator")
def test_whose_name_another_process_took_over_leaves_all_to_that(office: Office, live: Live) -> None:
    """As after a pause so long that it was taken for dead: what both hold by the log, both would close."""
    desk = Desk()
    old = office(4, 2500.0, desk)
    opens(old, "ES")
    live.bus.claim("old", "elsewhere 4711 x", 60_000, "*")
    office.logs("SUPERSEDED: another process trades as old now; this one stops")
    denied = old.can_open_position("CL")
    assert (denied.code, denied[1]) == (
        "worker_superseded",
        "old was taken over by process 4711 on elsewhere",
    )
    until(lambda: not any(each.name == "orders" for each in threading.enumerate()), "it to be deaf")
    live.bus.pull_killswitch(pull_fields("ann", "panic", live.bus.last_event()))
    old.register_position_closed("ES", -5.0)  # what it does all the same is told
    live.all_decided()
    assert (desk.told, live.status()["open_positions"]) == ([], "")
