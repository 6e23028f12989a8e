"""The account: what the broker says it holds against what workers have reported.

A difference may be a fill that is on its way, so it is let be for a grace. What lasts longer is published and
denies entries on its symbol, or all of them where it is the equity; then the worse of both figures counts for
the stop. Nothing on the log is corrected by it: only a person settles. What the account holds and nobody on
the log owns joins the book once everything is flattened (`unowned`).

A broker may give its dollars minutes later than its positions. Where a report says so, dollars from before
the log last realized something are not compared with it, and count for nothing: the log's figure does.
"""

from decimal import Decimal

from portfold.coordinator.fold.account_state import Account, Difference
from portfold.coordinator.fold.closing import flatten
from portfold.coordinator.fold.closing.unowned import take_unowned
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules import table
from portfold.coordinator.fold.state import State, leg_key, reported_pnl
from portfold.dollars import CENT, EXACT, ZERO, shown
from portfold.events.account import (
    ACCOUNT,
    EQUITY,
    AccountAgrees,
    AccountDiffers,
    AccountHeard,
    AccountReported,
    AccountSettled,
    AccountSilent,
)
from portfold.events.decisions import Decision, EventRejected, PositionMismatch
from portfold.events.legs import parse_holdings
from portfold.events.scope import Scope
from portfold.events.stream_id import StreamId

_KNOWS_NO_DAY_BEFORE_IT = 9
_PUBLISHED_AT_ONCE = 16
"""Of an event's room for a hundred decisions. What does not fit is published with the next report."""


def watch_named(state: State, at: StreamId, limits: Limits) -> None:
    """Begins to watch the account that the limits name; ends where they name none, or begins anew."""
    known = state.account
    if not limits.account:
        state.account = None
    elif known is None or known.account != limits.account:
        state.account = Account(limits.account, heard_ms=at.ms)


def reported(state: State, at: StreamId, event: AccountReported) -> list[Decision]:
    """Takes the report, compares it with the log, and looks at the day's loss and a flatten with it."""
    account, limits = state.account, state.limits
    refused = _why_not_taken(account, at, event)
    if account is None or limits is None or refused:
        return [EventRejected(reason=f"AccountReported: {refused}", rejected="AccountReported")]
    first = not account.as_of_ms or account.lacks_equity
    account.is_behind = _is_behind(state, account, at, event)
    _take(account, event)
    if first or not account.is_behind:
        account.equity, account.unrealized = event.equity, event.unrealized
        account.equity_ms = event.equity_as_of_ms or event.as_of_ms
        account.then_net, account.then_open = state.net, _log_open(state)
    if first:
        account.lacks_equity = account.is_behind
        _compare_from_here(account)
        account.day_equity = account.equity - reported_pnl(state)
        account.day_balance = account.equity - account.unrealized - state.day.realized
    heard = _heard(account, at)
    account.heard_ms = at.ms
    changed = _compare(state, limits, account)
    left = _flatten_what_is_left(state, at)
    watched = [*flatten.finish(state, at), *table.watch(state, at)]
    return [*heard, *changed, *left, *watched, *_flatten_what_is_left_of_scopes(state, at)]


def note_move(state: State, at: StreamId) -> None:
    """Notes that something about positions is being folded: no report of before knows of it."""
    if state.account is not None:
        state.account.moved_ms = at.ms


def arrived(state: State, at: StreamId) -> list[Decision]:
    """Forgets what differed only while a fill was on its way: by now the log says what the report said.

    Were it kept until the next report, two fills would seem to be one difference that lasts.
    """
    account, limits = state.account, state.limits
    if account is None or limits is None or not account.differences:
        return []
    found = _differing(state, limits, account)
    for subject in [one for one in account.differences if one not in found]:
        if not account.differences[subject].stands:
            del account.differences[subject]
    return table.watch(state, at)


def _flatten_what_is_left(state: State, at: StreamId) -> list[Decision]:
    """Orders closed what only the account holds, also where that comes out after the order to flatten."""
    if state.flatten is None or not flatten.catches_new_fills(state):
        return []
    return _flatten_taken(state, at, take_unowned(state, at))


def _flatten_what_is_left_of_scopes(state: State, at: StreamId) -> list[Decision]:
    """Does the same for scopes and windows; after the day's loss was looked at, for a stop takes all."""
    if state.flatten is None or flatten.catches_new_fills(state):
        return []
    flat = [one.scope for one in state.scopes.values() if one.flatten]
    windows = flatten.windows_that_flatten(state)
    flat += [Scope("symbol", symbol) for one in windows for symbol in one.symbols]
    return _flatten_taken(state, at, take_unowned(state, at, flat))


