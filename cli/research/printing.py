"""Sentences and tables that research commands share: what was read, and how figures are written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from portfold.cli.typed import typed
from portfold.dollars import shown, shown_limit

if TYPE_CHECKING:
    from portfold.cli.research.given import KnownSpan, Loaded
    from portfold.research.simulate.scenario import Scenario
    from portfold.research.statistics.intervals import Interval
    from portfold.research.statistics.metrics import Metrics
    from portfold.research.trades.filter_samples import FilterSample
    from portfold.research.trades.in_sample import InSampleTrades
    from portfold.research.trades.short_histories import ShortHistory
    from portfold.research.trades.trading_days import Chosen


def read_lines(loaded: "Loaded") -> Iterator[str]:
    """Yields what was read, what of it was not used, and why."""
    from portfold.research.trades import asked_for, parameters_tried

    results = loaded.results
    names = ", ".join(one.symbol for one in results.symbols)
    unselected = sum(one.unselected for one in results.symbols)
    more = f", {unselected:,} more not selected" if unselected else ""
    found = results.simulated
    count = asked_for.in_words(len(found), asked_for.signals_among(found))
    yield f"{count} of {names} in {results.folder}{more}."
    if tried := parameters_tried.in_words(loaded.tried):
        yield f"Parameters on record were chosen {tried}: optimize counts them as tries."
    if unsaid := asked_for.without_signals(results):
        yield unsaid
    for one in results.symbols:
        for drop in one.every_drop:
            reasons = sorted(drop.by_reason.items())
            why = "; ".join(f"{count:,} {reason} ({drop.samples[reason]})" for reason, count in reasons)
            yield f"Dropped of {drop.file}: {sum(drop.by_reason.values()):,} of {drop.rows:,} rows: {why}."
    for bad in results.bad:
        yield f"Not used: {bad}"


def span_lines(name: str, span: "KnownSpan", begin: str) -> Iterator[str]:
    """Yields the span, and what is known of its trades; `begin` is the option that begins it."""
    yield span_line(name, span.chosen)
    yield from short_lines(span.short)
    yield from filter_lines(span.filters)
    yield from seen_lines(span.seen, begin)


def span_line(name: str, chosen: "Chosen") -> str:
    """`Span: 2023-01-03 to 2024-12-30, 520 trading days, 6,588 trades.`"""
    from portfold.research.trades.asked_for import in_words, signals_among

    found = in_words(len(chosen.trades), signals_among(chosen.trades))
    left_out = f", {chosen.straddling:,} more lie across its ends" if chosen.straddling else ""
    return (
        f"{name}: {chosen.days[0]} to {chosen.days[-1]}, {len(chosen.days):,} trading days, "
        f"{found}{left_out}."
    )


def seen_lines(seen: "Sequence[InSampleTrades]", begin: str) -> Iterator[str]:
    """Yields that trades of the span prove nothing, and the option that begins after them, if any does."""
    if seen:
        from portfold.research.trades.in_sample import in_words

        yield f"  {in_words(seen)}; {begin} begins after them." if begin else f"  {in_words(seen)}."


def filter_lines(of: "Sequence[FilterSample]") -> Iterator[str]:
    """Yields of which symbols the trades of a span are out of sample, as far as their filters go."""
    from portfold.research.trades.filter_samples import sentences

    yield from (f"  {sentence}" for sentence in sentences(of))


def short_lines(short: "Sequence[ShortHistory]") -> Iterator[str]:
    """Yields which symbols have a part of the span only, and what they are compared by."""
    if short:
        from portfold.research.trades.short_histories import in_words

        yield f"  {in_words(short)}: a symbol's own Sharpe is of its days; on the others it makes nothing."


def rules_line(loaded: "Loaded") -> str:
    """Says what the account and the stop are, and how far open losses are known."""
    given = loaded.given
    account, stop, breach = (
        shown_limit(Decimal(str(amount)))
        for amount in (given.initial_cash, given.daily_stop_loss, given.breach_limit)
    )
    market = loaded.market
    bars = f"marks and forced exits by the bars of {market}" if market else "no bars"
    return f"{account} in the account, stop at {stop} a day, broker's drawdown limit {breach}, {bars}."


def sessions_lines(scenario: "Scenario") -> Iterator[str]:
    """Yields whose sessions are published in it, where any are."""
    if published := scenario.timeline.published:
        yield f"Sessions of the exchange: {published[0][1].source}."


def forced_lines(found: Mapping[int, "Metrics"], *, bars: bool) -> Iterator[str]:
    """Yields how what a stop ended was closed, by number of positions: what was known then, what not."""
    forced = {level: one for level, one in found.items() if one.forced}
    if not forced:
        yield "No position was closed by a stop."
        return
    unknown = {level: one for level, one in forced.items() if one.at_final}
    if not unknown:
        total = sum(one.forced for one in forced.values())
        yield f"All {number(total)} positions that stops closed have a price of that moment."
        return
    why = "for want of bars that fit them" if bars else "as there are no bars (--bars)"
    yield f"Stops closed positions at their own final P&L, which lay in the future then, {why}."
    yield "A live stop closes them at the market. That concerns, of those that stops closed,"
    for level, one in unknown.items():
        part = f"{number(one.at_final)} of {number(one.forced)}"
        yield f"  with {level}: {part}, {money(one.at_final_pnl)} in all"


def print_lines(*lines: Iterable[str]) -> None:
    """Prints them, commands as they can be typed here."""
    for line in chain(*lines):
        print(typed(line), flush=True)


SHARPE_LINE = (
    "Sharpe: mean over deviation of daily returns, times √260.9, the trading days of a year; $ Sharpe: that "
    "of dollars, as of a constant capital; CAGR/vol is what some tools call so. See docs/research.md."
)


def drawdown_head(*, bars: bool) -> str:
    """Names the column of drawdowns: without bars no open loss is in them."""
    return "MaxDD" if bars else "MaxDD closed"


def drawdown_lines(*, bars: bool) -> Iterator[str]:
    """Yields what is not in the drawdowns where there are no bars."""
    if not bars:
        yield "MaxDD closed: without bars (--bars) no open loss is in the drawdown; the account's is deeper."


def looked_lines(results_dir: Path, command: str, days: Sequence[str]) -> list[str]:
    """Puts it on record where a command looks at days of a test span, and says so."""
    from portfold.research.search.looks import in_words, looks_at, record_look

    if not looks_at(results_dir, days[0], days[-1]):
        return []
    number = record_look(results_dir, command, days[0], days[-1])
    return [f"Among these days are days of a test span. {in_words(number)}."]


def lots_line(drawings: int) -> str:
    """Says what figures are over several drawings of lots, and what the spread is."""
    if drawings == 1:
        return (
            "Lots were drawn once for those who ask at the same moment: another drawing gives other figures."
        )
    return (
        f"Figures are means over {drawings} drawings of lots for those who ask at the same moment; Lots: the "
        "lowest and the highest Sharpe of them, any where no lot decided."
    )


def lots(found: "Metrics", *, drawings: int) -> str:
    """`4.10 to 4.92`: the Sharpes of so many drawings; `any` where no lot decided anything, and `once` where
    lots were drawn once, so that nobody knows."""
    if found.drawings == 1:
        return "any" if drawings > 1 else "once"
    return f"{found.sharpe_least:.2f} to {found.sharpe_most:.2f}"


def number(count: float) -> str:
    """`12`, and `12.4` for a mean."""
    from portfold.research.report.wording import number as written

    return written(count)


def money(dollars: float) -> str:
    """Shows whole dollars, thousands separated."""
    return shown(Decimal(round(dollars))).removesuffix(".00")


def percent(fraction: float) -> str:
    """`12.3 %`."""
    return f"{100 * fraction:,.1f} %"


def ratio(value: float | None) -> str:
    """Shows two decimals; infinite where there is nothing to divide by."""
    return "inf" if value is None else f"{value:.2f}"


def ends(interval: "Interval") -> str:
    """`0.31 to 1.75`."""
    return f"{interval.low:.2f} to {interval.high:.2f}"
