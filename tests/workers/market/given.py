"""A source of market data in a test, and all that it has given."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from portfold.workers.market.source import MarketSource, MinuteBar, Notice, Update
from tests.waiting import until

U = TypeVar("U")


class Desk:
    """A source, and all it has given so far."""

    def __init__(self, source: MarketSource, stop: threading.Event, lines: list[Any]) -> None:
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
