"""What is simulated: the options that simulating commands share, and the cases they come to."""

import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from cli.exits import Unusable

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from config import Configuration
    from research.case import Case
    from research.findings import Setting
    from research.prices import Pricing
    from research.results_folder import Results
    from research.trading_days import Chosen, Span

Dollars = Annotated[float, Parameter(validator=Number(gte=0.01, lte=999_999_999))]
Positions = Annotated[int, Parameter(validator=Number(gte=1, lte=50))]


@Parameter(name="*", group="What is simulated")
@dataclass(frozen=True)
class Given:
    """The options of trades, account and limits."""

    results_dir: Path = Path("results")
    """The folder with <SYMBOL>_optimization/<SYMBOL>_rf_best_trades.csv."""

    symbols: Annotated[tuple[str, ...], Parameter(consume_multiple=True, show_default=False)] = ()
    """Which symbols, as ES CL or ES,CL; by default all in the folder."""

    initial_cash: Dollars = 150_000
    """Dollars in the account at the beginning."""

    daily_stop_loss: Dollars = 2500
    """Dollars of loss at which everything is closed for the day."""

    breach_limit: Dollars = 6000
    """Dollars of drawdown that the broker allows."""

    bars: Path | None = None
    """A folder of <SYMBOL>.csv, to price open losses and forced exits; else these make their final P&L."""

    zone: str | None = None
    """The clock of times without an offset; by default the exchange's, trading_day.zone of runtime.json."""

    seed: int = 1
    """Draws who is first among those who ask at the same moment, and the bootstrap."""

    config: str | None = None
    """The configuration's folder; by default PORTFOLD_CONFIG, ./config if there is one, the packaged one."""

    def load(self) -> "Loaded":
        """Reads configuration, trades and bars. Raises ConfigError, ResearchError, BarsError."""
        from config import load
        from research.prices import from_folder, without_bars
        from research.results_folder import read_results

        configuration = load(self.config, os.environ, Path.cwd())
        wanted = [symbol for given in self.symbols for symbol in given.replace(",", " ").split()]
        zone = _zone(self.zone or configuration.runtime.trading_day.zone)
        results = read_results(self.results_dir, zone=zone, symbols=wanted)
        names = [one.symbol for one in results.symbols]
        if self.bars is None:
            pricing = without_bars(configuration)
        else:
            pricing = from_folder(configuration, self.bars, names)
        return Loaded(self, configuration, results, pricing, zone.key)


@dataclass(frozen=True)
class Loaded:
    """All of it read, and ready to be cut into spans."""

    given: Given
    configuration: "Configuration"
    results: "Results"
    pricing: "Pricing"
    zone: str

    def chosen(self, span: "Span") -> "Chosen":
        """The trades of a span. Raises ResearchError where there are none."""
        from research.trading_days import trades_within

        day = self.configuration.runtime.trading_day
        return trades_within(self.results.trades, span, zone=day.zone, roll=day.roll)

    def case(self, chosen: "Chosen") -> "Case":
        """The case of these trades. Raises RefusedField for limits that are none."""
        from research.case import Account, build_case

        return build_case(
            self.configuration,
            chosen,
            pricing=self.pricing,
            account=Account(_exact(self.given.initial_cash), _exact(self.given.breach_limit)),
            daily_stop_loss=_exact(self.given.daily_stop_loss),
            seed=self.given.seed,
        )

    @property
    def setting(self) -> "Setting":
        """The same for the record."""
        from research.findings import Setting

        given = self.given
        return Setting(
            results=str(given.results_dir),
            zone=self.zone,
            bars=str(given.bars) if given.bars else None,
            seed=given.seed,
            initial_cash=str(_exact(given.initial_cash)),
            daily_stop_loss=str(_exact(given.daily_stop_loss)),
            breach_limit=str(_exact(given.breach_limit)),
        )


def levels(min_positions: int, max_positions: int) -> range:
    """The numbers of positions asked for. Raises Unusable."""
    if max_positions < min_positions:
        raise Unusable(
            f"--max-positions: expected at least --min-positions, which is {min_positions}, "
            f"got {max_positions}."
        )
    return range(min_positions, max_positions + 1)


def _exact(dollars: float) -> Decimal:
    """To the cent, from the digits as they were written."""
    return Decimal(str(dollars)).quantize(Decimal("0.01"))


def _zone(name: str) -> "ZoneInfo":
    from zoneinfo import ZoneInfo

    from config.errors import UnfitError
    from config.rules import Zone

    try:
        return ZoneInfo(Zone().read(name))
    except UnfitError as error:
        raise Unusable(f"--zone: {error}, got {name[:64]!r}.") from error
