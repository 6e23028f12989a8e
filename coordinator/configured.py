"""Puts the user's configuration in force as limits on the log.

Guarantees: nothing loosens by itself. From the log, an edited file and the stale one of a standby look alike.
So each limit of a file goes in force only where it is no looser than the present one, whoever set that; a
looser limit needs a person's order. A file that was in force before and was replaced since changes nothing.
"""

import hashlib
from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal
from shlex import quote
from typing import Any

import msgspec

from portfold.config import Configuration, ConfiguredAccount, ConfiguredRules, milliseconds
from portfold.coordinator.fold.limits import RULES_THAT_MAY_BE_ABSENT, Limits, limits_of
from portfold.coordinator.fold.state import State
from portfold.coordinator.fold.tightness import at_once
from portfold.dollars import CENT
from portfold.events.codec import encode_checked
from portfold.events.incoming import COORDINATOR
from portfold.events.limits_changed import LimitsChanged
from portfold.events.proof import PROGRAM

_TO_BE_ORDERED = (
    "max_positions",
    "max_contracts",
    "daily_stop_loss",
    "symbols",
    "stop_loss_on",
    "on_worker_lost",
)
_TIGHTER = {"stop_loss_on": "total", "on_worker_lost": "flatten", "account_silence_denies": True}
_RULES = tuple(name for name in Limits.__struct_fields__ if name not in ("by", "reason", "config", "text"))


def is_a_person(by: str) -> bool:
    """Returns whether limits were set by a person, and not by a configuration or a program."""
    return not (by == COORDINATOR or by.startswith(PROGRAM))


def as_logged(in_force: Limits) -> dict[str, object]:
    """Returns what a line of the log shows of limits."""
    return {
        "in_force_by": in_force.by,
        "max_positions": in_force.max_positions,
        "daily_stop_loss": str(in_force.daily_stop_loss),
        "symbols": " ".join(in_force.symbols),
    }


def configured_limits(configuration: Configuration) -> LimitsChanged:
    """Returns the event that puts the configuration in force, with the digest that shows whether it is."""
    portfolio, runtime = configuration.portfolio, configuration.runtime
    limits = LimitsChanged(
        by=COORDINATOR,
        reason="configuration",
        max_positions=portfolio.max_positions,
        max_contracts=configuration.max_contracts,
        daily_stop_loss=portfolio.daily_stop_loss,
        symbols=" ".join(portfolio.symbols),
        stop_loss_on=runtime.stop_loss_on,
        stop_approach_percent=runtime.stop_approach_percent,
        reservation_ms=milliseconds(runtime.reservation_seconds),
        flatten_ms=milliseconds(runtime.flatten_seconds),
        mark_stale_ms=milliseconds(runtime.mark_stale_seconds),
        on_worker_lost=runtime.on_worker_lost,
        zone=runtime.trading_day.zone,
        roll=runtime.trading_day.roll,
        point_values=" ".join(
            f"{symbol}={contract.point_value:f}"
            for symbol, contract in sorted(configuration.contracts.items())
        ),
        **_of_money(portfolio.rules, configuration),
    )
    if runtime.account is not None:
        limits = _with_account(limits, runtime.account)
    digest = hashlib.sha256(msgspec.json.encode(encode_checked(limits))).hexdigest()
    return msgspec.structs.replace(limits, config=digest)


def _of_money(rules: ConfiguredRules, configuration: Configuration) -> dict[str, Any]:
    resumes = rules.max_forced_resumes
    costs = rules.stop_costs or (_costs_at_stop(configuration) if rules.loss_budget else "")
    known = {"max_forced_resumes": "" if resumes is None else str(resumes), "stop_costs": costs}
    return msgspec.structs.asdict(rules) | known


