"""The loop of the client's connection is closed in the end, however late its thread comes to it."""

import threading

import pytest

from portfold.workers.market.sources.databento.client_loop import ClientLoop
from tests.waiting import until


def test_a_loop_whose_thread_is_late_is_closed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portfold.workers.market.sources.databento.client_loop._END_SECONDS", 0.0)
    go_on = threading.Event()
    client_loop = ClientLoop()
    client_loop.loop.call_soon_threadsafe(go_on.wait)
    client_loop.close()
    assert not client_loop.loop.is_closed()
    go_on.set()
    until(client_loop.loop.is_closed, "the loop to be closed")
