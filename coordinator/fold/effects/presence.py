"""Workers come and go: what a starting worker's broker holds, and what becomes of a lost one's entries."""

from portfold.coordinator.fold.closing import flatten
from portfold.coordinator.fold.effects.entry import SENTENCE, expire
from portfold.coordinator.fold.effects.positions import add_to_book, give_to_owner, no_room, note_unsettled
from portfold.coordinator.fold.pace.entered import note_entry
from portfold.coordinator.fold.rules import table
from portfold.coordinator.fold.rules.budget.plans import granted_plan
from portfold.coordinator.fold.state import Position, State, Worker, leg_key
from portfold.events.decisions import Decision, EventRejected, PositionAdopted, PositionMismatch
from portfold.events.incoming import PositionOpened, WorkerLost, WorkerRetired, WorkerStarted, WorkerStopped
from portfold.events.legs import Holding, parse_holdings
from portfold.events.stream_id import StreamId
from portfold.quotes import entry_price

_GONE_NAMED = 30
_GIVEN_BACK_AT_ONCE = 8
_TOLD_GONE = ("stopped", "retired")
_MAY_BE_RETIRED = ("unannounced", "stopped")  # as well as one that is lost: so there is room for other names


def started(state: State, at: StreamId, event: WorkerStarted) -> list[Decision]:
    """Compares what the worker's broker holds with the log, leg by leg, and says what it finds."""
    worker = state.workers[event.worker]
    worker.session, worker.presence = event.session, "up"
    worker.symbols = tuple(event.symbols.split(" ")) if event.symbols else ()
    if event.worker in state.lost:
        state.lost.remove(event.worker)
    holdings = _by_leg(event)
    on_log = {key: held for key, held in state.positions.items() if held.worker == event.worker}
    found: list[Decision] = []
    for key, holding in holdings.items():
        found += _compare(state, at, event, key, holding)
    gone = [key for key in on_log if key not in holdings]
    for key in gone:
        note_unsettled(state, at, key, on_log[key].symbol, event.worker, "gone_at_broker")
    found += [_gone(on_log[key], len(gone)) for key in gone[:_GONE_NAMED]]
    for key in [key for key, unsettled in state.unsettled.items() if unsettled.worker == event.worker]:
        if key not in holdings and key not in on_log:
            del state.unsettled[key]  # nothing on the log, nothing at the broker: they agree again
    found += _give_back_kept(state, at, event.worker)
    return [*found, *_flatten_again(state, at, event.worker), *table.watch(state, at)]


def _give_back_kept(state: State, at: StreamId, worker: str) -> list[Decision]:
    """Ends kept slots: unreported fills are in the book by now. What has no room is due at the next event."""
    kept = [key for key, one in state.reservations.items() if one.worker == worker and one.kept]
    for key in kept[_GIVEN_BACK_AT_ONCE:]:
        state.reservations[key].kept, state.reservations[key].expires_ms = False, at.ms
    return [expire(state, key, "the worker told what it holds") for key in kept[:_GIVEN_BACK_AT_ONCE]]


def _by_leg(event: WorkerStarted) -> dict[str, Holding]:
    """Returns what the broker holds by leg; lots of one leg count together, at the price of the last."""
    holdings: dict[str, Holding] = {}
    for holding in parse_holdings(event.positions):
        key = leg_key(holding.symbol, holding.side, event.worker)
        other_lots = holdings[key].size if key in holdings else 0
        holdings[key] = holding._replace(size=holding.size + other_lots)
    return holdings


def _flatten_again(state: State, at: StreamId, worker: str) -> list[Decision]:
    """Repeats a flatten order for a worker that was away when it was given, and for the flattener."""
    left = state.flatten.left if state.flatten is not None else []
    own = [
        key
        for key, held in state.positions.items()
        if held.worker == worker and (key in left or flatten.catches_fill(state, held.symbol, worker))
    ]
    ordered = flatten.order(state, at, f"{worker} started during the flatten", own) if own else []
    return [*ordered, *(flatten.hand_over(state, list(state.flatten.left)) if state.flatten else [])]


def _compare(state: State, at: StreamId, event: WorkerStarted, key: str, holding: Holding) -> list[Decision]:
    """Compares one leg with the log. Until a difference is settled, the larger of the two sizes counts."""
    held = state.positions.get(key)
    if held is not None and held.size == holding.size:
        state.unsettled.pop(key, None)
        return [PositionAdopted(event.worker, holding.symbol, holding.side, holding.size)]
    log_size, given = held.size if held is not None else 0, list[Decision]()
    kind = "size_differs" if held is not None else "unknown_to_us"
    if holding.size > log_size and not no_room(state, at, key):
        unreported = _as_fill(event, holding, holding.size - log_size)
        note_entry(state, unreported, state.reservations.get(key))
        add_to_book(state, at, key, unreported, granted_plan(state, key, unreported.size))
        given = give_to_owner(state, at, unreported)
    note_unsettled(state, at, key, holding.symbol, event.worker, kind)
    price = f" at {holding.price:f}" if state.fold_version < 6 else entry_price(holding.price, " at ")
    reason = f"the log holds {log_size}, the broker {holding.size}{price}; the larger counts"
    return [
        PositionMismatch(
            worker=event.worker,
            symbol=holding.symbol,
            side=holding.side,
            kind=kind,
            log_size=log_size,
            broker_size=holding.size,
            reason=reason,
        ),
        *given,
    ]


