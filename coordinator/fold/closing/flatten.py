"""Flattening: an order to close, and an end only when each position is confirmed closed.

There is one episode at a time. It begins with the legs to close and ends with PortfolioFlat when a close has
been reported for each and, where an account is watched, it shows nothing open or working; where not all was
to be closed, nothing but what the log still holds in those symbols. Past its
deadline it reminds, at growing intervals, of what is left and whose it is. It never gives up.
"""

from collections.abc import Collection, Iterable, Sequence

from portfold.bounds import LONGEST_TEXT
from portfold.coordinator.fold.account_state import Account
from portfold.coordinator.fold.state import Flatten, State, legs_named
from portfold.coordinator.fold.windows.calendar import OpenWindow
from portfold.events.account import FlatUnconfirmed
from portfold.events.decisions import (
    FILLED_SINCE,
    Decision,
    FlattenHandedOver,
    FlattenOrdered,
    FlattenOverdue,
    PortfolioFlat,
)
from portfold.events.stream_id import StreamId

LONGEST_REMINDER_MS = 3_600_000
_DEFAULT_DEADLINE_MS = 10_000
_IN_PART_SINCE = 9
"""Before, each was confirmed only once the whole account was flat."""


def begin(
    state: State, at: StreamId, cause: str, keys: Iterable[str], symbols: Iterable[str] = ()
) -> Flatten:
    """Puts the legs `keys` on the list of the episode; begins one if none is under way.

    A leg that joins an episode long overdue brings the next reminder forward, instead of waiting for a rare
    one; the legs already there wait no longer for theirs, whose number decides when they are taken over.
    `symbols` are to be flat beside those of the legs.
    """
    episode = state.flatten
    allowed_ms = state.limits.flatten_ms if state.limits is not None else _DEFAULT_DEADLINE_MS
    deadline_ms = at.ms + allowed_ms
    if episode is None:
        episode = state.flatten = Flatten(
            episode=str(at),
            cause=cause,
            started_ms=at.ms,
            deadline_ms=deadline_ms,
            left=[],
            next_reminder_ms=deadline_ms,
            everything=False,
        )
    if state.fold_version < _IN_PART_SINCE or catches_new_fills(state):
        episode.everything, episode.symbols = True, []
    if not episode.everything:
        of_legs = (state.positions[key].symbol for key in keys)
        episode.symbols = sorted({*episode.symbols, *symbols, *of_legs})
    joining = [key for key in keys if key not in episode.left]
    episode.left += joining
    if joining and deadline_ms < episode.next_reminder_ms and episode.reminders > 0:
        episode.next_reminder_ms = deadline_ms
        if state.fold_version < 6:
            episode.reminders = 0
        episode.counted = episode.reminders
    return episode


def order(state: State, at: StreamId, cause: str, keys: Iterable[str]) -> list[Decision]:
    """Orders the legs `keys` closed."""
    return _order(state, at, cause, list(keys))


def order_filled(state: State, at: StreamId, key: str) -> list[Decision]:
    """Orders the leg closed, in which something was filled after the order to flatten."""
    return _order(state, at, f"{state.positions[key].symbol} {FILLED_SINCE}", [key])


def order_scope(
    state: State, at: StreamId, cause: str, keys: Sequence[str], symbols: Iterable[str], pending: str
) -> list[Decision]:
    """Orders the legs `keys` of a scope closed, and whatever of `pending` fills; `symbols` are to be flat."""
    if not state.again:
        begin(state, at, cause, keys, symbols)
    return _order(state, at, cause, list(keys), pending=pending)


def order_everything(state: State, at: StreamId, cause: str, pending: str) -> list[Decision]:
    """Orders the whole book closed, and whatever of `pending` still fills."""
    return _order(state, at, cause, list(state.positions), everything=True, pending=pending)


def _order(
    state: State, at: StreamId, cause: str, wanted: list[str], *, everything: bool = False, pending: str = ""
) -> list[Decision]:
    if state.again:
        return []
    episode = begin(state, at, cause, wanted)
    ordered = FlattenOrdered(
        episode=episode.episode,
        cause=cause,
        deadline_ms=episode.deadline_ms,
        everything=everything,
        positions=legs_named(state, wanted),
        pending=pending,
    )
    return [ordered, *hand_over(state, wanted), *finish(state, at)]


def hand_over(state: State, keys: Iterable[str]) -> list[Decision]:
    """Passes those of the legs `keys` whose owner is gone to the flattener."""
    if state.again:
        return []
    episode = state.flatten
    orphans = [key for key in keys if episode and key in episode.left and _owner_gone(state, key)]
    if episode is None or not orphans:
        return []
    return [FlattenHandedOver(episode=episode.episode, positions=legs_named(state, orphans))]


def _owner_gone(state: State, key: str) -> bool:
    owner = state.workers.get(state.positions[key].worker)
    return owner is None or owner.presence != "up"


def confirm_closed(state: State, at: StreamId, key: str) -> list[Decision]:
    """Ticks the leg `key` off; the last one ends the episode."""
    if state.flatten is None or key not in state.flatten.left:
        return []
    state.flatten.left.remove(key)
    state.flatten.closed_ms = at.ms
    return finish(state, at)