def _flatten_taken(state: State, at: StreamId, taken: list[PositionMismatch]) -> list[Decision]:
    keys = [leg_key(one.symbol, one.side, ACCOUNT) for one in taken]
    return [*taken, *flatten.order(state, at, "held by the account alone", keys)] if taken else []


def _why_not_taken(account: Account | None, at: StreamId, event: AccountReported) -> str:
    if account is None:
        return f"no account is watched, so nothing is compared with {event.account}: name it in runtime.json"
    if event.account != account.account:
        return f"account: the limits name {account.account}, got {event.account}"
    if event.as_of_ms > at.ms:
        return f"as_of_ms: {event.as_of_ms} is later than the report itself"
    if event.equity_as_of_ms > event.as_of_ms:
        return f"equity_as_of_ms: {event.equity_as_of_ms} is later than as_of_ms, {event.as_of_ms}"
    if event.as_of_ms <= account.as_of_ms:
        return f"as_of_ms: no later than the report before, which is of {account.as_of_ms}"
    return ""


def _is_behind(state: State, account: Account, at: StreamId, event: AccountReported) -> bool:
    """Returns whether the report's dollars may be from before the log last realized something."""
    if state.net != account.seen_net or not account.as_of_ms:
        account.seen_net, account.realized_ms = state.net, at.ms
    return 0 < event.equity_as_of_ms <= account.realized_ms


def _take(account: Account, event: AccountReported) -> None:
    held = parse_holdings(event.positions)
    account.source, account.as_of_ms = event.source, event.as_of_ms
    account.positions, account.prices = {}, {}
    for holding in held:
        signed = holding.size if holding.side == "long" else -holding.size
        account.positions[holding.symbol] = account.positions.get(holding.symbol, 0) + signed
        account.prices[holding.symbol] = holding.price
    counted = (part.split("=") for part in event.working.split(" ") if part)
    account.working = {symbol: int(count) for symbol, count in counted}


def _heard(account: Account, at: StreamId) -> list[Decision]:
    if not account.silent:
        return []
    account.silent = False
    return [AccountHeard(account=account.account, after_ms=at.ms - account.heard_ms)]


def roll(state: State, account: Account, since_ms: int) -> None:
    """Begins the account's trading day: with the latest equity, and what the log moved since.

    Before an equity of that day is heard, from `since_ms` on, when the day before was over, it would be short
    of what was made since: a loss that nobody had.
    """
    if state.fold_version >= _KNOWS_NO_DAY_BEFORE_IT:
        account.day_since_ms = since_ms
    realized = state.net - account.then_net
    account.day_balance = account.equity - account.unrealized + realized
    account.day_equity = account.equity + realized + _log_open(state) - account.then_open


def cash_moved(state: State, amount: Decimal) -> list[Decision]:
    """Expects so many dollars more in the account; before it shows them that is a difference like any."""
    account, limits = state.account, state.limits
    if account is None or limits is None or not account.as_of_ms:
        return []
    account.from_balance += amount
    account.day_balance += amount
    account.day_equity += amount
    return _compare(state, limits, account)


def settled(state: State, at: StreamId, event: AccountSettled) -> list[Decision]:
    """Takes the account's equity as right, and its word for flat as given, as a person has looked."""
    account, episode = state.account, state.flatten
    if account is None or event.account != account.account:
        watched = f"{account.account} is watched" if account else "no account is watched"
        reason = f"AccountSettled: {watched}, got {event.account}"
        return [EventRejected(reason=reason, rejected="AccountSettled")]
    agreed: list[Decision] = []
    if account.as_of_ms:
        equity = account.differences.pop(EQUITY, None)
        _compare_from_here(account)
        agreed = [_agrees(account, EQUITY, equity, at.ms)] if equity and equity.stands else []
    confirmed = episode is not None and not episode.left
    ended = flatten.end(state, episode, at) if episode is not None and confirmed else []
    return [*agreed, *ended, *table.watch(state, at)]


# --- comparing ------------------------------------------------------------------------------------------


def net_positions(state: State) -> dict[str, int]:
    """Returns the signed contracts that the log holds by symbol, over all workers, where there are any."""
    net: dict[str, int] = {}
    for held in state.positions.values():
        net[held.symbol] = net.get(held.symbol, 0) + (held.size if held.side == "long" else -held.size)
    return {symbol: size for symbol, size in net.items() if size}


def expected_equity(state: State, account: Account) -> Decimal:
    """Returns what the equity would be had the balance moved as the log did, with the account's open P&L.

    Log and account mark at different moments, so no two figures of what is open agree. What is realized does.
    """
    return account.from_balance + _net_then(state, account) - account.from_net + account.unrealized


def _net_then(state: State, account: Account) -> Decimal:
    """Returns what the log had realized when the equity was that: until now, unless it is behind."""
    return account.then_net if account.is_behind else state.net


def _log_open(state: State) -> Decimal:
    return sum((held.unrealized for held in state.positions.values()), ZERO)


