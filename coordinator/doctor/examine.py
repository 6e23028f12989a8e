"""The whole examination: facts, then one check after the other. A server that is away is a finding too."""

from collections.abc import Callable, Mapping
from itertools import chain

from portfold.config import Configuration
from portfold.coordinator.doctor import (
    account_checks,
    key_checks,
    log_checks,
    market_checks,
    people_checks,
    server_checks,
    setup_checks,
)
from portfold.coordinator.doctor.facts import gather
from portfold.coordinator.doctor.finding import Finding, fail
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusError

_REFUSED = "look at the server's log, and at what its users may do (ACL)"


def examine(
    bus: Bus,
    configuration: Configuration,
    environ: Mapping[str, str],
    *,
    url: str,
    flattener: str,
    wall_ms: Callable[[], int],
) -> list[Finding]:
    """Returns all findings on the portfolio of `bus`, on the server at `url`, in the order to read them.

    `environ` holds the addresses of webhooks, `flattener` is its name as a worker, `wall_ms` this machine's
    clock.
    """
    about_files = [setup_checks.configuration(configuration), setup_checks.webhooks(configuration, environ)]
    try:
        facts = gather(bus, configuration, url=url, flattener=flattener, wall_ms=wall_ms)
    except BusError as error:
        return [*about_files, fail("server", str(error), error.remedy or _REFUSED)]
    checks = chain(
        setup_checks.CHECKS,
        server_checks.CHECKS,
        log_checks.CHECKS,
        account_checks.CHECKS,
        people_checks.CHECKS,
        market_checks.CHECKS,
    )
    asked_for = facts.overview.view.keys if facts.overview else 0
    about_keys = key_checks.keys(asked_for, bus.keyring, configuration)
    return [*about_files, *about_keys, *(check(facts) for check in checks)]
