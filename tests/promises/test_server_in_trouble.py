"""Whatever the server's trouble: entries are denied, exits reported later, and all goes on by itself."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from decimal import Decimal
from pathlib import Path

import pytest
from redis import Redis

from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.live import Live
from tests.processes import READY, coordinating
from tests.promises.troubled_server import TROUBLES, TroubledServer
from tests.waiting import until
from tests.workers.client.gates import Gates


@pytest.fixture
def troubled(tmp_path: Path) -> Iterator[TroubledServer]:
    server = TroubledServer(tmp_path / "server")
    try:
        yield server
    finally:
        server.end()


@pytest.mark.parametrize("trouble", TROUBLES)
def test_entries_are_denied_and_an_exit_is_reported_once_when_it_is_over(
    troubled: TroubledServer, portfolio: str, trouble: str
) -> None:
    gates = Gates(troubled.url, portfolio)
    with ExitStack() as ends:
        coordinator = ends.enter_context(coordinating(troubled.url, portfolio))
        ends.callback(gates.end)
        coordinator.says(READY)
        gate = gates("ibs-ES", answer_seconds=0.5)
        gate.also_trades(["CL", "SI"])
        until(lambda: gate.request_entry("ES").allowed, "the first entry")
        assert gate.position_opened("ES", price=5000)
        with TROUBLES[trouble](troubled):
            assert not gate.request_entry("CL")
            gate.position_closed("ES", price=5001, pnl=Decimal(50), commission=Decimal(0), fill="X1")
            assert not gate.request_entry("SI")
        until(lambda: gate.request_entry("SI").allowed, "an entry again")
        with Redis(port=troubled.port, decode_responses=True) as client:
            bus = ends.enter_context(closing(Bus(connect(f"redis://127.0.0.1:{troubled.port}/0"), portfolio)))
            live = Live(bus, client)
            live.all_decided()
            assert [one["fill"] for one in live.said("PositionClosed")] == ["X1"]
            assert live.status()["realized_pnl"] == "50.00"
