"""`portfold audit day` and `week`: trading days as one HTML file, or as figures."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.cli.audit.source import Source
from portfold.cli.exits import Failure, Unusable
from portfold.installing import install_command

if TYPE_CHECKING:
    from datetime import date

    from portfold.coordinator.audit.record.record import Record
    from portfold.coordinator.audit.report.day_account import DayAccount
    from portfold.coordinator.audit.report.days import Asked, Gathered

_SOURCE = Source()
_FRIDAY = 4

Out = Annotated[Path | None, Parameter(name="--out")]
Flag = Annotated[bool, Parameter(negative="", show_default=False)]


def register(app: App) -> None:
    """Adds the commands."""
    app.command(day)
    app.command(week)


def day(
    trading_day: str | None = None,
    /,
    *,
    first: Annotated[str | None, Parameter(name="--from")] = None,
    last: Annotated[str | None, Parameter(name="--to")] = None,
    out: Out = None,
    force: Flag = False,
    json: Flag = False,
    source: Source = _SOURCE,
) -> None:
    """Report on a trading day, or on several, in one HTML file that opens offline.

    P&L against the stop line, entries, exits, denials, positions against
    the limit, each stop and how it was flattened, results by symbol and by
    strategy, and the warning signs.

    Exit code 1 when no such day is on record, or when the recorded decisions
    are not those that the rules make of the events.

    For example:

        portfold audit day 2025-01-15
        portfold audit day --from 2025-01-06 --to 2025-01-17 --out january.html

    Parameters
    ----------
    trading_day
        Such as 2025-01-15, which begins on the 14th at 17:00 in Chicago; by default the last on record.
    first
        The first of several days; by default the first on record.
    last
        The last of them; by default the last on record.
    out
        The file; by default portfold-PORTFOLIO-DAY.html in this folder, which a later report may replace.
    force
        Replace whatever file is there.
    json
        Print the figures as one JSON object; no file unless --out names one.
    """
    from portfold.coordinator.audit.report.days import Asked

    if trading_day is not None and (first is not None or last is not None):
        raise Unusable("--from, --to: expected neither with a trading day.")
    if trading_day is not None:
        only = _read(trading_day, "DAY").isoformat()
        asked = Asked(only, only)
    elif first is None and last is None:
        asked = Asked(latest="day")
    else:
        asked = _between(first, last)
    _report(source, asked, out, force=force, json=json, week=False)


def week(
    trading_day: str | None = None,
    /,
    *,
    out: Out = None,
    force: Flag = False,
    json: Flag = False,
    source: Source = _SOURCE,
) -> None:
    """Report on the week of a trading day: a summary, and each of its days.

    Exit codes are those of portfold audit day.

    For example:

        portfold audit week 2025-01-15

    Parameters
    ----------
    trading_day
        Any day of the week; by default the last on record.
    out
        The file; by default portfold-PORTFOLIO-week-MONDAY.html in this folder, which a later report may
        replace.
    force
        Replace whatever file is there.
    json
        Print the figures as one JSON object; no file unless --out names one.
    """
    from datetime import timedelta

    from portfold.coordinator.audit.report.days import Asked
    from portfold.exchange_time import week_of

    asked = Asked(latest="week")
    if trading_day is not None:
        found = _read(trading_day, "DAY")
        friday = found + timedelta(days=_FRIDAY - found.weekday())
        asked = Asked(week_of(found.isoformat()), friday.isoformat())
    _report(source, asked, out, force=force, json=json, week=True)


def _between(first: str | None, last: str | None) -> "Asked":
    from portfold.coordinator.audit.report.days import Asked

    asked = Asked()
    begins = _read(first, "--from").isoformat() if first is not None else asked.first
    ends = _read(last, "--to").isoformat() if last is not None else asked.last
    if ends < begins:
        raise Unusable(f"--to: expected {begins} or later, got {ends}.")
    return Asked(begins, ends)


def _read(text: str, option: str) -> "date":
    """Reads a trading day. Raises Unusable."""
    from datetime import date, timedelta

    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise Unusable(f"{option}: expected a trading day such as 2025-01-15, got {text[:60]!r}.") from error
    if found.weekday() > _FRIDAY:
        monday = found + timedelta(days=7 - found.weekday())
        raise Unusable(f"{option}: {found} is a {found:%A}; what happens then belongs to Monday, {monday}.")
    return found


# --- the report -----------------------------------------------------------------------------------------


def _report(source: Source, asked: "Asked", out: Path | None, *, force: bool, json: bool, week: bool) -> None:
    from portfold.cli.progress import progress
    from portfold.coordinator.audit.report.days import gather
    from portfold.coordinator.audit.report.days_lived import beside_expected

    writes = out is not None or not json
    if writes:
        _check_plotly()
    if out is not None:
        _check_free(out, force=force)
    with source.record() as record:
        with progress("Reading", record.events, "events") as on_progress:
            found = gather(record, asked, on_progress)
        if not found.accounts:
            raise Failure(_none_there(record, asked, found))
        if not source.archive_only:  # which needs no configuration
            found.beside = beside_expected(found.accounts, source.resolve().configuration.expected)
        to = out or Path(usual_name(record.portfolio, found.accounts, week=week))
        if writes:
            _write(to, record, found, force=force or (out is None and _is_report(to)), week=week)
        if json:
            print(_json(found, record.portfolio))
        else:
            print("\n".join(_summary_lines(found, record.portfolio, week=week)))
            print(f"Written to {to.resolve()}")
    if found.difference:
        raise Failure(
            f"{found.difference} The report may show what was never decided. See: portfold audit verify"
        )


def _none_there(record: "Record", asked: "Asked", found: "Gathered") -> str:
    if not found.first_day:
        return f"No trading day is on record for {record.shown}."
    wanted = asked.first if asked.first == asked.last else f"from {asked.first} to {asked.last}"
    there = (
        f"they go from {found.first_day} to {found.last_day}"
        if found.ended
        else f"the first is {found.first_day}"
    )
    return f"No trading day {wanted} is on record for {record.shown}: {there}."


def _summary_lines(found: "Gathered", portfolio: str, *, week: bool) -> list[str]:
    from portfold.coordinator.audit.report.warning_signs import signs
    from portfold.research.report.headline import headline_text, title_of

    title = title_of(found.accounts, week=week)
    shown = [*signs(found.accounts), *([found.beside] if found.beside else [])]
    return [
        f"{title}, {portfolio}: {headline_text(found.accounts)}",
        *(f"{'WARN' if sign.seen else 'ok  '} {sign.name}: {sign.text}" for sign in shown),
    ]


def _json(found: "Gathered", portfolio: str) -> str:
    from msgspec.json import Encoder

    from portfold.coordinator.audit.report.figures import figures

    return Encoder(decimal_format="number").encode(figures(found, portfolio)).decode()


# --- the file -------------------------------------------------------------------------------------------


def usual_name(portfolio: str, accounts: Sequence["DayAccount"], *, week: bool) -> str:
    """Returns the default file name. Guarantees: no portfolio's name leads to another folder."""
    from portfold.exchange_time import week_of

    first, last = accounts[0].day, accounts[-1].day
    span = first if first == last else f"{first}-to-{last}"
    if week:
        span = f"week-{week_of(first)}"
    named = "".join(letter if letter.isalnum() or letter in "_-" else "_" for letter in portfolio)
    return f"portfold-{named}-{span}.html"