def _costs_at_stop(configuration: Configuration) -> str:
    """Returns what a contract pays at its stop: commission for both sides, and slippage.

    Research also takes trades of symbols without a contract, of which nobody knows it.
    """
    contracts = configuration.contracts
    known = (symbol for symbol in configuration.portfolio.symbols if symbol in contracts)
    symbols = ((symbol, contracts[symbol]) for symbol in known)
    costs = (
        (symbol, 2 * contract.commission_per_side + contract.slippage_ticks * contract.tick_value)
        for symbol, contract in symbols
    )
    return " ".join(f"{symbol}={each.quantize(CENT, ROUND_CEILING):f}" for symbol, each in costs)


def unwatched_limits(configuration: Configuration) -> LimitsChanged:
    """Returns the limits of the configuration for a log on which no account will ever be reported.

    A simulation or a backtest has none: watched there, an account would be silent for ever, so that with
    `deny` no entry were allowed, and no flatten ever confirmed.
    """
    runtime = msgspec.structs.replace(configuration.runtime, account=None)
    return configured_limits(msgspec.structs.replace(configuration, runtime=runtime))


def _with_account(limits: LimitsChanged, account: ConfiguredAccount) -> LimitsChanged:
    return msgspec.structs.replace(
        limits,
        account=account.name,
        account_grace_ms=milliseconds(account.grace_seconds),
        account_tolerance=account.tolerance,
        account_silent_ms=milliseconds(account.silent_seconds),
        account_silence_denies=account.on_silence == "deny",
    )


def puts_in_force(state: State, limits: LimitsChanged, *, asked_for: bool) -> bool:
    """Returns whether a new leader puts its configuration in force: if it is new, or no limits are.

    `asked_for`: it is somebody's own, and not the packaged default.
    """
    if state.limits is None:
        return True
    return asked_for and limits.config != state.config and limits.config not in state.configs


def no_looser(in_force: Limits | None, limits: LimitsChanged) -> LimitsChanged:
    """Returns the configuration's limits, except where one would loosen what is in force.

    `total` is tighter than `realized`, and `flatten` than `hold`; but these two are choices, so a person's
    order about them stays. Where anything stays, so does the name of whoever set the limits.
    """
    if in_force is None:
        return limits
    both = [symbol for symbol in limits.symbols.split(" ") if symbol in in_force.symbols]
    ordered = is_a_person(in_force.by)
    tighter = msgspec.structs.replace(
        limits,
        max_positions=min(limits.max_positions, in_force.max_positions),
        max_contracts=min(limits.max_contracts, in_force.max_contracts),
        daily_stop_loss=min(limits.daily_stop_loss, in_force.daily_stop_loss),
        symbols=" ".join(both or in_force.symbols),
    )
    if ordered or in_force.stop_loss_on == "total":
        tighter = msgspec.structs.replace(tighter, stop_loss_on=in_force.stop_loss_on)
    if ordered or in_force.on_worker_lost == "flatten":
        tighter = msgspec.structs.replace(tighter, on_worker_lost=in_force.on_worker_lost)
    tighter = _account_no_looser(in_force, tighter, ordered=ordered)
    counting = at_once(in_force, limits_of(tighter))
    tighter = msgspec.structs.replace(
        tighter, **{name: getattr(counting, name) for name in RULES_THAT_MAY_BE_ABSENT}
    )
    if tighter == limits:
        return limits
    return msgspec.structs.replace(tighter, by=in_force.by, reason=in_force.reason)


def _account_no_looser(in_force: Limits, limits: LimitsChanged, *, ordered: bool) -> LimitsChanged:
    """Keeps an account watched, and as closely as it is."""
    if not in_force.account:
        return limits
    tighter = msgspec.structs.replace(
        limits,
        account=limits.account or in_force.account,
        account_grace_ms=min(limits.account_grace_ms, in_force.account_grace_ms),
        account_tolerance=min(limits.account_tolerance, in_force.account_tolerance),
        account_silent_ms=min(
            limits.account_silent_ms, in_force.account_silent_ms or limits.account_silent_ms
        ),
    )
    if ordered or in_force.account_silence_denies:
        return msgspec.structs.replace(tighter, account_silence_denies=in_force.account_silence_denies)
    return tighter


