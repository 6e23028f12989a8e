"""The average true range: how far a price usually moves in a bar, gaps included.

Source: J. Welles Wilder Jr., "New Concepts in Technical Trading Systems" (1978). The true range of a bar is
the greatest of high - low, |high - previous close| and |low - previous close|; the first bar, which has no
previous close, counts high - low. The average of n bars starts as the mean of the first n true ranges; each
later one is ((n - 1) * previous average + true range) / n.
"""

from decimal import Decimal

from portfold.workers.feeds.bar import Bar


class AverageTrueRange:
    """The average over `bars` bars, in the quote of the contract; None until that many have come."""

    def __init__(self, bars: int) -> None:
        if bars < 1:
            raise ValueError(f"expected bars from 1, got {bars}")
        self._bars = bars
        self._seen = 0
        self._sum = Decimal(0)
        self._previous_close: Decimal | None = None
        self.value: Decimal | None = None

    def take(self, bar: Bar) -> None:
        """Takes the next bar, in order."""
        reached = true_range(bar, self._previous_close)
        self._previous_close = bar.close
        if self.value is not None:
            self.value = (self.value * (self._bars - 1) + reached) / self._bars
            return
        self._seen += 1
        self._sum += reached
        if self._seen == self._bars:
            self.value = self._sum / self._bars


def true_range(bar: Bar, previous_close: Decimal | None) -> Decimal:
    """Returns how far the price went from the previous close on, or within the first bar."""
    if previous_close is None:
        return bar.high - bar.low
    return max(bar.high, previous_close) - min(bar.low, previous_close)
