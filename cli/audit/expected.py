"""`portfold audit expected`: what the portfolio does, held against the days it was chosen for."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.cli.audit.source import Source
from portfold.cli.exits import Failure

if TYPE_CHECKING:
    from portfold.coordinator.audit.record.record import Record
    from portfold.coordinator.expected.comparison import Comparison
    from portfold.coordinator.expected.lived import Expectation, Lived

_SOURCE = Source()


def register(app: App) -> None:
    """Adds the command."""
    app.command(expected)


def expected(
    *,
    first: Annotated[date | None, Parameter(name="--from")] = None,
    json: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    source: Source = _SOURCE,
) -> None:
    """Hold the trading days that are over against those the portfolio was chosen for.

    P&L, trades, win rate, entries denied and daily stops, each against the
    band of 95 of 100 histories drawn from the days expected; how rarely so
    little P&L is seen in those; and where a sequential test and a control
    chart of the daily P&L stand.

    Exit code 1 when the test or the chart says that less is made than was
    expected, or when the recorded decisions are not those that the rules
    make of the events.

    For example:

        portfold audit expected --from 2025-01-06

    Parameters
    ----------
    first
        The first trading day that counts; by default the day on which the configuration was exported.
    json
        Print the figures as one JSON object.
    """
    from portfold.coordinator.expected.comparison import compare

    expectation = _expectation(source, first)
    with source.record() as record:
        lived, difference = _lived(record, expectation)
        found = compare(lived, expectation)
        if found is None:
            raise Failure(
                f"No trading day from {expectation.days.since} on is over for {record.shown}: nothing is "
                "held against what was expected. --from counts earlier ones."
            )
    print(_json(found, expectation) if json else "\n".join(_lines(found, expectation)))
    if difference:
        raise Failure(
            f"{difference} The figures may be of what was never decided. See: portfold audit verify"
        )
    if lived.followed.has_sign:
        from portfold.coordinator.expected.words import sign_text

        raise Failure(f"LESS THAN EXPECTED: {sign_text(lived)}.")


def _expectation(source: Source, first: date | None) -> "Expectation":
    """Returns what is expected. Raises Failure where nothing is known to be."""
    from msgspec.structs import replace

    from portfold.coordinator.expected.lived import Expectation

    configuration = source.resolve().configuration
    days = configuration.expected
    if days is None:
        raise Failure(
            f"{configuration.source.folder} holds no expected_days.json of this portfolio: nothing is known "
            "of what it was chosen for. portfold research export writes it beside the configuration."
        )
    return Expectation.of(days if first is None else replace(days, since=first.isoformat()))


def _lived(record: "Record", expectation: "Expectation") -> tuple["Lived", str]:
    """Returns the days that are over, and the first decision on record that is not the one made here."""
    from portfold.cli.progress import progress
    from portfold.coordinator.audit.report.days_lived import DaysLived
    from portfold.coordinator.expected.lived import Lived

    lived, gone_by = Lived(of=expectation.name), DaysLived(expectation.days.since)
    with progress("Reading", record.events, "events") as on_progress:
        for number, recorded in enumerate(record.recorded(), 1):
            for day in gone_by.take(recorded):
                lived = lived.after(day, expectation)
            on_progress(number)
        gone_by.end(record.cursor, record.chain)
    return lived, gone_by.difference


def _lines(found: "Comparison", expectation: "Expectation") -> list[str]:
    from portfold.coordinator.expected.words import figure_text, rarity, rates_text, span_of, standing_text

    lived, days = found.lived, expectation.days
    return [
        f"{span_of(lived.days)}, {lived.first} to {lived.last}, against {len(days.pnl)} days expected, "
        f"{days.first_day} to {days.last_day}",
        *(f"  {figure_text(beside)}" for beside in found.figures),
        "In brackets: what 95 of 100 histories of that length come to.",
        rarity(found),
        standing_text(lived, expectation),
        *filter(None, (rates_text(expectation),)),
    ]


def _json(found: "Comparison", expectation: "Expectation") -> str:
    from msgspec.json import Encoder

    followed, hypotheses = found.lived.followed, expectation.hypotheses
    figures = {
        beside.name: {"lived": beside.lived, "band": beside.band, "outside": beside.outside}
        for beside in found.figures
    }
    tree = {
        "days": found.lived.days,
        "first": found.lived.first,
        "last": found.lived.last,
        "figures": figures,
        "as_bad": found.as_bad,
        "histories": found.histories,
        "sign": followed.has_sign,
        "test": {
            "verdict": followed.verdict or "not decided",
            "decided_on": followed.decided_on or None,
            "way_to_sign": round(followed.way_to_sign, 4),
            "chart_sign_on": followed.chart_on or None,
            "way_to_chart_sign": round(followed.way_to_chart_sign(hypotheses), 4) if hypotheses else None,
            "half_the_edge_found_within_days": hypotheses.found_within if hypotheses else None,
        },
    }
    return Encoder(decimal_format="number").encode(tree).decode()
