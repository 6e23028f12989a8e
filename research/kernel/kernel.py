"""The kernel of one scenario: simulates and measures sets as `Scenario` does, hundreds of times as fast.

Guarantees: the same figures to the last digit, as they are measured by the same functions on the same record.
It knows few limits; under any other a scenario has no kernel (`available`), and the fold alone simulates it.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import numpy as np

from portfold.research.kernel.play import (
    BY_LOT,
    DAYS,
    DENIED,
    OPEN,
    POINTS,
    STOPS,
    TAKEN,
    Bounds,
    book_for,
    play,
    tape_for,
)
from portfold.research.kernel.stream import Compiled, compile_scenario, drawing_of
from portfold.research.simulate.record import Record
from portfold.research.simulate.scenario import Scenario
from portfold.research.statistics.metrics import (
    Floats,
    Metrics,
    Offered,
    mean_of,
    measured_record,
    offered_in,
    returns_of,
)


class Kernel:
    """Plays sets of symbols of one scenario. Not for two threads at once: they would share its tape.

    `read` are its columns, where another kernel has read them already.
    """

    def __init__(self, scenario: Scenario, read: Compiled | None = None) -> None:
        self.scenario = scenario
        self.compiled: Compiled = read or compile_scenario(scenario)
        self.tape = tape_for(self.compiled.streams, self.compiled.offers)
        self._offered: Offered = offered_in(scenario.timeline.trades)
        self._cash = float(scenario.account.cash)

    def under(self, daily_stop_loss: Decimal) -> "Kernel":
        """Returns the kernel of the same trades under another daily stop, which no column depends on."""
        return Kernel(self.scenario.under(daily_stop_loss), self.compiled)

    def records(self, symbols: Iterable[str], max_positions: int) -> list[Record]:
        """Plays in the order of each drawing of lots; once, where no lot decided anything."""
        chosen = frozenset(symbols)
        book = book_for(np.array([symbol in chosen for symbol in self.compiled.symbols]))
        found: list[Record] = []
        for drawing in range(len(self.scenario.drawings)):
            stream = drawing_of(self.compiled.streams, drawing)
            play(stream, self.compiled.offers, self.bounds(max_positions), book, self.tape)
            found.append(self._read())
            if not self.tape.counts[BY_LOT]:
                break
        return found

    def bounds(self, max_positions: int) -> Bounds:
        """Returns the limits with so many positions."""
        return Bounds(
            max_positions,
            self.scenario.max_contracts or max_positions,
            round(self.scenario.limits.daily_stop_loss.scaleb(2)),
            self.compiled.first_day,
            self.compiled.counts_open,
        )

    def measure(self, symbols: Iterable[str], max_positions: int) -> Metrics:
        """Plays and measures: means over the drawings."""
        return self._mean(self.records(symbols, max_positions))

    def returns(self, symbols: Iterable[str], max_positions: int) -> Floats:
        """Plays, and returns the daily returns, means over the drawings."""
        return self._mean_returns(self.records(symbols, max_positions))

    def measure_with_returns(self, symbols: Iterable[str], max_positions: int) -> tuple[Metrics, Floats]:
        """Plays and measures, and returns the daily returns with it: means."""
        drawn = self.records(symbols, max_positions)
        return self._mean(drawn), self._mean_returns(drawn)

    def _mean(self, drawn: Sequence[Record]) -> Metrics:
        account, days = self.scenario.account, self.scenario.days
        return mean_of(
            [
                measured_record(record, self._offered, days, account.cash, account.breach_limit)
                for record in drawn
            ]
        )

    def _mean_returns(self, drawn: Sequence[Record]) -> Floats:
        each = [returns_of(record, self.scenario.days, self._cash) for record in drawn]
        mean: Floats = np.mean(each, axis=0)
        return mean

    def _read(self) -> Record:
        """Copies what is on the tape."""
        tape, counts = self.tape, self.tape.counts
        taken, days = counts[TAKEN], counts[DAYS]
        forced = tape.forced[:taken].copy()
        return Record(
            trade=tape.taken[:taken].copy(),
            closed_ms=tape.closed_ms[:taken].copy(),
            cents=tape.cents[:taken].copy(),
            forced=forced,
            unknown=forced & ~tape.known[:taken],
            curve=tape.curve[: counts[POINTS]].copy(),
            days=tuple(self.compiled.days[day] for day in tape.day[:days]),
            day_cents=tape.day_cents[:days].copy(),
            day_points=tape.day_points[:days].copy(),
            stops=int(counts[STOPS]),
            denied=int(counts[DENIED]),
            open_at_end=int(counts[OPEN]),
        )
