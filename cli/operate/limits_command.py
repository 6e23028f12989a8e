"""`portfold limits`: every limit and how far it is to go; and, with an option, another limit from now on."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from portfold.cli.exits import Unusable
from portfold.cli.operate.account_limits import AccountLimits, account_given, with_defaults
from portfold.cli.operate.limits_effect import ask_again
from portfold.cli.operate.orders import WHO, WHY
from portfold.cli.operate.own_name import USER
from portfold.cli.ordering import print_outcome
from portfold.cli.rule_options import RuleOptions
from portfold.cli.symbols import Symbols, limits_given
from portfold.cli.target import Target
from portfold.events.roles.server_roles import AUDITOR, OPERATOR


@Parameter(name="*", group="Limits")
@dataclass(frozen=True)
class NewLimits:
    """The options of the limits to change."""

    max_positions: int | None = None
    """Positions open at once."""

    max_contracts: int | None = None
    """Contracts open at once."""

    daily_stop_loss: str | None = None
    """Dollars of loss at which everything is closed for the day."""

    symbols: Symbols = ()
    """What may be traded, as ES,CL."""

    stop_loss_on: Literal["total", "realized"] | None = None
    """Whether the stop counts open losses (total) or not (realized)."""

    on_worker_lost: Literal["hold", "flatten"] | None = None
    """Whether a lost worker's positions are held or closed."""


@Parameter(name="*", group="From a trial")
@dataclass(frozen=True)
class OnTrial:
    """The options of limits that were on trial."""

    promote: Annotated[Path | None, Parameter(show_default=False)] = None
    """The folder of the configuration on trial: its limits are ordered, the trial's tally in the reason."""

    since: Annotated[str | None, Parameter(show_default=False)] = None
    """Where the trial began, as in portfold shadow; by default with the trading day under way."""


@Parameter(name="*")
@dataclass(frozen=True)
class Signed:
    """Who orders it, and why."""

    by: Annotated[str, Parameter(help=WHO, show_default=False)] = ""
    reason: Annotated[str, Parameter(help=WHY, show_default=False)] = ""
    second: Annotated[str, Parameter(show_default=False)] = ""
    """Another person, who agrees that what loosens counts at once."""


_UNSIGNED = Signed()
_TARGET = Target()
_NEW_LIMITS = NewLimits()
_ACCOUNT = AccountLimits()
_RULES = RuleOptions()
_ON_TRIAL = OnTrial()


def register(app: App) -> None:
    """Adds the command."""
    app.command(limits)


def limits(
    *,
    new: NewLimits = _NEW_LIMITS,
    watched: AccountLimits = _ACCOUNT,
    rules: RuleOptions = _RULES,
    trial: OnTrial = _ON_TRIAL,
    signed: Signed = _UNSIGNED,
    json: Annotated[bool, Parameter(show_default=False)] = False,
    target: Target = _TARGET,
) -> None:
    """List every limit and how far it is to go; or change limits.

    Of the list the rule that is nearest to its limit comes first. In an order, limits that are not given
    stay, even if somebody changes them at this moment.

    What tightens counts at once; what could allow more counts from the next trading day, or at once with the
    name of a second person. Until then the list says what waits, and a newer order replaces it.
    On a terminal the effect is shown and asked about: a wrong number that tightens is in force for the day.

    Changes outlast every restart. An edited configuration only tightens limits; to loosen them, order again.
    That the account is watched no more, only --no-account orders.

    For example:

        portfold limits
        portfold limits --max-positions 3 --by jane --reason "holiday week"
        portfold limits --max-positions 5 --by jane --second joe --reason normal
        portfold limits --promote candidate --by jane --reason "a week on trial"

    Parameters
    ----------
    json
        The list as one JSON object, for programs.
    """
    from portfold.cli.operate.limits_order import change_limits
    from portfold.coordinator.views.order_outcome import limits_ordered

    changes, of_account = limits_given(new) | limits_given(rules), account_given(watched)
    if trial.since is not None and trial.promote is None:
        raise Unusable("--since: expected with --promote.")
    if trial.promote is not None and (changes or of_account):
        raise Unusable("--promote: expected without other limits; the candidate has them all.")
    if not changes and not of_account and trial.promote is None:
        _list_limits(target, signed=any(vars(signed).values()), json=json)
        return
    signed = replace(signed, by=signed.by or USER)
    for option, given in (("--by", signed.by), ("--reason", signed.reason)):
        if not given:
            raise Unusable(f"{option}: expected with a change of limits; it goes on record.")
    if json:
        raise Unusable("--json: expected with the list of the limits, and without a change of any.")
    if trial.promote is not None:
        _promote(target, trial.promote, trial.since, signed)
        return
    bus = target.bus()
    if of_account:
        changes |= with_defaults(of_account, limits_ordered(bus).limits)
    ask_again(bus, changes, by=signed.by, second=signed.second)
    event = change_limits(bus, changes, **vars(signed))
    print_outcome(bus, event, "The limits are changed.")


def _promote(target: Target, candidate: Path, since: str | None, signed: Signed) -> None:
    """Orders the limits that were on trial, with the evidence behind the reason."""
    from portfold.cli.operate.limits_order import change_limits
    from portfold.cli.operate.promote import candidate_in, changes_of, evidence

    limits, place = candidate_in(candidate), target.resolve(OPERATOR)
    bus = place.bus()
    changes = changes_of(bus, limits)
    ask_again(bus, changes, by=signed.by, second=signed.second)
    reason = f"{signed.reason}; {evidence(place, bus, limits, since)}"
    event = change_limits(bus, changes, by=signed.by, reason=reason, second=signed.second)
    print_outcome(bus, event, f"The limits on trial are ordered: {reason}.")


def _list_limits(target: Target, *, signed: bool, json: bool) -> None:
    """Lists the limits. Raises Unusable for an order that changes nothing, which `signed` shows it is."""
    from portfold.cli.operate.limits_listed import list_limits

    if signed:
        names = ", --".join([*vars(_NEW_LIMITS), *vars(_ACCOUNT), *vars(_RULES)]).replace("_", "-")
        raise Unusable(f"limits: expected at least one of --{names}.")
    bus = target.bus(AUDITOR)
    try:
        list_limits(bus, json=json)
    finally:
        bus.close()
