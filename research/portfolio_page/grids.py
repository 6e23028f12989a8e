"""Heat maps as tables: every figure is printed, and its cell tinted by size and sign.

So they can be read without a mouse, and scroll on a phone, where the figures of a chart of sixteen symbols
would overlap.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from portfold.research.portfolio_page.account import Year
from portfold.research.portfolio_page.by_symbol import Correlated, SymbolOutcome
from portfold.research.portfolio_page.wording import money, percent, ratio, short_money
from portfold.research.report.wording import NOTHING, text

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Tile(NamedTuple):
    """A cell: its words, its tint from -1 (loss) over 0 (none) to 1 (gain), the text under the pointer."""

    words: str
    tint: float = 0.0
    hover: str = ""
    tone: str = ""


def grid(
    about: str, corner: str, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[Tile]]], note: str
) -> str:
    """Writes the table; `about` names it for screen readers, `note` is its caption."""
    columns = "".join(f'<th scope="col">{text(head)}</th>' for head in heads)
    lines = "".join(
        f'<tr><th scope="row">{text(name)}</th>{"".join(map(_cell, tiles))}</tr>' for name, tiles in rows
    )
    return (
        f'<figure class="chart heat"><div class="table"><table class="grid" aria-label="{text(about)}">'
        f"<thead><tr><th>{text(corner)}</th>{columns}</tr></thead><tbody>{lines}</tbody></table></div>"
        f"<figcaption>{text(note)}</figcaption></figure>"
    )


def _cell(tile: Tile) -> str:
    tone = "above" if tile.tint > 0 else "below" if tile.tint < 0 else ""
    names = " ".join(name for name in (tone, tile.tone) if name)
    style = f' style="--tint:{min(abs(tile.tint), 1):.2f}"' if tile.tint else ""
    title = f' title="{text(tile.hover)}"' if tile.hover else ""
    return f"<td{f' class={chr(34)}{names}{chr(34)}' if names else ''}{style}{title}>{text(tile.words)}</td>"


# --- positions and symbols ------------------------------------------------------------------------------


class KeptSet(NamedTuple):
    """The set of one row; `outcomes` of its symbols by span are empty where nothing was simulated.

    `daily_stop_loss` is there where several were searched.
    """

    max_positions: int
    symbols: Sequence[str]
    outcomes: Sequence[Sequence[SymbolOutcome]]
    chosen: bool
    daily_stop_loss: Decimal | None = None


def kept_grid(sets: Sequence[KeptSet], symbols: Sequence[str], note: str) -> str:
    """Shows which symbol is in which set, and its P&L there; the symbols in most sets come first."""
    count = {symbol: sum(symbol in kept_set.symbols for kept_set in sets) for symbol in symbols}
    order = sorted(symbols, key=lambda symbol: (-count[symbol], symbol))
    made = [abs(float(out.pnl)) for kept_set in sets for span in kept_set.outcomes[:1] for out in span]
    most = max(made, default=0.0) or 1.0
    rows = [
        (
            f"{kept_set.max_positions}{_stop(kept_set)}{' ◂' if kept_set.chosen else ''}",
            [_kept(kept_set, symbol, most) for symbol in order],
        )
        for kept_set in sorted(sets, key=lambda one: (one.daily_stop_loss or 0, one.max_positions))
    ]
    if len(sets) > 1:
        rows.append(("in sets", [Tile(f"{count[symbol]}", tone="sum") for symbol in order]))
    return grid("Which symbol is in the set of each number of positions", "Positions", order, rows, note)


def _stop(kept_set: KeptSet) -> str:
    return f", {money(kept_set.daily_stop_loss)}" if kept_set.daily_stop_loss is not None else ""


def _kept(kept_set: KeptSet, symbol: str, most: float) -> Tile:
    if symbol not in kept_set.symbols:
        return Tile(
            "·", hover=f"{symbol} is not in the set of {kept_set.max_positions} positions", tone="none"
        )
    own = [out for span in kept_set.outcomes for out in span if out.symbol == symbol]
    if not own:
        return Tile("●")
    texts = [f"{money(out.pnl)} in {out.trades:,} trades" for out in own]
    spans = f"{texts[0]} where it was chosen, {texts[1]} where it is judged" if len(texts) > 1 else texts[0]
    # Even the smallest amount is tinted, to show that the symbol is in the set.
    tint = float(own[0].pnl) / most
    tint = max(tint, 0.08) if tint >= 0 else min(tint, -0.08)
    return Tile(short_money(own[0].pnl), tint, f"{symbol}, {kept_set.max_positions} positions: {spans}")


# --- months ---------------------------------------------------------------------------------------------


def months_grid(years: Sequence[Year], most: float, note: str) -> str:
    """Writes a row a year, its total first; a month that made or lost `most` has the full tint."""
    rows = [
        (
            f"{year.year}",
            [
                _return(year.total, 0, f"{year.year}")._replace(tone="sum"),
                *(
                    _return(found, most, f"{_MONTHS[month]} {year.year}")
                    for month, found in enumerate(year.months)
                ),
            ],
        )
        for year in years
    ]
    return grid("Returns by month", "Year", ["Total", *_MONTHS], rows, note)


def _return(found: float | None, most: float, when: str) -> Tile:
    if found is None:
        return Tile("", hover=f"{when}: {NOTHING}")
    return Tile(
        percent(found).removesuffix("%"), found / most if most else 0.0, f"{when}: {percent(found, 2)}"
    )


# --- correlation ----------------------------------------------------------------------------------------


def correlation_grid(found: Correlated, note: str) -> str:
    """Writes the correlation of every pair of symbols; a symbol with itself is left blank."""
    rows = [
        (
            symbol,
            [_correlation(symbol, other, value) for other, value in zip(found.symbols, values, strict=True)],
        )
        for symbol, values in zip(found.symbols, found.values, strict=True)
    ]
    return grid("Correlation of the symbols' daily P&L", "", found.symbols, rows, note)


def _correlation(symbol: str, other: str, value: float | None) -> Tile:
    if symbol == other:
        return Tile("", tone="self")
    if value is None:
        return Tile(NOTHING, hover=f"{symbol} and {other}: one of them made the same every day")
    return Tile(ratio(value).replace("0.", ".", 1), value, f"{symbol} and {other}: {value:.3f}")
