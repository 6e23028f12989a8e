"""Writes a row of the optimizer's table as the file that the coordinator loads.

Before it is written the file has been read by the coordinator's own loader, together with the other files of
its folder, so that no file is written that a coordinator would not start with. The file says on which days
the portfolio was chosen and on which it was judged.
"""

import ast
import csv
import io
import json
import math
import shutil
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct

from portfold.config import ConfigError, Configuration, ConfiguredPortfolio, load
from portfold.config.locate import CONTRACTS_FILE, PORTFOLIO_FILE, RUNTIME_FILE
from portfold.research.errors import ResearchError
from portfold.research.search.findings import Findings, Judged, Winner, read_findings
from portfold.research.search.tables import GREEDY_COLUMNS, STOP_COLUMN
from portfold.research.statistics.intervals import Intervals
from portfold.research.statistics.metrics import Metrics
from portfold.research.trades.filter_samples import FilterSample, in_short
from portfold.research.trades.in_sample import InSampleTrades, count, of_symbols
from portfold.research.trades.whole_files import write_whole

USUAL_STOP = Decimal(2500)
UNMEASURED = (
    "what its table calls sharpe: not measured here, and some programs print growth over volatility so"
)
"""The remark on the Sharpe in a table of another program, wherever it is shown or written."""
_LARGEST_TABLE = 10_000_000


class PortfolioChoice(Struct, frozen=True):
    """A portfolio chosen from a row of a table: its symbols, its number of positions and their figures.

    `findings` are those of its table; None for a table of another program, or an edited one.
    `daily_stop_loss` is there where the table has a column of it: several were searched.
    """

    table: Path
    row: int
    max_positions: int
    symbols: tuple[str, ...]
    figures: Mapping[str, float | None]
    findings: Findings | None
    daily_stop_loss: Decimal | None = None

    @property
    def winner(self) -> Winner | None:
        """Returns the row of the findings; None where there are none."""
        return self.findings.rows[self.row] if self.findings is not None else None

    def seen(self, span: Judged) -> tuple[InSampleTrades, ...]:
        """Counts the row's trades in a span that are in sample, as far as known."""
        return of_symbols(span.seen or (), self.symbols)

    def filters(self, span: Judged) -> tuple[FilterSample, ...]:
        """Says of the row's symbols whether a span is out of sample, as far as known."""
        return tuple(one for one in span.filters or () if one.symbol in self.symbols)


# --- the table ------------------------------------------------------------------------------------------


def read_choice(table: Path, row: int) -> PortfolioChoice:
    """Reads row number `row` of `table`, counted from 0, the best. Raises ResearchError."""
    content, rows = _rows(table)
    if not 0 <= row < len(rows):
        raise ResearchError(f"--row: expected a row from 0 to {len(rows) - 1} of {table}, got {row}.")
    return _choice(table, row, rows[row], read_findings(table, content))


def read_choices(table: Path, most: int) -> list[PortfolioChoice]:
    """Reads the first rows of `table`, at least one and at most `most`. Raises ResearchError."""
    content, rows = _rows(table)
    findings = read_findings(table, content)
    return [_choice(table, row, cells, findings) for row, cells in enumerate(rows[:most])]


_Cells = dict[str, str]


def _rows(table: Path) -> tuple[str, list[_Cells]]:
    content = _read(table)
    rows = list(csv.DictReader(io.StringIO(content)))
    if not rows:
        raise ResearchError(
            f"{table}: expected rows of portfolios, got none: no set kept to its constraints."
        )
    return content, rows


def _choice(table: Path, row: int, cells: _Cells, findings: Findings | None) -> PortfolioChoice:
    missing = [name for name in GREEDY_COLUMNS if cells.get(name) is None]
    if missing:
        raise ResearchError(
            f"{table}: expected the columns {', '.join(GREEDY_COLUMNS)}; {missing[0]} is missing."
        )
    where = f"{table}, row {row}"
    return PortfolioChoice(
        table=table,
        row=row,
        max_positions=_whole(cells["max_positions"], where, "max_positions"),
        symbols=_symbols(cells["symbols"], where),
        figures={name: _figure(cells[name], where, name) for name in GREEDY_COLUMNS[3:]},
        findings=findings,
        daily_stop_loss=_stop(cells, where),
    )


