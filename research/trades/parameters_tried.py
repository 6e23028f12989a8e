"""How many sets of parameters each symbol's were chosen from, as a backtest has left word of it in best.json.

`portfold research tune` counts every set that it has traded for a symbol; a backtest by what it has chosen
keeps the number. Of parameters that somebody chose by hand nobody knows.
"""

from collections.abc import Iterable, Mapping

from portfold.research.trades.results_folder import SymbolTrades

PARAMETERS_TRIED = "Parameters_Tried"
"""What best.json calls the number."""


def parameters_tried(results: Iterable[SymbolTrades]) -> dict[str, int]:
    """Returns the numbers on record, of symbols with several sets."""
    found = {one.symbol: int(one.best.get(PARAMETERS_TRIED, 1)) for one in results}
    return {symbol: tried for symbol, tried in found.items() if tried > 1}


def in_words(tried: Mapping[str, int]) -> str:
    """Says `of ES from 23 sets, of CL from 16`; empty for none."""
    return ", ".join(
        f"of {symbol} from {count:,}{' sets' if number == 0 else ''}"
        for number, (symbol, count) in enumerate(tried.items())
    )
