"""The report on a row of a search as one HTML file: its figures first, then how it was found."""

from decimal import Decimal

import numpy as np

from portfold.research.kernel import anew
from portfold.research.portfolio_page.account import years
from portfold.research.portfolio_page.account_chart import CHOSEN, JUDGED, account_chart
from portfold.research.portfolio_page.by_symbol import correlated
from portfold.research.portfolio_page.grids import KeptSet, correlation_grid, kept_grid, months_grid
from portfold.research.portfolio_page.head import header, headline, signs, title_of
from portfold.research.portfolio_page.judged_charts import COMPARED, judged_chart
from portfold.research.portfolio_page.luck_charts import anew_chart, lots_chart, ranks_chart
from portfold.research.portfolio_page.path_chart import path_chart
from portfold.research.portfolio_page.replayed import Replayed, ReplayedSpan
from portfold.research.portfolio_page.sets_map import sets_map
from portfold.research.portfolio_page.subject import Subject
from portfold.research.portfolio_page.tables import judged_table, rows_table, symbols_table, way_table
from portfold.research.portfolio_page.wording import kept_of, money, ratio
from portfold.research.report.shell import figure, page
from portfold.research.report.wording import counted, text
from portfold.research.search.config_export import UNMEASURED
from portfold.research.search.findings import Findings, Winner
from portfold.research.statistics import lots, overfitting

MARK = "portfold research report"
"""Begins every page, so that a page is recognized."""
_NO_SCRIPTS = "The charts need JavaScript; every figure is in the tables as well."
_NOT_KNOWN = "Nothing beside the table says how it was found, so that is not drawn: {what}."
_NOT_AGAIN = "Not drawn: the row was not simulated again, for the reason above."
_SHARPE = (
    "Sharpe: mean over deviation of daily returns, times the root of the 260.9 trading days of a year, "
    "risk-free rate 0; that of dollars as of a capital that stays the same. Intervals by the stationary "
    "bootstrap. Every figure is defined in docs/research.md."
)


def report_html(subject: Subject) -> str:
    """Writes the page. Raises ModuleNotFoundError without plotly."""
    body = [
        header(subject),
        headline(subject),
        signs(subject),
        f'<noscript><p class="note">{_NO_SCRIPTS}</p></noscript>',
        _account(subject),
        _judged(subject),
        _search(subject),
        _all_sets(subject),
        _by_luck(subject),
        _symbols(subject),
        _months(subject),
        _correlation(subject),
        "<h2>In figures</h2>",
        _tables(subject),
        _footer(subject),
    ]
    return page(f"{title_of(subject)}, {subject.choice.table.name}", "".join(body), mark=MARK)


def _section(name: str, *parts: str) -> str:
    return f"<h2>{text(name)}</h2>{''.join(parts)}"


def _missing(sentence: str) -> str:
    return f'<p class="note">{text(sentence)}</p>'


def _folded(summary: str, inside: str) -> str:
    return f"<details><summary>{text(summary)}</summary>{inside}</details>" if inside else ""


# --- the account ----------------------------------------------------------------------------------------


def _account(subject: Subject) -> str:
    again, findings = subject.replayed, subject.findings
    if again is None or findings is None:
        return _section("The account", _missing(_NOT_AGAIN))
    limit = Decimal(findings.setting.breach_limit)
    chart = account_chart(_named(again), limit)
    anew = " Each span begins with the account anew." if again.test is not None else ""
    caption = (
        "The account at the end of each trading day; below, how deep it was under its highest at the worst "
        f"moment of the day: past the dashed line the broker's limit of {money(limit)} is breached.{anew}"
    )
    return _section("The account", figure(chart, "The account and its drawdown by trading day", caption))


def _named(again: Replayed) -> list[tuple[str, ReplayedSpan]]:
    """Returns the spans, the earlier first, with names where there are two."""
    if again.test is None:
        return [("", again.train)]
    return [(CHOSEN if span is again.train else JUDGED, span) for span in again.spans]


# --- chosen and judged ----------------------------------------------------------------------------------


