"""The peace after a schedule: faults stop, everybody is started who is down, clocks are put right.

Then the backlog has to drain, orders to flatten have to end, what the broker holds has to be on the log or
known to differ, and whoever asks has to be answered.
"""

from collections.abc import Callable
from functools import partial

from portfold.events.account import ACCOUNT
from tests.simulation.compared import Compared
from tests.simulation.schedule import DAY
from tests.simulation.scheduler import Violation
from tests.simulation.seats.cast import Cast

_PATIENCE_MS = 60_000
_LOOK_MS = 250
_ASKS = "cat"


def peace(cast: Cast) -> None:
    """Makes peace and sees everything end. Raises Violation for what does not."""
    world = cast.world
    _stop_faults(cast)
    _until(cast, lambda: _is_quiet(cast), "the backlog drains")
    cast.operator.act(cast.operator.settle_forged)
    world.scheduler.run(world.scheduler.now + _LOOK_MS)
    _until(cast, lambda: not world.desk.on_the_way and _is_quiet(cast), "the backlog drains")
    _until(cast, world.law.holds, "the broker and the log differ only where somebody was told")
    _until(cast, lambda: _agree_once_settled(cast), "once settled the log agrees with the broker")
    compared = Compared(cast, partial(_until, cast))
    compared.is_told_and_settled()
    _until(cast, lambda: not _still_to_close(cast), "ordered flattens end")
    world.account.working.clear()  # of what somebody was to do when peace came
    cast.operator.act(cast.operator.flatten)
    world.scheduler.run(world.scheduler.now + _LOOK_MS)
    _until(cast, lambda: _flat(cast), "ordered flattens end")
    _until(cast, lambda: _agree_once_settled(cast), "once settled the log agrees with the broker")
    cast.operator.act(cast.operator.open_all_scopes)
    _until(cast, lambda: _nothing_is_latched(cast), "every limit that is latched lifts")
    cast.operator.act(cast.operator.resume_by_force)
    world.scheduler.run(world.scheduler.now + _LOOK_MS)
    compared.agrees_to_the_cent()
    _until(cast, lambda: _somebody_is_answered(cast), "whoever asks is answered")


def _stop_faults(cast: Cast) -> None:
    world = cast.world
    world.network.away = False
    world.network.cut_off.clear()
    world.put_clock_right()
    world.account.working.clear()
    world.account.mishaps.end()
    world.account.unreadable_until = 0
    world.desk.otherwise.clear()
    for seat in world.seats.values():
        seat.faults.clear()
        seat.start()


def _until(cast: Cast, come: Callable[[], bool], invariant: str) -> None:
    """Lets time pass until it has come; Violation when it does not."""
    scheduler = cast.world.scheduler
    deadline = scheduler.now + _PATIENCE_MS
    while not come():
        if scheduler.now > deadline:
            raise Violation(invariant, _situation(cast))
        scheduler.run(scheduler.now + _LOOK_MS)


def _is_quiet(cast: Cast) -> bool:
    traders = [*cast.workers.values(), cast.flattener]
    return cast.world.judge.drained and all(one.idle for one in traders)


def _still_to_close(cast: Cast) -> bool:
    """Whether what was ordered closed is open at the broker; what is only on the log nobody can close."""
    flatten, at_broker = cast.world.judge.checkpoint.state.flatten, cast.world.account.legs()
    return flatten is not None and any(leg in at_broker for leg in flatten.left)


def _agree_once_settled(cast: Cast) -> bool:
    """What was on its way when peace came may arrive after that; what is said to differ is settled too."""
    world = cast.world
    operator = cast.operator
    to_say = world.judge.checkpoint.state.unsettled or world.brokers.unsettled() or operator.has_to_say_again
    differences = world.law.differences()
    if to_say or _is_told_to_differ(cast):
        operator.act(operator.settle)
        return False
    return world.judge.drained and not differences


def _is_told_to_differ(cast: Cast) -> bool:
    world = cast.world
    return any(leg.partition(":")[0] in world.judge.account.stands for leg in world.law.differences())


def _flat(cast: Cast) -> bool:
    state = cast.world.judge.checkpoint.state
    if any(held.worker == ACCOUNT for held in state.positions.values()):
        cast.operator.act(cast.operator.close_at_broker)
    elif _is_told_to_differ(cast):  # more was filled than the exit was told of
        cast.operator.act(cast.operator.settle)
    open_still = state.positions or state.flatten or cast.world.account.everything()
    return cast.world.judge.drained and not open_still


def _nothing_is_latched(cast: Cast) -> bool:
    """Whether no limit that may be absent is, no window is open, and nobody is locked out; a person puts them
    out of force, waits for the days, and resumes.
    """
    world, state = cast.world, cast.world.judge.checkpoint.state
    windows = state.calendar is not None and bool(state.calendar.open)
    chosen = state.limits is not None and state.limits.chosen
    if not world.judge.drained:
        return False
    if chosen or windows:
        cast.operator.act(cast.operator.no_rules)
    elif state.scopes:
        cast.operator.act(cast.operator.open_all_scopes)
    elif state.lockout is not None or any(lock.until for lock in state.locks.values()):
        world.skew_ms += DAY
    elif state.locks:
        cast.operator.act(cast.operator.resume_by_force)
    return not (state.locks or chosen or windows or state.scopes or state.lockout)


def _somebody_is_answered(cast: Cast) -> bool:
    worker, stats = cast.workers[_ASKS], cast.world.judge.checkpoint.state.stats
    before = stats.total_entries_requested
    worker.act(partial(worker.abandon, "long", 1))
    cast.world.scheduler.run(cast.world.scheduler.now + _LOOK_MS)
    return stats.total_entries_requested > before


def _situation(cast: Cast) -> str:
    world, state = cast.world, cast.world.judge.checkpoint.state
    return (
        f"decided up to {world.judge.checkpoint.cursor} of {world.server.last(world.keys.events)}; on the "
        f"log {world.judge.book.held}, at the broker {world.account.legs()}, by hand "
        f"{list(world.account.by_hand.values())}, "
        f"told to differ {world.judge.account.stands}, unsettled "
        f"{list(state.unsettled)}, to flatten {state.flatten.left if state.flatten else 'nothing'}"
    )
