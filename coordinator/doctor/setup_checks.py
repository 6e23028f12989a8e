"""Does the configuration say what is meant: the file against the limits in force, and the contracts."""

from collections.abc import Mapping

from portfold.config import ConfigError, Configuration, dead_mans_url, webhook_url
from portfold.coordinator.configured import configured_limits, how_to_order
from portfold.coordinator.doctor.facts import Facts
from portfold.coordinator.doctor.finding import Finding, fail, ok, warn
from portfold.coordinator.fold.limits import limits_named, limits_of
from portfold.coordinator.views.status import loosening_in_words
from portfold.events.incoming import COORDINATOR

_DIFFERENCES_SHOWN = 4


def configuration(found: Configuration) -> Finding:
    """Reports where the configuration comes from, and what in it has no effect."""
    if found.portfolio.warnings:
        return warn("config", "; ".join(found.portfolio.warnings), "correct the file")
    if not found.source.asked_for:
        text = "the packaged default: nobody named a configuration"
        return warn("config", text, "portfold config init config, and change it there")
    return ok("config", f"{found.source.folder} ({found.source.chosen_by})")


def webhooks(found: Configuration, environ: Mapping[str, str]) -> Finding:
    """Checks whether alerts go anywhere, and the address of each place is set. None is ever shown."""
    troubles, addressed = [], []
    for name, destination in found.runtime.destinations.items():
        try:
            if webhook_url(found, name, environ) is not None:
                addressed.append(f"{name} ({destination.to})")
        except ConfigError as error:
            troubles.append(str(error))
    try:
        if dead_mans_url(found, environ) is not None:
            addressed.append("a dead man's switch")
    except ConfigError as error:
        troubles.append(str(error))
    if troubles:
        return fail("webhook", "; ".join(troubles), "export the variable where the notifier is started")
    if not addressed:
        text = "none is configured: alerts reach nobody but the notifier's own log"
        return warn("webhook", text, "discord_webhook_env, or a destination, in runtime.json")
    return ok("webhook", f"{', '.join(addressed)}; to try: portfold doctor --ping")


def limits(facts: Facts) -> Finding:
    """Checks whether what the file says is what holds."""
    limits_now = facts.overview.view.limits if facts.overview else None
    if limits_now is None:
        return warn("limits", "none are in force yet", "portfold coordinator puts those of the file in force")
    in_force = limits_named(limits_now)
    wanted = limits_named(limits_of(configured_limits(facts.configuration)))
    differing = [name for name in wanted if wanted[name] != in_force.get(name)]
    if not differing:
        return ok("limits", _short(in_force))
    waiting = facts.overview.view.loosening if facts.overview else None
    if waiting is not None and limits_named(waiting.limits) == wanted:
        text = f"those of the file wait {loosening_in_words(waiting)}"
        return warn("limits", text, "nothing; or order them with the name of a second person: --second NAME")
    named = [f"{name} is {_cut(in_force.get(name, ''))}, not {_cut(wanted[name])}" for name in differing]
    more = f", and {len(named) - _DIFFERENCES_SHOWN} more" if len(named) > _DIFFERENCES_SHOWN else ""
    by = limits_now.by
    text = f"in force by {by}, other than in the file: {', '.join(named[:_DIFFERENCES_SHOWN])}{more}"
    order = how_to_order(configured_limits(facts.configuration), differing)
    loosen = f"; for those of the file: {order}" if order else ""
    if by != COORDINATOR:
        return warn("limits", text, f"nothing, if that was meant; else edit the file{loosen}")
    if not facts.configuration.source.asked_for:
        return warn("limits", text, "name the configuration: --config, or PORTFOLD_CONFIG")
    return fail(
        "limits",
        text,
        f"correct the file; or restart the coordinator with it, which tightens{loosen}",
    )


def contracts(facts: Facts) -> Finding:
    """Checks whether every symbol has a contract, so that P&L can be checked against prices."""
    in_force = facts.overview.view.limits if facts.overview else None
    symbols = in_force.symbols if in_force else facts.configuration.portfolio.symbols
    valued = (in_force.point_values if in_force else {}) or facts.configuration.contracts
    unknown = [symbol for symbol in symbols if symbol not in valued]
    if not unknown:
        return ok("contracts", f"one for each of {len(symbols)} symbols")
    known = ",".join(symbol for symbol in symbols if symbol in valued) or "SYMBOLS"
    without = f"portfold limits --symbols {known} --by NAME --reason TEXT"
    text = f"none for {', '.join(unknown)}: what their trades made cannot be checked"
    return fail(
        "contracts", text, f"add to contracts.json and restart the coordinator; or trade without: {without}"
    )


def _short(in_force: Mapping[str, str]) -> str:
    names = ("max_positions", "max_contracts", "daily_stop_loss")
    return ", ".join(f"{name} {in_force.get(name, '')}" for name in names) + "; as in the file"


def _cut(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:29]}…"


CHECKS = (limits, contracts)
