"""`portfold research export`: the portfolio that was found as the file the coordinator loads."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from portfold.cli.exits import Failure
from portfold.cli.research.given import Dollars
from portfold.cli.research.printing import (
    filter_lines,
    money,
    print_lines,
    ratio,
    seen_lines,
)

if TYPE_CHECKING:
    from portfold.config import Configuration, ConfiguredPortfolio
    from portfold.research.search.config_export import PortfolioChoice
    from portfold.research.search.findings import Judged


def register(app: App) -> None:
    """Adds the command."""
    app.command(export)


def export(
    *,
    results: Path = Path("results/greedy_optimization_results.csv"),
    output: Path = Path("config/portfolio_optimization.json"),
    row: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    daily_stop_loss: Dollars | None = None,
    yes: Annotated[bool, Parameter(name=["--yes", "--force"], negative="")] = False,
) -> None:
    """Write a row of the optimizer's table as the coordinator's configuration.

    The coordinator's own loader reads it before it is written. Where it
    changes limits that are there already, it first says how. The days it
    was judged on are kept beside it, to hold live results against them.

    Exit code 1 when limits would change and --yes is not given.

    For example:

        portfold research export --output config/portfolio_optimization.json

    Parameters
    ----------
    results
        The optimizer's table.
    output
        The file to write.
    row
        Which row of the table, from 0, which is the best.
    daily_stop_loss
        Dollars of loss a day; by default what the table was made with.
    yes
        Change the limits that are there.
    """
    from portfold.cli.research.extra import needs_extra

    needs_extra()
    from portfold.research.search.config_changes import changes, in_force
    from portfold.research.search.config_export import (
        checked,
        configuration_text,
        read_choice,
        write_configuration,
    )

    choice = read_choice(results, row)
    stop, stop_lines = _stop(choice, daily_stop_loss)
    before = in_force(output)
    text = configuration_text(choice, stop, before)
    configuration = checked(text, output)
    portfolio = configuration.portfolio
    changed = changes(before, portfolio) if before is not None else []
    print_lines(_written_lines(choice, portfolio), stop_lines, _change_lines(output, changed))
    if changed and not yes:
        raise Failure(f"{output} is as it was: --yes writes it.")
    write_configuration(output, text)
    print_lines(
        [f"Written: {output}.", _expected_line(choice, stop, output), *_in_force_lines(configuration)]
    )


def _expected_line(choice: "PortfolioChoice", stop: Decimal, output: Path) -> str:
    """Keeps the days that are expected of it beside the file; says where, or why not."""
    from datetime import UTC, datetime

    from portfold.research.search.expected_export import expected_of, write_expected

    expected = expected_of(choice, stop, datetime.now(UTC).date())
    if isinstance(expected, str):
        return f"No days to hold it against are kept: {expected}."
    path = write_expected(output, expected)
    return (
        f"Written: {path}. From {expected.since} on portfold audit expected holds what it does against them."
    )


def _in_force_lines(configuration: "Configuration") -> Iterator[str]:
    from portfold.coordinator.configured import configured_limits, how_to_order

    limits = configured_limits(configuration)
    names = ("max_positions", "max_contracts", "daily_stop_loss", "symbols")
    yield (
        "A coordinator that starts with it puts these limits in force where the log is new. Where the log "
        "has limits, each of these goes in force only if it is no looser than the one there. To put all of "
        "them in force there:"
    )
    yield f"  {how_to_order(limits, names)}"


def _stop(choice: "PortfolioChoice", given: float | None) -> tuple[Decimal, list[str]]:
    from portfold.research.search.config_export import USUAL_STOP, stop_of

    simulated = stop_of(choice)
    if given is None and simulated is not None:
        return simulated, []
    if given is None:
        return USUAL_STOP, [f"The table does not say under which daily stop: {money(float(USUAL_STOP))}."]
    stop = Decimal(str(given))
    if simulated is not None and simulated != stop:
        return stop, [f"It was simulated with a stop of {money(float(simulated))} a day, not {money(given)}."]
    return stop, []


def _written_lines(choice: "PortfolioChoice", portfolio: "ConfiguredPortfolio") -> Iterator[str]:
    from portfold.research.portfolio_page.wording import kept_of
    from portfold.research.report.wording import counted
    from portfold.research.search.config_export import UNMEASURED

    yield (
        f"At most {counted(portfolio.max_positions, 'position')} of {', '.join(portfolio.symbols)}, stop at "
        f"{money(float(portfolio.daily_stop_loss))} a day."
    )
    findings, winner = choice.findings, choice.winner
    if findings is None or winner is None:
        yield "On which days it was chosen is not known: nothing beside the table says so."
        yield f"Its Sharpe is {UNMEASURED}. The file says so."
        return
    yield f"Chosen on {_days(findings.train)}: Sharpe {ratio(winner.train.sharpe)}."
    yield from filter_lines(choice.filters(findings.train))
    yield from seen_lines(choice.seen(findings.train), "optimize --train-from")
    if findings.test is None or winner.test is None:
        yield "Judged on the same days: expect less of it."
        return
    kept = f"; {kept_of(winner.kept, 'its Sharpe of dollars')}" if winner.kept is not None else ""
    yield f"Judged on {_days(findings.test)}: Sharpe {ratio(winner.test.sharpe)}{kept}."
    yield from filter_lines(choice.filters(findings.test))
    yield from seen_lines(choice.seen(findings.test), "optimize --test-from")


def _days(span: "Judged") -> str:
    return f"{span.first_day} to {span.last_day}"


def _change_lines(output: Path, changed: list[str]) -> Iterator[str]:
    if changed:
        yield f"In {output} that changes:"
        yield from (f"  {line}" for line in changed)
