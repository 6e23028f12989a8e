"""The trades of one contract as bars of 5 seconds, and any longer bars made of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

SHORTEST_SECONDS = 5
BAR_SECONDS = {
    "5 secs": 5,
    "10 secs": 10,
    "15 secs": 15,
    "30 secs": 30,
    "1 min": 60,
    "2 mins": 120,
    "3 mins": 180,
    "5 mins": 300,
    "10 mins": 600,
    "15 mins": 900,
    "20 mins": 1200,
    "30 mins": 1800,
    "1 hour": 3600,
    "1 day": 86_400,
}
DURATION_SECONDS = {"S": 1, "D": 86_400, "W": 604_800, "M": 2_678_400, "Y": 31_622_400}


@dataclass(frozen=True)
class Bar:
    """Trades between `at`, in seconds of the epoch, and its end."""

    at: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int = 1
    trades: int = 1

    def joined(self, later: "Bar") -> "Bar":
        """Returns this bar with what came after it."""
        return Bar(
            self.at,
            self.open,
            max(self.high, later.high),
            min(self.low, later.low),
            later.close,
            self.volume + later.volume,
            self.trades + later.trades,
        )


class Tape:
    """Grows by trades, or by bars that a test puts in: those of a minute lie at its beginning."""

    def __init__(self) -> None:
        self._bars: dict[int, Bar] = {}

    def add(self, at: datetime, price: Decimal, size: int) -> None:
        """Takes in a trade."""
        begin = int(at.timestamp()) // SHORTEST_SECONDS * SHORTEST_SECONDS
        self.put(Bar(begin, price, price, price, price, size))

    def put(self, bar: Bar) -> None:
        """Takes in a bar, after what lies at its beginning already."""
        before = self._bars.get(bar.at)
        self._bars[bar.at] = before.joined(bar) if before else bar

    def last(self) -> Bar | None:
        """Returns the newest of the shortest bars."""
        return self._bars[max(self._bars)] if self._bars else None

    def bars(self, seconds: int, since: int, until: int) -> list[Bar]:
        """Returns the bars of that length between two seconds of the epoch; none where nothing traded."""
        kept = [bar for at, bar in sorted(self._bars.items()) if since <= at < until]
        return list(joined(kept, seconds).values())


def joined(bars: Iterable[Bar], seconds: int) -> dict[int, Bar]:
    """Returns longer bars of shorter ones, by their beginning."""
    longer: dict[int, Bar] = {}
    for bar in bars:
        begin = bar.at // seconds * seconds
        moved = Bar(begin, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades)
        longer[begin] = longer[begin].joined(moved) if begin in longer else moved
    return longer


def duration_seconds(text: str) -> int:
    """Returns the seconds of a duration such as `1 D` or `3600 S`."""
    number, unit = text.split()
    return int(number) * DURATION_SECONDS[unit]