def _check_plotly() -> None:
    from importlib.util import find_spec

    if find_spec("plotly") is None:
        raise Unusable(
            f"The report needs plotly, which is not installed: {install_command('research')}. Without it "
            "--json prints the figures."
        )


def _check_free(to: Path, *, force: bool) -> None:
    """Raises Unusable for a file that cannot be written, before the log is read, which may take long."""
    try:
        folder, there = to.is_dir(), to.exists()
    except OSError as error:
        raise _not_written(to, error) from error
    if folder:
        raise Unusable(f"--out: expected a file, {to} is a folder.")
    if there and not force:
        raise Unusable(f"--out: {to} exists already; --force replaces it.")


def _is_report(to: Path) -> bool:
    """Returns whether the file is a report of portfold's, or does not exist."""
    from portfold.research.report.page import MARK

    try:
        with to.open("rb") as there:
            return MARK.encode() in there.read(200)
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _write(to: Path, record: "Record", found: "Gathered", *, force: bool, week: bool) -> None:
    from importlib.metadata import version

    from portfold.research.report.page import report_html
    from portfold.whole_files import part_of, write_durably

    if not force and to.exists():
        raise Unusable(f"{to} exists and is not a report: --out names another file, --force replaces it.")
    page = report_html(
        found, portfolio=record.portfolio, read_from=record.shown, week=week, version=version("portfold")
    )
    try:
        write_durably(to, page.encode())
    except OSError as error:
        with suppress(OSError):
            part_of(to).unlink()
        raise _not_written(to, error) from error


def _not_written(to: Path, error: OSError) -> Unusable:
    return Unusable(f"{to} cannot be written: {error.strerror}.")
