"""An author's callback that closes: asked once for what is open, however often the order is repeated.

A coordinator reminds until the log says that all is closed, and a pull of the kill switch comes twice, past
the coordinator and through it. A callback that sells at each of these goes from long to short. Guarantees: it
is never called twice at once; for one episode it is called again only if it raised, or if a fill was reported
since, whichever order told of that first; and if it returns while what it was to close is not reported
closed, that is said.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from portfold.events.codec import RefusedField
from portfold.events.legs import Holding
from portfold.log import Log
from portfold.workers.client.closing.flatten_order import KILLSWITCH, FlattenOrder

_EPISODES_REMEMBERED = 64  # under two names each


class Reported:
    """What a gate has reported in this session, and what of it is open, by symbol."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fills: Counter[str] = Counter()
        self._open: dict[str, int] = {}

    @contextmanager
    def opening(self, symbol: str, size: object) -> Iterator[None]:
        """Counts a fill that is reported inside, from the start: orders that the report causes find it."""
        with self._lock:
            self._fills[symbol] += 1
        with self._changing(symbol, size):
            yield

    @contextmanager
    def closing(self, symbol: str, size: object) -> Iterator[None]:
        """Counts a close of `size` contracts that is reported inside."""
        with self._changing(symbol, -size if isinstance(size, int) else size):
            yield

    @contextmanager
    def _changing(self, symbol: str, by: object) -> Iterator[None]:
        with self._lock:
            before = self._open.get(symbol, 0)
            after = max(before + by, 0) if isinstance(by, int) else before  # else it is about to be refused
            self._open[symbol] = after
        try:
            yield
        except RefusedField:
            with self._lock:
                self._open[symbol] += before - after
            raise

    def closed_elsewhere(self, symbol: str, left: int = 0) -> None:
        """Records that somebody else closed the symbol, down to `left` contracts."""
        with self._lock:
            self._open[symbol] = left

    def holds(self, holdings: Iterable[Holding]) -> None:
        """Records what the broker says is open, an earlier life's included."""
        with self._lock:
            self._open = dict.fromkeys(self._open, 0)
            for one in holdings:
                self._open[one.symbol] = self._open.get(one.symbol, 0) + one.size

    def all_closed(self) -> bool:
        """Returns whether all that was reported is closed."""
        return not self.still_open()

    def is_closed(self, symbol: str) -> bool:
        """Returns whether all that is known of it is closed; not where nothing was ever reported."""
        with self._lock:
            return self._open.get(symbol, 1) == 0

    def still_open(self) -> list[str]:
        """Returns the symbols of which something is open."""
        with self._lock:
            return [symbol for symbol, size in self._open.items() if size]

    def fills(self) -> Counter[str]:
        """Returns how many fills so far."""
        with self._lock:
            return self._fills.copy()


class _EpisodeAsked:
    """What an episode has asked for so far: the fills there were of a symbol, and whether `everything`.

    `left` is what was said to be left open.
    """

    def __init__(self) -> None:
        self.everything = False
        self.left: set[str] = set()
        self._fills: dict[str, int] = {}

    def note(self, order: FlattenOrder, fills: Counter[str]) -> None:
        """Records that the callback was called for the order, after `fills`."""
        self.everything |= order.everything
        meant = fills if order.everything else [leg.symbol for leg in order.positions]
        self._fills |= {symbol: fills[symbol] for symbol in meant}

    def covers(self, order: FlattenOrder, fills: Counter[str]) -> bool:
        """Returns whether nothing is open that the order means and that was not asked for."""
        meant = [leg.symbol for leg in order.positions]
        if order.everything and not (meant and self.everything):
            return self.everything and all(self._is_covered(symbol, fills) for symbol in fills)
        return all(self._is_covered(symbol, fills) for symbol in meant)

    def _is_covered(self, symbol: str, fills: Counter[str]) -> bool:
        known = self._fills.get(symbol, 0 if self.everything else -1)
        return fills[symbol] <= known


class AskedOnce:
    """`callback`, called once an episode; what is done since is seen in `reported`."""

    def __init__(self, callback: Callable[[FlattenOrder], object], reported: Reported, log: Log) -> None:
        self._callback = callback
        self._reported = reported
        self._log = log
        self._lock = threading.Lock()
        self._episodes: dict[str, _EpisodeAsked] = {}

    def __call__(self, order: FlattenOrder) -> None:
        """Passes the order on, once. Raises what the callback raises; the order then counts as not
        passed on.
        """
        done, does = _names(order)
        with self._lock:
            fills = self._reported.fills()
            episode = next((self._episodes[name] for name in done if name in self._episodes), None)
            if episode is None and order.is_of_a_fill and all(fills[leg.symbol] for leg in order.positions):
                # An earlier order may have been carried out only after the fill, and have closed it too.
                episode = next((one for one in self._episodes.values() if one.covers(order, fills)), None)
            if episode is None or not episode.covers(order, fills):
                self._callback(order)
                episode = episode or _EpisodeAsked()
                episode.left.clear()
                for known in (episode, *self._episodes.values()):  # whichever means it next, it was asked for
                    known.note(order, fills)
            self._remember(does, episode)  # its reminders come under its own name
            self._complain(order, episode, fills)

    def _remember(self, names: tuple[str, ...], episode: _EpisodeAsked) -> None:
        for name in names:
            self._episodes.pop(name, None)
            self._episodes[name] = episode
        while len(self._episodes) > _EPISODES_REMEMBERED:
            del self._episodes[next(iter(self._episodes))]

    def _complain(self, order: FlattenOrder, episode: _EpisodeAsked, fills: Counter[str]) -> None:
        """Logs each symbol still open, once an episode; not one that was filled since.

        A pull of the kill switch and a loss of the bus name no symbols: then what was reported counts.
        """
        now = self._reported.fills()
        meant = [leg.symbol for leg in order.positions if not self._reported.is_closed(leg.symbol)]
        if order.everything and not order.positions:
            meant = self._reported.still_open()
        left = sorted({symbol for symbol in meant if now[symbol] == fills[symbol]} - episode.left)
        if left:
            episode.left.update(left)
            self._log.critical(
                "The on_flatten callback has returned, and what it was to close is not reported closed: "
                "it is not called again; report what it closed with position_closed, or raise where it could "
                "not close",
                symbols=" ".join(left),
                cause=order.cause,
            )


def _names(order: FlattenOrder) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the names an order may have been carried out under, and those to remember it by.

    A pull of the kill switch and the order that its event brings are one, whichever comes first.
    Two pulls are two, even where both name the same event: somebody pulled again.
    """
    pulled, answered = f"pulled for {order.event}", f"ordered by {order.event}"
    if order.episode.startswith(KILLSWITCH):
        return (order.episode, answered), (order.episode, pulled)
    return (order.episode, pulled), (order.episode, answered)
