"""A view of the past in labelled rows, for people: what the portfolio held, made and was allowed.

Shows only what the log knows: nobody recorded who was alive then, or what the server was like.
"""

from datetime import date
from typing import NamedTuple

from portfold.coordinator.audit.record.moment import Exchange, exchange_of
from portfold.coordinator.views.account_view import ShownAccount, difference_in_words
from portfold.coordinator.views.portfolio_view import PortfolioView, ShownPosition, Slot
from portfold.coordinator.views.status import scopes_in_words, slots_in_words, unsettled_in_words
from portfold.coordinator.views.words.of_trades import legs_listed
from portfold.dollars import plain_count, shown, shown_limit
from portfold.events.stream_id import StreamId
from portfold.quotes import entry_price

_BAR = 20


class Labelled(NamedTuple):
    """A row: what it is about, and its lines."""

    label: str
    lines: list[str]


def portfolio_rows(view: PortfolioView) -> list[Labelled]:
    """Returns every row, the day's loss first."""
    exchange = exchange_of(view.limits)
    return [
        Labelled("Trading day", [_day(view, exchange)]),
        Labelled("Daily P&L", _pnl(view)),
        Labelled("Positions", _positions(view, exchange)),
        Labelled("Reserved", _reserved(view, exchange)),
        Labelled("Contracts", [_contracts(view)]),
        Labelled("Stopped out", [_stopped(view)]),
        Labelled("Halted", [_halted(view)]),
        *_locked_out(view, exchange),
        *_seldom(view, exchange),
        Labelled("Limits", _limits(view)),
        Labelled("Workers", [", ".join(f"{one.worker} {one.presence}" for one in view.workers) or "none"]),
    ]


def time_text(exchange: Exchange, ms: int) -> str:
    """Shows a moment as `Wed 15 Jan 2025 08:32:07.123`, by the exchange's clock."""
    return f"{exchange.local(ms):%a %d %b %Y %H:%M:%S}.{ms % 1000:03}"


def clock_text(exchange: Exchange, ms: int) -> str:
    """Shows a moment as `08:32:07 CST`, by the exchange's clock."""
    return f"{exchange.local(ms):%H:%M:%S %Z}"


def pnl_parts(view: PortfolioView) -> str:
    """Shows the daily P&L as a sum: realized, and what each open position adds."""
    parts = [f"realized {shown(view.day.realized)}"]
    if view.limits is None or view.limits.stop_loss_on == "realized":
        return f"{parts[0]}, open positions do not count"
    for held in view.positions:
        if held.unmarked:
            parts.append(f"{held.symbol} no mark")
            continue
        before = f" ({shown(held.earlier)} of it in earlier days)" if held.earlier else ""
        parts.append(f"{held.symbol} {shown(held.unrealized - held.earlier)}{before}")
    return " + ".join(parts)


def slots_sum(view: PortfolioView) -> str:
    """Shows the slots as `3 positions open + 1 reserved = 4 of 4`."""
    open_now, used = len(view.positions), view.slots_used
    limit = view.limits.max_positions if view.limits else 0
    return f"{_count(open_now, 'position')} open + {used - open_now} reserved = {used} of {limit}"


def _day(view: PortfolioView, exchange: Exchange) -> str:
    if not view.day.date:
        return "none yet"
    ends = exchange.local(view.day.ends_ms)
    weekday = date.fromisoformat(view.day.date)
    return f"{weekday:%a} {view.day.date}, until {ends:%a %H:%M} {exchange.zone}"


def _pnl(view: PortfolioView) -> list[str]:
    pnl, used = shown(view.day.pnl), view.stop_used
    if view.limits is None:
        return [pnl]
    full = int(used * _BAR)
    bar = f"[{'#' * full}{'.' * (_BAR - full)}] {used:.0%}"
    return [f"{pnl}, stop at {shown(view.stop_at)}  {bar}", pnl_parts(view)]


def _positions(view: PortfolioView, exchange: Exchange) -> list[str]:
    limit = f" of {view.limits.max_positions}" if view.limits else ""
    each = [_position(held, exchange) for held in view.positions]
    return [f"{len(view.positions)}{limit}", *each]


def _position(held: ShownPosition, exchange: Exchange) -> str:
    mark = f", marked {held.mark:f} {shown(held.unrealized)}" if held.mark is not None else ", not marked yet"
    stale = " (stale)" if held.mark_stale else ""
    price = entry_price(held.price)
    since = f"since {exchange.local(held.opened_ms):%a %H:%M:%S %Z}"
    return f"{held.symbol} {held.side} {held.size}{price} by {held.worker} {since}{mark}{stale}"


