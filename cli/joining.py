"""Said before a worker joins a portfolio: where that is, and who is alive there.

Without an address a worker joins whoever listens where `portfold server` would, perhaps with real workers.
So the address and the live workers are the first thing said; and beside others that trade the same symbols
nobody begins to trade unless it was said (--join) or is said now, on a terminal.
"""

import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cyclopts import Parameter

from cli.exits import Unusable

if TYPE_CHECKING:
    from cli.target import Place
    from coordinator.log import Log
    from coordinator.status_values import Announced


@Parameter(name="*", group="Beside others")
@dataclass(frozen=True)
class Beside:
    """The options `--join` and `--take-over`."""

    join: bool = False
    """Trade beside other live workers of the same symbols, without asking."""

    take_over: bool = False
    """Take the place of a process that already trades under a worker's name; that one stops."""


def join_there(place: "Place", symbols: Sequence[str], own: Iterable[str], log: "Log", *, join: bool) -> None:
    """Says where and beside whom. `own`: the names of what is started, whose claims are their own matter.

    Raises Unusable where others live and nobody said that they be joined.
    """
    from events.errors import BusError

    try:
        alive = _alive(place)
    except BusError as error:
        log.warning(f"Joining {place.shown}: who is alive there is not known", why=str(error))
        return
    log.info(f"Joining {place.shown}", alive=", ".join(one.worker for one in alive) or "nobody")
    mine = set(own)
    others = [one for one in alive if one.worker not in mine and set(one.symbols) & set(symbols)]
    if not others or join:
        return
    named = "; ".join(f"{one.worker} ({', '.join(one.symbols)})" for one in others)
    told = f"On {place.shown} others trade these symbols already: {named}."
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Unusable(f"{told} Say --join to trade beside them; or name another --portfolio or --url.")
    print(f"{told}\nTrade beside them? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Unusable("Not joined.")


def _alive(place: "Place") -> "list[Announced]":
    """With what they trade: what they announced, and what they hold or have a slot in."""
    from coordinator.status_values import announced_in, trading_in

    with closing(place.bus()) as bus:
        status = bus.status()
        announced, trading = announced_in(status), trading_in(status)
        beats = bus.beats([one.worker for one in announced])
    return [
        one._replace(symbols=tuple(dict.fromkeys((*one.symbols, *trading.get(one.worker, ())))))
        for one, beat in zip(announced, beats, strict=True)
        if beat is not None
    ]
