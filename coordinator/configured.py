"""From the user's configuration to the limits on the log.

Nothing loosens by itself: a file that was in force before and was replaced since, as a standby may still have
it, is not put in force again unless somebody orders it. Of a file that was edited and of what a person has
ordered the tighter holds, limit by limit, until a person orders otherwise.
"""

import hashlib

import msgspec

from config import Configuration, milliseconds
from coordinator.limits import Limits
from coordinator.state import State
from events.codec import encode_checked
from events.incoming import LimitsChanged

PROGRAM = "program "
"""Before the name of a program whose own arguments have set limits."""


def is_a_person(by: str) -> bool:
    """Whether who has set limits is neither a configuration nor a program."""
    return not (by == "coordinator" or by.startswith(PROGRAM))


def configured_limits(configuration: Configuration) -> LimitsChanged:
    """The event that puts the configuration in force, with the digest that tells whether it is already."""
    portfolio, runtime = configuration.portfolio, configuration.runtime
    limits = LimitsChanged(
        by="coordinator",
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
    )
    digest = hashlib.sha256(msgspec.json.encode(encode_checked(limits))).hexdigest()
    return msgspec.structs.replace(limits, config=digest)


def puts_in_force(state: State, limits: LimitsChanged, *, asked_for: bool) -> bool:
    """Whether a new leader puts its configuration in force: where there are no limits, or it is a new one.

    `asked_for`: it is somebody's own, and not the packaged default.
    """
    if state.limits is None:
        return True
    return asked_for and limits.config != state.config and limits.config not in state.configs


def with_a_persons_order(in_force: Limits | None, limits: LimitsChanged) -> LimitsChanged:
    """A configuration that is to be put in force, but for where a person's order in force is tighter.

    Where it is, the whole stays that person's, so that the next edited file does not loosen it either.
    """
    if in_force is None or not is_a_person(in_force.by):
        return limits
    both = [symbol for symbol in limits.symbols.split(" ") if symbol in in_force.symbols]
    tighter = msgspec.structs.replace(
        limits,
        max_positions=min(limits.max_positions, in_force.max_positions),
        max_contracts=min(limits.max_contracts, in_force.max_contracts),
        daily_stop_loss=min(limits.daily_stop_loss, in_force.daily_stop_loss),
        symbols=" ".join(both or in_force.symbols),
    )
    if tighter == limits:
        return limits
    return msgspec.structs.replace(tighter, by=in_force.by, reason=in_force.reason)


def why_not_in_force(state: State, limits: LimitsChanged, *, asked_for: bool) -> str:
    """The warning of a leader whose configuration differs from the limits in force, which stay."""
    if asked_for and limits.config != state.config:
        return (
            "The configuration was in force before and was replaced since, so the limits in force stay: they "
            "differ. Bring this machine's files up to date; or, to have its limits again: "
            f"portfold limits --max-positions {limits.max_positions} --max-contracts {limits.max_contracts} "
            f"--daily-stop-loss {limits.daily_stop_loss:f} --symbols '{limits.symbols}' "
            "--by NAME --reason TEXT"
        )
    return (
        "The configuration differs from the limits in force, which stay: they were set later, or the "
        "configuration is only the packaged default"
    )
