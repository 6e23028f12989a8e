"""What the findings of a what-if come to: the totals of both books, and what their difference is made of."""

from collections import Counter
from decimal import Decimal

from msgspec import Struct, field, structs

from portfold.coordinator.audit.what_if.findings import (
    DayFigures,
    DayOver,
    FilledAnyway,
    Finding,
    LimitsOverridden,
    StopComes,
    StopGoes,
    TradeEnded,
    TradeGone,
    Turned,
)
from portfold.dollars import ZERO

_VALUES_REMEMBERED = 8


class Totals(Struct):
    """One book over all days; `worst_day` is the first of those with the lowest P&L, `worst_pnl`."""

    figures: DayFigures = DayFigures()
    worst_day: str = ""
    worst_pnl: Decimal = ZERO

    def add(self, day: str, figures: DayFigures) -> None:
        """Adds one more day."""
        if not self.worst_day or figures.pnl < self.worst_pnl:
            self.worst_day, self.worst_pnl = day, figures.pnl
        both = zip(structs.astuple(self.figures), structs.astuple(figures), strict=True)
        self.figures = DayFigures(*(total + more for total, more in both))


class Made(Struct):
    """A number of trades and what they made."""

    trades: int = 0
    pnl: Decimal = ZERO

    def add(self, pnl: Decimal) -> None:
        """Adds one more trade."""
        self.trades += 1
        self.pnl += pnl


class Tally(Struct, tag_field="what", tag=True):
    """Counts and dollars of all findings so far.

    `denied` and `allowed` are the requests that turn to it, by the code that denies them here or denied them
    on the log; `again` counts those of `allowed` that most likely ask for the same trade as one before.

    `gone` are the trades that would not be, `gone_open` how many of them are open when the log ends. `ended`
    are those that a stop which is not on the log ends, with what they made on the log, and `ended_at_stop`
    the same with what they would have made; `unpriced` those that were never marked, again as on the log.

    `in_place_of` are the values on the log of every overridden limit, a few at most.
    """

    days: int = 0
    recorded: Totals = field(default_factory=Totals)
    what_if: Totals = field(default_factory=Totals)
    denied: Counter[str] = field(default_factory=Counter)
    allowed: Counter[str] = field(default_factory=Counter)
    again: int = 0
    filled_anyway: int = 0
    gone: Made = field(default_factory=Made)
    gone_open: int = 0
    ended: Made = field(default_factory=Made)
    ended_at_stop: Made = field(default_factory=Made)
    unpriced: Made = field(default_factory=Made)
    stops_come: int = 0
    stops_go: int = 0
    in_place_of: dict[str, list[int | Decimal | str]] = field(default_factory=dict)

    @property
    def turned(self) -> int:
        """Returns how many decisions turn: answers and stops."""
        return self.denied.total() + self.allowed.total() + self.stops_come + self.stops_go

    @property
    def unknown(self) -> int:
        """Returns how many entries would have been allowed whose outcome is not on the log."""
        return self.allowed.total() - self.again - self.filled_anyway

    def add(self, found: Finding) -> None:
        """Adds one more finding."""
        match found:
            case Turned():
                self._add_turned(found)
            case FilledAnyway():
                self.filled_anyway += 1
            case TradeGone():
                self.gone.add(found.pnl + found.open_pnl)
                self.gone_open += not found.closed
            case TradeEnded():
                self._add_ended(found)
            case StopComes():
                self.stops_come += 1
            case StopGoes():
                self.stops_go += 1
            case DayOver():
                self.days += 1
                self.recorded.add(found.day, found.recorded)
                self.what_if.add(found.day, found.what_if)
            case LimitsOverridden():
                self._add_limits(found)

    def _add_turned(self, turned: Turned) -> None:
        if turned.what_if == "allowed":
            self.allowed[turned.recorded] += 1
            self.again += turned.again
        else:
            self.denied[turned.what_if] += 1

    def _add_ended(self, ended: TradeEnded) -> None:
        pnl = ended.pnl + ended.open_pnl
        self.ended.add(pnl)
        self.ended_at_stop.add(ended.pnl_at_stop or ZERO)
        if ended.pnl_at_stop is None:
            self.unpriced.add(pnl)

    def _add_limits(self, limits: LimitsOverridden) -> None:
        for name, value in limits.recorded.items():
            seen = self.in_place_of.setdefault(name, [])
            if value not in seen and len(seen) < _VALUES_REMEMBERED:
                seen.append(value)
