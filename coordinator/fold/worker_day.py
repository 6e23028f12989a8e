"""What a worker made in the trading day, and what else is counted of it by the day.

What it made is realized, net, and open where the limits count that, of what it holds, whoever closes it: the
same sums as the whole day's.
"""

from decimal import Decimal

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import WorkerDay
from portfold.coordinator.fold.pace.remembered import entered_before
from portfold.coordinator.fold.state import State, counts_open, earlier
from portfold.dollars import ZERO

_SINCE = 9
_COUNTED = frozenset(("worker_entries", "worker_entries_week", "worker_daily_loss", "worker_rate"))


def note_realized(state: State, worker: str, dollars: Decimal) -> None:
    """Adds dollars to the trading day's realized P&L, and to that of the worker they are of."""
    state.day.realized += dollars
    known = today_of(state, worker)
    if known is not None:
        known.realized += dollars


def count_loss_from_here(state: State, worker: str) -> None:
    """Has the worker's loss of the trading day count from what it has come to."""
    made, known = pnl_today(state, worker), today_of(state, worker)
    if known is not None:
        known.loss_from = made


def realized_today(state: State, worker: str) -> Decimal:
    """Returns what the worker realized in the trading day, in dollars, net."""
    known = _known_today(state, worker)
    return known.realized if known is not None else ZERO


def pnl_today(state: State, worker: str) -> Decimal:
    """Returns what the worker made in the trading day, in dollars, as the daily stop counts it."""
    made = realized_today(state, worker)
    if counts_open(state):
        for held in state.positions.values():
            if held.worker == worker:
                made += held.unrealized - earlier(state, held)
    return made


def lost_today(state: State, worker: str) -> Decimal:
    """Returns what of that is lost, in dollars, from where its loss counts: 0, or what a resume found."""
    known = _known_today(state, worker)
    return (known.loss_from if known is not None else ZERO) - pnl_today(state, worker)


def all_lost_today(state: State) -> dict[str, Decimal]:
    """Returns the same of every worker that did anything in the trading day, or holds something."""
    counts, open_pnl = counts_open(state), dict[str, Decimal]()
    for held in state.positions.values():
        made = held.unrealized - earlier(state, held) if counts else ZERO
        open_pnl[held.worker] = open_pnl.get(held.worker, ZERO) + made
    lost: dict[str, Decimal] = {}
    for name, known in state.workers.items():
        today, made = known.today, open_pnl.get(name, ZERO)
        if today is not None and today.date == state.day.date:
            lost[name] = today.loss_from - today.realized - made
        elif name in open_pnl:
            lost[name] = -made
    return lost


def has_counted(state: State, worker: str) -> bool:
    """Returns whether the worker did anything in the trading day, or holds something."""
    if _known_today(state, worker) is not None:
        return True
    return any(held.worker == worker for held in state.positions.values())


def _known_today(state: State, worker: str) -> WorkerDay | None:
    known = state.workers.get(worker)
    today = known.today if known is not None else None
    return today if today is not None and today.date == state.day.date else None


def today_of(state: State, worker: str) -> WorkerDay | None:
    """Returns what is counted of the worker today; None where nothing is.

    Earlier versions counted nothing, so a snapshot of theirs knows of none.
    """
    known = state.workers.get(worker)
    if known is None or not (state.fold_version >= _SINCE or _asks(state.limits)):
        return None
    if known.today is None or known.today.date != state.day.date:
        before = entered_before(known.today, state.day.date) if known.today is not None else 0
        known.today = WorkerDay(state.day.date, entered_before=before)
    return known.today


def _asks(limits: Limits | None) -> bool:
    return limits is not None and not _COUNTED.isdisjoint(limits.present)
