"""Calls the emergency callback of code written for one process, whatever the status holds.

It is called where something is open or ordered, so that of many processes only those report which have to
close; where nobody at all has anything, in one of them, the first that takes the order up. Closing depends on
nothing that can be absent: the callback's context comes from the order itself and from what this process
knows. How often it is called is the gate's to know, which counts the fills that were registered since
(`workers.client.closing.asked_once`); a leg is handed to the callback once, unless more of it was filled.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

from portfold.events.legs import Leg, parse_legs
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Entry
from portfold.log import Log
from portfold.workers.client.closing.flatten_order import KILLSWITCH, FlattenOrder, order_for
from portfold.workers.compat.callbacks import Callback, call
from portfold.workers.compat.positions import PricedLeg

_EPISODES_REMEMBERED = 64
_NO_EVENT = {str(ORIGIN)}
"""What leads to an order that no event led to: each loss of the bus is another, and has its own episode."""
_Value = TypeVar("_Value")


class _OrderContext(NamedTuple):
    """What the decision behind an order says of everybody: legs open and asked for, the day's P&L if it has
    it.
    """

    legs: tuple[Leg, ...]
    pending: tuple[Leg, ...]
    daily_pnl: float | None


class Emergency:
    """`callback` gives the one to call, `to_close` what this process holds when the order comes, `slots` what
    it may have ordered, `known` what the context holds where the order does not: it must ask nobody.
    `is_chosen` says whether this process is the one to notify people; asked where nothing is to be closed.
    """

    def __init__(
        self,
        worker: str,
        callback: Callable[[], Callback | None],
        *,
        to_close: Callable[[FlattenOrder], Sequence[PricedLeg]],
        slots: Callable[[], Sequence[str]],
        known: Callable[[], Mapping[str, object]],
        is_chosen: Callable[[str], bool],
        log: Log,
    ) -> None:
        self._worker = worker
        self._callback = callback
        self._to_close = to_close
        self._slots = slots
        self._known = known
        self._is_chosen = is_chosen
        self._log = log
        self._handed_out: dict[str, Sequence[PricedLeg]] = {}
        self._decided: dict[str, _OrderContext] = {}

    def hears(self, entry: Entry) -> FlattenOrder | None:
        """Returns the order in a decision, if it is one for this process. ValueError for a decision that is
        none.
        """
        order = order_for(self._worker, entry)
        if order is not None and order.everything:  # else it says nothing of the others
            fields = entry.by_name
            pnl = fields.get("daily_pnl")
            legs, pending = (tuple(parse_legs(fields.get(name, ""))) for name in ("positions", "pending"))
            _remember(
                self._decided,
                order.episode,
                _OrderContext(legs, pending, None if pnl is None else float(pnl)),
            )
        return order

    def flatten(self, order: FlattenOrder) -> None:
        """Calls the callback once an episode, and again for what was filled since; not for what is closed.

        Of an order for some legs only those are handed to it; never a leg that it got before, which may be
        closing.
        """
        episode = str(order.event) if order.episode.startswith(KILLSWITCH) else order.episode
        # A pull of the kill switch and the order that its event brings are one, in whatever episode that is.
        names = {episode, str(order.event)}
        before = [self._handed_out[name] for name in names if name in self._handed_out]
        handed_out = [leg for legs in before for leg in legs]
        held = self._to_close(order)
        if not order.everything:
            named = {leg.symbol for leg in order.positions}
            held = [leg for leg in held if leg.symbol in named]
        # An order that a fill brought may follow another that was carried out late, and has found the fill.
        ever = itertools.chain(*self._handed_out.values()) if order.is_of_a_fill else handed_out
        known = {id(leg) for leg in ever}
        own = [leg for leg in held if id(leg) not in known]
        if not own and any(name in self._handed_out for name in names - _NO_EVENT):
            return
        if not own and held and order.is_of_a_fill:
            return
        has_any = own or order.positions or order.pending or self._slots()
        decided = self._decided.get(episode) if order.everything else None
        if not has_any and self._others_have(decided):
            self._log.info("Ordered to flatten: nothing is open here", cause=order.cause)
            return
        callback = self._callback()
        if callback is None:
            self._log.critical(
                "Ordered to flatten, and there is no emergency_exit_callback", cause=order.cause
            )
        elif has_any or order.event == ORIGIN or self._is_chosen(f"flatten {order.event}"):
            call(callback, order.cause.replace(" ", "_"), self._context(decided, own))
        for name in names:
            _remember(self._handed_out, name, [*handed_out, *own])

    def _others_have(self, decided: _OrderContext | None) -> bool:
        """Returns whether anything is open or ordered elsewhere: by the order, or else by what was known
        last.
        """
        return bool(decided.legs or decided.pending) if decided else bool(self._known().get("held_by_others"))

    def _context(self, decided: _OrderContext | None, own: Sequence[PricedLeg]) -> dict[str, object]:
        """Returns the callback's context: `open_positions` are those to be closed here, `held_by_others`
        not.

        They are kept apart, for a callback that closes all it is shown would else close them once in each
        process. An order for some of it, as for a late fill, names only that: what others hold is then what
        was known last.
        """
        context: dict[str, object] = {
            "daily_pnl": 0.0,
            "stop_loss_limit": 0.0,
            "trading_day": "",
            "held_by_others": [],
        } | dict(self._known())
        if decided and decided.daily_pnl is not None:
            context["daily_pnl"] = decided.daily_pnl
        if decided and decided.legs:
            context["held_by_others"] = sorted(
                {leg.symbol for leg in decided.legs if leg.worker != self._worker}
            )
        return context | {
            "open_positions": [leg.symbol for leg in own],
            "trigger_time": datetime.now(UTC).isoformat(),
        }


def _remember(known: dict[str, _Value], episode: str, value: _Value) -> None:
    known[episode] = value
    if len(known) > _EPISODES_REMEMBERED:
        del known[next(iter(known))]
