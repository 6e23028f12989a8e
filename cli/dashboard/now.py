"""What the page shows of a portfolio now, made of one overview: rows of words, each with how grave it is.

Pure. Guarantees: every sentence is one that `portfold status` says as well; amounts are shown to the cent.
"""

from collections.abc import Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from msgspec import Struct

from portfold.cli.dashboard.pnl_curve import PnlCurve, Point, pnl_curve
from portfold.coordinator.views.account_view import ShownAccount, difference_in_words
from portfold.coordinator.views.calendar_view import open_in_words
from portfold.coordinator.views.headlines import Headline, headlines
from portfold.coordinator.views.overview import Overview
from portfold.coordinator.views.portfolio_view import PortfolioView, ShownPosition, Slot
from portfold.coordinator.views.rule_view import amount_in_words
from portfold.coordinator.views.status import block_rate, loosening_in_words
from portfold.dollars import ZERO, shown, shown_price
from portfold.exchange_time import span, zoned_clock
from portfold.quotes import NO_ENTRY_PRICE

_NEAR = Decimal("0.8")
_OF_THE_DAY = (
    *("profit_target", "profit_lock_at", "consistency_percent", "weekly_profit"),
    *("equity_floor", "trailing_drawdown", "weekly_loss", "rolling_loss"),
)
"""Limits of money that the day's P&L moves towards, dollar by dollar: they are drawn on its curve."""


class Row(Struct, frozen=True):
    """A fact: what it is, what is so, and `grave` where somebody should look: "", "warning" or "critical"."""

    label: str
    text: str
    grave: str = ""


class Held(Struct, frozen=True):
    """A position or a slot, as a row of the table of both; `gains` is "gain", "loss", or empty if unknown."""

    symbol: str
    side: str
    size: int
    worker: str
    price: str = ""
    age: str = ""
    pnl: str = ""
    gains: str = ""
    mark: str = ""
    slot: str = ""
    grave: str = ""


class LimitRow(Struct, frozen=True):
    """A limit: its value, where it stands, what is left, the share of it that is used, from 0 to 1, what is
    counted, and what is left as a figure.
    """

    name: str
    value: str
    stands: str
    left: str
    used: float
    about: str
    to_go: Decimal

    @property
    def near(self) -> bool:
        """Returns whether little of it is left."""
        return self.used >= float(_NEAR)


class Now(Struct, frozen=True):
    """Everything on the page, of one moment."""

    may_trade: bool
    headlines: tuple[Headline, ...]
    as_of: str
    pnl: str
    gains: bool
    parts: str
    stop_at: str
    stop_used: float
    curve: PnlCurve | None
    highest: str
    lowest: str
    held: tuple[Held, ...]
    limits: tuple[LimitRow, ...]
    system: tuple[Row, ...]
    workers: tuple[Row, ...]
    closed: tuple[Row, ...]
    entries: str

    @property
    def verdict(self) -> str:
        """Returns in a word whether entries are allowed."""
        return "TRADING" if self.may_trade else self.headlines[0].title


def now_of(seen: Overview, points: Sequence[Point], zone: ZoneInfo) -> Now:
    """Returns what is shown of this moment; `points` are the day's P&L so far."""
    view, found = seen.view, headlines(seen, zone)
    curve = pnl_curve(points, _levels(view), seen.now_ms)
    return Now(
        may_trade=found[0].code == "trading",
        headlines=tuple(found),
        as_of=zoned_clock(seen.now_ms, zone),
        pnl=shown(view.day.pnl),
        gains=view.day.pnl >= ZERO,
        parts=_parts(view),
        stop_at=shown(view.stop_at) if view.daily_limit else "",
        stop_used=float(view.stop_used),
        curve=curve,
        highest=shown(curve.highest) if curve else "",
        lowest=shown(curve.lowest) if curve else "",
        held=(
            *(_position(one, seen) for one in view.positions),
            *(_slot(one, seen.now_ms) for one in view.reserved),
            *(_slot(one, None) for one in view.taken_back),
        ),
        limits=limit_rows(view),
        system=tuple(_system(seen)),
        workers=tuple(_workers(seen)),
        closed=tuple(closed_rows(seen, zone)),
        entries=_entries(view),
    )


