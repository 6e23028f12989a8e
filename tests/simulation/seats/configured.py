"""The packaged configuration of the few symbols that are traded, with a run's own deadlines and limits."""

from decimal import Decimal
from functools import cache
from pathlib import Path

from msgspec import structs

from portfold.config import Configuration, ConfiguredAccount, ConfiguredRules, load
from tests.simulation.schedule import Temper
from tests.simulation.watch import Watch

ACCOUNT_NAME = "DU1"
SYMBOLS = ("ES", "CL", "SI")


@cache
def _packaged() -> Configuration:
    return load(None, {}, Path("/"))


def configured(temper: Temper) -> Configuration:
    """What the coordinators of a run of this temper are configured with."""
    packaged = _packaged()
    runtime = structs.replace(
        packaged.runtime,
        lease_ms=temper.lease_ms,
        max_contracts=temper.max_contracts,
        reservation_seconds=temper.reservation_ms / 1000,
        answer_seconds=temper.answer_ms / 1000,
        flatten_seconds=temper.flatten_ms / 1000,
        heartbeat_seconds=1.0,
        worker_lost_seconds=2.5,
        on_worker_lost=temper.on_worker_lost,
        bus_loss_seconds=4.0,
        on_bus_loss=temper.on_bus_loss,
        mark_seconds=0.5,
        mark_stale_seconds=20.0,
        account=None if temper.watch is None else _watched(temper.watch),
    )
    portfolio = structs.replace(
        packaged.portfolio,
        max_positions=temper.max_positions,
        daily_stop_loss=Decimal(temper.daily_stop_loss),
        symbols=SYMBOLS,
        rules=_rules(temper),
    )
    # Point values of many others would be most of each order of limits, status and snapshot.
    contracts = {symbol: packaged.contracts[symbol] for symbol in SYMBOLS}
    return structs.replace(packaged, runtime=runtime, portfolio=portfolio, contracts=contracts)


def _rules(temper: Temper) -> ConfiguredRules:
    """Those that were drawn; else marks that count together, in some."""
    if temper.rules is not None:
        return ConfiguredRules(**temper.rules)
    return ConfiguredRules(marks_together_seconds=temper.max_positions % 2)


def _watched(watch: Watch) -> ConfiguredAccount:
    return ConfiguredAccount(
        name=ACCOUNT_NAME,
        source="paper",
        report_seconds=watch.report_ms / 1000,
        grace_seconds=watch.grace_ms / 1000,
        tolerance=Decimal(watch.tolerance),
        silent_seconds=watch.silent_ms / 1000,
        on_silence=watch.on_silence,
    )
