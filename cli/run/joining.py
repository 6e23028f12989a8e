"""Said before a worker joins a portfolio: where that is, and who is alive there.

Without an address a worker joins whoever listens where `portfold server` would, perhaps with real workers.
So the address and the live workers are the first thing said; and beside others that trade the same symbols,
or have not said what they trade, nobody begins to trade unless it was said (--join) or is said now, on a
terminal.
"""

import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cyclopts import Parameter

from portfold.cli.exits import Unusable

if TYPE_CHECKING:
    from threading import Event

    from portfold.cli.target import ResolvedTarget
    from portfold.log import Log

_NAMED = 3


@Parameter(name="*", group="Beside others")
@dataclass(frozen=True)
class Beside:
    """The options `--join` and `--take-over`."""

    join: bool = False
    """Trade beside other live workers of the same symbols, without asking."""

    take_over: bool = False
    """Take the place of a process that already trades under a worker's name; that one stops."""


def join_there(
    place: "ResolvedTarget", symbols: Sequence[str], own: Iterable[str], log: "Log", *, join: bool
) -> None:
    """Says where and beside whom. `own`: the names of what is started, whose claims are their own matter.

    Raises Unusable where others live and nobody said that they be joined.
    """
    from portfold.events.wire.errors import BusError

    try:
        alive = _alive(place)
    except BusError as error:
        log.warning(f"Joining {place.shown}: who is alive there is not known", why=str(error))
        return
    log.info(f"Joining {place.shown}", alive=", ".join(one.worker for one in alive) or "nobody")
    mine = set(own)
    others = [one for one in alive if one.worker not in mine]
    others = [one for one in others if one.reticent or set(one.symbols) & set(symbols)]
    if not others or join:
        return
    named = "; ".join(f"{one.worker} ({', '.join(one.symbols) or 'flat'}{one.unsaid})" for one in others)
    sure = all(set(one.symbols) & set(symbols) for one in others)
    told = f"On {place.shown} others trade these symbols already{'' if sure else ', or may'}: {named}."
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Unusable(f"{told} Say --join to trade beside them; or name another --portfolio or --url.")
    print(f"{told}\nTrade beside them? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Unusable("Not joined.")


def check_names_free(place: "ResolvedTarget", own: Sequence[str], stop: "Event") -> None:
    """Raises Unusable where other processes live by the names of what is to be started."""
    from portfold.events.wire.errors import BusError
    from portfold.workers.run.claim import BEATS_TO_SEE, renewed, shown_holder

    beat = float(place.configuration.runtime.heartbeat_seconds)
    try:
        with closing(place.bus()) as bus:
            held = bus.claimed(own)
            taken = renewed(bus, held, BEATS_TO_SEE * beat, stop)
    except BusError:
        return  # each worker looks again when it takes its name
    if taken:
        named = ", ".join(f"{name} ({shown_holder(held[name])})" for name in taken[:_NAMED])
        more = f" and {len(taken) - _NAMED} more" if len(taken) > _NAMED else ""
        raise Unusable(
            f"On {place.shown} other processes trade under these names already: {named}{more}. Stop them; or "
            "take their place with --take-over, and they stop."
        )


class _Alive(NamedTuple):
    """A living worker, and what it trades: what it announced, and what it holds or has a slot in."""

    worker: str
    symbols: tuple[str, ...]
    reticent: bool

    @property
    def unsaid(self) -> str:
        return "; has not said what it trades" if self.reticent else ""


def _alive(place: "ResolvedTarget") -> list[_Alive]:
    """All but the flattener, which opens nothing, and who has ended and whose heartbeat lingers.

    Where nobody leads, who has ended may have begun again since: its heartbeat counts.
    """
    from portfold.coordinator.views.portfolio_view import PortfolioView
    from portfold.coordinator.views.view_field import view_in
    from portfold.workers.flattener.flattener import NAME

    with closing(place.bus()) as bus:
        view = view_in(bus.status()) or PortfolioView()
        trading = view.traded()
        ended = ("stopped", "retired") if bus.leader() else ()
        announced = [one for one in view.workers if one.presence not in ended]
        beats = bus.beats([one.worker for one in announced])
    return [
        _Alive(
            one.worker,
            tuple(dict.fromkeys((*one.symbols, *trading.get(one.worker, ())))),
            reticent=not one.symbols,
        )
        for one, beat in zip(announced, beats, strict=True)
        if beat is not None and one.worker != NAME
    ]
