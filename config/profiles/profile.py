"""A profile: the rule by which a firm ends an account, in the firm's own terms, and our limits for it.

Whose numbers they are, where they were read and when is part of it: firms change theirs without telling us.
Our trailing floor follows from the firm's rule, so that no number is copied by hand, and lies `margin`
dollars above it. Guarantees: strictly read, so a misspelt key is a sentence and not a rule that is silently
not there.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Struct

from portfold.bounds import CLOCK_TIME, MOST_POSITIONS, MOST_SYMBOLS
from portfold.config.errors import ConfigError, UnfitError
from portfold.config.portfolio import ConfiguredRules
from portfold.config.reading import read_strict
from portfold.config.rules import Distinct, Exact, Options, Symbol, Text, Whole, Zone
from portfold.config.strict_json import read_json
from portfold.dollars import CENT, ZERO

Kind = Literal["trailing_end_of_day", "trailing_real_time"]

_MOST = Decimal("999999999.99")
_DOLLARS = Exact(ZERO, _MOST, 2, "dollars")
_SOME_DOLLARS = Exact(CENT, _MOST, 2, "dollars")
_CONSTRAINTS = "portfolio_constraints"
_OF_THE_FIRM = ("start_balance", "start_peak")


class FirmsRule(Struct, frozen=True, kw_only=True):
    """When the firm ends the account: at or below a floor `amount` dollars under the peak of the equity.

    The peak begins at `start_balance`, or at `start_peak` where the account has been higher. It counts with
    every price, or once a day `at` that time on the clocks of `zone`. The floor rises no further than
    `locks_at`; 0 where it never locks. `peak_on` and `tested_on` say whether open positions are in the equity
    that raises the peak, and in the one that is held against the floor.
    """

    start_balance: Annotated[Decimal, _SOME_DOLLARS]
    start_peak: Annotated[Decimal, _DOLLARS] = ZERO
    amount: Annotated[Decimal, _SOME_DOLLARS]
    at: Annotated[str, Text(rf"(?:{CLOCK_TIME})?", "the firm's time of day, such as 15:10")] = ""
    zone: Annotated[str, Zone()] = ""
    locks_at: Annotated[Decimal, _DOLLARS] = ZERO
    peak_on: Literal["total", "realized"] = "total"
    tested_on: Literal["total", "realized"] = "total"

    def __post_init__(self) -> None:
        if self.tested_on == "realized" and self.peak_on == "total":
            raise UnfitError('"realized" with tested_on "realized"', '"total"', field="peak_on")


class _OwnLimits(ConfiguredRules, frozen=True, kw_only=True):
    max_positions: Annotated[int, Whole(1, MOST_POSITIONS, "positions")]
    daily_stop_loss: Annotated[Decimal, _SOME_DOLLARS]
    symbols: Annotated[tuple[Symbol, ...], Distinct(1, MOST_SYMBOLS, "symbols")] | None = None


class _File(Struct, frozen=True):
    name: Annotated[str, Text(r"[ -~]{1,80}", "a name of 1 to 80 plain characters")]
    kind: Kind
    source: Annotated[str, Text(r"[ -~]{1,300}", "where the numbers are from, in 1 to 300 plain characters")]
    as_of: Annotated[str, Text(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "the day they were read, such as 2026-01-31")]
    firm: FirmsRule
    portfolio_constraints: Annotated[Mapping[str, Any], Options()]
    margin: Annotated[Decimal, _DOLLARS] = ZERO

    def __post_init__(self) -> None:
        try:
            date.fromisoformat(self.as_of)
        except ValueError as error:
            raise UnfitError("a day of the calendar", f'"{self.as_of}"', field="as_of") from error
        if self.margin >= self.firm.amount:
            expected = f"less than firm.amount, which is {self.firm.amount:f}"
            raise UnfitError(expected, f"{self.margin:f}", field="margin")
        if self.margin and "trailing_drawdown" in self.portfolio_constraints:
            raise UnfitError("none where trailing_drawdown is given", f"{self.margin:f}", field="margin")


class Profile(Struct, frozen=True):
    """A profile as read; `rules` are those that follow from the firm's and those that it names itself.

    `symbols`: None where it does not say.
    """

    name: str
    kind: Kind
    source: str
    as_of: str
    firm: FirmsRule
    margin: Decimal
    max_positions: int
    daily_stop_loss: Decimal
    symbols: tuple[str, ...] | None
    rules: ConfiguredRules

    @property
    def origin(self) -> dict[str, object]:
        """Returns what the written configuration says of where its numbers come from."""
        return {
            "name": self.name,
            "kind": self.kind,
            "source": self.source,
            "as_of": self.as_of,
            "margin": self.margin,
        }


def read_profile(path: Path) -> Profile:
    """Reads a profile. Raises ConfigError, also for a key that it does not know."""
    read = read_strict(_File, read_json(path), path)
    _check_kind(read, path)
    for name in _OF_THE_FIRM:
        if name in read.portfolio_constraints:
            raise ConfigError(path, f"{_CONSTRAINTS}.{name}", f"firm.{name} alone", "it twice")
    own = read_strict(_OwnLimits, _following(read) | dict(read.portfolio_constraints), path, _CONSTRAINTS)
    rules = {name: getattr(own, name) for name in ConfiguredRules.__struct_fields__}
    return Profile(
        name=read.name,
        kind=read.kind,
        source=read.source,
        as_of=read.as_of,
        firm=read.firm,
        margin=read.margin,
        max_positions=own.max_positions,
        daily_stop_loss=own.daily_stop_loss,
        symbols=own.symbols,
        rules=ConfiguredRules(**rules),
    )


def _check_kind(read: _File, path: Path) -> None:
    daily = read.kind == "trailing_end_of_day"
    for name, there in (("at", read.firm.at), ("zone", read.firm.zone)):
        if daily and not there:
            raise ConfigError(path, f"firm.{name}", f"the firm's own, with kind {read.kind}", "nothing")
    if read.firm.at and not daily:
        raise ConfigError(path, "firm.at", f"no time of day with kind {read.kind}", read.firm.at)


def _following(read: _File) -> dict[str, object]:
    """Returns the keys of our limits that follow from the firm's rule; what is nothing is left out."""
    firm = read.firm
    keys: dict[str, object] = {
        "start_balance": firm.start_balance,
        "start_peak": firm.start_peak,
        "trailing_drawdown": firm.amount - read.margin,
        "trailing_on_realized": firm.tested_on == "realized",
        "trailing_at": firm.at,
        "trailing_zone": firm.zone if firm.at else "",
        "trailing_locks_at": firm.locks_at + read.margin if firm.locks_at else ZERO,
    }
    return {key: value for key, value in keys.items() if value}