def _stop(cells: _Cells, where: str) -> Decimal | None:
    if cells.get(STOP_COLUMN) is None:
        return None
    stop = _figure(cells[STOP_COLUMN], where, STOP_COLUMN)
    if stop is None or stop <= 0:
        raise ResearchError(f"{where}: {STOP_COLUMN}: expected dollars above 0, got {cells[STOP_COLUMN]!r}.")
    return Decimal(cells[STOP_COLUMN])


def _read(table: Path) -> str:
    try:
        with table.open("rb") as file:
            return file.read(_LARGEST_TABLE).decode("utf-8-sig")
    except OSError as error:
        raise ResearchError(
            f"{table}: cannot be read: {error.strerror}. The optimizer writes it: portfold research optimize."
        ) from error
    except UnicodeDecodeError as error:
        raise ResearchError(f"{table}: expected text in UTF-8, got other bytes.") from error


def _whole(text: str, where: str, name: str) -> int:
    number = _figure(text, where, name)
    if number is None or number != int(number):
        raise ResearchError(f"{where}: {name}: expected a whole number, got {text[:40]!r}.")
    return int(number)


def _figure(text: str, where: str, name: str) -> float | None:
    """Reads a number; None for an infinite or unknown one. Raises ResearchError."""
    try:
        number = float(text)
    except ValueError:
        raise ResearchError(f"{where}: {name}: expected a number, got {text[:40]!r}.") from None
    return number if math.isfinite(number) else None


def _symbols(text: str, where: str) -> tuple[str, ...]:
    """Reads a list as Python or JSON writes it, or symbols separated by blanks or commas. Raises
    ResearchError."""
    if text.strip().startswith(("[", "(", "{")):
        try:
            listed: Any = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            listed = None
        if isinstance(listed, list | tuple | set) and all(isinstance(symbol, str) for symbol in listed):
            return tuple(sorted(listed))
        raise ResearchError(f"{where}: symbols: expected a list such as ['ES', 'CL'], got {text[:60]!r}.")
    return tuple(sorted(text.replace(",", " ").split()))


# --- the file -------------------------------------------------------------------------------------------


def stop_of(choice: PortfolioChoice) -> Decimal | None:
    """Returns the daily stop that the row was simulated with; None where nothing says it."""
    if choice.findings is None or choice.winner is None:
        return choice.daily_stop_loss
    return choice.findings.stop_of(choice.winner)


def configuration_text(
    choice: PortfolioChoice, daily_stop_loss: Decimal, before: ConfiguredPortfolio | None = None
) -> str:
    """Returns the content of the file.

    The rules of money of the file `before` stay, and so does where they are from: no search chose them.
    """
    kept = before.rules.chosen() if before is not None else {}
    origin = before.profile if before is not None else None
    constraints = {
        "max_positions": choice.max_positions,
        "daily_stop_loss": float(daily_stop_loss),
        "symbols": list(choice.symbols),
        **{key: float(value) if isinstance(value, Decimal) else value for key, value in kept.items()},
    }
    tree = {
        **({"profile": origin} if origin is not None else {}),
        "portfolio_constraints": constraints,
        "expected_performance": _performance(choice),
        "optimization": _optimization(choice),
    }
    return json.dumps(tree, indent=2, allow_nan=False, default=float) + "\n"


def _performance(choice: PortfolioChoice) -> dict[str, object]:
    """Returns the figures by which the row is judged: on the test span if there is one.

    The Sharpe of another program is marked as not measured here.
    """
    test = choice.winner.test if choice.winner is not None else None
    figures = dict(choice.figures) if test is None else _figures_of(test)
    columns = {
        "sharpe_ratio": "sharpe",
        "cagr": "cagr",
        "total_return_dollars": "total_return",
        "max_drawdown_dollars": "max_dd",
        "breach_events": "breach_events",
        "breach_periods": "breach_periods",
        "pct_time_in_breach": "pct_time_in_breach",
        "daily_stops_hit": "daily_stops",
        "profit_factor": "profit_factor",
        "avg_positions": "avg_positions",
    }
    performance: dict[str, object] = {}
    for name, column in columns.items():
        performance[name] = _written(figures[column], column)
        if name == "sharpe_ratio" and choice.findings is None:
            performance["sharpe_ratio_is"] = UNMEASURED
    judged = _judged_on(choice)
    return performance | {
        "trades_on_training_bars": _in_sample(choice, judged) if judged is not None else None,
        "filters_out_of_sample": _filters(choice, judged) if judged is not None else None,
    }


