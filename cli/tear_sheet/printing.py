"""The tear sheet as lines of a screen, as JSON, and its daily returns as a file."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from portfold.cli.exits import Failure
from portfold.cli.rows import in_columns

if TYPE_CHECKING:
    from portfold.coordinator.audit.report.tear_sheet import TearSheet

_YEAR, _MONTHS = 4, 12

Cash = Annotated[float, Parameter(validator=Number(gt=0, lte=1_000_000_000))]
Flag = Annotated[bool, Parameter(negative="", show_default=False)]


def print_sheet(sheet: "TearSheet", zone: str, returns: Path | None, *, json: bool) -> None:
    """Prints it, times on the clock of `zone`, and writes the returns. Raises Failure."""
    from portfold.coordinator.audit.report.tear_sheet import returns_csv
    from portfold.whole_files import write_durably

    if json:
        from msgspec.json import Encoder

        print(Encoder(decimal_format="number").encode(sheet).decode())
    else:
        print("\n".join(_lines(sheet, zone)))
    if returns is not None:
        try:
            write_durably(returns, returns_csv(sheet).encode())
        except OSError as error:
            raise Failure(f"--returns: {returns} cannot be written: {error.strerror}.") from error
        if not json:
            print(f"Written: {returns}")


def _lines(sheet: "TearSheet", zone: str) -> Iterator[str]:
    yield f"{sheet.first} to {sheet.last}: {sheet.days:,} trading days, {sheet.trades:,} trades"
    yield from in_columns(list(_figures(sheet)), left=frozenset([0]))
    yield ""
    yield from in_columns(list(_months(sheet)), left=frozenset([0]))
    yield ""
    rows = [("Entered on", "P&L"), *((name, _dollars(made)) for name, made in sheet.by_weekday.items())]
    yield from in_columns(rows, left=frozenset([0]))
    yield ""
    hours = [
        (f"Entered at ({zone})", "P&L"),
        *((name, _dollars(made)) for name, made in sheet.by_hour.items()),
    ]
    yield from in_columns(hours, left=frozenset([0]))


def _figures(sheet: "TearSheet") -> Iterator[tuple[str, str]]:
    yield "P&L", _dollars(sheet.pnl)
    yield "Growth a year", f"{sheet.growth:.1%}"
    yield "Sharpe", _number(sheet.sharpe)
    yield "Sortino", _number(sheet.sortino)
    yield "Calmar", _number(sheet.calmar)
    yield "Deepest drawdown", f"{_dollars(-sheet.drawdown)} ({-sheet.drawdown_share:.1%})"
    yield "Longest drawdown", f"{sheet.drawdown_days:,} trading days"
    yield "Win rate", "none" if sheet.win_rate is None else f"{sheet.win_rate:.1%}"
    yield "Profit factor", _number(sheet.profit_factor)
    yield "Average win, loss", f"{_dollars(sheet.average_win)}, {_dollars(sheet.average_loss)}"
    yield "Best, worst trade", f"{_dollars(sheet.best)}, {_dollars(sheet.worst)}"
    yield "Most in a row won, lost", f"{sheet.winning_streak}, {sheet.losing_streak}"
    yield "Exposure", "none" if sheet.exposure is None else f"{sheet.exposure:.1%} of the time"
    known = (
        f"{_dollars(sheet.costs)} of {sheet.costed:,} trades"
        if sheet.costed
        else "in the P&L, not told apart"
    )
    yield "Commission", known


def _months(sheet: "TearSheet") -> Iterator[list[str]]:
    """Yields a row a year: its months, and their sum."""
    yield ["", *(f"{month:02}" for month in range(1, _MONTHS + 1)), "year"]
    for year in sorted({month[:_YEAR] for month in sheet.by_month}):
        made = [sheet.by_month.get(f"{year}-{month:02}") for month in range(1, _MONTHS + 1)]
        total = sum((one for one in made if one is not None), Decimal(0))
        yield [year, *("" if one is None else f"{one:,.0f}" for one in made), f"{total:,.0f}"]


def _dollars(amount: Decimal | None) -> str:
    from portfold.dollars import shown

    return "none" if amount is None else shown(amount)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"
