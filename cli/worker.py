"""`portfold worker`: one symbol traded on paper by internal bar strength."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from cli.target import Target

if TYPE_CHECKING:
    from config import Contract

_TARGET = Target()


def register(app: App) -> None:
    """Adds the command."""
    app.command(worker)


def worker(
    symbol: str,
    /,
    *,
    bars: str = "synthetic",
    pace: Annotated[float, Parameter(validator=Number(gte=0, lte=86_400))] = 1.0,
    book: Path | None = None,
    seed: int = 1,
    days: Annotated[int, Parameter(validator=Number(gte=1, lte=5_000))] = 10,
    target: Target = _TARGET,
) -> int:
    """Trade one symbol on paper, by internal bar strength, within the limits.

    Ends when its bars do, or by SIGTERM or Ctrl-C; what is open stays open
    in the book.

    For example:

        portfold worker ES --bars synthetic --pace 1

    Parameters
    ----------
    symbol
        What to trade, such as ES.
    bars
        `synthetic` (a made-up market), a folder of <SYMBOL>.csv files, or `driven` (a demo hands them out).
    pace
        Seconds from one bar to the next, where they are not driven.
    book
        The paper broker's file, shared by the portfolio's workers; by default in ~/.local/state/portfold.
    seed
        Which synthetic market.
    days
        How many trading days of it.
    """
    from cli.folders import default_book
    from cli.stopping import stopped_by_signals
    from coordinator.log import open_log
    from workers.process import WorkerPlan, run
    from workers.settings import GateSettings

    place = target.resolve()
    _check_symbol(symbol, place.configuration.contracts)
    settings = GateSettings.of(place.configuration, url=place.url, portfolio=place.portfolio)
    plan = WorkerPlan(
        symbol=symbol,
        bars=bars,
        book=book or default_book(place.portfolio),
        pace_seconds=pace,
        seed=seed,
        days=days,
    )
    log, lines = open_log(plan.worker)
    try:
        log.info("Worker starting", portfolio=place.shown, bars=bars, book=str(plan.book))
        if symbol not in place.configuration.portfolio.symbols:
            log.warning(f"{symbol} is not in the portfolio, so no entry will be allowed")
        with stopped_by_signals() as stop:
            run(place.configuration, settings, plan, log=log, stop=stop.event)
    finally:
        lines.close()
    return stop.exit_code


def _check_symbol(symbol: str, contracts: "Mapping[str, Contract]") -> None:
    from cli.exits import Unusable

    if symbol not in contracts:
        raise Unusable(f"SYMBOL: expected one with a contract ({', '.join(contracts)}), got {symbol[:80]!r}.")
