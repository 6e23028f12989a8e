"""What is simulated: the options that simulating commands share, and the scenarios they come to."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from cyclopts import Parameter
from cyclopts.validators import Number

from portfold.cli.exits import Unusable
from portfold.cli.symbols import Symbols, symbols_in

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from portfold.config import Configuration
    from portfold.research.search.findings import Setting
    from portfold.research.simulate.market import ResearchMarket
    from portfold.research.simulate.prices import Pricing
    from portfold.research.simulate.scenario import Scenario
    from portfold.research.trades.filter_samples import FilterSample
    from portfold.research.trades.in_sample import InSampleTrades
    from portfold.research.trades.results_folder import Results
    from portfold.research.trades.short_histories import ShortHistory
    from portfold.research.trades.trading_days import Chosen, DaySpan

Dollars = Annotated[float, Parameter(validator=Number(gte=0.01, lte=999_999_999))]
Days = Annotated[int, Parameter(validator=Number(gte=1, lte=5_000))]
Drawings = Annotated[int, Parameter(validator=Number(gte=1, lte=100))]
Positions = Annotated[int, Parameter(validator=Number(gte=1, lte=50))]


_LEAST, _MOST = Decimal("0.01"), Decimal(999_999_999)
_DAYS = 250
_MARKET_SEED = 1


@Parameter(name="*", group="What is simulated")
@dataclass(frozen=True)
class Given:
    """The options of trades, account and limits."""

    results_dir: Path = Path("results")
    """The folder with <SYMBOL>_optimization/<SYMBOL>_rf_best_trades.csv, and signals beside where known."""

    symbols: Symbols = ()
    """Which symbols, as ES,CL; by default all in the folder."""

    initial_cash: Dollars = 150_000
    """Dollars in the account at the beginning."""

    daily_stop_loss: Dollars = 2500
    """Dollars of loss at which everything is closed for the day."""

    breach_limit: Dollars = 6000
    """Dollars of drawdown that the broker allows."""

    bars: str | None = None
    """`synthetic` (the bundled market) or a folder of <SYMBOL>.csv, to price open losses and forced exits;
    else these make their final P&L."""

    days: Days | None = None
    """How many trading days of the synthetic market, by default 250."""

    market_seed: int | None = None
    """Which synthetic market, by default 1."""

    zone: str | None = None
    """The clock of times without an offset; by default the exchange's, trading_day.zone of runtime.json."""

    seed: int = 1
    """Draws who is first among those who ask at the same moment, and the bootstrap."""

    drawings: Drawings = 3
    """How often lots are drawn for those who ask at the same moment; figures are means over them."""

    calendar: str | None = None
    """Whose sessions are published, by a calendar of the library; by default those of CME Globex Equity
    where a window is told by the open or the close, else none."""

    correct: str = ""
    """What the exchange has published otherwise, as "2025-01-09=08:30 2025-04-18=closed"."""

    config: str | None = None
    """The configuration's folder; by default PORTFOLD_CONFIG, ./config if there is one, the packaged one."""

    def load(self) -> "Loaded":
        """Reads configuration, trades and bars. Raises ConfigError, ResearchError, BarsError."""
        from portfold.config import load
        from portfold.research.simulate.prices import from_market, without_bars
        from portfold.research.trades.results_folder import read_results

        configuration = load(self.config, os.environ, Path.cwd())
        wanted = symbols_in(self.symbols)
        zone = _zone(self.zone or configuration.runtime.trading_day.zone)
        results = read_results(self.results_dir, zone=zone, symbols=wanted)
        names = [one.symbol for one in results.symbols]
        market = market_of(self.bars, self.days, self.market_seed)
        pricing = from_market(configuration, market, names) if market else without_bars(configuration)
        return Loaded(self, configuration, results, market, pricing, zone.key)


class KnownSpan(NamedTuple):
    """The trades of a span: what of them a model has `seen` before, of which symbols they are out of sample
    as far as `filters` go, and which have a `short` history in it.
    """

    chosen: "Chosen"
    seen: "tuple[InSampleTrades, ...]"
    filters: "tuple[FilterSample, ...]"
    short: "tuple[ShortHistory, ...]"


