"""What goes wrong with orders at a broker: given beforehand, each strikes at a chosen order.

A `Mishap` is one thing that happens to one order, or to all of its kind for a while.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

MishapKind = Literal[
    "refused",
    "too many",
    "no connection",
    "slow connection",
    "sleeps",
    "part",
    "broken connection",
    "server error",
    "late answer",
    "late order",
    "no answer",
    "dies",
]

MISHAPS: tuple[MishapKind, ...] = get_args(MishapKind)
_LASTING = ("refused", "too many", "no connection")
_WITH_ANY_BROKER = ("refused", "no connection", "slow connection", "sleeps", "late answer", "dies")
OF_SIGNALS: tuple[MishapKind, ...] = tuple(kind for kind in MISHAPS if kind != "part")
OF_FILLS: tuple[MishapKind, ...] = tuple(
    kind for kind in MISHAPS if kind in (*_WITH_ANY_BROKER, "part", "late order")
)


class Mishap(NamedTuple):
    """Strikes at the order after `skip` others that do `on` (an entry, an exit, or either).

    `ms`: how long it takes, or lasts. `later_ms`: when an order that `arrives` does so.
    """

    kind: MishapKind | Literal[""] = ""
    on: str = ""
    skip: int = 0
    ms: int = 0
    later_ms: int = 0
    arrives: bool = True


NOTHING = Mishap()


class Mishaps:
    """Those that are still to come. `now` tells the simulated time; `struck` are the kinds that did."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.struck: list[str] = []
        self._now = now
        self._to_come: list[Mishap] = []
        self._lasting: list[tuple[int, Mishap]] = []

    def add(self, mishap: Mishap) -> None:
        """One more."""
        self._to_come.append(mishap)

    def end(self) -> None:
        """From now on everything goes well."""
        self._to_come.clear()
        self._lasting.clear()

    def strike(self, does: str) -> Mishap:
        """What happens to this order; mostly nothing."""
        now = self._now()
        self._lasting = [(until, one) for until, one in self._lasting if until > now]
        for _, lasting in self._lasting:
            if does.startswith(lasting.on):
                return lasting
        for index, mishap in enumerate(self._to_come):
            if not does.startswith(mishap.on):
                continue
            if mishap.skip:
                self._to_come[index] = mishap._replace(skip=mishap.skip - 1)
                continue
            del self._to_come[index]
            self.struck.append(mishap.kind)
            if mishap.kind in _LASTING:
                self._lasting.append((now + mishap.ms, mishap))
            return mishap
        return NOTHING
