"""Sentences, tables and formats of figures that research commands share."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING

from portfold.cli.typed import typed
from portfold.dollars import shown, shown_limit

if TYPE_CHECKING:
    from portfold.cli.research.given import Loaded
    from portfold.research.statistics.metrics import Metrics
    from portfold.research.statistics.significance import Interval
    from portfold.research.trades.in_sample import Seen
    from portfold.research.trades.trading_days import Chosen


def read_lines(loaded: "Loaded") -> Iterator[str]:
    """Says what was read, what of it was not used, and why."""
    results = loaded.results
    names = ", ".join(read.symbol for read in results.symbols)
    unselected = sum(read.unselected for read in results.symbols)
    more = f", {unselected:,} more not selected" if unselected else ""
    yield f"{len(results.trades):,} trades of {names} in {results.folder}{more}."
    for read in results.symbols:
        if read.dropped:
            why = "; ".join(
                f"{count:,} {reason} ({read.samples[reason]})"
                for reason, count in sorted(read.dropped.items())
            )
            yield f"Dropped of {read.file}: {sum(read.dropped.values()):,} of {read.rows:,} rows: {why}."
    for bad in results.bad:
        yield f"Not used: {bad}"


def span_line(name: str, chosen: "Chosen") -> str:
    """`Span: 2023-01-03 to 2024-12-30, 520 trading days, 6,588 trades.`"""
    left_out = f", {chosen.straddling:,} more lie across its ends" if chosen.straddling else ""
    return (
        f"{name}: {chosen.days[0]} to {chosen.days[-1]}, {len(chosen.days):,} trading days, "
        f"{len(chosen.trades):,} trades{left_out}."
    )


def seen_lines(seen: "Sequence[Seen]", begin: str) -> Iterator[str]:
    """Says that trades of the span prove nothing, and which option begins after them."""
    if seen:
        from portfold.research.trades.in_sample import in_words

        yield f"  {in_words(seen)}; {begin} begins after them."


def rules_line(loaded: "Loaded") -> str:
    """Says account, stop and drawdown limit, and how open losses are priced."""
    given = loaded.given
    account, stop, breach = (
        shown_limit(Decimal(str(amount)))
        for amount in (given.initial_cash, given.daily_stop_loss, given.breach_limit)
    )
    market = loaded.market
    bars = f"marks and forced exits by the bars of {market}" if market else "no bars"
    return f"{account} in the account, stop at {stop} a day, broker's drawdown limit {breach}, {bars}."


def forced_lines(found: Mapping[int, "Metrics"], *, bars: bool) -> Iterator[str]:
    """Says at which prices stops closed positions, by number of positions."""
    forced = {level: one for level, one in found.items() if one.forced}
    if not forced:
        yield "No position was closed by a stop."
        return
    unknown = {level: one for level, one in forced.items() if one.at_final}
    if not unknown:
        total = sum(one.forced for one in forced.values())
        yield f"All {total:,} positions that stops closed have a price of that moment."
        return
    why = "for want of bars that fit them" if bars else "as there are no bars (--bars)"
    yield f"Stops closed positions at their own final P&L, which lay in the future then, {why}."
    yield "A live stop closes them at the market. That concerns, of those that stops closed,"
    for level, one in unknown.items():
        yield f"  with {level}: {one.at_final:,} of {one.forced:,}, {money(one.at_final_pnl)} in all"


def print_lines(*lines: Iterable[str]) -> None:
    """Prints the lines, their commands as they can be typed here."""
    for line in chain(*lines):
        print(typed(line), flush=True)


SHARPE_LINE = (
    "Sharpe: mean over deviation of daily returns, times √252; CAGR/vol is what some tools call so. "
    "See docs/research.md."
)


def aligned(rows: Sequence[Sequence[str]], left: frozenset[int] = frozenset()) -> list[str]:
    """Returns the rows as lines, columns right-aligned but for those in `left`."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def money(dollars: float) -> str:
    """Formats whole dollars, thousands separated."""
    return shown(Decimal(round(dollars))).removesuffix(".00")


def percent(fraction: float) -> str:
    """Formats a fraction as `12.3 %`."""
    return f"{100 * fraction:,.1f} %"


def ratio(value: float | None) -> str:
    """Formats a ratio with two decimals; `inf` where there is nothing to divide by."""
    return "inf" if value is None else f"{value:.2f}"


def ends(interval: "Interval") -> str:
    """Formats an interval as `0.31 to 1.75`."""
    return f"{interval.low:.2f} to {interval.high:.2f}"
