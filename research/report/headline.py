"""The head of a report: its days, their result, and their warning signs."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from portfold.bounds import too_many_blocked
from portfold.coordinator.audit.report.day_account import DayAccount, rate
from portfold.coordinator.audit.report.days import begins_ms
from portfold.coordinator.audit.report.tallies import all_together
from portfold.coordinator.audit.report.warning_signs import Sign, signs
from portfold.dollars import ZERO, shown_limit
from portfold.exchange_time import week_of
from portfold.research.report.happenings import session
from portfold.research.report.table import tone_of
from portfold.research.report.wording import clock, counted, dollars, long_date, moment, percent, text

_LIMITS_SHOWN = 3


def title_of(accounts: Sequence[DayAccount], *, week: bool) -> str:
    """Titles the report: a day, a week, or days from one to another."""
    first, last = accounts[0].day, accounts[-1].day
    if week:
        return f"Week of {long_date(week_of(first))}"
    return long_date(first) if first == last else f"{long_date(first)} to {long_date(last)}"


def headline_text(accounts: Sequence[DayAccount]) -> str:
    """Writes the headline's figures in a line."""
    total, last = all_together(accounts), accounts[-1]
    asked, blocked = sum(account.asked for account in accounts), sum(account.blocked for account in accounts)
    pnl, stops = sum((account.pnl for account in accounts), ZERO), sum(account.stops for account in accounts)
    limits = _daily_limits(accounts)
    limit = f", limit {', then '.join(limits)} a day" if limits else ""
    won = f" ({total.won} won)" if total.trades else ""
    so_far = "" if last.over else ", so far"
    return (
        f"P&L {dollars(pnl)}{limit}, {counted(stops, 'stop')}, {counted(total.trades, 'trade')}{won}, "
        f"{blocked:,} of {asked:,} entries denied ({percent(rate(blocked, asked))}){so_far}"
    )


def header(accounts: Sequence[DayAccount], title: str, portfolio: str, zone: str) -> str:
    """Writes the portfolio, the days and their badges: stopped out, halted, not over."""
    first, last = accounts[0], accounts[-1]
    badges = ""
    if len(accounts) == 1 and first.stops:
        badges += '<span class="badge">STOPPED OUT</span>'
    if last.halted:
        badges += '<span class="badge">HALTED</span>'
    if not last.over:
        so_far = f"not over: up to {moment(last.last_ms, zone)}"
        badges += f'<span class="badge quiet">{text(so_far)}</span>'
    span = session(begins_ms(first), last.ends_ms, zone)
    return (
        f'<header><p class="kicker">portfolio {text(portfolio)}</p><h1>{text(title)}{badges}</h1>'
        f'<p class="session">{text(span)}</p></header>'
    )


def headline(accounts: Sequence[DayAccount], zone: str) -> str:
    """Writes the figures to be seen in two seconds."""
    total = all_together(accounts)
    pnl = sum((account.pnl for account in accounts), ZERO)
    asked, blocked = sum(account.asked for account in accounts), sum(account.blocked for account in accounts)
    block_rate = rate(blocked, asked)
    stops = sum(account.stops for account in accounts)
    most = max(accounts, key=lambda account: account.most_open)
    limit = f"/{most.most_allowed}" if most.most_allowed else ""
    above = any(account.above for account in accounts)
    won = f"{total.won} won, {percent(total.win_rate, 0)}" if total.trades else ""
    facts = [
        fact("Stops", str(stops), _stops_note(accounts, zone), alarm=stops > 0),
        fact("Trades", f"{total.trades:,}", won),
        fact(
            "Entries blocked",
            percent(block_rate),
            f"{blocked:,} of {asked:,} denied",
            alarm=too_many_blocked(blocked, asked),
        ),
        fact("Most open", f"{most.most_open}{limit}", "positions at once", alarm=above),
    ]
    name = "Daily P&L" if len(accounts) == 1 else f"P&L of {len(accounts)} days"
    main = (
        f'<div class="main"><span class="name-of">{text(name)}</span>'
        f'<strong class="{tone_of(pnl)}">{text(dollars(pnl))}</strong>{_gauge(accounts)}</div>'
    )
    return f'<section class="headline">{main}{"".join(facts)}</section>'


def fact(name: str, value: str, note: str, *, alarm: bool = False) -> str:
    """Writes a figure of the headline, with its name and a note."""
    marked = ' class="alarm"' if alarm else ""
    shown_value = f"▲ {value}" if alarm else value
    return (
        f'<div><span class="name-of">{text(name)}</span><strong{marked}>{text(shown_value)}</strong>'
        f"<small>{text(note)}</small></div>"
    )


def _stops_note(accounts: Sequence[DayAccount], zone: str) -> str:
    stops = [(account, stop) for account in accounts for stop in account.stopped]
    if not stops:
        return "none"
    if len(accounts) > 1:
        return f"on {counted(sum(account.stops > 0 for account in accounts), 'day')}"
    account, last = stops[-1]
    ended = "not flat yet" if last.took_ms is None else f"flat after {last.took_ms:,} ms"
    when = clock(last.triggered.ms, zone, account.day) if last.triggered else ""
    return f"{when}, {ended}"


def _gauge(accounts: Sequence[DayAccount]) -> str:
    """Draws how much of the limit was lost at worst; the mark on the bar is the limit."""
    limits = _daily_limits(accounts)
    worst = max(accounts, key=lambda account: account.used)
    a_day, when = ("", "") if len(accounts) == 1 else (" a day", f", on {worst.day}")
    limit = f"limit {', then '.join(limits)}{a_day}" if limits else "no limit"
    of = shown_limit(-worst.lost_of) if len(limits) > 1 else "it"
    lost = f"at worst {percent(worst.used, 0)} of {of} lost{when}"
    whole = max(Decimal(1), worst.used)
    bar = f'<span style="width:{worst.used / whole:.1%}"></span><i style="left:{1 / whole:.1%}"></i>'
    return f'<div class="gauge">{bar}</div><p class="of"><b>{text(limit)}</b> {text(lost)}</p>'


def _daily_limits(accounts: Sequence[DayAccount]) -> list[str]:
    """Returns the daily limit, such as `$-2,500`; where it was changed, the last few in order."""
    limits = [shown_limit(-limit) for account in accounts for limit in account.daily_limits]
    changes = [limit for limit, before in zip(limits, ["", *limits], strict=False) if limit != before]
    return changes[-_LIMITS_SHOWN:]


def warning_signs(accounts: Sequence[DayAccount], difference: str, beside: Sign | None = None) -> str:
    """Lists the warning signs; first of all, a difference between the record and what was decided again.

    `beside` holds the days against those expected.
    """
    found = [*signs(accounts), *([beside] if beside is not None else [])]
    if difference:
        sentence = f"{difference} See: portfold audit verify"
        found.insert(0, Sign("differs", "Not what was decided", seen=True, text=sentence))
    return sign_list(found)


def sign_list(signs: Iterable[Sign]) -> str:
    """Writes signs, seen or not, as a list."""
    items = "".join(
        f'<li class="{"seen" if sign.seen else "quiet"}"><b>{"▲" if sign.seen else "✓"} {text(sign.name)}</b>'
        f"{text(sign.text)}</li>"
        for sign in signs
    )
    return f'<ul class="signs" aria-label="Warning signs">{items}</ul>'