def _judged(subject: Subject) -> str:
    name, findings, winner = "Chosen there, judged here", subject.findings, subject.winner
    if findings is None or winner is None:
        return _section(name, _missing(_NOT_KNOWN.format(what="on which days it was judged")))
    if winner.test is None:
        return _section(
            name,
            _missing(
                "There was no test span: it is judged on the very days it was chosen on, and nothing can be "
                "said on other days. portfold research optimize --train-to and --test-from make one."
            ),
        )
    charts = "".join(
        figure(
            judged_chart(compared, findings.rows_beside(winner), winner.max_positions),
            f"{compared.name} where it was chosen and where it is judged, by number of positions",
            f"{compared.name}: {compared.write(compared.read(winner.train))} where it was chosen (hollow), "
            f"{compared.write(compared.read(winner.test))} where it is judged (full).",
        )
        for compared in COMPARED
    )
    lead = text(_generalization(winner, winner.kept))
    return _section(
        name,
        f'<p class="lead">{lead}</p><div class="small-charts">{charts}</div>',
        _folded("In figures", judged_table(findings.rows_beside(winner), winner.max_positions)),
    )


def _generalization(winner: Winner, kept: float | None) -> str:
    left = kept_of(kept, "it") if kept is not None else "there was none to keep"
    test = winner.test.sharpe_dollars if winner.test is not None else None
    return (
        f"Generalization: Sharpe of dollars {ratio(winner.train.sharpe_dollars)} where it was chosen, "
        f"{ratio(test)} where it is judged: {left}. A pair far apart was luck, or other days; a close one "
        "alone proves nothing; shaded is this row's pair."
    )


# --- the search -----------------------------------------------------------------------------------------


def _search(subject: Subject) -> str:
    findings, choice, winner = subject.findings, subject.choice, subject.winner
    if findings is None or winner is None:
        return _section("The search's path", _missing(_NOT_KNOWN.format(what="greedy's way")))
    kept = {row.max_positions: row.symbols for row in findings.rows_beside(winner)}
    paths = findings.paths_beside(winner)
    chart = path_chart(paths, kept, findings.constraints, choice.max_positions)
    caption = (
        "Greedy drops one symbol after the other, from left to right, a line for each number of positions; "
        "the star is the set it kept, of the valid ones (full marks) that with the highest Sharpe; the bold "
        f"line is that of {counted(choice.max_positions, 'position')}."
    )
    if winner.of_all:
        caption = (
            f"Greedy's way with {counted(choice.max_positions, 'position')}, from left to right: it drops "
            "one symbol after the other. A star is there only where greedy came by the best of all sets."
        )
    path = paths.get(choice.max_positions, ())
    way = way_table(path, choice.symbols, findings.constraints)
    none = [f"{level}" for level in sorted(paths) if level not in kept]
    without = _missing(f"No set was valid with {', '.join(none)} positions.") if none else ""
    about = "Drawdown and Sharpe as symbols are dropped, for each number of positions"
    return _section("The search's path", figure(chart, about, caption), without, _folded("Step by step", way))


def _all_sets(subject: Subject) -> str:
    name, findings, winner = "The map of all sets", subject.findings, subject.winner
    found = findings.all_sets if findings is not None else None
    if findings is None or winner is None or found is None:
        return _section(name, _missing("Not all sets were looked at, so there is no map of them."))
    path = findings.paths_beside(winner).get(winner.max_positions, ())
    chart = sets_map(found, path, winner, findings.constraints)
    looked = f"{found.sets:,} sets"
    if found.there_are:
        looked = f"{found.sets:,} of {found.there_are:,} sets, as the look at them was interrupted,"
    caption = (
        f"Drawdown against Sharpe: {len(found.map):,} of {looked} as grey points, the frontier of what no "
        "valid set betters in Sharpe, drawdown and return together (diamonds), greedy's way with "
        f"{counted(winner.max_positions, 'position')}, and what was chosen (the star). Best is up on the "
        "left; right of a dashed line no set is valid. Points and greedy's way are the kernel's alone."
    )
    return _section(name, figure(chart, "All sets, drawdown against Sharpe", caption))


