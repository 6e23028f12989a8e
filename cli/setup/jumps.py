"""`portfold config jumps`: how far a mark may jump, in points, from what the market usually moves in a bar.

The fold has no bars, so the bound that counts is a number of points on the log, which a replay reads there.
Here it is reckoned from bars, and written as the limit `mark_jumps` has it. A symbol for which it cannot be
made is named, and then none is given: a bound that is silently missing doubts no mark of that symbol.
"""

import os
from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple
from zoneinfo import ZoneInfo

from cyclopts import Parameter
from cyclopts.validators import Number

from portfold.cli.exits import Unusable
from portfold.cli.symbols import Symbols, symbols_in

if TYPE_CHECKING:
    from portfold.config import Contract
    from portfold.workers.feeds.csv_folder import CsvFolder

_MOST_RANGES = 100


class Bound(NamedTuple):
    """How many points a mark of the symbol may jump: so many average true ranges, in ticks."""

    points: Decimal
    average: Decimal
    bars: int
    last: str


def jumps(
    folder: Path,
    /,
    *,
    atr: str,
    atr_bars: Annotated[int, Parameter(validator=Number(gte=1, lte=500))] = 14,
    symbols: Symbols = (),
    config: str | None = None,
) -> None:
    """Reckon from bars how far a mark may jump: the limit mark_jumps, in points.

    It is so many average true ranges of the symbol's bars, rounded up to a tick.
    What is printed is for portfolio_optimization.json, or for an order of limits;
    nothing is changed. A symbol without enough bars is refused.

    For example:

        portfold config jumps my-bars --atr 3

    Parameters
    ----------
    folder
        Bars, a <SYMBOL>.csv for each symbol.
    atr
        How many average true ranges a mark may jump without a second one.
    atr_bars
        Over how many bars they are averaged.
    symbols
        Which, as ES,CL; by default those of the portfolio.
    config
        The configuration's folder; by default PORTFOLD_CONFIG, ./config if there is one, the packaged one.
    """
    from portfold.cli.typed import typed
    from portfold.config import load
    from portfold.workers.feeds.csv_folder import CsvFolder

    ranges = _ranges(atr)
    configuration = load(config, os.environ, Path.cwd())
    wanted = symbols_in(symbols) or list(configuration.portfolio.symbols)
    strange = [symbol for symbol in wanted if symbol not in configuration.contracts]
    if strange:
        raise Unusable(f"--symbols: expected symbols that contracts.json describes, got {strange[0][:80]!r}.")
    zones = {symbol: ZoneInfo(configuration.runtime.bar_zone(symbol)) for symbol in wanted}
    bars = CsvFolder(folder, zones=zones)
    bounds = bounds_of(bars, configuration.contracts, wanted, ranges=ranges, atr_bars=atr_bars)
    for symbol, one in bounds.items():
        print(
            f"{symbol}: {one.points:f} points, {ranges:f} x ATR({atr_bars}) of {one.average:.6g} "
            f"over {one.bars:,} bars up to {one.last}"
        )
    text = " ".join(f"{symbol}={one.points:f}" for symbol, one in bounds.items())
    print(f'\n"mark_jumps": "{text}"')
    order = f'portfold limits --mark-jumps "{text}" --mark-confirm-seconds 10 --by NAME --reason TEXT'
    print(f"To order it: {typed(order)}")


def bounds_of(
    bars: "CsvFolder",
    contracts: "Mapping[str, Contract]",
    symbols: Iterable[str],
    *,
    ranges: Decimal,
    atr_bars: int,
) -> dict[str, Bound]:
    """Returns the bound of each symbol. Raises Unusable, naming what has too few bars, and BarsError."""
    from portfold.workers.strategies.average_true_range import AverageTrueRange

    found: dict[str, Bound] = {}
    for symbol in symbols:
        if symbol not in bars.symbols:
            raise Unusable(f"mark_jumps: {symbol}: expected bars of it, and there are none: name --symbols.")
        average, count, last = AverageTrueRange(atr_bars), 0, ""
        for bar in bars.bars(symbol):
            average.take(bar)
            count, last = count + 1, f"{bar.time:%Y-%m-%d %H:%M} UTC"
        if not average.value:  # too few bars, or a price that never moved
            expected = f"expected at least {atr_bars} bars of a price that moves, got {count}"
            raise Unusable(f"mark_jumps: {symbol}: {expected}.")
        tick = contracts[symbol].tick_size
        points = (ranges * average.value / tick).to_integral_value(ROUND_CEILING) * tick
        found[symbol] = Bound(points, average.value, count, last)
    return found


def _ranges(text: str) -> Decimal:
    try:
        ranges = Decimal(text)
    except InvalidOperation:
        ranges = Decimal(0)
    if not ranges.is_finite() or not 0 < ranges <= _MOST_RANGES:
        raise Unusable(
            f"--atr: expected average true ranges above 0, up to {_MOST_RANGES}, got {text[:80]!r}."
        )
    return ranges