def _compare_from_here(account: Account) -> None:
    """Takes the latest dollars as right beside the log of then: what has closed since is not in them."""
    account.from_balance = account.equity - account.unrealized
    account.from_net = account.then_net


def _compare(state: State, limits: Limits, account: Account) -> list[Decision]:
    """Notes what differs now, publishes what has lasted longer than the grace, and what is over."""
    found, held = _differing(state, limits, account), net_positions(state)
    over = [subject for subject in account.differences if subject not in found]
    decisions: list[Decision] = []
    for subject in over:
        gone = account.differences.pop(subject)
        if gone.stands:
            decisions.append(_agrees(account, subject, gone, account.as_of_ms))
    for subject, (log, reported_there) in found.items():
        difference = account.differences.setdefault(
            subject, Difference(log, reported_there, account.as_of_ms)
        )
        difference.log, difference.reported = log, reported_there
        _note_apart(account, difference, account.positions.get(subject, 0) - held.get(subject, 0))
        lasting_ms = account.as_of_ms - difference.since_ms
        if difference.stands or lasting_ms < limits.account_grace_ms:
            continue
        if len(decisions) < _PUBLISHED_AT_ONCE:
            difference.stands = True
            decisions.append(_differs(account, subject, difference, lasting_ms))
    return decisions


def _note_apart(account: Account, difference: Difference, contracts: int) -> None:
    """Notes how many contracts they are apart; more of them, or of the other side, are so from now on."""
    before = difference.apart
    if contracts * before <= 0 or abs(contracts) > abs(before):
        difference.apart_ms = account.as_of_ms
    difference.apart = contracts


def _differing(state: State, limits: Limits, account: Account) -> dict[str, tuple[str, str]]:
    """Returns, by subject, what the log and the account say where they differ."""
    held = net_positions(state)
    symbols = sorted(held.keys() | account.positions.keys())
    found = {
        symbol: (_contracts(held.get(symbol, 0)), _contracts(account.positions.get(symbol, 0)))
        for symbol in symbols
        if held.get(symbol, 0) != account.positions.get(symbol, 0)
    }
    for symbol in [each for each in symbols if each not in found]:
        prices = _prices(state, limits, account, symbol)
        if prices is not None:
            found[symbol] = prices
    known = account.differences.get(EQUITY)
    expected = expected_equity(state, account)
    if account.is_behind:
        if known is not None and known.stands:
            found[EQUITY] = (known.log, known.reported)
    elif abs(account.equity - expected) > limits.account_tolerance:
        found[EQUITY] = (shown(expected), shown(account.equity))
    return found


def _prices(state: State, limits: Limits, account: Account, symbol: str) -> tuple[str, str] | None:
    """Returns what both say where the contracts agree and their prices differ by more than the tolerance.

    Only where the log holds one side, and knows what a point is worth. A broker's average may have commission
    in it.
    """
    legs = [held for held in state.positions.values() if held.symbol == symbol]
    value, there = limits.point_values.get(symbol), account.prices.get(symbol)
    if value is None or not there or len({held.side for held in legs}) != 1:
        return None
    size = sum(held.size for held in legs)
    paid = sum((held.price * held.size for held in legs), ZERO)
    if abs(paid - there * size) * value <= limits.account_tolerance:
        return None
    said = _contracts(account.positions[symbol])
    here = (paid / size).quantize(CENT, context=EXACT)
    return f"{said} @ {here:f}", f"{said} @ {there:f}"


def _contracts(size: int) -> str:
    if not size:
        return "flat"
    return f"{'long' if size > 0 else 'short'} {abs(size)}"


def _differs(account: Account, subject: str, found: Difference, lasting_ms: int) -> AccountDiffers:
    return AccountDiffers(
        account=account.account,
        subject=subject,
        log=found.log,
        reported=found.reported,
        lasting_ms=lasting_ms,
    )


def _agrees(account: Account, subject: str, gone: Difference, now_ms: int) -> AccountAgrees:
    return AccountAgrees(account=account.account, subject=subject, after_ms=max(0, now_ms - gone.since_ms))


# --- silence --------------------------------------------------------------------------------------------


def silent_from(state: State) -> int | None:
    """Returns the millisecond from which the account will count as silent; None where none is watched."""
    account, limits = state.account, state.limits
    if account is None or limits is None or account.silent or not limits.account_silent_ms:
        return None
    return account.heard_ms + limits.account_silent_ms


def notice_silence(state: State, at: StreamId) -> list[Decision]:
    """Publishes, once, that the account is not reported any more."""
    due, account = silent_from(state), state.account
    if account is None or due is None or at.ms < due:
        return []
    account.silent = True
    return [AccountSilent(account=account.account, age_ms=at.ms - account.heard_ms)]
