"""The coordinator as a process that ends and begins again: it goes on where it was, whoever kills it."""

import threading
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from portfold.coordinator.fold.state import State
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.view_field import view_in
from portfold.events.codec import encode_checked
from portfold.events.decisions import EntryAllowed, EntryDenied
from portfold.events.incoming import EntryRequested, EntryWithdrawn
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import VIEW, Bus
from portfold.events.wire.connection import connect
from tests.coordinator.process.answered import is_answered, unhurried
from tests.coordinator.story import code, each
from tests.live import Live, flat, read
from tests.processes import ChildProcess, Coordinators
from tests.server import EmbeddedServer
from tests.waiting import until


def portfolio_of(state: State) -> dict[str, Any]:
    """The state without what says who leads."""
    known = msgspec.to_builtins(state)
    assert isinstance(known, dict)
    return {name: value for name, value in known.items() if name not in ("epoch", "led_since_ms")}


def portfolio_in(status: dict[str, str]) -> tuple[dict[str, str], PortfolioView]:
    """The status without what says who leads and how far the log goes."""
    of_the_term = {"epoch", "leader", "last_event", VIEW}
    view = view_in(status)
    assert view is not None
    texts = {name: text for name, text in status.items() if name not in of_the_term}
    return texts, replace(view, epoch=0, leader="", last_event="")


def a_full_day(live: Live) -> None:
    """Something of everything that a restart could forget."""
    live.enters("ES", "CL", "6A")
    live.marks("ES", "-400")
    live.closes("CL", pnl="-1500", commission="5", price="98.505")
    live.asks("SI")
    live.halt()
    live.starts("ibs-RTY", positions="RTY:short:1:2000.5")
    live.asks("PL")


def end_in_good_order(coordinator: ChildProcess) -> None:
    assert coordinator.stop() == 0


@pytest.mark.parametrize("ends", [end_in_good_order, ChildProcess.kill])
def test_after_a_restart_everything_is_as_it_was(
    coordinators: Coordinators, live: Live, tmp_path: Path, ends: Any
) -> None:
    config = unhurried(tmp_path)
    first = coordinators.start(config=config)
    a_full_day(live)
    state, status = portfolio_of(live.state), live.status()
    ends(first)
    coordinators.start(config=config)
    live.all_decided()
    assert portfolio_of(live.state) == state
    assert portfolio_in(live.status()) == portfolio_in(status)
    assert int(live.status()["epoch"]) > int(status["epoch"])
    assert live.resume() == []
    assert [code(live.asks(symbol)) for symbol in ("ES", "SI", "PL", "6B")] == [
        "symbol_in_position",
        "symbol_pending",
        "max_positions",
        "max_positions",
    ]


def test_a_portfolio_that_was_stopped_out_stays_so_through_a_restart(
    coordinators: Coordinators, live: Live
) -> None:
    first = coordinators.start()
    live.enters("ES", "CL")
    live.closes("CL", pnl="-2500", price="97.505", commission="5")
    assert live.stopped_out
    first.kill()
    coordinators.start()
    assert code(live.asks("SI")) == "stopped_out"
    live.closes("ES", pnl="-5", commission="5")
    assert live.status()["flattening"] == ""


def test_without_a_snapshot_or_with_a_damaged_one_a_restart_arrives_at_the_same(
    coordinators: Coordinators, live: Live, client: Any, tmp_path: Path
) -> None:
    config = unhurried(tmp_path)
    first = coordinators.start(config=config)
    a_full_day(live)
    state = portfolio_of(live.state)
    first.stop()
    assert client.exists(live.keys.snapshot)
    client.delete(live.keys.snapshot)
    coordinators.start(config=config).stop()
    client.setrange(live.keys.snapshot, 200, "rubbish")
    coordinators.start(config=config).stop()
    client.delete(live.keys.snapshot)
    client.hset(live.keys.snapshot, "some", "hash")
    coordinators.start(config=config)
    live.all_decided()
    assert portfolio_of(live.state) == state


def test_a_snapshot_of_another_log_costs_time_and_never_truth(
    coordinators: Coordinators, live: Live, client: Any
) -> None:
    first = coordinators.start()
    live.enters("SI")
    first.stop()
    of_another_log = client.get(live.keys.snapshot)
    client.delete(live.keys.events, live.keys.decisions, live.keys.head)
    anew = coordinators.start()
    a_portfolio_again = Live(live.bus, client)
    a_full_day(a_portfolio_again)
    anew.kill()
    client.set(live.keys.snapshot, of_another_log)
    coordinators.start()
    assert is_answered(a_portfolio_again, "ES") == "halted"
    assert "SI" not in a_portfolio_again.open


def test_kill_9_in_the_middle_of_a_load_loses_nothing_and_decides_nothing_twice(
    coordinators: Coordinators, live: Live, server: EmbeddedServer, portfolio: str
) -> None:
    asked: list[StreamId] = []
    stop = threading.Event()

    def load() -> None:
        bus = Bus(connect(server.url), portfolio)
        for number in range(1, 60_000, 2):
            said: dict[str, Any] = {"worker": "ibs-ES", "session": "s1", "symbol": "ES"}
            ask = EntryRequested(seq=number, side="long", size=1, **said)
            asked.append(bus.append(encode_checked(ask)))
            bus.append(encode_checked(EntryWithdrawn(seq=number + 1, **said)))
            if stop.is_set():
                break
        bus.close()

    first = coordinators.start()
    writer = threading.Thread(target=load)
    writer.start()
    for leader in (first, coordinators.start(ready=False), coordinators.start(ready=False)):
        until(partial(live.has_decided, live.bus.last_event()), "decisions under load")
        leader.kill()
    stop.set()
    writer.join()
    coordinators.start()
    live.all_decided()
    answers = [entry for entry in live.decisions() if isinstance(read(entry), EntryAllowed | EntryDenied)]
    assert [flat(entry)["event"] for entry in answers] == [str(request) for request in asked]
    assert len(each(EntryAllowed, map(read, answers))) == len(asked)


def test_what_was_said_while_nobody_coordinated_is_decided_by_whoever_comes_next(
    coordinators: Coordinators, live: Live
) -> None:
    coordinators.start().stop()
    request = live.publishes(live.next_of(EntryRequested, "ibs-ES", symbol="ES", side="long", size=1))
    coordinators.start()
    assert [type(decision) for decision in live.decided(request)] == [EntryAllowed]
