"""The drills: what is done to a rehearsal, and how long it took until all was well again.

Times are those of the log, by the server's clock, so they hold what an account would have waited.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from portfold.cli.exits import Failure
from portfold.cli.operate.flattening.until_flat import wait_until_flat
from portfold.cli.ordering import pulled, put
from portfold.events.codec import decode_event
from portfold.events.incoming import CoordinatorStarted, FlattenRequested
from portfold.exchange_time import span

if TYPE_CHECKING:
    from portfold.cli.operate.drill.rehearsal import Rehearsal
    from portfold.events.stream_id import StreamId

Name = Literal["failover", "flatten", "kill-switch"]
_REASON = "a drill"


class Done(NamedTuple):
    """What came of a drill: whether all went well, the milliseconds it took, None where it did not; why."""

    well: bool
    took_ms: int | None
    said: str

    @classmethod
    def badly(cls, why: str) -> "Done":
        """Returns what came of one that did not come to its end."""
        return cls(well=False, took_ms=None, said=why)


def failover(stage: "Rehearsal", _: str) -> Done:
    """Kills the leader: the other one has to lead, and to find every position."""
    held, last = stage.until_all_hold(), stage.bus.last_event()
    term, killed_ms = stage.view.epoch, stage.bus.now_ms()
    stage.kill_leader()

    def led_again() -> "StreamId | None":
        came = stage.bus.events_after(last, count=1000)
        terms = [entry.id for entry in came if isinstance(decode_event(entry.fields), CoordinatorStarted)]
        return terms[0] if terms else None

    took_ms = stage.until(led_again, "another coordinator leads").ms - killed_ms
    stage.start_coordinator("standby-after")
    # Until then the status is that of the leader that died, whose positions prove nothing.
    stage.until(lambda: stage.view.epoch > term, "the one that leads says how the portfolio stands")
    found = len(stage.view.positions)
    kept = f"all {held}" if found == held else f"{found} of {held}"
    return Done(found == held, took_ms, f"led again after {span(took_ms)}, with {kept} positions")


def flatten(stage: "Rehearsal", by: str) -> Done:
    """Orders all closed, through the log."""
    held = stage.until_all_hold()
    return _flat(stage, put(stage.bus, FlattenRequested(by=by, reason=_REASON)), held)


def kill_switch(stage: "Rehearsal", by: str) -> Done:
    """Pulls the kill switch, which reaches the workers past the coordinator."""
    held = stage.until_all_hold()
    order = FlattenRequested(by=by, reason=_REASON)
    return _flat(stage, pulled(stage.bus, order, lambda _: None), held)


def _flat(stage: "Rehearsal", event: "StreamId", held: int) -> Done:
    def decided() -> bool:
        return bool(stage.bus.decisions_of(event))

    stage.until(decided, "the order is decided")
    found = wait_until_flat(stage.bus, event)
    if found is None:
        return Done.badly("nothing was ordered closed")
    if found.took_ms is None:
        return Done.badly(found.in_words)
    said = f"{held} positions closed, flat after {span(found.took_ms)}"
    return Done(well=True, took_ms=found.took_ms, said=said)


DRILLS: Mapping[Name, Callable[["Rehearsal", str], Done]] = {
    "failover": failover,
    "flatten": flatten,
    "kill-switch": kill_switch,
}


def played(stage: "Rehearsal", name: Name, by: str) -> Done:
    """Plays one, and has the rehearsal ready for the next."""
    try:
        done = DRILLS[name](stage, by)
        stage.resume()
    except Failure as failed:
        return Done.badly(str(failed))
    return done
