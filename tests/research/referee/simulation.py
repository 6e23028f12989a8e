"""The referee's simulation: a second, slow implementation, from docs/research.md alone and in fractions.

It imports nothing of ours. It keeps a plain table of what is open, and at each moment does what the page
says: what is open is marked or ends, all of a moment together; then the others ask, in the order of their
lots; then the bars of the entries mark these. No events, no fold, no sequence numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from hashlib import blake2b

from tests.research.referee.exchange_day import day_at


@dataclass(frozen=True)
class Deal:
    """A row of a file of trades; `long` and the prices are as the file has them. A signal has the last three:
    see "Signals" on the page.
    """

    symbol: str
    begins: int
    ends: int
    pnl: Fraction
    size: int
    long: bool
    entry: Fraction | None = None
    exit: Fraction | None = None
    flat_before: int | None = None
    left: int = 0
    ended: bool = True


@dataclass(frozen=True)
class Ware:
    """A contract: dollars a point, and its costs."""

    point: Fraction
    tick: Fraction
    slippage_ticks: int
    commission: Fraction


@dataclass(frozen=True)
class Rules:
    """The limits: `open_counts` towards the stop; `entry_bar` marks its own entry."""

    positions: int
    contracts: int
    stop: Fraction
    open_counts: bool = True
    entry_bar: bool = False
    lots: str = "1"


@dataclass
class Played:
    """What came of it: `taken` as (deal, end, dollars, forced), how many were `open_at_end`, the account
    after each moment, all of them and by the day (`moved`), days and stops; `at_final` has the dollars of the
    forced exits that no price was known for.
    """

    taken: list[tuple[Deal, int, Fraction, bool]] = field(default_factory=list)
    denied: list[Deal] = field(default_factory=list)
    open_at_end: int = 0
    curve: list[Fraction] = field(default_factory=list)
    moved: dict[date, list[Fraction]] = field(default_factory=dict)
    at_final: list[Fraction] = field(default_factory=list)
    by_day: dict[date, Fraction] = field(default_factory=dict)
    stops: list[int] = field(default_factory=list)


def play(
    deals: Sequence[Deal],
    rules: Rules,
    wares: Mapping[str, Ware],
    closes: Mapping[str, Mapping[int, Fraction]],
) -> Played:
    """Plays the deals under the rules, by the closes of those symbols that have any."""
    return _Account(rules, wares, closes).play(deals)


class _Account:
    def __init__(
        self,
        rules: Rules,
        wares: Mapping[str, Ware],
        closes: Mapping[str, Mapping[int, Fraction]],
    ) -> None:
        self.rules, self.wares, self.closes = rules, wares, closes
        self.found = Played()
        self.open: dict[Deal, Fraction] = {}  # what each would make by its last mark
        self.day: date | None = None
        self.left: dict[str, int] = {}  # when each symbol's worker has left what it held
        self.settled = Fraction(0)  # of closed deals, since the beginning
        self.at_dawn = Fraction(0)  # of everything that counts, when the day began
        self.stopped = False

    def play(self, deals: Sequence[Deal]) -> Played:
        moments = {one.begins for one in deals} | {one.ends for one in deals}
        for one in deals:
            if self.priced(one):
                moments |= {at for at in self.closes[one.symbol] if one.begins <= at <= one.ends}
        for now in sorted(moments):
            self._moment(now, deals)
        self.found.open_at_end = len(self.open)
        return self.found

    def _moment(self, now: int, deals: Sequence[Deal]) -> None:
        self._dawn(now)
        moved = self._move(now, list(self.open))
        self._look(now)
        beginning = [one for one in deals if one.begins == now]
        entered = []
        for one in sorted(beginning, key=lambda one: (self._lot(now, one), one.flat_before or 0)):
            if not self._asks(one):
                continue
            if self._allowed(one):
                self.open[one] = Fraction(0)
                entered.append(one)
            else:
                self.found.denied.append(one)
        moved |= self._move(now, entered)
        self._look(now)
        if moved and now not in self.found.stops:
            self._note(now)
        self.found.by_day[day_at(now)] = self._counted() - self.at_dawn

    def _dawn(self, now: int) -> None:
        today = day_at(now)
        if today != self.day:
            self.day, self.at_dawn, self.stopped = today, self._counted(), False

    def _move(self, now: int, those: Sequence[Deal]) -> bool:
        """Ends or marks each of those that the moment says something of."""
        moved = False
        for one in those:
            if one.ends == now and one.ended:
                self._close(one, now, one.pnl, forced=False)
                moved = True
            elif self.priced(one) and now in self.closes[one.symbol] and self._marks(one, now):
                self.open[one] = self._worth(one, self.closes[one.symbol][now])
                moved = True
        return moved

    def _marks(self, one: Deal, now: int) -> bool:
        return now <= one.ends and (now > one.begins or self.rules.entry_bar)

    def _look(self, now: int) -> None:
        """Stops the day where all of the moment together comes to the limit, and closes what is open."""
        if self.stopped or self._counted() - self.at_dawn > -self.rules.stop:
            return
        self.stopped = True
        self.found.stops.append(now)
        for one in list(self.open):
            self._close(one, now, self._forced(one, now), forced=True)
        self._note(now)

    def _note(self, now: int) -> None:
        self.found.curve.append(self._counted())
        self.found.moved.setdefault(day_at(now), []).append(self._counted())

    def _close(self, one: Deal, now: int, pnl: Fraction, *, forced: bool) -> None:
        del self.open[one]
        self.settled += pnl
        self.left[one.symbol] = one.left if one.flat_before is not None and not forced else now
        self.found.taken.append((one, now, pnl, forced))

    def _asks(self, one: Deal) -> bool:
        """Returns whether its worker asks: for a row of a file of trades always, for a signal while flat."""
        if one.flat_before is None:
            return True
        holds = any(other.symbol == one.symbol for other in self.open)
        return not holds and self.left.get(one.symbol, -1) < one.flat_before

    def _allowed(self, one: Deal) -> bool:
        held = list(self.open)
        return not (
            self.stopped
            or any(other.symbol == one.symbol for other in held)
            or len(held) >= self.rules.positions
            or sum(other.size for other in held) + one.size > self.rules.contracts
        )

    def _counted(self) -> Fraction:
        marked = sum(self.open.values(), Fraction(0)) if self.rules.open_counts else Fraction(0)
        return self.settled + marked

    # --- prices --------------------------------------------------------------------------------------------

    def priced(self, one: Deal) -> bool:
        """Returns whether bars can price it: its prices, its P&L and its contract fit."""
        if one.entry is None or one.exit is None or one.symbol not in self.closes:
            return False
        ware = self.wares[one.symbol]
        cost = self._worth(one, one.exit) - one.pnl
        tick = ware.tick * ware.point * one.size
        return -tick <= cost <= 10 * tick + 20 * one.size

    def _worth(self, one: Deal, price: Fraction) -> Fraction:
        assert one.entry is not None
        rise = price - one.entry if one.long else one.entry - price
        return rise * self.wares[one.symbol].point * one.size

    def _forced(self, one: Deal, now: int) -> Fraction:
        if not self.priced(one):
            self.found.at_final.append(one.pnl)
            return one.pnl
        known = [at for at in self.closes[one.symbol] if one.begins <= at <= now]
        assert one.entry is not None
        price = self.closes[one.symbol][max(known)] if known else one.entry
        ware = self.wares[one.symbol]
        price += ware.slippage_ticks * ware.tick * (-1 if one.long else 1)
        return self._worth(one, price) - 2 * ware.commission * one.size

    def _lot(self, now: int, one: Deal) -> bytes:
        return blake2b(f"{self.rules.lots} {now} {one.symbol}".encode(), digest_size=8).digest()
