"""`portfold research prove`: whether the profile's limits stop before the firm's rule is broken."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from portfold.cli.exits import FAILED, OK
from portfold.cli.research.given import Days
from portfold.cli.symbols import Symbols

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portfold.config import Configuration
    from portfold.config.profiles import Profile
    from portfold.research.prove.trades import Trading
    from portfold.research.trades.trade_file import Trade

Histories = Annotated[int, Parameter(validator=Number(gte=0, lte=1_000_000))]


@Parameter(name="*", group="Trades")
@dataclass(frozen=True)
class GivenTrades:
    """The trades that are played beside random histories."""

    results_dir: Path | None = None
    """The folder of a backtest's results; by default no trades are played."""

    symbols: Symbols = ()
    """Which symbols of it, as ES,CL; by default all."""

    bars: str | None = None
    """`synthetic` or a folder of <SYMBOL>.csv, to see open profit and loss; else only closed ones count."""

    days: Days | None = None
    """How many trading days of the synthetic market, by default 250."""

    market_seed: int | None = None
    """Which synthetic market, by default 1."""


_NO_TRADES = GivenTrades()


def register(app: App) -> None:
    """Adds the command."""
    app.command(prove)


def prove(
    *,
    profile: Path,
    histories: Histories = 2_000,
    seed: int = 1,
    trades: GivenTrades = _NO_TRADES,
    calendar: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
    config: str | None = None,
) -> int:
    """Look for a history in which a firm's rule is broken before ours stopped.

    Trades and random histories are played by the live rules under the limits
    of a profile. Beside them an independent judge holds the account against the
    firm's own rule. What is found is shown as short as it gets: it may be the
    limits' fault, which is exit code 1, or what no limit prevents.

    For example:

        portfold research prove --profile example-end-of-day

    Parameters
    ----------
    profile
        The file of a firm's rules, or the name of an example, as for
        `portfold config init`.
    histories
        How many random histories.
    seed
        Which ones.
    calendar
        The exchange's sessions, where a window of the profile is told by the open or
        the close; by default those of CME Globex Equity.
    as_json
        Print JSON.
    config
        The folder of the contracts and their costs; by default PORTFOLD_CONFIG,
        ./config if there is one, the packaged one.
    """
    from portfold.cli.research.extra import needs_extra

    needs_extra()
    from portfold.cli.operate.calendar.past_sessions import known_sessions
    from portfold.cli.progress import progress
    from portfold.config import load
    from portfold.config.profiles import find_profile
    from portfold.research.prove.proof import Proof, lines_of, tree_of
    from portfold.research.prove.searching import search
    from portfold.research.prove.setting import scene_of, span_of, with_sessions
    from portfold.research.prove.trades import search_trades

    _, read = find_profile(profile)
    configuration = load(config, os.environ, Path.cwd())
    scene = scene_of(configuration, read)
    known = known_sessions(scene.limits, span_of(scene), calendar, "")
    scene = scene if known is None else with_sessions(scene, known)
    played = _trading(trades, configuration, read, seed, calendar)
    with progress("Trying", max(histories, 1), "histories") as on_progress:
        tried = search(scene, seed=seed, histories=histories, on_progress=on_progress)
    proof = Proof(read, scene, seed, tried)
    if played is not None:
        rows, on = played
        proof = Proof(read, scene, seed, tried, len(rows), search_trades(rows, on))
    if as_json:
        import msgspec

        from portfold.coordinator.store.entry_json import shown_json

        print(msgspec.json.format(shown_json(tree_of(proof)), indent=2))
    else:
        print("\n".join(lines_of(proof)))
    return OK if proof.holds else FAILED


def _trading(
    given: GivenTrades, configuration: "Configuration", profile: "Profile", seed: int, calendar: str | None
) -> "tuple[Sequence[Trade], Trading] | None":
    """Reads trades and bars. Raises ResearchError, BarsError, Unusable."""
    from zoneinfo import ZoneInfo

    from portfold.cli.operate.calendar.past_sessions import known_sessions
    from portfold.cli.research.given import market_of
    from portfold.cli.symbols import symbols_in
    from portfold.coordinator.configured import unwatched_limits
    from portfold.research.prove.setting import under_profile
    from portfold.research.prove.trades import Trading
    from portfold.research.simulate.prices import from_market, without_bars
    from portfold.research.trades.results_folder import read_results

    market = market_of(given.bars, given.days, given.market_seed)
    if given.results_dir is None:
        return None
    zone = ZoneInfo(configuration.runtime.trading_day.zone)
    results = read_results(given.results_dir, zone=zone, symbols=symbols_in(given.symbols))
    names = [one.symbol for one in results.symbols]
    pricing = from_market(configuration, market, names) if market else without_bars(configuration)
    limits = unwatched_limits(under_profile(configuration, profile, names))
    moments = min(one.entry_ms for one in results.trades), max(one.exit_ms for one in results.trades)
    known = known_sessions(limits, moments, calendar, "")
    return results.trades, Trading(pricing, limits, profile.firm, seed, known)
