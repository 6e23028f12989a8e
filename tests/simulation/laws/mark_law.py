"""What must hold of marks: one that jumps counts for nothing before a second one, and then no loss is lost.

A second one is of another moment of the market, as every mark of a run names its own. While one is in doubt
nobody enters, nor while one is stale where so configured. Prices and moments are taken from the log; of the
fold's book only what a leg was paid, and what it makes now. What counts where marks of one moment wait for
each other is another law's: there none is doubted.
"""

from decimal import Decimal
from typing import NamedTuple

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import State
from portfold.dollars import ZERO, gross_pnl
from portfold.events.account import ACCOUNT
from portfold.events.decisions import Decision, EntryAllowed, EntryDenied, MarkDoubted, PositionMismatch
from portfold.events.incoming import Event, Malformed, PositionMarked
from portfold.events.stream_id import StreamId
from tests.simulation.scheduler import Violation

_JUMPS = "a mark that jumps counts only with a second one, or as a loss after the bound"


class _Doubt(NamedTuple):
    price: Decimal
    since_ms: int
    size: int
    worth: Decimal
    moment_ms: int


class _Leg(NamedTuple):
    """`price` is of the last mark that was believed; `makes` what it made after the latest event."""

    marked_ms: int
    price: Decimal | None = None
    doubt: _Doubt | None = None
    makes: Decimal = ZERO


class MarkLaw:
    """Follows the marks of all that is held."""

    def __init__(self) -> None:
        self._legs: dict[str, _Leg] = {}
        self._limits: Limits | None = None

    def enter(
        self, at: StreamId, event: Event | Malformed | None, decisions: list[Decision], state: State
    ) -> None:
        """Takes note of one event, None where it changed nothing, and what was decided. Raises Violation."""
        limits, before = state.limits, self._limits
        if limits is None:
            return
        ended = {
            key for key in self._legs if self._is_over(key, at, before) or self._is_over(key, at, limits)
        }
        for key in ended:
            self._doubt_is_over(key, state)
        if isinstance(event, PositionMarked) and limits.marks_together_seconds:
            self._legs[f"{event.symbol}:{event.side}:{event.holder}"] = _Leg(at.ms, event.price)
        elif isinstance(event, PositionMarked):
            self._marked(at, event, decisions, state, limits)
        elif any(isinstance(one, MarkDoubted) for one in decisions):
            raise Violation(_JUMPS, f"{at}: {decisions}")
        self._hold(at, decisions, state)
        self._limits = limits
        self._answers(at, decisions, limits)

    # --- doubts --------------------------------------------------------------------------------------------

    def _is_over(self, key: str, at: StreamId, limits: Limits | None) -> bool:
        doubt = self._legs[key].doubt
        if doubt is None or limits is None:
            return False
        bound_ms = limits.mark_confirm_seconds * 1000 if limits.mark_jumps else 0
        return at.ms >= doubt.since_ms + bound_ms

    def _doubt_is_over(self, key: str, state: State) -> None:
        """A loss that has waited counts; a profit that nobody confirmed does not."""
        leg, held = self._legs[key], state.positions.get(key)
        doubt = leg.doubt
        assert doubt is not None
        counts = doubt.worth < leg.makes
        self._legs[key] = leg._replace(
            doubt=None, price=doubt.price if counts else leg.price, makes=min(leg.makes, doubt.worth)
        )
        same = held is not None and held.size == doubt.size and held.marked_ms == leg.marked_ms
        if held is not None and same and held.unrealized != self._legs[key].makes:
            raise Violation(_JUMPS, f"{key} makes {held.unrealized}, after {doubt}, and {leg.makes} before")

    def _marked(
        self, at: StreamId, event: PositionMarked, decisions: list[Decision], state: State, limits: Limits
    ) -> None:
        key = f"{event.symbol}:{event.side}:{event.holder}"
        held, leg = state.positions[key], self._legs[key]
        value = limits.point_values[event.symbol]
        worth = min(event.unrealized, gross_pnl(held.side, held.price, event.price, held.size, value))
        most, doubt = limits.jumps.get(event.symbol), leg.doubt
        jumps = (
            most is not None and abs(event.price - (held.price if leg.price is None else leg.price)) > most
        )
        near = most is not None and doubt is not None and abs(event.price - doubt.price) <= most
        told_again = doubt is not None and doubt.moment_ms == event.moment_ms > 0
        another = doubt is not None and at.ms > doubt.since_ms and not told_again
        believed = not jumps or (near and another)
        told = any(isinstance(one, MarkDoubted) for one in decisions)
        if told == (believed or doubt is not None):
            raise Violation(_JUMPS, f"{at}: {event} after {leg}, told of it: {told}")
        if held.unrealized != (worth if believed else leg.makes):
            raise Violation(_JUMPS, f"{at}: {held} after {leg}, believed: {believed}")
        if believed:
            self._legs[key] = _Leg(at.ms, event.price)
        else:
            since_ms = doubt.since_ms if doubt is not None else at.ms
            self._legs[key] = leg._replace(
                marked_ms=at.ms, doubt=_Doubt(event.price, since_ms, held.size, worth, event.moment_ms)
            )

    # --- what is held, and who may enter -------------------------------------------------------------------

    def _hold(self, at: StreamId, decisions: list[Decision], state: State) -> None:
        """What is new was marked with its fill; what nobody owns, anew with each part that is found."""
        for one in decisions:
            if isinstance(one, PositionMismatch) and one.worker == ACCOUNT:
                self._legs.pop(f"{one.symbol}:{one.side}:{ACCOUNT}", None)
        self._legs = {
            key: self._legs.get(key, _Leg(at.ms))._replace(makes=held.unrealized)
            for key, held in state.positions.items()
        }

    def _answers(self, at: StreamId, decisions: list[Decision], limits: Limits) -> None:
        doubted = limits.mark_jumps and any(leg.doubt is not None for leg in self._legs.values())
        stale_from_ms = at.ms - limits.mark_stale_ms
        stale = limits.mark_stale_denies and any(
            leg.marked_ms <= stale_from_ms for leg in self._legs.values()
        )
        for one in decisions:
            if isinstance(one, EntryAllowed) and not one.repeats and (doubted or stale):
                raise Violation("no entry on a mark that is stale or in doubt", f"{at}: {one}, {self._legs}")
            if isinstance(one, EntryDenied) and not one.repeats:
                right = {"mark_doubted": doubted, "mark_stale": stale}.get(one.code, True)
                if not right:
                    raise Violation("a mark denies only where it is stale or in doubt", f"{at}: {one}")