def why_not_in_force(state: State, limits: LimitsChanged, *, asked_for: bool) -> str:
    """Warns where a configuration is not in force, not even once the leader has put there what it may.

    Empty where all of it is, or will be. Ends with the one command that puts the rest in force.
    """
    if state.limits is None:
        return ""
    new = puts_in_force(state, limits, asked_for=asked_for)
    ordered = state.loosening.limits if state.loosening else state.limits
    will_be = limits_of(no_looser(state.limits, limits)) if new else ordered
    wanted = limits_of(limits)
    differing = [name for name in _RULES if _said_by(will_be, name) != _said_by(wanted, name)]
    if not differing:
        return ""
    if not asked_for:
        return (
            "The configuration differs from the limits in force, which stay: it is only the packaged default"
        )
    if new:
        chosen = [name for name in differing if getattr(wanted, name) == _TIGHTER.get(name)]
        looser = [name for name in differing if name not in chosen]
        why = _why_new(looser, chosen, state.limits.by)
    elif limits.config == state.config:
        why = "The configuration differs from the limits in force, which stay: they were ordered"
    else:
        why = (
            "The configuration was in force before and was replaced since, so the limits in force stay: they "
            "differ. Bring this machine's files up to date"
        )
    order = how_to_order(limits, differing)
    return f"{why}. To have what this configuration says: {order}" if order else f"{why}."


def _why_new(looser: list[str], chosen: list[str], by: str) -> str:
    """Says why not all of a new configuration is put in force; `chosen` is tighter there, and stays too."""
    stays = f"{', '.join(chosen)} as chosen by {by}, which no file changes"
    if not looser:
        return f"The configuration is new, but the limits in force keep {stays}"
    return (
        "The configuration is new and looser than the limits in force. Nothing loosens by itself, so "
        f"{', '.join(looser)} stay as set by {by}{f'; and {stays}' if chosen else ''}"
    )


def _said_by(limits: Limits, name: str) -> object:
    """Returns a limit for comparison: the order of symbols does not matter."""
    return set(limits.symbols) if name == "symbols" else getattr(limits, name)


def how_to_order(limits: LimitsChanged, names: Iterable[str]) -> str:
    """Returns the command that puts the limits of these names in force; empty if only a file can."""
    wanted = set(names)
    ordered = [name for name in _TO_BE_ORDERED if name in wanted]
    options = [f"--{name.replace('_', '-')} {_typed(limits, name)}" for name in ordered]
    options += _account_options(limits, wanted)
    options += [
        f"--{name.replace('_', '-')} {quote(_typed(limits, name, separator=' '))}"
        for name in RULES_THAT_MAY_BE_ABSENT
        if name in wanted
    ]
    return f"portfold limits {' '.join(options)} --by NAME --reason TEXT" if options else ""


def _account_options(limits: LimitsChanged, wanted: set[str]) -> list[str]:
    """Returns the options for what is watched, in the units of runtime.json."""
    if not limits.account:
        return ["--no-account"] if "account" in wanted else []
    on_silence = "deny" if limits.account_silence_denies else "tell"
    typed = {
        "account": f"--account {limits.account}",
        "account_grace_ms": f"--account-grace-seconds {Decimal(limits.account_grace_ms) / 1000:f}",
        "account_tolerance": f"--account-tolerance {limits.account_tolerance:f}",
        "account_silent_ms": f"--account-silent-seconds {Decimal(limits.account_silent_ms) / 1000:f}",
        "account_silence_denies": f"--account-on-silence {on_silence}",
    }
    return [option for name, option in typed.items() if name in wanted]


def _typed(limits: LimitsChanged, name: str, separator: str = ",") -> str:
    value = getattr(limits, name)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace(" ", separator)
