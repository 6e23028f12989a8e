"""The account in the view: what was reported of it last, and where it differs from the log."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from portfold.coordinator.fold.account_state import Account
from portfold.coordinator.fold.effects.account import expected_equity
from portfold.coordinator.fold.state import State, account_pnl
from portfold.coordinator.views.amounts import refuse_no_amount
from portfold.dollars import CENT, EXACT, ZERO, shown
from portfold.events.account import EQUITY

_Milliseconds = Annotated[int, Meta(ge=0)]
BEHIND = "(from before the log's latest close)"
_FIELDS = ("account", "account_as_of_ms", "account_working", "account_differs", "account_silent")


class ShownDifference(Struct, frozen=True):
    """What log and account say of `subject`, a symbol or `equity`; `stands`: longer than the grace."""

    subject: str
    log: str
    reported: str
    since_ms: _Milliseconds
    stands: bool = False


class ShownAccount(Struct, frozen=True):
    """The account that is watched, as it was `as_of_ms`; 0 where it was not reported yet.

    `heard_ms` is when that was reported, or the watch began.

    `pnl` is what it made since the trading day began, in dollars; `expected` the equity that the log leads
    to. `positions` are signed contracts by symbol, `prices` at what average, `working` orders that may still
    fill. `denies`: why every entry is denied, empty where none is for it. `is_behind`: the equity is from
    before the log's latest close, and not compared until there is a newer one.
    """

    account: str
    source: str = ""
    as_of_ms: _Milliseconds = 0
    equity: Decimal = ZERO
    pnl: Decimal = ZERO
    positions: dict[str, int] = {}
    working: dict[str, int] = {}
    differences: tuple[ShownDifference, ...] = ()
    silent: bool = False
    denies: str = ""
    expected: Decimal = ZERO
    prices: dict[str, Decimal] = {}
    heard_ms: _Milliseconds = 0
    is_behind: bool = False

    def __post_init__(self) -> None:
        refuse_no_amount(self.equity, self.pnl, self.expected, *self.prices.values())

    @property
    def equity_text(self) -> str:
        """Returns the equity, and whether it is not of now."""
        return f"{shown(self.equity)}{f' {BEHIND}' if self.is_behind else ''}"

    @property
    def differing(self) -> tuple[ShownDifference, ...]:
        """Returns the differences that stand."""
        return tuple(one for one in self.differences if one.stands)


def shown_account(state: State, account: Account) -> ShownAccount:
    """Returns the account as the view has it."""
    return ShownAccount(
        account=account.account,
        source=account.source,
        as_of_ms=account.as_of_ms,
        equity=_cents(account.equity),
        pnl=_cents(account_pnl(state, account)),
        positions=dict(account.positions),
        working=dict(account.working),
        differences=tuple(
            ShownDifference(subject, one.log, one.reported, one.since_ms, one.stands)
            for subject, one in account.differences.items()
        ),
        silent=account.silent,
        denies=_denies(state, account),
        expected=_cents(expected_equity(state, account)) if account.as_of_ms else ZERO,
        prices=dict(account.prices),
        heard_ms=account.heard_ms,
        is_behind=account.is_behind,
    )


def _denies(state: State, account: Account) -> str:
    equity = account.differences.get(EQUITY)
    if equity is not None and equity.stands:
        return "account_differs"
    if state.limits is not None and state.limits.account_silence_denies:
        return "" if account.as_of_ms and not account.silent else "account_silent"
    return ""


def account_in_words(account: ShownAccount | None) -> dict[str, str]:
    """Returns the fields for people; empty where no account is watched, or none any more."""
    if account is None:
        return dict.fromkeys(_FIELDS, "")
    held = " ".join(f"{symbol}:{size:+d}" for symbol, size in sorted(account.positions.items())) or "flat"
    working = " ".join(f"{symbol}={count}" for symbol, count in sorted(account.working.items()))
    said = f"{account.account} by {account.source}: {account.equity_text}, day {shown(account.pnl)}, {held}"
    return {
        "account": said if account.as_of_ms else f"{account.account}, not reported yet",
        "account_as_of_ms": str(account.as_of_ms),
        "account_working": working,
        "account_differs": ", ".join(map(difference_in_words, account.differing)),
        "account_silent": "true" if account.silent else "false",
    }


def difference_in_words(one: ShownDifference) -> str:
    """Words a difference: `ES: log flat, account long 1`."""
    return f"{one.subject}: log {one.log}, account {one.reported}"


def _cents(amount: Decimal) -> Decimal:
    return EXACT.quantize(amount, CENT)
