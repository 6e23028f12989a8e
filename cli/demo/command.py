"""`portfold demo`: a whole portfolio in simulated time."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from portfold.cli.symbols import Symbols, symbols_in


@Parameter(name="*", group="What is traded")
@dataclass(frozen=True)
class MarketGiven:
    """The options of the market."""

    bars: Path | None = None
    """A folder of CSV files, daily or hourly, in place of the synthetic market."""

    first: Annotated[date | None, Parameter(name="--from")] = None
    """The first date, as 2020-01-02; by default the first there is."""

    days: Annotated[int, Parameter(validator=Number(gte=1, lte=5_000))] = 10
    """How many trading days."""

    seed: int = 7
    """Which synthetic market."""

    symbols: Symbols = ()
    """What to trade, as ES,CL; by default the portfolio's symbols, or all of the folder."""


_MARKET = MarketGiven()


def register(app: App) -> None:
    """Adds the command."""
    app.command(demo)


def demo(
    *,
    given: MarketGiven = _MARKET,
    pace: Annotated[float | None, Parameter(validator=Number(gte=0, lte=60))] = None,
    keep: Annotated[bool, Parameter(show_default=False)] = False,
    config: str | None = None,
    discord_url: Annotated[str | None, Parameter(env_var="PORTFOLD_DISCORD_URL")] = None,
    dashboard: Annotated[bool | None, Parameter(show_default=False)] = None,
) -> int:
    """Watch a whole portfolio trade in simulated time, and be stopped on a bad day.

    Starts a server, the coordinator and one process for each symbol, hands
    them bars, shows what happens, and at the end verifies the whole log.
    All files go into a new folder in ./portfold-demo.

    The synthetic market has one bad day; what it does to the portfolio comes
    out of the trading. With --bars all symbols are traded that the folder
    has a file for, <SYMBOL>.csv, and that have a contract. Hourly bars are
    read in UTC, unless bar_zones in the runtime.json given by --config says
    otherwise, such as {"default": "UTC", "ES": "America/New_York"}.

    For example:

        portfold demo --days 5 --seed 3 --pace 0.1

    Parameters
    ----------
    pace
        Seconds to rest after each step; by default a moment on a terminal, none elsewhere.
    keep
        Leave the server up afterwards, to look at the log.
    config
        A configuration's folder to start from; by default the packaged one.
    discord_url
        A Discord webhook to send the days' alerts to. Other users can see an
        option in the list of processes, but not the variable.
    dashboard
        Serve the page of the portfolio while it trades, and show its address; by
        default on a terminal, where the extra `web` is installed.
    """
    import os

    from rich.console import Console

    from portfold.cli.demo.market import recorded_market, synthetic_market
    from portfold.cli.demo.page_offer import how_to_get_it, is_served
    from portfold.cli.demo.performance import DemoPlan, perform
    from portfold.config import load
    from portfold.config.locate import PACKAGED

    console = Console()
    base = load(config or str(PACKAGED), {}, Path.cwd())
    chosen = tuple(dict.fromkeys(symbols_in(given.symbols)))
    if given.bars is None:
        market = synthetic_market(base, symbols=chosen, first=given.first, days=given.days, seed=given.seed)
    else:
        market = recorded_market(base, given.bars, symbols=chosen, first=given.first, days=given.days)
    plan = DemoPlan(
        base=base,
        market=market,
        pace=pace,
        keep=keep,
        discord_url=_checked(discord_url),
        dashboard=is_served(asked=dashboard, watched=console.is_terminal),
        without_page=how_to_get_it(os.environ, asked=dashboard, watched=console.is_terminal),
    )
    return perform(plan, console)


def _checked(discord_url: str | None) -> str | None:
    """Returns the address. Raises Unusable, without the address: it is a secret."""
    from portfold.cli.exits import Unusable
    from portfold.config.load import is_webhook_url

    if discord_url and not is_webhook_url(discord_url):
        raise Unusable("--discord-url: expected an address such as https://discord.com/api/webhooks/…")
    return discord_url or None