def limit_rows(view: PortfolioView) -> tuple[LimitRow, ...]:
    """Returns the limits in force, the nearest to being reached first."""
    return tuple(
        LimitRow(
            one.shown,
            amount_in_words(one.unit, one.limit),
            amount_in_words(one.unit, one.now),
            amount_in_words(one.unit, one.left),
            float(min(Decimal(1), max(ZERO, one.used))),
            one.about,
            one.left,
        )
        for one in view.rules
    )


def _levels(view: PortfolioView) -> list[tuple[str, Decimal]]:
    """Returns the day's P&L at which it would be stopped, and at which a limit of money would be reached.

    What is further away than twice the daily stop is left out: it would press the day flat.
    """
    stop = [("stop", view.stop_at)] if view.daily_limit else []
    others = [
        (one.shown, view.day.pnl + (one.left if one.limit > one.now else -one.left))
        for one in view.rules
        if one.rule in _OF_THE_DAY and not one.of and one.left > ZERO
    ]
    far = 2 * view.daily_limit
    return stop + [level for level in others if not far or abs(level[1] - view.day.pnl) <= far]


def closed_rows(seen: Overview, zone: ZoneInfo) -> list[Row]:
    """Returns what is closed by itself, by whom and why, the windows that are open, and what comes next."""
    view = seen.view
    rows = [Row(str(one.scope), f"closed by {one.by}: {one.reason}", "warning") for one in view.scopes]
    calendar = view.calendar
    if calendar is not None:
        rows += (Row("Window", open_in_words([one], zone), "warning") for one in calendar.open)
        if calendar.ahead is not None:
            begins = f"{calendar.ahead.window} from {zoned_clock(calendar.ahead.begins_ms, zone)}"
            ahead_ms = max(0, calendar.ahead.begins_ms - seen.now_ms)
            rows.append(Row("Next window", f"{begins}, in {span(ahead_ms)}"))
        opens_ms = calendar.closed_until(seen.now_ms)
        if opens_ms is not None:
            rows.append(Row("Exchange", f"closed until {zoned_clock(opens_ms, zone)}"))
        if calendar.last:
            rows.append(Row("Sessions", f"known up to {calendar.last}"))
    if view.loosening is not None:
        rows.append(Row("Limits", loosening_in_words(view.loosening)))
    return rows


def _parts(view: PortfolioView) -> str:
    realized = f"realized {shown(view.day.realized)}"
    if view.limits is not None and view.limits.stop_loss_on == "realized":
        return f"{realized}; open profit and loss do not count"
    return f"{realized}, open {shown(view.day.pnl - view.day.realized)}"


def _position(one: ShownPosition, seen: Overview) -> Held:
    unmanaged = one in seen.unmanaged
    return Held(
        symbol=one.symbol,
        side=one.side,
        size=one.size,
        worker=one.worker,
        price=f"{f'@ {shown_price(one.price)}' if one.price else NO_ENTRY_PRICE}{_planned(one)}",
        age=span(max(0, seen.now_ms - one.opened_ms)),
        pnl="no mark" if one.unmarked else shown(one.unrealized),
        gains="" if one.unmarked else _colour(one.unrealized),
        mark=_mark(one, seen.now_ms),
        grave="critical" if unmanaged else "warning" if one.mark_stale or one.unmarked else "",
    )


def _planned(one: ShownPosition) -> str:
    """Words a position's planned stop, and what it would make there, where they are known."""
    stop = f", stop {shown_price(one.stop_price)}" if one.stop_price is not None else ""
    return f"{stop}, at worst {shown(one.at_stop)}" if one.at_stop is not None else stop


def _colour(amount: Decimal) -> str:
    return "gain" if amount >= ZERO else "loss"


def _mark(one: ShownPosition, now_ms: int) -> str:
    if one.mark is None:
        return "none yet"
    age = f", {span(max(0, now_ms - one.marked_ms))} ago" if one.marked_ms else ""
    doubts = f"{', OLD' if one.mark_stale else ''}{', IN DOUBT' if one.mark_doubted else ''}"
    return f"{shown_price(one.mark)}{age}{doubts}"


