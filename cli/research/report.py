"""`portfold research report`: what a search found, as a page to look at and to pass on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from portfold.cli.exits import Failure, Unusable
from portfold.cli.research.printing import print_lines

if TYPE_CHECKING:
    from portfold.cli.research.given import Given
    from portfold.research.portfolio_page.replayed import Replayed
    from portfold.research.search.config_export import PortfolioChoice
    from portfold.research.search.findings import Findings, Judged
    from portfold.research.trades.trading_days import DaySpan

_ROWS_SHOWN = 50
_NO_FINDINGS = (
    "Nothing beside the table says how it was found: it is another program's, or was edited since. What the "
    "table itself says is drawn."
)


def register(app: App) -> None:
    """Adds the command."""
    app.command(report)


def report(
    *,
    results: Path = Path("results/greedy_optimization_results.csv"),
    row: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    output: Path | None = None,
    results_dir: Path | None = None,
    bars: str | None = None,
    config: str | None = None,
) -> None:
    """Draw a row of the optimizer's table as one HTML file that opens offline.

    The account and its drawdown, the search's path, which symbols each
    number of positions kept, months, correlation, and what was left on the
    test span. The row is simulated again with the setting of its search.

    Exit code 1 when trades, bars or limits are no longer those of the
    search; the page then shows what the search wrote down, and says so.

    For example:

        portfold research report --results results/greedy_optimization_results.csv

    Parameters
    ----------
    results
        The optimizer's table.
    row
        Which row of the table, from 0, which is the best.
    output
        The file; by default beside the table, with its name.
    results_dir
        Where the trades are now; by default where the search had them.
    bars
        Where the folder of bars is now; by default where the search had it.
    config
        The configuration's folder; by default PORTFOLD_CONFIG, ./config if there is one, the packaged one.
    """
    from importlib.metadata import version

    from portfold.cli.research.extra import needs_extra, needs_plotly

    needs_extra()
    needs_plotly()
    from portfold.research.portfolio_page.page import report_html
    from portfold.research.portfolio_page.subject import Subject
    from portfold.research.search.config_export import read_choice, read_choices
    from portfold.research.trades.whole_files import write_whole

    choice = read_choice(results, row)
    to = output or results.with_suffix(".html")
    _check_free(to)
    again, why_not = _again(choice, results_dir, bars, config)
    rows = read_choices(results, _ROWS_SHOWN)
    subject = Subject(choice, rows, again, why_not, version("portfold"))
    write_whole(to, report_html(subject))
    print_lines([f"Written: {to}. It opens in a browser, and needs nothing else."])
    if why_not and choice.findings is not None:
        raise Failure(f"{why_not} The page says so, and shows what the search wrote down.")
    if why_not:
        print_lines([why_not])


def _check_free(to: Path) -> None:
    """Raises Unusable for a file that is no page of ours: a mistyped name costs nobody a file of trades."""
    from portfold.research.portfolio_page.page import MARK

    try:
        with to.open("rb") as there:
            ours = MARK.encode() in there.read(200)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unusable(f"--output: {to} cannot be written: {error.strerror}.") from error
    if not ours:
        raise Unusable(f"--output: {to} is there already and is no report; expected another name.")


# --- the row again --------------------------------------------------------------------------------------


def _again(
    choice: "PortfolioChoice", results_dir: Path | None, bars: str | None, config: str | None
) -> "tuple[Replayed | None, str]":
    """Returns the row simulated again, or why it was not: what it was made of is gone, or is another."""
    from portfold.config import ConfigError
    from portfold.events.codec import RefusedField
    from portfold.research.errors import ResearchError
    from portfold.workers.feeds.csv_folder import BarsError

    findings = choice.findings
    if findings is None:
        return None, _NO_FINDINGS
    given = _given(findings, results_dir, bars, config)
    try:
        return _simulated(findings, choice.row, given)
    except (ResearchError, BarsError, ConfigError, RefusedField) as error:
        return None, f"What it was made of cannot be read again: {error}"


def _given(findings: "Findings", results_dir: Path | None, bars: str | None, config: str | None) -> "Given":
    """Returns the options of the search."""
    from portfold.cli.research.given import Given
    from portfold.research.simulate.market import SYNTHETIC

    setting = findings.setting
    market = setting.market
    synthetic = market is not None and market.source == SYNTHETIC and bars is None
    return Given(
        results_dir=results_dir or Path(setting.results),
        symbols=setting.symbols,
        initial_cash=float(setting.initial_cash),
        daily_stop_loss=float(setting.daily_stop_loss),
        breach_limit=float(setting.breach_limit),
        bars=bars or (market.source if market is not None else None),
        days=market.days if market is not None and synthetic else None,
        market_seed=market.seed if market is not None and synthetic else None,
        zone=setting.zone,
        seed=setting.seed,
        drawings=setting.drawings,
        calendar=setting.calendar or None,
        correct=setting.correct,
        config=config,
    )


def _simulated(findings: "Findings", row: int, given: "Given") -> "tuple[Replayed | None, str]":
    from portfold.cli.progress import progress
    from portfold.research.portfolio_page.replayed import changed, differing, replayed, sets_to_play

    loaded = given.load()
    train = loaded.scenario(loaded.chosen(_span(findings.train)))
    test = loaded.scenario(loaded.chosen(_span(findings.test))) if findings.test is not None else None
    difference = changed(train, test, findings)
    if difference:
        return None, difference
    with progress("Simulating", sets_to_play(findings), "simulations") as on_progress:
        again = replayed(train, test, findings, row, on_progress)
    difference = differing(again, findings.rows[row])
    return (None, difference) if difference else (again, "")


def _span(judged: "Judged") -> "DaySpan":
    from datetime import date

    from portfold.research.trades.trading_days import DaySpan

    return DaySpan(date.fromisoformat(judged.first_day), date.fromisoformat(judged.last_day))