def _judged_on(choice: PortfolioChoice) -> Judged | None:
    findings = choice.findings
    return findings.test or findings.train if findings is not None else None


def _in_sample(choice: PortfolioChoice, span: Judged) -> int | None:
    """Counts the row's trades in sample; None where nobody counted them."""
    return None if span.seen is None else count(choice.seen(span))


def _filters(choice: PortfolioChoice, span: Judged) -> dict[str, str] | None:
    """Says by symbol whether its trades are out of sample, as far as filters go; None where nobody did."""
    return None if span.filters is None else {one.symbol: in_short(one) for one in choice.filters(span)}


def _figures_of(metrics: Metrics) -> dict[str, float | None]:
    return {name: getattr(metrics, name) for name in GREEDY_COLUMNS[3:]}


def _written(value: float | None, column: str) -> float | None:
    if value is None:
        return None
    counts = column in ("breach_events", "breach_periods", "daily_stops")
    return math.ceil(value) if counts else round(value, 6)


def _optimization(choice: PortfolioChoice) -> dict[str, object]:
    provenance: dict[str, object] = {"results": str(choice.table), "row": choice.row}
    findings, winner = choice.findings, choice.winner
    judged = _judged_on(choice)
    if findings is None or winner is None or judged is None:
        return provenance | {"chosen_on": None, "judged_on": None, "judged_on_the_same_data": None}
    provenance |= {
        "chosen_on": _span(choice, findings.train),
        "judged_on": _span(choice, judged),
        "judged_on_the_same_data": findings.test is None,
        "train_sharpe": round(winner.train.sharpe, 6),
        "train_sharpe_95_percent_before_selection": _interval(winner.intervals),
        "judged_sharpe_95_percent": _interval(winner.test_intervals),
        "looks_at_the_test_span": findings.looks,
        "sets_tried": findings.tries,
        "parameters_tried": {
            one: tried for one, tried in findings.parameters_tried.items() if one in choice.symbols
        },
    }
    if len(findings.daily_stops) > 1:
        provenance["daily_stops_searched"] = [float(stop) for stop in findings.daily_stops]
    provenance |= findings.among_all_sets(winner)
    if winner.reality_check is not None:
        provenance["reality_check_p_value"] = round(winner.reality_check.p_value, 6)
    if winner.deflated is not None:
        provenance["deflated_sharpe_probability"] = round(winner.deflated.probability, 6)
        provenance["variants_tried_before"] = winner.deflated.variants
    return provenance


def _interval(luck: Intervals | None) -> list[float] | None:
    return [round(luck.sharpe.low, 6), round(luck.sharpe.high, 6)] if luck is not None else None


def _span(choice: PortfolioChoice, judged: Judged) -> dict[str, object]:
    return {
        "from": judged.first_day,
        "to": judged.last_day,
        "trading_days": judged.days,
        "trades": judged.trades,
        "trades_on_training_bars": _in_sample(choice, judged),
        "filters_out_of_sample": _filters(choice, judged),
    }


# --- written once it loads -------------------------------------------------------------------------------


def checked(text: str, output: Path) -> Configuration:
    """Loads `text` as a coordinator would, with the other files in the folder of `output`. Raises
    ConfigError."""
    with tempfile.TemporaryDirectory(prefix="portfold-export-") as stage:
        staged = Path(stage)
        (staged / PORTFOLIO_FILE).write_text(text, encoding="utf-8")
        for name in (RUNTIME_FILE, CONTRACTS_FILE):
            if (output.parent / name).exists():
                shutil.copyfile(output.parent / name, staged / name)
        try:
            return load(stage, {}, staged)
        except ConfigError as error:
            here = output if error.path.name == PORTFOLIO_FILE else output.parent / error.path.name
            expected = error.expected.replace(stage, str(output.parent))
            raise ConfigError(here, error.field, expected, error.got) from error


def write_configuration(output: Path, text: str) -> None:
    """Writes the file, whole or not at all. Raises ResearchError."""
    write_whole(output, text)
