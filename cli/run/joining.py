"""Checks, before a worker joins a portfolio, where that is and who is alive there.

Without an address a worker joins the server on the usual port, perhaps one with real workers. So the address
and the live workers are logged first. Guarantees: nobody starts to trade beside workers that trade the same
symbols, or have not announced theirs, unless --join is given, a person agrees on the terminal, or the server
does not answer.
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
_LOOK_SECONDS = 0.2


@Parameter(name="*", group="Beside others")
@dataclass(frozen=True)
class Beside:
    """The options `--join` and `--take-over`."""

    join: bool = False
    """Trade beside other live workers of the same symbols, without asking."""

    take_over: bool = False
    """Take the place of a process that already trades under a worker's name; that one stops."""


def join_there(
    resolved: "ResolvedTarget", symbols: Sequence[str], own: Iterable[str], log: "Log", *, join: bool
) -> None:
    """Logs where it joins and who is alive there. Workers named in `own`, those being started, do not count.

    Raises Unusable where others trade these symbols, or that cannot be read, and nobody agreed to join them.
    """
    from portfold.events.wire.errors import BusRefused, BusUnreachable

    try:
        alive = _alive(resolved)
    except BusRefused as error:
        if not join:
            raise Unusable(
                f"Who trades on {resolved.shown} cannot be read; --join trades there anyway. {error}"
            ) from error
        log.warning(f"Joining {resolved.shown}: it is not known who is alive there", why=str(error))
        return
    except BusUnreachable as error:
        log.warning(f"Joining {resolved.shown}: it is not known who is alive there", why=str(error))
        return
    log.info(f"Joining {resolved.shown}", alive=", ".join(one.worker for one in alive) or "nobody")
    mine = set(own)
    others = [one for one in alive if one.worker not in mine]
    others = [one for one in others if one.unannounced or set(one.symbols) & set(symbols)]
    if not others or join:
        return
    named = "; ".join(f"{one.worker} ({', '.join(one.symbols) or 'flat'}{one.remark})" for one in others)
    sure = all(set(one.symbols) & set(symbols) for one in others)
    warning = f"On {resolved.shown} others trade these symbols already{'' if sure else ', or may'}: {named}."
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Unusable(f"{warning} Give --join to trade beside them, or name another --portfolio or --url.")
    print(f"{warning}\nTrade beside them? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Unusable("Not joined.")


def wait_for_server(resolved: "ResolvedTarget", log: "Log", stop: "Event") -> None:
    """Returns once the server answers, or `stop` is set: bars that are played without it would be lost.

    Raises BusUnreachable where it does not within `bus_loss_seconds`.
    """
    from portfold.clock import SystemClock
    from portfold.events.wire.errors import BusUnreachable

    clock = SystemClock()
    seconds = resolved.configuration.runtime.bus_loss_seconds
    deadline, told = clock.monotonic() + seconds, False
    with closing(resolved.bus()) as bus:
        while not stop.is_set():
            try:
                bus.now_ms()
            except BusUnreachable as error:
                if clock.monotonic() >= deadline:
                    raise
                if not told:
                    what = f"Waiting for {resolved.shown}: no bar is read before it answers"
                    log.warning(what, at_most_seconds=seconds, why=error.with_remedy)
                told = True
                stop.wait(_LOOK_SECONDS)
            else:
                return


def check_names_free(resolved: "ResolvedTarget", own: Sequence[str], stop: "Event") -> None:
    """Raises Unusable where live processes already have names of workers that are to be started."""
    from portfold.events.wire.errors import BusError
    from portfold.workers.claims.claim import BEATS_TO_SEE, renewed, shown_holder

    beat = float(resolved.configuration.runtime.heartbeat_seconds)
    try:
        with closing(resolved.bus()) as bus:
            held = bus.claimed(own)
            taken = renewed(bus, held, BEATS_TO_SEE * beat, stop)
    except BusError:
        return  # each worker checks again when it claims its name
    if taken:
        named = ", ".join(f"{name} ({shown_holder(held[name])})" for name in taken[:_NAMED])
        more = f" and {len(taken) - _NAMED} more" if len(taken) > _NAMED else ""
        raise Unusable(
            f"On {resolved.shown} other processes trade under these names already: {named}{more}. "
            "Stop them; or take their place with --take-over, and they stop."
        )


class _Alive(NamedTuple):
    """A living worker and its symbols: those it announced, and those it holds or has a slot in."""

    worker: str
    symbols: tuple[str, ...]
    unannounced: bool

    @property
    def remark(self) -> str:
        return "; has not announced what it trades" if self.unannounced else ""


def _alive(resolved: "ResolvedTarget") -> list[_Alive]:
    """Returns the living workers but the flattener, which opens nothing.

    A worker that stopped or retired does not count, even while its heartbeat lingers. Where nobody leads it
    may have started again unseen, so its heartbeat counts.
    """
    from portfold.coordinator.views.portfolio_view import PortfolioView
    from portfold.coordinator.views.view_field import view_in, what_can_be_read
    from portfold.workers.flattener.flattener import NAME

    with closing(resolved.bus()) as bus:
        status = bus.status()
        read = what_can_be_read(status)
        knows = read.knows("workers", "positions", "reserved")
        view = read.view if knows else view_in(status) or PortfolioView()
        trading = view.traded()
        ended = ("stopped", "retired") if bus.leader() else ()
        announced = [one for one in view.workers if one.presence not in ended]
        beats = bus.beats([one.worker for one in announced])
    return [
        _Alive(
            one.worker,
            tuple(dict.fromkeys((*one.symbols, *trading.get(one.worker, ())))),
            unannounced=not one.symbols,
        )
        for one, beat in zip(announced, beats, strict=True)
        if beat is not None and one.worker != NAME
    ]