def _as_fill(event: WorkerStarted, holding: Holding, size: int) -> PositionOpened:
    return PositionOpened(
        event.worker, event.session, event.seq, holding.symbol, holding.side, size, holding.price
    )


def _gone(held: Position, count: int) -> PositionMismatch:
    more = f"; {count} in all" if count > 1 else ""
    return PositionMismatch(
        worker=held.worker,
        symbol=held.symbol,
        side=held.side,
        kind="gone_at_broker",
        log_size=held.size,
        broker_size=0,
        reason=f"the log holds {held.size}, the broker none; it counts as open until settled{more}",
    )


def stopped(state: State, at: StreamId, event: WorkerStopped) -> list[Decision]:
    """Keeps the worker's reserved slots; hands over to the flattener what it leaves open during a flatten.

    A process that ends with a slot neither used nor given back may have ended between a fill and its report:
    the slot is kept like that of a lost worker.
    """
    worker = state.workers[event.worker]
    if worker.session != event.session:
        return []  # an old process ends; its successor goes on
    worker.presence = "stopped"
    if event.worker in state.lost:
        state.lost.remove(event.worker)
    if state.fold_version < 6:
        return _leave(state, event.worker, "the worker stopped")
    return _keep(state, event.worker)


def lost(state: State, at: StreamId, event: WorkerLost) -> list[Decision]:
    """Denies entries on the worker's symbols until it is back, and keeps its reserved slots.

    It may have died between a fill and its report. A slot is kept until the worker reports what its broker
    holds or gives it back, a fill uses it, or somebody settles it.
    """
    worker = state.workers.get(event.worker)
    if worker is None or worker.session != event.session or worker.presence in _TOLD_GONE:
        reason = f"WorkerLost: {event.worker} has no session {event.session} under way"
        return [EventRejected(reason=reason, rejected="WorkerLost")]
    worker.presence = "lost"
    if event.worker not in state.lost:
        state.lost.append(event.worker)
    if state.fold_version >= 4:
        freed = _keep(state, event.worker)
    else:
        freed = _leave(state, event.worker, "the worker was lost")
    own = _held_by(state, event.worker)
    if own and state.limits is not None and state.limits.on_worker_lost == "flatten":
        return [*freed, *flatten.order(state, at, f"worker {event.worker} was lost", own)]
    return freed


def retired(state: State, at: StreamId, event: WorkerRetired) -> list[Decision]:
    """Frees the symbols of a worker that will not come back; refused while it may hold anything."""
    worker = state.workers.get(event.worker)
    why_not = _not_lost(state, event.worker, worker) or _at_stake(state, event.worker)
    if worker is None or why_not:
        return [EventRejected(reason=f"WorkerRetired: {why_not}"[:SENTENCE], rejected="WorkerRetired")]
    worker.presence = "retired"
    if event.worker in state.lost:
        state.lost.remove(event.worker)
    return []


def _not_lost(state: State, name: str, worker: Worker | None) -> str:
    if worker is None:
        return f"no worker {name} is known"
    since_10 = state.fold_version >= 10
    if worker.presence == "lost" or (since_10 and worker.presence in _MAY_BE_RETIRED):
        return ""
    up = {"up": "up, as far as the log knows", "unannounced": "not lost"}
    who = "one that is lost, stopped or never announced itself" if since_10 else "a lost worker"
    return f"{name} is {up.get(worker.presence, f'{worker.presence} already')}; only {who} is retired"


def _at_stake(state: State, name: str) -> str:
    """Says what of the worker is open, or may be, with the remedy; nothing where it is surely flat."""
    for held in state.positions.values():
        if held.worker == name:
            return (
                f"{name} holds {held.symbol} {held.side} {held.size}: flatten, or close it at the broker "
                "and portfold settle"
            )
    for found in state.unsettled.values():
        if found.worker == name:
            what = f"{found.symbol} of {name} is unsettled ({found.kind})"
            return f"{what}: look at the broker, and portfold settle"
    for slot in state.reservations.values():
        if slot.worker == name:
            what = f"{slot.symbol} {slot.side} {slot.size} of {name} may have been filled unreported"
            return f"{what}: look at the broker, and portfold settle or reconcile"
    return ""


def _keep(state: State, worker: str) -> list[Decision]:
    for reservation in state.reservations.values():
        reservation.kept = reservation.kept or reservation.worker == worker
    return flatten.hand_over(state, _held_by(state, worker))


def _leave(state: State, worker: str, reason: str) -> list[Decision]:
    freed: list[Decision] = [
        expire(state, key, reason) for key, one in list(state.reservations.items()) if one.worker == worker
    ]
    return [*freed, *flatten.hand_over(state, _held_by(state, worker))]


def _held_by(state: State, worker: str) -> list[str]:
    return [key for key, held in state.positions.items() if held.worker == worker]
