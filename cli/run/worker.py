"""`portfold worker`: one symbol traded by one strategy."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.cli.run.joining import Beside, join_there, wait_for_server
from portfold.cli.run.trading import BarsGiven, Money
from portfold.cli.target import Target
from portfold.cli.typed import typing_here
from portfold.events.roles.server_roles import worker_role

if TYPE_CHECKING:
    from portfold.config import Configuration

_TARGET = Target()
_BESIDE = Beside()
_BARS = BarsGiven()
_MONEY = Money()


def register(app: App) -> None:
    """Adds the command."""
    app.command(worker)


def worker(
    key: Annotated[str, Parameter(name="SYMBOL")],
    /,
    *,
    book: Path | None = None,
    given: BarsGiven = _BARS,
    money: Money = _MONEY,
    beside: Beside = _BESIDE,
    progress: Path | None = None,
    target: Target = _TARGET,
) -> int:
    """Trade one symbol, by the strategy that runtime.json names, within the limits.

    Orders go to the broker that runtime.json names, on paper by default.
    Ends when its bars do, or by SIGTERM or Ctrl-C; what is open stays open
    in the book.

    For example:

        portfold worker ES --bars synthetic --pace 1

    Parameters
    ----------
    key
        What to trade, such as ES; or ES:early, which is a further worker of it.
    book
        The broker's file, shared by the portfolio's workers; by default in ~/.local/state/portfold.
    progress
        A file in which it notes its last bar, to go on from there when it is started again.
    """
    from portfold.cli.exits import Unusable
    from portfold.cli.folders import default_book
    from portfold.cli.stopping import stopped_by_signals
    from portfold.log import open_log
    from portfold.workers.account.named import trading_the_named
    from portfold.workers.claims.claim import Claim
    from portfold.workers.client.settings import GateSettings
    from portfold.workers.feeds.registry import OURS
    from portfold.workers.run.money import with_or_without
    from portfold.workers.run.process import WorkerPlan, run

    resolved = target.resolve(None)
    symbol = _symbol(key, resolved.configuration)
    feed = given.feed(resolved.configuration)
    configuration = with_or_without(resolved.configuration, feed, paper=money.paper, live=money.live)
    configuration = trading_the_named(configuration, money.account, live=money.live)
    kind, name = configuration.runtime.broker.kind, configuration.runtime.worker_name(key)
    resolved = resolved.under(worker_role(name))
    settings = GateSettings.of(configuration, url=resolved.url, portfolio=resolved.portfolio)
    log, lines = open_log(name, for_here=typing_here(), zone=resolved.zone)
    try:
        with stopped_by_signals() as stop:
            if feed.kind in OURS:  # bars of now come once, server or not: exits are managed without it
                wait_for_server(resolved, log, stop.event)
            if stop.event.is_set():
                return stop.exit_code
            plan = WorkerPlan(key, feed, book or default_book(resolved, kind), progress)
            kinds = {"broker": kind, "feed": feed.kind}
            log.info("Worker starting", portfolio=resolved.shown, **kinds, book=str(plan.book))
            if symbol not in configuration.portfolio.symbols:
                log.warning(f"{symbol} is not in the portfolio, so no entry will be allowed")
            join_there(resolved, [symbol], [name], log, join=beside.join)
            with Claim(resolved.bus(), name, settings, stop=stop.event, log=log) as claim:
                claim.take(take_over=beside.take_over)
                run(configuration, settings, plan, log=log, stop=stop.event)
        if claim.lost_to:
            raise Unusable(f"{name} was taken over by {claim.lost_to}.")
    finally:
        lines.close()
    return stop.exit_code


def _symbol(key: str, configuration: "Configuration") -> str:
    """Returns the symbol of a worker. Raises Unusable for one that has no contract, or is not configured."""
    from difflib import get_close_matches

    from portfold.cli.exits import Unusable
    from portfold.config import symbol_of

    symbol, contracts, workers = symbol_of(key), configuration.contracts, configuration.runtime.workers
    if symbol not in contracts:
        near = get_close_matches(symbol[:80].upper(), contracts, n=1)
        known = f"the nearest is {near[0]}" if near else ", ".join(contracts)
        raise Unusable(f"SYMBOL: expected one with a contract ({known}), got {symbol[:80]!r}.")
    if key != symbol and key not in workers:
        named = [each for each in workers if each.startswith(f"{symbol}:")]
        known = ", ".join(named) or "there is none"
        raise Unusable(f"SYMBOL: expected a worker of {symbol} in runtime.json ({known}), got {key[:80]!r}.")
    return symbol
