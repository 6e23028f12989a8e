"""Calls the emergency callback of code written for one process, whatever the status holds.

Closing depends on nothing that can be absent: what the callback is told comes from the order itself and from
what this process knows. How often it is called is the gate's to know, which counts the fills that were
registered since (`workers.asked_once`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

from coordinator.log import Log
from events.bus import Entry
from events.legs import Leg, parse_legs
from workers.compat.callbacks import Callback, call
from workers.flatten_order import FlattenOrder, order_for

_EPISODES_REMEMBERED = 64
_Value = TypeVar("_Value")


class _Heard(NamedTuple):
    """What the decision behind an order says of everybody: open legs, and the day's P&L where it names it."""

    legs: tuple[Leg, ...]
    daily_pnl: float | None


class Emergency:
    """`callback` gives the one to call, `own_symbols` what this process holds when the order comes, `known`
    what the context tells where the order does not: it must ask nobody.
    """

    def __init__(
        self,
        worker: Callable[[], str],
        callback: Callable[[], Callback | None],
        own_symbols: Callable[[FlattenOrder], Sequence[str]],
        known: Callable[[], Mapping[str, object]],
        log: Log,
    ) -> None:
        self._worker = worker
        self._callback = callback
        self._own_symbols = own_symbols
        self._known = known
        self._log = log
        self._told: dict[str, bool] = {}
        self._heard: dict[str, _Heard] = {}

    def hears(self, entry: Entry) -> FlattenOrder | None:
        """The order in a decision, if it is one for this process. ValueError for a decision that is none."""
        order = order_for(self._worker(), entry)
        if order is not None:
            fields = dict(zip(entry.fields[::2], entry.fields[1::2], strict=False))
            pnl = fields.get("daily_pnl")
            legs = tuple(parse_legs(fields.get("positions", "")))
            _remember(self._heard, order.episode, _Heard(legs, None if pnl is None else float(pnl)))
        return order

    def flatten(self, order: FlattenOrder) -> None:
        """To be called once for each episode, and again for what was filled since; not for what is closed."""
        own = set(self._own_symbols(order))
        if order.episode in self._told and not own:
            return
        callback = self._callback()
        if callback is None:
            self._log.critical(
                "Ordered to flatten, and there is no emergency_exit_callback", cause=order.cause
            )
        else:
            call(callback, order.cause.replace(" ", "_"), self._context(order, own))
        _remember(self._told, order.episode, True)

    def _context(self, order: FlattenOrder, own: set[str]) -> dict[str, object]:
        """What the callback is told: `open_positions` are those to be closed here, `held_by_others` not.

        They are kept apart, for a callback that closes all it is shown would else close them once in each
        process.
        """
        heard = self._heard.get(order.episode, _Heard((), None))
        told = {
            "daily_pnl": 0.0,
            "stop_loss_limit": 0.0,
            "trading_day": "",
            "held_by_others": [],
        } | dict(self._known())
        if heard.daily_pnl is not None:
            told["daily_pnl"] = heard.daily_pnl
        if heard.legs:
            told["held_by_others"] = sorted(
                {leg.symbol for leg in heard.legs if leg.worker != self._worker()}
            )
        return told | {
            "open_positions": sorted(own),
            "trigger_time": datetime.now(UTC).isoformat(),
        }


def _remember(known: dict[str, _Value], episode: str, value: _Value) -> None:
    known[episode] = value
    if len(known) > _EPISODES_REMEMBERED:
        del known[next(iter(known))]
