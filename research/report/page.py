"""The report on trading days as one HTML file: the headline first, then the days in detail."""

from collections.abc import Sequence

from portfold.coordinator.audit.report.day_account import DayAccount
from portfold.coordinator.audit.report.days import Gathered
from portfold.coordinator.audit.report.tallies import all_together
from portfold.events.stream_id import ORIGIN
from portfold.research.report.day_chart import day_chart
from portfold.research.report.days_chart import days_chart
from portfold.research.report.happenings import flattenings, limits, unusual_lines
from portfold.research.report.headline import header, headline, title_of, warning_signs
from portfold.research.report.shell import figure, page
from portfold.research.report.tables import days_table, held_table, tallies_tables, trades_table
from portfold.research.report.wording import counted, dollars, long_date, text

MARK = "portfold audit report"
"""Begins every report, so that a report is recognized."""
_NO_SCRIPTS = "The charts need JavaScript; every figure is in the tables as well."
_DAYS_OPEN = 7


def report_html(found: Gathered, *, portfolio: str, read_from: str, week: bool, version: str) -> str:
    """Writes the report on `found.accounts`, at least one; `week` titles it as that of a week.

    `read_from` names the source of the record, `version` that of portfold. Raises ModuleNotFoundError without
    plotly.
    """
    accounts = found.accounts
    zone = next((account.limits.zone for account in accounts if account.limits), "UTC")
    title = title_of(accounts, week=week)
    several = week or len(accounts) > 1
    body = [
        header(accounts, title, portfolio, zone),
        headline(accounts, zone),
        warning_signs(accounts, found.difference, found.beside),
        f'<noscript><p class="note">{_NO_SCRIPTS}</p></noscript>',
        _several_days(accounts, zone) if several else _one_day(accounts[0], zone),
        _footer(found, read_from, version),
    ]
    return page(f"{title}, {portfolio}", "".join(body), mark=MARK)


def _one_day(account: DayAccount, zone: str) -> str:
    flattened = flattenings(account, zone)
    return "".join(
        [
            "<h2>The day</h2>",
            _day_figure(account, zone),
            f"<h2>Stops and flattening</h2>{flattened}" if flattened else "",
            "<h2>Results</h2>",
            tallies_tables([account]) or '<p class="note">Nothing was asked for or traded.</p>',
            held_table(account),
            trades_table(account, zone),
            "<h2>Limits and orders</h2>",
            limits(account, zone),
            unusual_lines(account, zone),
        ]
    )


def _several_days(accounts: Sequence[DayAccount], zone: str) -> str:
    days = "".join(_day_section(account, zone, folded=len(accounts) > _DAYS_OPEN) for account in accounts)
    about = "P&L by trading day, each against its stop line, and their sum"
    return "".join(
        [
            "<h2>The days</h2>",
            figure(days_chart(accounts), about, about),
            days_table(accounts),
            "<h2>Results</h2>",
            tallies_tables(accounts),
            days,
        ]
    )


def _day_section(account: DayAccount, zone: str, *, folded: bool) -> str:
    tally = all_together([account])
    facts = (
        f"P&L {dollars(account.pnl)}, {counted(account.stops, 'stop')}, {counted(tally.trades, 'trade')}, "
        f"{account.blocked:,} of {account.asked:,} entries denied, most open {account.most_open}"
    )
    inside = "".join(
        [
            _day_figure(account, zone),
            flattenings(account, zone),
            held_table(account),
            _details("Trades", trades_table(account, zone)),
            _details("Limits and orders", limits(account, zone) + unusual_lines(account, zone)),
        ]
    )
    return (
        f'<section class="day" id="day-{text(account.day)}"><h2>{text(long_date(account.day))}</h2>'
        f'<p class="note">{text(facts)}</p>{_details("The day", inside) if folded else inside}</section>'
    )


def _details(summary: str, inside: str) -> str:
    return f"<details><summary>{text(summary)}</summary>{inside}</details>" if inside else ""


def _day_figure(account: DayAccount, zone: str) -> str:
    chart = day_chart(account)
    if chart is None:
        return '<p class="note">Nothing was asked for, and nothing moved: there is nothing to draw.</p>'
    about = f"Daily P&L against the stop line, denials and positions on {account.day}"
    return figure(chart, about, f"Times of the exchange, {zone}. Drag to zoom, double-click to return.")


def _footer(found: Gathered, read_from: str, version: str) -> str:
    begins = f"the state kept at event {found.begins}" if found.begins != ORIGIN else "the beginning"
    proof = (
        f"{found.events:,} events decided again from {begins}, up to event {found.cursor}: "
        f"all {found.decisions:,} decisions as on record."
    )
    if found.difference:
        proof = f"{found.events:,} events decided again, up to event {found.cursor}."
    return (
        f"<footer><p>{text(proof)}</p><p>Chain {text(found.chain)}</p>"
        f"<p>Read from {text(read_from)} by portfold {text(version)}.</p></footer>"
    )
