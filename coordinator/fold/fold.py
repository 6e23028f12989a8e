"""The fold: what each event means. Pure and total: `(state, event) -> decisions`.

No clock (time is `at`, the event's ID), no I/O, no randomness, no float. The live coordinator, the audit and
the simulator all decide by this one function, so that what was simulated is what is enforced, and what was
decided can be decided again. However bad the event, it answers; it never raises.
"""

from decimal import getcontext, setcontext
from typing import assert_never

from portfold.coordinator.fold import repeats
from portfold.coordinator.fold.closing import decided_before
from portfold.coordinator.fold.earlier_events import as_known_to, reason_given_by
from portfold.coordinator.fold.effects import (
    account,
    capital,
    entry,
    lost_tail,
    operator_orders,
    positions,
    presence,
    resuming,
    stop_moves,
)
from portfold.coordinator.fold.effects.late_report import doubted_when_late
from portfold.coordinator.fold.effects.time_passing import pass_time
from portfold.coordinator.fold.invariants import InvariantBroken
from portfold.coordinator.fold.rules.pace import rate
from portfold.coordinator.fold.state import State
from portfold.coordinator.fold.windows import lockout, publishing
from portfold.dollars import EXACT
from portfold.events.account import AccountReported, AccountSettled, CashMoved
from portfold.events.calendar import SessionsPublished, WindowsPublished
from portfold.events.decisions import Decision, EntryDenied, EventRejected
from portfold.events.incoming import (
    ClockTicked,
    CoordinatorStarted,
    EntryRenewed,
    EntryRequested,
    EntryWithdrawn,
    Event,
    FlattenRequested,
    LockoutOrdered,
    LogTailMissing,
    LossAcknowledged,
    Malformed,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    PositionSettled,
    StopMoved,
    TradingHalted,
    TradingResumed,
    WorkerLost,
    WorkerRetired,
    WorkerStarted,
    WorkerStopped,
)
from portfold.events.limits_changed import LimitsChanged
from portfold.events.message import WorkerEvent
from portfold.events.stream_id import DECISIONS_PER_EVENT, StreamId

FOLD_VERSION = 10
"""Raised whenever the same events would give other decisions than before.

1 remembered 4 sessions of a worker, 2 remembers 32, so that a delayed event of the fifth is not folded twice.
1 and 2 took a late report as it came, 3 doubts it (`late_report`).
4 counts a close under a new fill name, however many closes the day saw; they took it for a second report. It
keeps the slots of a lost worker; they freed them. Where open P&L begins to count, it lets no open profit of
an earlier day pay for a loss of today. It refuses another event under the number of the last one, a repeat to
them, and remembers the names of 1,024 fills of each worker; they, of 1,024 in all.
5 knows EntryRenewed and WorkerRetired, says of a lost worker what to do about it, and is never followed by
the rules of an earlier one. Where its leader says after how long a silence a worker is lost, a slot whose
time is over, or that a flatten took back, is another's only once its worker would have been counted as lost.
6 lets a slot end at a leader's ClockTicked alone, where it says how long a silence it takes for a death: none
ends with what was written while nobody led, nor with the event by which a new leader says that it leads. In
its sentence about a mismatch it shows a broker's price no finer than any tick, and says where none was given.
It keeps the slots of a worker that stops; they freed them.
It takes no close for a second report of one from before its worker was last granted the symbol. A fill of
another leg or size is another fill under the same name; openings push out no names of closes.
It counts the reminders of a flatten on when another leg joins it; they began anew.
7 knows the account: AccountReported and AccountSettled, and limits that name one. It lets another mark the
position of a worker that is not up.
8 knows the rules of money that may be absent, and CashMoved.
9 frees of a withdrawal only the slot of the request that it names, or that alone can be meant; they freed
whatever the worker had reserved in the symbol.
A new day of the account it judges only by an equity of that day; they held the last one before against it.
It knows orders about a scope. A flatten that is not of everything it takes for confirmed by what the account
shows in the symbols of its legs; they waited for the whole account to be flat.
9 has what loosens limits wait for the next trading day, unless a second person is named; they put it in force
at once. Where profit is counted already, only such an order has it count anew. It knows the moment of a mark.
It knows the rules of exposure that may be absent, and counts the entries of each worker.
It knows SessionsPublished, WindowsPublished, and limits that name windows.
It knows what an entry plans to lose, the loss budget, and StopMoved.
It knows LockoutOrdered.
It takes over what nobody owns once that has outlasted the grace, and not only the difference of its symbol.
10 forgets no worker whose fills may still be reported again, and takes nothing of another name where there is
no room for one; they forgot the oldest. Of the names of a day's fills it remembers eight times as many, and
doubts a fill where some were pushed out. It retires a worker that stopped. It knows what LossAcknowledged
took off the log, and that what a renewal puts on again was decided before. It takes a mark of the same moment
for no second one; they did. It takes an event with the proof of whose it is, and refuses what is not proved;
they refused the proof.
What each decided is decided again alike.
"""

