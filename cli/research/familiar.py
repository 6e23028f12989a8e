"""Options of the scripts that research takes the place of: what each is called here, or why there is none.

Whoever has typed them for years gets a sentence. None is taken silently: an option without effect would
make a figure look like another.
"""

from collections.abc import Sequence

_SPAN = "simulate and backtest call it {0} here, optimize --train-{1} or --test-{1}"

_FAMILIAR = {
    "--initial-capital": "it is called --initial-cash here, and export and report need none",
    "--exit-slippage": "there is none here: with --bars what a stop closes costs slippage_ticks of "
    "runtime.json, or of the contract in contracts.json; without bars it counts with the trade's own P&L",
    "--ranking-method": "there is none here: sets are ranked by their Sharpe, among those that keep to "
    "--max-dd-limit and --max-breach-events; the table holds the other figures",
    "--train-start": "optimize calls it --train-from here",
    "--train-end": "optimize calls it --train-to here",
    "--test-start": "optimize calls it --test-from here",
    "--test-end": "optimize calls it --test-to here",
    "--start-date": _SPAN.format("--from", "from"),
    "--end-date": _SPAN.format("--to", "to"),
}


def hint(words: Sequence[str]) -> str | None:
    """Returns the sentence on the first familiar option among the words of a command line that was refused.

    None where there is none, or the command is not one of research.
    """
    if words[:1] != ["research"]:
        return None
    options = (word.partition("=")[0] for word in words)
    return next((f"{option}: {_FAMILIAR[option]}." for option in options if option in _FAMILIAR), None)
