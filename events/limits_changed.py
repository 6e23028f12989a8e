"""The order that puts rules in force: all of them, in full, so that a replay needs no file."""

from decimal import Decimal
from zoneinfo import ZoneInfo

from portfold.events.fields import (
    ClockTime,
    ContractLimit,
    Digest,
    Dollars,
    Flag,
    HoldOrFlatten,
    Milliseconds,
    NameOrNone,
    Percent,
    Person,
    PointValues,
    PositionLimit,
    StopBasis,
    SymbolList,
    Text,
    ZoneName,
)
from portfold.events.message import AnyEvent


class LimitsChanged(AnyEvent, frozen=True):
    """The rules in force from here on, in full, so that a replay needs no file.

    `config` is the digest of the configuration they come from, nothing when an operator ordered them.
    `account` is the one that is watched, nothing for none; the four that follow say how, with
    `account_silent_ms` 0 for a silence that nobody is told of.
    """

    by: Person
    reason: Text
    max_positions: PositionLimit
    max_contracts: ContractLimit
    daily_stop_loss: Dollars
    symbols: SymbolList
    stop_loss_on: StopBasis
    stop_approach_percent: Percent
    reservation_ms: Milliseconds
    flatten_ms: Milliseconds
    mark_stale_ms: Milliseconds
    on_worker_lost: HoldOrFlatten
    zone: ZoneName
    roll: ClockTime
    point_values: PointValues
    config: Digest = ""
    account: NameOrNone = ""
    account_grace_ms: Milliseconds = 0
    account_tolerance: Dollars = Decimal(0)
    account_silent_ms: Milliseconds = 0
    account_silence_denies: Flag = False

    def __post_init__(self) -> None:
        if not (self.daily_stop_loss.is_finite() and self.daily_stop_loss > 0):
            raise ValueError("daily_stop_loss: expected more than 0 dollars")
        if not (self.account_tolerance.is_finite() and self.account_tolerance >= 0):
            raise ValueError("account_tolerance: expected no less than 0 dollars")
        symbols = self.symbols.split(" ")
        if len(set(symbols)) != len(symbols):
            raise ValueError("symbols: expected each symbol once")
        priced = [pair.partition("=") for pair in self.point_values.split(" ") if pair]
        if len({symbol for symbol, _, _ in priced}) != len(priced):
            raise ValueError("point_values: expected each symbol once")
        if not all(value.strip("0.") for _, _, value in priced):
            raise ValueError("point_values: expected more than 0 dollars a point")
        for name in ("reservation_ms", "flatten_ms"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: expected more than 0 milliseconds")
        try:
            ZoneInfo(self.zone)
        except (ValueError, KeyError, OSError) as unknown:
            raise ValueError("zone: expected a time zone such as America/Chicago") from unknown