GOES_ON_FROM = (1, 2, 3, 4, 5, 6, 7, 8, 9, FOLD_VERSION)
"""Versions whose spans this one decides as they did, and whose snapshots it goes on from."""


_ABOUT_POSITIONS = (PositionOpened, PositionClosed, PositionSettled, WorkerStarted)


def fold(state: State, at: StreamId, event: Event | Malformed) -> list[Decision]:
    """Advances `state` by one event and returns what follows from it, in order."""
    callers_arithmetic = getcontext()
    setcontext(EXACT)
    try:
        if type(event) is CoordinatorStarted and event.fold >= 6:
            state.led_since_ms = at.ms  # before time passes: it has watched nobody's signs of life yet
        moves = state.account is not None and isinstance(event, _ABOUT_POSITIONS)
        if moves:
            account.note_move(state, at)
        decisions: list[Decision] = []
        if state.again or type(event) is CoordinatorStarted:
            decisions += decided_before.begins(state, at, event)
        decisions += pass_time(state, at, ticked=type(event) is ClockTicked)
        decisions += _follows(state, at, event)
        if moves:
            decisions += account.arrived(state, at)
        if state.again:
            decisions += decided_before.counted(state, at)
    finally:
        setcontext(callers_arithmetic)
    for decision in decisions:
        if type(decision) is EventRejected:
            state.stats.events_rejected += 1
    if len(decisions) > DECISIONS_PER_EVENT:
        raise InvariantBroken(
            f"event {at} gave {len(decisions)} decisions, room is for {DECISIONS_PER_EVENT}"
        )
    return decisions


def _follows(state: State, at: StreamId, event: Event | Malformed) -> list[Decision]:
    """Returns what follows from the event itself; a worker's is folded once, however often it is published.

    mypy refuses a kind of event that has no rule. The most frequent kinds come first, as that is quickest.
    """
    if state.fold_version < FOLD_VERSION:
        event = as_known_to(state.fold_version, event)
    if isinstance(event, WorkerEvent):
        if repeats.has_no_room(state, event):
            return [repeats.no_room(event)]
        if repeats.is_repeat(state, event):
            return repeats.answer_again(state, event)
    match event:
        case PositionMarked():
            return positions.marked(state, at, event)
        case EntryRequested():
            return _entry_requested(state, at, event)
        case PositionOpened():
            return doubted_when_late(positions.opened, state, at, event)
        case PositionClosed():
            return doubted_when_late(positions.closed, state, at, event)
        case StopMoved():
            return stop_moves.moved(state, event)
        case EntryRenewed():
            return entry.renew(state, at, event)
        case EntryWithdrawn():
            return entry.withdraw(state, event)
        case ClockTicked():
            return []
        case WorkerStarted():
            return presence.started(state, at, event)
        case WorkerStopped():
            return presence.stopped(state, at, event)
        case WorkerLost():
            return presence.lost(state, at, event)
        case WorkerRetired():
            return presence.retired(state, at, event)
        case TradingHalted():
            return operator_orders.halted(state, at, event)
        case TradingResumed():
            return resuming.resumed(state, at, event)
        case FlattenRequested():
            return operator_orders.flatten_requested(state, at, event)
        case LockoutOrdered():
            return lockout.ordered(state, at, event)
        case LimitsChanged():
            return operator_orders.limits_changed(state, at, event)
        case PositionSettled():
            return operator_orders.settled(state, at, event)
        case AccountReported():
            return account.reported(state, at, event)
        case AccountSettled():
            return account.settled(state, at, event)
        case CashMoved():
            return capital.cash_moved(state, at, event)
        case SessionsPublished():
            return publishing.sessions_published(state, at, event)
        case WindowsPublished():
            return publishing.windows_published(state, at, event)
        case CoordinatorStarted():
            return _coordinator_started(state, at, event)
        case LogTailMissing():
            return lost_tail.missing(state, at, event)
        case LossAcknowledged():
            return lost_tail.acknowledged(state, at, event)
        case Malformed():
            return _malformed(state, event)
    assert_never(event)


def _entry_requested(state: State, at: StreamId, event: EntryRequested) -> list[Decision]:
    answer = entry.answer(state, at, event)
    repeats.remember_answer(state, at, event, answer)
    if isinstance(answer, EntryDenied) and answer.code == rate.CODE:
        return [*rate.note_denied(state, at, event.worker), answer]
    return [answer]


def _coordinator_started(state: State, at: StreamId, event: CoordinatorStarted) -> list[Decision]:
    # From 5 on the rules never go back: a hand that wrote of an earlier version would loosen them.
    state.fold_version = event.fold if state.fold_version < 5 else max(event.fold, state.fold_version)
    state.epoch, state.keys = event.epoch, event.keys
    state.led_since_ms, state.worker_lost_ms = at.ms, event.worker_lost_ms or state.worker_lost_ms
    return []


def _malformed(state: State, event: Malformed) -> list[Decision]:
    reason = reason_given_by(state.fold_version, event)
    return [EventRejected(reason=reason[: entry.SENTENCE], rejected=event.type[: entry.SENTENCE])]
