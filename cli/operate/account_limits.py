"""The options of `portfold limits` for the account that is watched, in the units of runtime.json.

No account is watched any more only by `--no-account`: nothing but a person's order ends a watch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from portfold.cli.exits import Unusable

if TYPE_CHECKING:
    from portfold.coordinator.fold.limits import Limits

_A_DAY = 86_400
_NOTHING_WATCHED = {
    "account": "",
    "account_grace_ms": "0",
    "account_tolerance": "0",
    "account_silent_ms": "0",
    "account_silence_denies": "false",
}


@Parameter(name="*", group="The account")
@dataclass(frozen=True)
class AccountLimits:
    """The options of the account that is compared with the log."""

    account: str | None = None
    """Which account is watched: its name at the broker."""

    no_account: Annotated[bool, Parameter(negative="", show_default=False)] = False
    """None is watched any more."""

    account_grace_seconds: Annotated[float | None, Parameter(validator=Number(gte=0, lte=3_600))] = None
    """Seconds that account and log may differ."""

    account_tolerance: str | None = None
    """Dollars by which the equity may differ."""

    account_silent_seconds: Annotated[float | None, Parameter(validator=Number(gte=0, lte=_A_DAY))] = None
    """Seconds without a report after which that is told; 0 for never."""

    account_on_silence: Literal["tell", "deny"] | None = None
    """Whether a silence denies entries (deny) or not (tell)."""


def account_given(options: AccountLimits) -> dict[str, str]:
    """Returns the limits among the options that were given, in the words of an order. Raises Unusable."""
    milliseconds = {
        "account_grace_ms": options.account_grace_seconds,
        "account_silent_ms": options.account_silent_seconds,
    }
    given = {name: str(round(value * 1000)) for name, value in milliseconds.items() if value is not None}
    if options.account_tolerance is not None:
        given["account_tolerance"] = options.account_tolerance
    if options.account_on_silence is not None:
        given["account_silence_denies"] = "true" if options.account_on_silence == "deny" else "false"
    if options.account is not None:
        given["account"] = options.account
    if not options.no_account:
        return given
    if given:
        raise Unusable("--no-account: expected no other option of the account with it.")
    return dict(_NOTHING_WATCHED)


def with_defaults(changes: Mapping[str, str], in_force: "Limits | None") -> dict[str, str]:
    """Returns the changes, and for an account where none is watched yet what the order does not say of it.

    Raises Unusable for how an account is watched where none is, nor is to be.
    """
    from portfold.config import ConfiguredAccount, milliseconds

    watched = in_force is not None and in_force.account
    about = [name for name in changes if name in _NOTHING_WATCHED]
    if watched or not about or changes.get("account") == "":
        return dict(changes)
    if "account" not in changes:
        raise Unusable("--account: expected the account that is to be watched; none is watched yet.")
    usual = ConfiguredAccount(changes["account"], "file")
    return {
        "account_grace_ms": str(milliseconds(usual.grace_seconds)),
        "account_tolerance": f"{usual.tolerance:f}",
        "account_silent_ms": str(milliseconds(usual.silent_seconds)),
        **changes,
    }
