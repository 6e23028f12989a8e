"""The demo where there is no terminal to draw on: a line a day, and one for what is out of the ordinary."""

from typing import Self
from zoneinfo import ZoneInfo

from rich.console import Console

from portfold.cli.demo.market import Market
from portfold.cli.demo.watch import Watch
from portfold.exchange_time import local_time


class Plain:
    """Prints what the watch notes; the same to its user as `screen.Screen`."""

    def __init__(self, console: Console, watch: Watch, market: Market) -> None:
        self._console = console
        self._watch = watch
        self._zone = ZoneInfo(market.trading_day.zone)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stepped(0)

    def phase(self, text: str) -> None:
        """What is going on, in a few words."""
        self.stepped(0)  # what was before it stands before it
        self._print(f"-- {text}")

    def stepped(self, _steps: int, /) -> float:
        """Prints what has happened since the last step; nobody watches, so there is no need to rest."""
        for told in self._watch.take_notes():
            at = local_time(told.at_ms, self._zone)
            self._print(f"{at:%Y-%m-%d %H:%M} {told.line.text}")
        return 0.0

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
