"""A feed at the fake gateway: the real client, over the real wire, with pauses a test can wait for."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import structlog

from portfold.workers.market.source import MarketSetup, MinuteBar, Notice, Update
from portfold.workers.market.sources.databento.source import DatabentoSource, Patience
from tests.fakes.databento_gateway.gateway import KEY, Gateway
from tests.waiting import PATIENCE_SECONDS, until

QUICK = Patience(first_pause_seconds=0.01, longest_pause_seconds=0.05, silence_seconds=60)
U = TypeVar("U")


class Desk:
    """A source, and all it has given so far."""

    def __init__(self, source: DatabentoSource, stop: threading.Event, lines: list[Any]) -> None:
        self.source = source
        self.stop = stop
        self.lines = lines
        self.given: list[Update] = []
        self._updates = source.updates()

    def one(self) -> Update | None:
        """The next update, or None."""
        update = next(self._updates, None)
        if update is not None:
            self.given.append(update)
        return update

    def run(self) -> None:
        """Goes on until the feed ends."""
        for _ in self._updates:
            pass

    def wait_for(self, kind: type[U], wanted: Callable[[U], bool] = lambda _: True) -> U:
        """The first update from now on that is wanted."""

        def look() -> U | None:
            update = self.one()
            return update if isinstance(update, kind) and wanted(update) else None

        return until(look, f"a {kind.__name__}: {self.given[-3:]}")

    def notice(self, kind: str) -> Notice:
        """The first notice of that kind from now on."""
        return self.wait_for(Notice, lambda each: each.kind == kind)

    def bars(self) -> list[MinuteBar]:
        """All bars so far."""
        return [each for each in self.given if isinstance(each, MinuteBar)]

    def notices(self) -> list[str]:
        """The kinds of all notices so far."""
        return [each.kind for each in self.given if isinstance(each, Notice)]


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
