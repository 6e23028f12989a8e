"""An author's callback that closes: asked once for what is open, however often the order is repeated.

A coordinator reminds until the log says that all is closed, and a pull of the kill switch comes twice, past
the coordinator and through it. A callback that sells at each of these goes from long to short. Guarantees: it
is never called twice at once; for one episode it is called again only if it raised, or if a fill was reported
since; and if it returns while what it was to close is not reported closed, that is said.
"""

import threading
from collections import Counter
from collections.abc import Callable

from coordinator.log import Log
from workers.flatten_order import KILLSWITCH, FlattenOrder

_EPISODES_REMEMBERED = 64  # under two names each


class Reported:
    """What a gate has reported in this session, by symbol."""

    def __init__(self) -> None:
        self._fills: Counter[str] = Counter()
        self._last_is_close: dict[str, bool] = {}

    def opened(self, symbol: str) -> None:
        """A fill was reported."""
        self._fills[symbol] += 1
        self._last_is_close[symbol] = False

    def closed(self, symbol: str) -> None:
        """A close was reported."""
        self._last_is_close[symbol] = True

    def is_closed(self, symbol: str) -> bool:
        """Whether the last that was reported is a close."""
        return self._last_is_close.get(symbol, False)

    def all_closed(self) -> bool:
        """Whether of every symbol the last that was reported is a close."""
        return all(self._last_is_close.values())

    def fills(self) -> Counter[str]:
        """How many fills so far."""
        return self._fills.copy()


class _Asked:
    """What an episode has asked for so far: the fills there were of a symbol, and whether `everything`."""

    def __init__(self) -> None:
        self.everything = False
        self._fills: dict[str, int] = {}

    def note(self, order: FlattenOrder, fills: Counter[str]) -> None:
        """The callback was called for the order when there were so many fills."""
        self.everything |= order.everything
        meant = fills if order.everything else [leg.symbol for leg in order.positions]
        self._fills |= {symbol: fills[symbol] for symbol in meant}

    def covers(self, order: FlattenOrder, fills: Counter[str]) -> bool:
        """Whether nothing is open that the order means and that was not asked for."""
        meant = [leg.symbol for leg in order.positions]
        if order.everything and not (meant and self.everything):
            return self.everything and all(self._is_asked(symbol, fills) for symbol in fills)
        return all(self._is_asked(symbol, fills) for symbol in meant)

    def _is_asked(self, symbol: str, fills: Counter[str]) -> bool:
        known = self._fills.get(symbol, 0 if self.everything else -1)
        return fills[symbol] <= known


class AskedOnce:
    """`callback`, called once an episode; what is done since is seen in `reported`."""

    def __init__(self, callback: Callable[[FlattenOrder], object], reported: Reported, log: Log) -> None:
        self._callback = callback
        self._reported = reported
        self._log = log
        self._lock = threading.Lock()
        self._asked: dict[str, _Asked] = {}

    def __call__(self, order: FlattenOrder) -> None:
        """Passes the order on, unless that was done. Raises what the callback raises: then it was not."""
        done, does = _names(order)
        with self._lock:
            fills = self._reported.fills()
            asked = next((self._asked[name] for name in done if name in self._asked), None)
            if asked is not None and asked.covers(order, fills):
                self._remember(does, asked)  # its reminders come under its own name
                return
            self._callback(order)
            self._remember(does, asked or _Asked())
            for known in self._asked.values():  # whichever order means it next, it was asked for
                known.note(order, fills)
            self._complain(order)

    def _remember(self, names: tuple[str, ...], asked: _Asked) -> None:
        for name in names:
            self._asked.pop(name, None)
            self._asked[name] = asked
        while len(self._asked) > _EPISODES_REMEMBERED:
            del self._asked[next(iter(self._asked))]

    def _complain(self, order: FlattenOrder) -> None:
        left = [leg.symbol for leg in order.positions if not self._reported.is_closed(leg.symbol)]
        if left:
            self._log.critical(
                "The on_flatten callback has returned and reported no close: it is not called again; "
                "report what it closed with position_closed, or raise where it could not close",
                symbols=" ".join(left),
                cause=order.cause,
            )


def _names(order: FlattenOrder) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Under which names an order may have been carried out before, and under which it will be remembered.

    A pull of the kill switch and the order that its event brings are one, whichever comes first.
    Two pulls are two, even where both name the same event: somebody pulled again.
    """
    pulled, answered = f"pulled for {order.event}", f"ordered by {order.event}"
    if order.episode.startswith(KILLSWITCH):
        return (order.episode, answered), (order.episode, pulled)
    return (order.episode, pulled), (order.episode, answered)