@dataclass(frozen=True)
class Loaded:
    """All of it read, and ready to be cut into spans."""

    given: Given
    configuration: "Configuration"
    results: "Results"
    market: "ResearchMarket | None"
    pricing: "Pricing"
    zone: str

    def chosen(self, span: "DaySpan") -> "Chosen":
        """Returns the trades of a span. Raises ResearchError where there are none."""
        from portfold.research.trades.trading_days import trades_within

        day = self.configuration.runtime.trading_day
        return trades_within(self.results.simulated, span, zone=day.zone, roll=day.roll)

    def known_of(self, chosen: "Chosen") -> "KnownSpan":
        """Returns what is known of the trades of a span before they are simulated."""
        from portfold.research.trades.filter_samples import filter_samples
        from portfold.research.trades.in_sample import in_sample_trades
        from portfold.research.trades.short_histories import short_histories

        day, files = self.configuration.runtime.trading_day, self.results.symbols
        seen = in_sample_trades(chosen, files, zone=day.zone, roll=day.roll)
        short = short_histories(chosen, zone=day.zone, roll=day.roll)
        return KnownSpan(chosen, seen, filter_samples(chosen, files, seen), short)

    def scenario(self, chosen: "Chosen") -> "Scenario":
        """Returns the scenario of these trades. Raises RefusedField for limits that are not valid,
        Unusable where sessions are needed and not known.
        """
        from portfold.cli.operate.calendar.past_sessions import known_sessions
        from portfold.research.simulate.scenario import TradingAccount, build_scenario

        scenario = build_scenario(
            self.configuration,
            chosen,
            pricing=self.pricing,
            account=TradingAccount(_exact(self.given.initial_cash), _exact(self.given.breach_limit)),
            daily_stop_loss=_exact(self.given.daily_stop_loss),
            seed=self.given.seed,
            drawings=self.given.drawings,
        )
        moments = scenario.timeline.opening.ms, scenario.timeline.happenings[-1].at.ms
        known = known_sessions(scenario.limits, moments, self.given.calendar, self.given.correct)
        return scenario if known is None else scenario.with_sessions(known)

    @property
    def tried(self) -> dict[str, int]:
        """Returns how many sets of parameters are on record, of symbols that were tuned."""
        from portfold.research.trades.parameters_tried import parameters_tried

        return parameters_tried(self.results.symbols)

    def variants(self, tries: int) -> dict[str, int]:
        """Returns how many each symbol's file was the best of: what is on record, or the user's `tries`."""
        on_record = self.tried
        names = (one.symbol for one in self.results.symbols)
        return {symbol: max(tries, on_record.get(symbol, 1)) for symbol in names}

    @property
    def setting(self) -> "Setting":
        """Returns the scenario as the record of the search has it."""
        from portfold.research.search.findings import Setting

        given = self.given
        return Setting(
            results=str(given.results_dir),
            zone=self.zone,
            market=self.market,
            seed=given.seed,
            initial_cash=str(_exact(given.initial_cash)),
            daily_stop_loss=str(_exact(given.daily_stop_loss)),
            breach_limit=str(_exact(given.breach_limit)),
            symbols=tuple(one.symbol for one in self.results.symbols),
            drawings=given.drawings,
            calendar=given.calendar or "",
            correct=given.correct,
        )


def levels(min_positions: int, max_positions: int) -> range:
    """Returns the numbers of positions asked for. Raises Unusable."""
    if max_positions < min_positions:
        raise Unusable(
            f"--max-positions: expected at least --min-positions, which is {min_positions}, "
            f"got {max_positions}."
        )
    return range(min_positions, max_positions + 1)


def stops_in(words: Iterable[str]) -> "tuple[Decimal, ...]":
    """Reads `1500,2500` as daily stops, each once, in their order. Raises Unusable."""
    found: dict[Decimal, None] = {}
    for word in symbols_in(words):
        try:
            stop = _exact(float(word.removeprefix("$")))
        except (ValueError, ArithmeticError):
            stop = Decimal(0)
        if not _LEAST <= stop <= _MOST:
            raise Unusable(f"--daily-stops: expected dollars as 1500,2500, got {word[:40]!r}.")
        found[stop] = None
    return tuple(found)


def market_of(bars: str | None, days: int | None, seed: int | None) -> "ResearchMarket | None":
    """Returns where the bars are from, as the options say. Raises Unusable."""
    from portfold.research.simulate.market import SYNTHETIC, ResearchMarket

    if bars == SYNTHETIC:
        return ResearchMarket(bars, _DAYS if days is None else days, _MARKET_SEED if seed is None else seed)
    for name, value in (("--days", days), ("--market-seed", seed)):
        if value is not None:
            raise Unusable(f"{name}: expected --bars {SYNTHETIC} with it, got {bars or 'no bars'}.")
    return ResearchMarket(bars) if bars is not None else None


def _exact(dollars: float) -> Decimal:
    """Rounds to the cent, from the digits as they were written."""
    return Decimal(str(dollars)).quantize(Decimal("0.01"))


def _zone(name: str) -> "ZoneInfo":
    from zoneinfo import ZoneInfo

    from portfold.config.errors import UnfitError
    from portfold.config.rules import Zone

    try:
        return ZoneInfo(Zone().read(name))
    except UnfitError as error:
        raise Unusable(f"--zone: {error}, got {name[:64]!r}.") from error