def _by_luck(subject: Subject) -> str:
    """Draws what all sets and many drawings say of luck, as far as the search could tell it."""
    winner = subject.winner
    found = subject.findings.all_sets if subject.findings is not None else None
    parts = []
    if found is not None and found.overfitting is not None and found.overfitting.ranks:
        caption = f"{overfitting.in_words(found.overfitting)}: without luck all bars stand on the right."
        about = "The rank on the other half of the days of what was best on one half"
        parts.append(figure(ranks_chart(found.overfitting), about, caption))
    if found is not None and found.anew is not None:
        about = "Dollars of each quarter, by what was chosen on the days before it"
        parts.append(figure(anew_chart(found.anew), about, f"{anew.in_words(found.anew)}."))
    if winner is not None and winner.lots is not None:
        caption = f"{lots.in_words(winner.lots)}. Nine tenths lie between the dashed lines."
        parts.append(figure(lots_chart(winner.lots), "Sharpes over many drawings of lots", caption))
    return _section("How much of it is luck", *parts) if parts else ""


def _symbols(subject: Subject) -> str:
    again, findings = subject.replayed, subject.findings
    sets = [
        KeptSet(
            row.max_positions,
            row.symbols,
            again.each[row.row] if again is not None else (),
            row.row == subject.choice.row,
            row.daily_stop_loss,
        )
        for row in subject.rows
    ]
    every = {symbol for row in subject.rows for symbol in row.symbols}
    if findings is not None:
        every |= {symbol for path in findings.paths.values() for symbol in path[0].symbols}
    what = (
        "figures are their dollars there on the days of the choice, blue a gain, orange a loss"
        if again is not None
        else "marked is what was kept"
    )
    note = (
        f"Which symbols each number of positions kept: {what}; those in every row do not hang on that number."
    )
    return _section("Positions and symbols", kept_grid(sets, sorted(every), note))


# --- by month, by day -----------------------------------------------------------------------------------


def _months(subject: Subject) -> str:
    again = subject.replayed
    if again is None:
        return _section("Monthly returns", _missing(_NOT_AGAIN))
    each = [(name, years(one.days, one.cash)) for name, one in _named(again)]
    returns = [
        abs(month) for _, found in each for year in found for month in year.months if month is not None
    ]
    most = max(returns, default=0.0) or 1.0
    return _section(
        "Monthly returns", *(months_grid(found, most, _months_note(name)) for name, found in each)
    )


def _months_note(name: str) -> str:
    where = {CHOSEN: " where it was chosen", JUDGED: " where it is judged"}.get(name, "")
    return (
        f"Percent of the account at the beginning of the month or year{where}: look for years that one month "
        "carries."
    )


def _correlation(subject: Subject) -> str:
    again = subject.replayed
    if again is None:
        return _section("How alike the symbols are", _missing(_NOT_AGAIN))
    together = {
        symbol: np.concatenate([span.by_day[symbol] for span in again.spans]) for symbol in again.train.by_day
    }
    note = (
        "Correlation of daily P&L by closed trades, like beside like: blue pairs win and lose together and "
        "are one bet, orange ones cover for each other, near 0 they have nothing to do with each other."
    )
    return _section("How alike the symbols are", correlation_grid(correlated(together), note))


# --- tables and footer ----------------------------------------------------------------------------------


def _tables(subject: Subject) -> str:
    again = subject.replayed
    shown = f"The first {len(subject.rows)} rows of {subject.choice.table.name}, sorted as they are there."
    rows = rows_table(subject.rows, subject.choice.row, shown)
    if again is None:
        return rows
    own = symbols_table(
        again,
        "Denied: asked for and refused by the limits. Forced: closed by the day's stop. At final P&L: those "
        "of them that had no price of that moment.",
    )
    return own + rows


def _footer(subject: Subject) -> str:
    findings = subject.findings
    by = f", written by portfold {findings.version}" if findings is not None else ""
    again = "Simulated again from the same trades, bars, rules and limits: the fingerprints agree. "
    lines = [
        f"{again if subject.replayed is not None else ''}{_setting(findings)}",
        f"Row {subject.choice.row} of {subject.choice.table}{by}; page by portfold {subject.version}.",
        _SHARPE if findings is not None else f"Sharpe: {UNMEASURED}.",
    ]
    return f"<footer>{''.join(f'<p>{text(line)}</p>' for line in lines if line)}</footer>"


def _setting(findings: Findings | None) -> str:
    if findings is None:
        return ""
    setting = findings.setting
    bars = f"bars of {setting.market}" if setting.market is not None else "no bars"
    return f"Trades of {setting.results}, {bars}, times in {setting.zone}, seed {setting.seed}."
