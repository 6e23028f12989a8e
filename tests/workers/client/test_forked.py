"""A gate after a fork: the child's copy refuses, and what the parent reports is not taken for a repeat."""

import json
import os
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from portfold.config import load
from portfold.log import open_log
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.publisher import OtherProcess
from portfold.workers.client.settings import GateSettings
from portfold.workers.compat import PortfolioCoordinator
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.waiting import until


def in_a_child(does: list[Callable[[], object]]) -> list[str]:
    """What comes of each in a process forked off: the error's words, or nothing."""
    reads, writes = os.pipe()
    if os.fork() == 0:
        try:
            said = []
            for act in does:
                try:
                    act()
                    said.append("")
                except OtherProcess as refused:
                    said.append(str(refused))
            os.write(writes, json.dumps(said).encode())
        finally:
            os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as told:
        found: list[str] = json.loads(told.read())
    os.wait()
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # to fork where there are threads is the point
def test_a_gate_belongs_to_the_process_it_was_made_in(
    server: EmbeddedServer, portfolio: str, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    log, lines = open_log("worker", target=StringIO())
    settings = GateSettings(server.url, portfolio=portfolio, answer_seconds=10, worker_lost_seconds=60)
    gate = PortfolioGate("forking", symbols=["ES", "CL"], settings=settings, log=log)
    with coordinating(server.url, portfolio), gate:
        gate.request_entry("ES")
        gate.position_opened("ES", price=5000)
        yes = gate.request_entry("CL")
        refused = in_a_child(
            [
                lambda: gate.request_entry("CL"),
                lambda: gate.standing(yes),
                lambda: gate.withdraw("CL"),
                lambda: gate.position_opened("CL", price=70),
                lambda: gate.position_closed("ES", price=4480, pnl=-26_005, commission=5),
                lambda: gate.position_marked("ES", price=4480, unrealized=-26_000),
                lambda: gate.on_flatten(print),
                gate.close,
            ]
        )
        assert all("make a gate in each process" in sentence for sentence in refused[:-1])
        assert refused[-1] == ""
        assert gate.position_closed("ES", price=4480, pnl=-26_005, commission=5)
        live.all_decided()
        assert (live.status()["realized_pnl"], live.status()["stopped_out"]) == ("-26005.00", "true")
        assert live.said("WorkerStopped") == []
    lines.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_drop_in_is_denied_and_ends_without_giving_away_what_is_the_parents(
    server: EmbeddedServer, portfolio: str, live: Live, tmp_path: Path
) -> None:
    log, lines = open_log("worker", target=StringIO())
    settings = GateSettings(server.url, portfolio=portfolio, answer_seconds=10, worker_lost_seconds=60)
    with coordinating(server.url, portfolio):
        old = PortfolioCoordinator(
            4, 2500.0, worker="forking", settings=settings, configuration=load(None, {}, tmp_path), log=log
        )
        assert old.can_open_position("ES")

        def asks() -> None:
            denied = old.can_open_position("CL")
            raise OtherProcess(f"{denied.code}: {denied[1]}")

        (denied,) = in_a_child([asks])
        assert denied.startswith("other_process: This gate was made in process")
        holder = live.bus.claimed(["forking"])
        assert holder
        in_a_child([old.close])  # as a child that ends by sys.exit does
        assert live.bus.claimed(["forking"]) == holder
        live.all_decided()
        assert live.said("WorkerStopped") == []
        old.register_position_opened("ES", 1, 5000)
        old.close()
        until(lambda: live.bus.claimed(["forking"]) == {}, "the name to be given back")
    lines.close()
