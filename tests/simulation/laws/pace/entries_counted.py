"""How often was entered, counted from the second book: in all, by each worker, in each symbol."""

from collections import Counter
from datetime import date, timedelta

from portfold.coordinator.fold.state import State
from portfold.events.decisions import Decision, PositionMismatch
from portfold.events.incoming import Event, Malformed, PositionOpened, PositionSettled, WorkerStarted
from tests.simulation.laws.book import Book

_COUNTED_SINCE = 9
_WEEK = "_week"


class EntriesCounted:
    """Counts entries by the day: a slot with its first fill, and what nobody granted, told by whomever."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._entered: Counter[tuple[str, str]] = Counter()
        self._begun: set[str] = set()
        self._reserved: dict[str, str] = {}
        self._held: set[str] = set()

    def enter(self, event: Event | Malformed | None, decisions: list[Decision], state: State) -> None:
        """Takes note of one event, None where it changed nothing, and what was decided."""
        legs = self._entered_by(event, decisions) if state.fold_version >= _COUNTED_SINCE else []
        for leg in legs:
            slot = self._reserved.get(leg, "")
            if slot not in self._begun:
                self._entered[state.day.date, leg] += 1
            self._begun |= {slot} - {""}
        self._reserved = {leg: one.request for leg, one in self._book.reserved.items()}
        self._begun &= set(self._reserved.values())
        self._held = set(self._book.held)

    def _entered_by(self, event: Event | Malformed | None, decisions: list[Decision]) -> list[str]:
        if isinstance(event, PositionOpened):
            return [f"{event.symbol}:{event.side}:{event.worker}"]
        if isinstance(event, PositionSettled) and event.size:
            leg = f"{event.symbol}:{event.side}:{event.worker}"
            return [] if leg in self._held else [leg]
        if not isinstance(event, WorkerStarted):
            return []
        return [
            f"{one.symbol}:{one.side}:{one.worker}"
            for one in decisions
            if isinstance(one, PositionMismatch)
            and one.worker == event.worker
            and one.broker_size > one.log_size
        ]

    def used(self, rule: str, name: str, state: State) -> int:
        """How often was entered, or may have been, by the count of this rule; of its week, or day."""
        day = rule.removesuffix(_WEEK)
        today = date.fromisoformat(state.day.date)
        monday = (today - timedelta(days=today.weekday())).isoformat()
        since = state.day.date if day == rule else monday
        filled = sum(
            times for (on, leg), times in self._entered.items() if on >= since and _is_of(day, leg, name)
        )
        waiting = [leg for leg, one in self._book.reserved.items() if one.request not in self._begun]
        return filled + sum(_is_of(day, leg, name) for leg in waiting)


def _is_of(rule: str, leg: str, name: str) -> bool:
    symbol, _, worker = leg.split(":")
    return {"max_entries": "", "worker_entries": worker, "symbol_entries": symbol}[rule] == name
