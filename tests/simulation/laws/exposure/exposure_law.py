"""What must hold of exposure: no part of the book takes more than it may, and nobody is denied room there is.

Counted from the second book alone, positions and slots alike. Of several limits that object the first in the
order of the page answers.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import State
from portfold.dollars import ZERO
from portfold.events.decisions import Decision, EntryAllowed, EntryDenied, TradingDayStarted
from portfold.events.incoming import Event, Malformed
from portfold.events.stream_id import StreamId
from tests.simulation.laws.book import Book
from tests.simulation.laws.exposure.numbers import groups_with, number_of, weight_of
from tests.simulation.laws.exposure.worker_loss_law import WorkerLossLaw
from tests.simulation.laws.money_law import MoneyLaw
from tests.simulation.laws.pace.entries_counted import EntriesCounted
from tests.simulation.scheduler import Violation

_IN_ORDER = (
    *("max_request_contracts", "max_symbol_contracts", "worker_daily_loss"),
    *("worker_positions", "worker_contracts", "worker_entries"),
    *("group_positions", "group_contracts", "group_one_side", "contracts_ladder"),
    *("max_positions", "max_contracts"),
)
_AFTER = ("loss_budget",)


class _Leg(NamedTuple):
    """What is held and reserved of a leg."""

    symbol: str
    side: str
    worker: str
    size: int


class ExposureLaw:
    """Follows what each part of the book takes, and what the ladder goes by."""

    def __init__(self, book: Book, money: MoneyLaw, loss: WorkerLossLaw, entries: EntriesCounted) -> None:
        self._book, self._entries = book, entries
        self._money = money
        self._loss = loss
        self._at_roll: set[Decimal] = set()
        self._limits: Limits | None = None
        self._last: tuple[Decimal, Decimal] = (ZERO, ZERO)

    def enter(
        self,
        at: StreamId,
        event: Event | Malformed | None,  # noqa: ARG002 - as every law is told
        decisions: list[Decision],
        state: State,
    ) -> None:
        """Takes note of one event, None where it changed nothing, and what was decided. Raises Violation."""
        if any(isinstance(one, TradingDayStarted) for one in decisions):
            self._at_roll = set(self._money.equities_between or self._last)
        limits = state.limits
        if limits is None:
            return
        self._follow_equity(limits)
        for one in decisions:
            if isinstance(one, EntryAllowed | EntryDenied) and not one.repeats:
                self._answered(at, one, state)

    def _follow_equity(self, limits: Limits) -> None:
        """The ladder goes by the equity at the roll; before its first one without what the day has made."""
        now, before = self._money.equities(), self._limits
        again = before is None or before.start_balance != limits.start_balance
        if not limits.contracts_ladder or now is None:
            self._at_roll = set()
        elif before is None or again or not before.contracts_ladder:
            made = max(ZERO, self._money.made_today)
            self._at_roll = {equity - made for equity in (*now, *self._last)}
        if now is not None:
            self._last = now
        self._limits = limits

    # --- answers -------------------------------------------------------------------------------------------

    def _answered(self, at: StreamId, one: EntryAllowed | EntryDenied, state: State) -> None:
        objecting = list(self._objecting(one, state))
        if isinstance(one, EntryAllowed):
            if objecting:
                raise Violation("no part of the book takes more than it may", f"{at}: {objecting}, {one}")
            return
        if one.code in _AFTER and objecting:
            raise Violation("the first limit of exposure that objects answers", f"{at}: {objecting}, {one}")
        if one.code in _IN_ORDER and (not objecting or objecting[0] != one.code):
            raise Violation("nobody is denied room that there is", f"{at}: {objecting}, and not {one}")

    def _objecting(self, one: EntryAllowed | EntryDenied, state: State) -> Iterator[str]:
        """The limits that what was asked would be beyond, without what it was granted."""
        limits = state.limits
        if limits is None:
            return
        asked = _Leg(one.symbol, one.side, one.worker, one.size)
        legs = [leg for leg in self._legs() if leg[:3] != asked[:3] or isinstance(one, EntryDenied)]
        weights = limits.contract_weights

        def contracts(counts: Callable[[_Leg], bool]) -> Fraction:
            each = [leg for leg in (*legs, asked) if counts(leg)]
            return sum((leg.size * weight_of(weights, leg.symbol) for leg in each), Fraction(0))

        def slots(counts: Callable[[_Leg], bool]) -> Fraction:
            return Fraction(len({leg[:3] for leg in legs if counts(leg)}) + 1)

        def whole(_: _Leg) -> bool:
            return True

        def own(leg: _Leg) -> bool:
            return leg.worker == one.worker

        same = Fraction(sum(leg.size for leg in (*legs, asked) if leg.symbol == one.symbol))
        entries = self._entries.used("worker_entries", one.worker, state) + isinstance(one, EntryDenied)
        used: dict[str, Fraction] = {
            "max_request_contracts": Fraction(one.size),
            "max_symbol_contracts": same,
            "worker_positions": slots(own),
            "worker_contracts": contracts(own),
            "worker_entries": Fraction(entries),
            "contracts_ladder": contracts(whole),
            "max_positions": slots(whole),
            "max_contracts": contracts(whole),
        }
        for name, symbols in groups_with(limits.groups, one.symbol).items():

            def within(leg: _Leg, symbols: Iterable[str] = symbols) -> bool:
                return leg.symbol in symbols

            def one_side(leg: _Leg, symbols: Iterable[str] = symbols) -> bool:
                return leg.symbol in symbols and leg.side == one.side

            used[f"group_positions {name}"] = slots(within)
            used[f"group_contracts {name}"] = contracts(within)
            used[f"group_one_side {name}"] = contracts(one_side)
        for rule in _IN_ORDER:
            if rule == "worker_daily_loss":
                beyond = self._loss.is_reached(one.worker, limits)
            else:
                those = [(key, count) for key, count in used.items() if key.partition(" ")[0] == rule]
                beyond = any(self._is_beyond(key, count, one, limits) for key, count in those)
            if beyond:
                yield rule

    def _is_beyond(self, key: str, used: Fraction, one: EntryAllowed | EntryDenied, limits: Limits) -> bool:
        rule, _, group = key.partition(" ")
        match rule:
            case "contracts_ladder":
                return self._is_beyond_ladder(used, one, limits)
            case "max_request_contracts" | "max_positions" | "max_contracts":
                most = Fraction(getattr(limits, rule)) or None
            case "max_symbol_contracts":
                most = number_of(limits.max_symbol_contracts, one.symbol)
            case _:
                most = number_of(getattr(limits, rule), group or one.worker)
        return most is not None and used > most

    def _is_beyond_ladder(self, used: Fraction, one: EntryAllowed | EntryDenied, limits: Limits) -> bool:
        """Whether the step allows no more; where it is not known which of two equities counted, as said."""
        if not limits.contracts_ladder or not self._at_roll:
            return False
        found: set[bool] = set()
        for equity in self._at_roll:
            steps = [word.split("=") for word in limits.contracts_ladder.split()]
            most = max((int(count) for dollars, count in steps if equity >= Decimal(dollars)), default=0)
            found.add(used > most and limits.max_contracts >= most)
        if len(found) > 1:
            return isinstance(one, EntryDenied) and one.code == "contracts_ladder"
        return found.pop()

    def _legs(self) -> list[_Leg]:
        sizes: Counter[str] = Counter()
        for leg, size in self._book.held.items():
            sizes[leg] += size
        for leg, slot in self._book.reserved.items():
            sizes[leg] += slot.size
        return [_Leg(*_parts(leg), size) for leg, size in sizes.items()]


def _parts(leg: str) -> tuple[str, str, str]:
    symbol, side, worker = leg.split(":")
    return symbol, side, worker
