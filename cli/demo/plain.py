"""The demo without a terminal: a line for each day, and one for everything unusual."""

from typing import Self
from zoneinfo import ZoneInfo

from rich.console import Console

from portfold.cli.demo.market import DemoMarket
from portfold.cli.demo.watch import Watch
from portfold.exchange_time import local_time


class Plain:
    """Prints the lines that the watch notes; used in place of `screen.Screen`."""

    def __init__(self, console: Console, watch: Watch, market: DemoMarket) -> None:
        self._console = console
        self._watch = watch
        self._zone = ZoneInfo(market.trading_day.zone)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stepped(0)

    def offer(self, page: str) -> None:
        """Prints where the page is."""
        if page:
            self._print(page)

    def phase(self, text: str) -> None:
        """Prints the demo's phase, in a few words."""
        self.stepped(0)  # earlier lines first
        self._print(f"-- {text}")

    def stepped(self, _steps: int, /) -> float:
        """Prints the lines noted since the last step; returns no rest, since nobody watches."""
        for note in self._watch.take_notes():
            at = local_time(note.at_ms, self._zone)
            self._print(f"{at:%Y-%m-%d %H:%M %Z} {note.line.text}")
        return 0.0

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
