"""`portfold strategy`: a strategy of one's own, from the first file to its entry in runtime.json."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

if TYPE_CHECKING:
    from portfold.config import Configuration
    from portfold.workers.feeds.protocol import Feed

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")


def register(app: App) -> None:
    """Adds the group."""
    group = App(name="strategy", help="Write a strategy of your own, and see whether it is one.")
    group.command(new)
    group.command(check)
    app.command(group)


def new(name: str, /, *, folder: Path = Path()) -> None:
    """Write the file of a strategy that runs, to change it, and a test of it.

    Nothing is overwritten. Put it beside runtime.json, in a folder that not
    everybody can write, and name it there.

    For example:

        portfold strategy new Dips --folder mine

    Parameters
    ----------
    name
        What it is called, such as Dips; the file is dips.py.
    folder
        Where the two files go; by default here.
    """
    from portfold.cli.exits import Unusable
    from portfold.cli.setup.strategy_files import written
    from portfold.config.defaults import write_files

    if not _NAME.fullmatch(name):
        raise Unusable(f"NAME: expected a name of up to 32 letters, digits and _, got {name[:40]!r}.")
    file = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    called = "".join(word[:1].upper() + word[1:] for word in name.split("_"))
    for path in write_files(folder, written(file, called)):
        print(path)
    entry = f'"workers": {{"ES": {{"strategy": "{file}.py:{called}", "params": {{}}}}}}'
    print(f"See whether it is one: portfold strategy check {folder / file}.py:{called}")
    print(f"Trade by it, in runtime.json beside it: {entry}")


def check(
    strategy: str,
    /,
    *,
    params: str = "{}",
    bars: str = "synthetic",
    symbol: str = "ES",
    days: Annotated[int, Parameter(validator=Number(gte=1, lte=5_000))] = 60,
) -> int:
    """See whether a file is a strategy: load it as a worker would, and trade it alone, on paper.

    Reads its parameters, trades the bars twice, which has to come to the same,
    and asks for each signal by itself, as research does. Nothing is written.

    For example:

        portfold strategy check mine/dips.py:Dips --params '{"hold": 3}'

    Parameters
    ----------
    strategy
        FILE.py:NAME, or one that ships: ibs, atr_dip, bollinger, opening_range.
    params
        Its parameters, as in runtime.json.
    bars
        A folder of <SYMBOL>.csv files, or synthetic.
    symbol
        What to trade.
    days
        How many days of the synthetic market.
    """
    from portfold.cli.exits import OK, Unusable

    configuration = _configured(strategy, params, symbol)
    if symbol not in configuration.contracts:
        known = ", ".join(configuration.contracts)
        raise Unusable(f"--symbol: expected one with a contract ({known}), got {symbol[:40]!r}.")
    for line in _found(configuration, bars, symbol, days):
        print(line, flush=True)
    return OK


def _configured(strategy: str, params: str, symbol: str) -> "Configuration":
    """Returns the packaged configuration with this one alone. Raises ConfigError, Unusable."""
    import json
    from decimal import Decimal

    from msgspec.structs import replace

    from portfold.cli.exits import Unusable
    from portfold.config import ConfigFile, StrategyEntry, load

    source, _, name = strategy.rpartition(":")
    if source.endswith(".py"):
        strategy = f"{Path(source).absolute()}:{name}"
    try:
        read = json.loads(params, parse_float=Decimal)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise Unusable(f"--params: expected an object of JSON, such as {{}}, got {params[:40]!r}.")
    packaged = load(None, {}, Path("/"))
    entry = StrategyEntry(strategy, read)
    runtime = replace(packaged.runtime, workers={symbol: entry})
    blamed = ConfigFile(Path(source).absolute() if source else packaged.files.runtime.path, packaged=False)
    return replace(packaged, runtime=runtime, files=replace(packaged.files, runtime=blamed))


def _found(configuration: "Configuration", bars: str, symbol: str, days: int) -> Iterator[str]:
    """Yields what is found, as it is found. Raises Failure where the same bars came to something else."""
    from decimal import Decimal

    from msgspec import to_builtins

    from portfold.cli.exits import Failure
    from portfold.dollars import shown
    from portfold.research.backtest.signals import signals_alone
    from portfold.research.backtest.trading import trade_alone
    from portfold.research.simulate.market import bars_beside
    from portfold.workers.strategies.opened import open_strategy

    opened = open_strategy(configuration, symbol)
    opened.strategy()
    told = ", ".join(f"{name} {value}" for name, value in to_builtins(opened.parameters).items())
    yield f"{opened.name} is a strategy; its parameters: {told or 'none'}."
    feed = _market(configuration, bars, symbol, opened.context, days)
    history = list(feed.bars(symbol))
    if history:
        opened = opened.over(bars_beside(feed, symbol, opened.context, until=history[-1].time))
    first = trade_alone(symbol, history, configuration, opened=opened)
    if first != trade_alone(symbol, history, configuration, opened=opened):
        raise Failure(
            f"{opened.name} traded the same bars otherwise the second time: it has to know them alone."
        )
    made = sum((trade.pnl for trade in first.trades), Decimal(0))
    bars_of = f"{len(history):,} bars of {symbol}"
    yield f"{bars_of}, traded twice and alike: {len(first.trades):,} trades, {shown(made)}."
    signals = len(signals_alone(symbol, history, configuration, opened=opened).outcomes)
    yield f"{signals:,} signals, each with its own outcome, as research asks for them."
    if not first.trades:
        yield "It made no trade on these bars: try others, or other parameters."


def _market(
    configuration: "Configuration", bars: str, symbol: str, context: Sequence[str], days: int
) -> "Feed":
    """Returns the bars that are asked for. Raises BarsError."""
    from portfold.research.simulate.market import zones_of
    from portfold.workers.feeds.csv_folder import CsvFolder
    from portfold.workers.feeds.synthetic import SyntheticMarket

    if bars == "synthetic":
        known = [market for market in context if market in configuration.contracts]
        return SyntheticMarket(configuration.contracts, days=days, seed=7, symbols=(symbol, *known))
    return CsvFolder(Path(bars), zones=zones_of(configuration, (symbol, *context)))