def finish(state: State, at: StreamId) -> list[Decision]:
    """Ends the episode if nothing is left of it, and the account, where one is watched, says so too."""
    episode = state.flatten
    if episode is None or episode.left or not_flat_at_broker(state, episode):
        return []
    return end(state, episode, at)


def end(state: State, episode: Flatten, at: StreamId) -> list[Decision]:
    """Ends the episode."""
    state.flatten = None
    others = 0 if episode.everything else len(state.positions)
    took_ms = at.ms - episode.started_ms
    return [PortfolioFlat(episode=episode.episode, cause=episode.cause, took_ms=took_ms, others=others)]


def not_flat_at_broker(state: State, episode: Flatten) -> str:
    """Says why the account does not confirm that all is flat; empty where it does, or none is watched.

    Only a report of what the broker said after the last close counts: an earlier one may be from before a
    fill that was on its way.
    """
    account = state.account
    if account is None:
        return ""
    if account.as_of_ms <= max(episode.started_ms, episode.closed_ms):
        return f"account {account.account} has not been reported since the last close"
    if not episode.everything:
        return _more_than_the_log(state, account, episode.symbols)
    open_there = [f"{symbol} {size:+d}" for symbol, size in sorted(account.positions.items())]
    working = [f"{count} working in {symbol}" for symbol, count in sorted(account.working.items())]
    if not open_there and not working:
        return ""
    return f"account {account.account} still shows {', '.join([*open_there, *working])}"


def _more_than_the_log(state: State, account: Account, symbols: Iterable[str]) -> str:
    """Says what the account shows in the symbols of a part beside what others hold there."""
    for symbol in symbols:
        held = [one for one in state.positions.values() if one.symbol == symbol]
        here = sum(one.size if one.side == "long" else -one.size for one in held)
        there, working = account.positions.get(symbol, 0), account.working.get(symbol, 0)
        if there != here:
            return f"account {account.account} shows {symbol} {there:+d}, the log holds {here:+d}"
        others = held or any(one.symbol == symbol for one in state.reservations.values())
        if working and not others:
            return f"account {account.account} still shows {working} working in {symbol}"
    return ""


def remind(state: State, at: StreamId) -> list[Decision]:
    """Reminds, past the deadline and at each doubled interval after it, of what is left and whose it is."""
    episode = state.flatten
    if episode is None or at.ms < episode.next_reminder_ms or state.again:
        return []
    left = list(episode.left)
    doublings = min(episode.reminders - episode.counted, 30)
    interval_ms = max(1, episode.deadline_ms - episode.started_ms) << doublings
    episode.reminders += 1
    episode.next_reminder_ms = at.ms + min(interval_ms, LONGEST_REMINDER_MS)
    if not left:
        reason = not_flat_at_broker(state, episode)
        return [_unconfirmed(episode, reason)]
    overdue = FlattenOverdue(
        episode=episode.episode,
        reminder=episode.reminders,
        late_ms=at.ms - episode.deadline_ms,
        next_ms=episode.next_reminder_ms,
        positions=legs_named(state, left),
    )
    return [overdue, *hand_over(state, left)]


def _unconfirmed(episode: Flatten, reason: str) -> FlatUnconfirmed:
    return FlatUnconfirmed(
        episode=episode.episode,
        reminder=episode.reminders,
        next_ms=episode.next_reminder_ms,
        reason=reason[:LONGEST_TEXT],
    )


def is_flat(state: State, symbols: Collection[str] = ()) -> bool:
    """Returns whether the book is flat, in the symbols where any are named, and no account has to say so."""
    if not symbols:
        return not state.positions and (state.account is None or state.flatten is None)
    if any(held.symbol in symbols for held in state.positions.values()):
        return False
    episode = state.flatten
    if state.account is None or episode is None:
        return True
    return not episode.everything and not any(symbol in symbols for symbol in episode.symbols)


def catches_new_fills(state: State) -> bool:
    """Returns whether any fill arriving now must be closed at once: after a stop or an order to flatten, and
    while a window is open that flattens everything.
    """
    if (state.stop is not None and state.stop.closes) or (state.halt is not None and state.halt.flatten):
        return True
    if any(not one.symbols for one in windows_that_flatten(state)):
        return True
    return any(lock.action == "flatten" for lock in state.locks.values()) if state.locks else False


def windows_that_flatten(state: State) -> list[OpenWindow]:
    """Returns the open windows that close what is open, in all symbols or in theirs."""
    if state.calendar is None:
        return []
    return [one for one in state.calendar.open.values() if one.action == "flatten"]


def catches_fill(state: State, symbol: str, worker: str) -> bool:
    """Returns whether a fill of the worker in the symbol must be closed at once, in a scope or in all."""
    if catches_new_fills(state) or any(symbol in one.symbols for one in windows_that_flatten(state)):
        return True
    if not state.scopes:
        return False
    flat = (one for one in state.scopes.values() if one.flatten)
    return any(closed.covers(state.limits, symbol, worker) for closed in flat)