def _slot(one: Slot, now_ms: int | None) -> Held:
    if now_ms is None:
        left = "taken back: a fill may come"
    else:
        ends = "kept: may be filled" if one.kept else f"ends in {span(max(0, one.expires_ms - now_ms))}"
        left = f"reserved, {ends}"
    return Held(symbol=one.symbol, side=one.side, size=one.size, worker=one.worker, slot=left)


def _system(seen: Overview) -> list[Row]:
    backlog = seen.backlog
    waiting = f"{backlog.events:,}{' or more' if backlog.more else ''} undecided"
    waits = f" for {span(backlog.oldest_ms)}" if backlog.oldest_ms is not None else ""
    whole = not (backlog.lost or seen.view.tail_missing)
    kept = seen.server.kept
    return [
        Row("Leader", seen.leader or "nobody", "" if seen.leader else "critical"),
        Row("Standby", seen.standby or "none", "" if seen.standby else "warning"),
        Row("Lag", waiting + waits, "warning" if backlog.events else ""),
        Row("Log", "whole" if whole else "NOT WHOLE", "" if whole else "critical"),
        Row("Server", f"{seen.server.version}, {kept.setting}", "warning" if kept.level == "warning" else ""),
        *_switch(seen),
        *_feed(seen),
        *_account(seen.view.account, seen.now_ms),
    ]


def _switch(seen: Overview) -> list[Row]:
    switch = seen.switch
    if switch is None:
        return []
    pressed = "never pressed" if switch.age_ms is None else f"pressed {span(switch.age_ms)} ago"
    return [
        Row(
            "Dead man",
            f"{pressed}{f': {switch.wrong}' if switch.wrong else ''}",
            "critical" if switch.wrong else "",
        )
    ]


def _feed(seen: Overview) -> list[Row]:
    market = seen.market
    if market is None or not market.fed_lately:
        return []
    ages = [span(max(0, market.now_ms - last.at_ms)) for last in market.newest_price]
    text = f"{market.holder or 'nobody'}{''.join(f', last price {age} old' for age in ages)}"
    return [Row("Feed", text, "" if market.holder else "critical")]


def _account(account: ShownAccount | None, now_ms: int) -> list[Row]:
    if account is None:
        return []
    if not account.as_of_ms:
        return [Row("Account", f"{account.account}, not reported yet", "warning")]
    held = " ".join(f"{symbol} {size:+d}" for symbol, size in sorted(account.positions.items())) or "flat"
    age = span(max(0, now_ms - account.as_of_ms))
    text = f"{shown(account.equity)}, log {shown(account.expected)}, {held}, {age} ago"
    grave = "critical" if account.differing or account.silent else ""
    return [
        Row("Account", text, grave),
        *(
            Row("Differs", difference_in_words(one), "critical" if one.stands else "warning")
            for one in account.differences
        ),
    ]


def _workers(seen: Overview) -> list[Row]:
    rows = [
        Row(
            one.worker,
            f"{', '.join(one.symbols) or '?'}: {_alive(one.worker, seen)}",
            _lost(one.worker, seen),
        )
        for one in seen.workers
        if one.presence != "retired"
    ]
    rows.append(
        Row(
            "flattener",
            "alive" if seen.flattener_alive else "none",
            "" if seen.flattener_alive else "warning",
        )
    )
    rows += (Row(symbol, "nobody trades it", "warning") for symbol in seen.missing)
    return rows


def _alive(worker: str, seen: Overview) -> str:
    lives = any(one.worker == worker and one.lives for one in seen.workers)
    return "alive" if lives else seen.became_of(worker)


def _lost(worker: str, seen: Overview) -> str:
    lives = any(one.worker == worker and one.lives for one in seen.workers)
    holds = any(position.worker == worker for position in seen.view.positions)
    return "" if lives else "critical" if holds else "warning"


def _entries(view: PortfolioView) -> str:
    stats = view.stats
    asked, denied = stats.total_entries_requested, stats.total_entries_blocked
    return (
        f"{asked:,} asked, {stats.total_entries_allowed:,} allowed, {denied:,} denied "
        f"({block_rate(stats):.0%}); exits: {stats.total_exits:,}; stops: {stats.stop_loss_triggers:,}"
    )
