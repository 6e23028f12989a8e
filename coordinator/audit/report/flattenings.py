"""Follows each flattening from the order to the last confirmed close, however many days that takes."""

from portfold.coordinator.audit.report.day_account import Flattening, FlatteningStep, StepKind, Triggered
from portfold.coordinator.fold.state import State, leg_of
from portfold.coordinator.store.ledger import Decided
from portfold.coordinator.views.words.of_trades import closed_line, legs_told
from portfold.dollars import shown, shown_limit
from portfold.events.decisions import (
    FlattenHandedOver,
    FlattenOrdered,
    FlattenOverdue,
    PortfolioFlat,
    StopLossTriggered,
)
from portfold.events.incoming import PositionClosed, PositionSettled


class Flattenings:
    """Follows the one that is under way: `left` are the legs it had open before the next event."""

    def __init__(self) -> None:
        self.under_way: Flattening | None = None
        self._left: frozenset[str] = frozenset()

    def follow(self, decided: Decided, state: State) -> list[Flattening]:
        """Takes in one event, folded; returns the flattenings that began with it."""
        begun: list[Flattening] = []
        if self._left:
            self._see_close(decided, state)
        for decision in decided.decisions:
            if isinstance(decision, StopLossTriggered | FlattenOrdered):
                begun += self._see_order(decided.at.ms, decision, state)
            elif isinstance(decision, FlattenHandedOver):
                legs = legs_told(decision.positions)
                self._step(decided.at.ms, "handed over", f"to the flattener: {legs}")
            elif isinstance(decision, FlattenOverdue):
                legs = legs_told(decision.positions)
                text = f"{decision.late_ms:,} ms late, reminder {decision.reminder}: {legs}"
                self._step(decided.at.ms, "overdue", text)
            elif isinstance(decision, PortfolioFlat):
                self._end(decided.at.ms, decision)
        self._left = frozenset(state.flatten.left) if state.flatten else frozenset()
        return begun

    def _see_close(self, decided: Decided, state: State) -> None:
        event = decided.event
        if not isinstance(event, PositionClosed | PositionSettled) or not decided.took_effect:
            return
        if (key := leg_of(event)) not in self._left:
            return
        left = state.positions.get(key)
        if isinstance(event, PositionSettled):
            if left is not None:
                return  # corrected, and still to be closed
            how = f"{event.symbol} {event.side} settled by {event.by}: {shown(event.pnl)}"
        else:
            part = f", {left.size} still open" if left is not None else ""
            how = f"{closed_line(event, event.owner)}{part}"
        self._step(decided.at.ms, "closed", how)

    def _see_order(
        self, ms: int, decision: StopLossTriggered | FlattenOrdered, state: State
    ) -> list[Flattening]:
        begun: list[Flattening] = []
        if self.under_way is None or self.under_way.episode != decision.episode:
            cause = "daily stop loss" if isinstance(decision, StopLossTriggered) else decision.cause
            self.under_way = Flattening(decision.episode, cause, ms, decision.deadline_ms)
            begun.append(self.under_way)
        positions = legs_told(decision.positions)
        pending = f"; not filled yet: {legs_told(decision.pending)}" if decision.pending else ""
        if isinstance(decision, FlattenOrdered):
            self._step(ms, "ordered", f"{decision.cause}: {positions}{pending}")
            return begun
        self.under_way.cause = "daily stop loss"
        self.under_way.triggered = Triggered(
            ms, state.day.date, decision.daily_pnl, decision.limit, decision.open_positions
        )
        self._step(
            ms,
            "triggered",
            f"at {shown(decision.daily_pnl)} of {shown_limit(-decision.limit)}: {positions}{pending}",
        )
        return begun

    def _end(self, ms: int, flat: PortfolioFlat) -> None:
        self._step(ms, "flat", f"every position confirmed closed after {flat.took_ms:,} ms")
        if self.under_way is not None:
            self.under_way.took_ms = flat.took_ms
        self.under_way = None

    def _step(self, ms: int, kind: StepKind, text: str) -> None:
        if self.under_way is not None:
            self.under_way.steps.append(FlatteningStep(ms, kind, text))
