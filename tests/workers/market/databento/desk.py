"""A feed at the fake gateway: the real client, over the real wire, with pauses a test can wait for."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from portfold.workers.market.source import MarketSetup
from portfold.workers.market.sources.databento.source import DatabentoSource, Patience
from tests.fakes.databento_gateway.gateway import KEY, Gateway
from tests.waiting import PATIENCE_SECONDS
from tests.workers.market.given import Desk

QUICK = Patience(first_pause_seconds=0.01, longest_pause_seconds=0.05, silence_seconds=60)


@contextmanager
def desk(
    gateway: Gateway,
    symbols: dict[str, str],
    *,
    since_ms: int | None = None,
    patience: Patience = QUICK,
    key: str = KEY,
    **options: object,
) -> Iterator[Desk]:
    """A desk that is closed in the end, whatever happens."""
    stop, lines = threading.Event(), structlog.testing.LogCapture()
    setup = MarketSetup(
        symbols,
        {},
        {"gateway": "127.0.0.1", "gateway_port": gateway.port, **options},
        {"DATABENTO_API_KEY": key},
        structlog.wrap_logger(structlog.PrintLogger(), processors=[lines]),
        stop,
        Path("runtime.json"),
        since_ms=since_ms,
    )
    source = DatabentoSource(setup, patience=patience, wall_ms=lambda: gateway.market.now_ms)
    at_it = Desk(source, stop, lines.entries)
    try:
        yield at_it
    finally:
        source.close()
        for connection in gateway.connections:
            if connection.is_streaming:
                connection.is_over.wait(PATIENCE_SECONDS)