def _reserved(view: PortfolioView, exchange: Exchange) -> list[str]:
    reserved = zip(slots_in_words(view.reserved), view.reserved, strict=True)
    each = [f"{in_words} {_lasts(slot, exchange)}" for in_words, slot in reserved]
    back = "taken back: a fill may still be reported"
    each += [f"{in_words} {back}" for in_words in slots_in_words(view.taken_back)]
    return each or ["nothing"]


def _lasts(slot: Slot, exchange: Exchange) -> str:
    return "kept: it may be filled" if slot.kept else f"until {clock_text(exchange, slot.expires_ms)}"


def _contracts(view: PortfolioView) -> str:
    limit = f" of {view.limits.max_contracts}" if view.limits else ""
    return f"{plain_count(view.contracts_used)}{limit}"


def _stopped(view: PortfolioView) -> str:
    stop = view.stop
    return f"yes, at {shown(stop.daily_pnl)} on {stop.day}, by event {stop.since}" if stop else "no"


def _locked_out(view: PortfolioView, exchange: Exchange) -> list[Labelled]:
    lockout = view.lockout
    if lockout is None:
        return []
    until = time_text(exchange, lockout.until_ms)
    return [Labelled("Locked out", [f"until {until}, by {lockout.by}: {lockout.reason}"])]


def _halted(view: PortfolioView) -> str:
    halt = view.halt
    return f"by {halt.by}: {halt.reason}, since event {halt.since}" if halt else "no"


def _seldom(view: PortfolioView, exchange: Exchange) -> list[Labelled]:
    """Returns rows that are shown only when set."""
    rows = []
    if view.scopes:
        rows.append(Labelled("Closed", scopes_in_words(view.scopes)))
    if view.flatten is not None:
        due = clock_text(exchange, view.flatten.deadline_ms)
        left = legs_listed(view.flatten.left) or "nothing"
        rows.append(Labelled("Flattening", [f"{left}, due {due}: {view.flatten.cause}"]))
    if view.unsettled:
        rows.append(Labelled("Unsettled", _unsettled(view)))
    if view.account is not None:
        rows.append(Labelled("Account", _account(view.account, exchange)))
    if view.tail_missing is not None:
        lost = view.tail_missing
        rows.append(Labelled("Log", [f"lost its end: {lost.worker} saw {lost.saw}, event {lost.since}"]))
    return rows


def _account(account: ShownAccount, exchange: Exchange) -> list[str]:
    """Returns what was reported of the account last, and a line for each difference."""
    if not account.as_of_ms:
        return [f"{account.account}, not reported yet"]
    held = " ".join(f"{symbol} {size:+d}" for symbol, size in sorted(account.positions.items())) or "flat"
    working = "".join(f", {count} working in {symbol}" for symbol, count in sorted(account.working.items()))
    when = f"{time_text(exchange, account.as_of_ms)}{', silent since' if account.silent else ''}"
    first = f"{account.account}: {account.equity_text}, day {shown(account.pnl)}, {held}{working} | {when}"
    differs = ("differs" if one.stands else "within the grace" for one in account.differences)
    each = zip(differs, map(difference_in_words, account.differences), strict=True)
    return [first, *(f"{how}: {what}" for how, what in each)]


def _unsettled(view: PortfolioView) -> list[str]:
    each = zip(view.unsettled, unsettled_in_words(view.unsettled), strict=True)
    return [f"{in_words}, event {found.since}" if found.since else in_words for found, in_words in each]


def _limits(view: PortfolioView) -> list[str]:
    limits = view.limits
    if limits is None:
        return ["none in force"]
    return [
        f"{limits.max_positions} positions, {limits.max_contracts} contracts, daily stop loss "
        f"{shown_limit(limits.daily_stop_loss)} on {limits.stop_loss_on} P&L",
        f"{', '.join(limits.symbols)}",
        f"by {limits.by}: {limits.reason}",
    ]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def moment_of(view: PortfolioView) -> str:
    """Shows when its last event was: `Wed 15 Jan 2025 08:32:07.123 (America/Chicago)`."""
    exchange = exchange_of(view.limits)
    return f"{time_text(exchange, StreamId.parse(view.last_event).ms)} ({exchange.zone})"
