"""How fast a worker may enter: a bucket of tokens, in the log's time, and what repeats of that lead to.

An entry that is allowed takes a token; so many come back a minute, and there are no more than the burst. It
is asked last of all, so it counts against a worker only what it alone was in the way of: after so many of a
trading day the worker is closed until a person lets it in again, as RTS 6 (Commission Delegated Regulation
(EU) 2017/589), article 15(3), has it of repeated automated execution throttles. Guarantees: exact, in whole
units, so the same whatever lies between; a repeat of a request is no request, and takes and counts nothing.
"""

from collections.abc import Iterator
from decimal import Decimal

from portfold.bounds import LONGEST_TEXT
from portfold.by_name import by_name
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.pace.remembered import WorkerPace
from portfold.coordinator.fold.rules.pace import cooldowns
from portfold.coordinator.fold.rules.pace.cooldowns import by_its_scope
from portfold.coordinator.fold.rules.rule import Denial, Reading, Rule
from portfold.coordinator.fold.state import State
from portfold.coordinator.fold.worker_day import today_of
from portfold.dollars import ZERO, plain_count
from portfold.events.decisions import Decision, LimitReached
from portfold.events.incoming import EntryRequested
from portfold.events.scope import Scope
from portfold.events.stream_id import StreamId
from portfold.exchange_time import span

CODE, _REPEATS = "rate_limited", "rate_repeats"
_TOKEN = 6_000_000
"""Units of a token: one a minute is 100 units a millisecond, so a hundredth of one is whole as well."""
_UNITS = 100
_MOST_READINGS = 8


def refill(state: State, at: StreamId, worker: str) -> None:
    """Gives back what came back of the worker's tokens up to now; called before the rule is asked."""
    known = state.workers.get(worker)
    pace = known.pace if known is not None else None
    if pace is None or not pace.debt or state.limits is None:
        return
    each_ms = _units_a_ms(state.limits, worker)
    pace.debt = max(0, pace.debt - each_ms * max(0, at.ms - pace.debt_ms))
    pace.debt_ms = at.ms


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects where the worker's tokens are used up, as they were when they were last refilled."""
    each_ms = _units_a_ms(limits, request.worker)
    if not each_ms:
        return None
    burst = _burst(limits, request.worker)
    lacks = _debt(state, request.worker) + _TOKEN - burst * _TOKEN
    if lacks <= 0:
        return None
    rate = plain_count(Decimal(each_ms) / _UNITS)
    wait = span(-(-lacks // each_ms))
    return Denial(CODE, f"Worker {request.worker} may enter {rate} a minute, {burst} at once: next in {wait}")


def note_allowed(state: State, at: StreamId, worker: str) -> None:
    """Takes a token for an entry that is allowed."""
    known = state.workers.get(worker)
    if known is None or state.limits is None or not _units_a_ms(state.limits, worker):
        return
    refill(state, at, worker)
    known.pace = known.pace or WorkerPace()
    known.pace.debt += _TOKEN
    known.pace.debt_ms = at.ms


def note_denied(state: State, at: StreamId, worker: str) -> list[Decision]:
    """Counts a denial by the rate, and closes the worker whose were as many as there may be in a day."""
    limits, today = state.limits, today_of(state, worker)
    if limits is None or today is None:
        return []
    today.rate_denied += 1
    times, most = today.rate_denied, limits.rate_repeats
    if not most or times < most:
        return []
    today.rate_denied = 0
    reason = f"Worker {worker} asked faster than its rate {times} times today: no entries until a resume"
    reason = reason[:LONGEST_TEXT]
    cooldowns.pause(state, at, Scope("worker", worker), reason, 0)
    now, limit = Decimal(times), Decimal(most)
    return [LimitReached(_REPEATS, "deny", now=now, limit=limit, until="", reason=reason, worker=worker)]


def _units_a_ms(limits: Limits, worker: str) -> int:
    if not limits.worker_rate:
        return 0
    rate = by_name(limits.worker_rate).of(worker)
    return int(rate * _UNITS) if rate is not None else 0


def _burst(limits: Limits, worker: str) -> int:
    return int(by_name(limits.worker_burst).of(worker) or 1)


def _debt(state: State, worker: str) -> int:
    known = state.workers.get(worker)
    return known.pace.debt if known is not None and known.pace is not None else 0


def readings(state: State, limits: Limits) -> list[Reading]:
    """Returns what each worker has used of its burst."""
    found = sorted(_readings(state, limits), key=lambda one: (one.left / one.whole, one.of))
    return found[:_MOST_READINGS]


def _readings(state: State, limits: Limits) -> Iterator[Reading]:
    for name in state.workers:
        if not _units_a_ms(limits, name):
            continue
        burst, debt = Decimal(_burst(limits, name)), _debt(state, name)
        if debt:
            used, about = Decimal(-(-debt // _TOKEN)), "entries at once, at its last request"
            yield Reading("entries", burst, used, max(ZERO, burst - used), burst, about, f"worker {name}")


def _read_repeats(state: State, limits: Limits) -> list[Reading]:
    """Returns how often its rate was in the way of each worker today, the nearest to its limit first."""
    most, found = Decimal(limits.rate_repeats), list[Reading]()
    for name, known in state.workers.items():
        today = known.today
        if today is not None and today.date == state.day.date and today.rate_denied:
            times, about = Decimal(today.rate_denied), "denials by its rate in the trading day"
            left = max(ZERO, most - times)
            found.append(Reading("denials", most, times, left, most, about, f"worker {name}"))
    return sorted(found, key=lambda one: (one.left, one.of))[:_MOST_READINGS]


RULE = Rule(CODE, may_enter, ("worker_rate", "worker_burst"), read_each=readings)
REPEATS = Rule(_REPEATS, by_its_scope, (_REPEATS,), read_each=_read_repeats)
