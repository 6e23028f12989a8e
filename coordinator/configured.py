"""From the user's configuration to the limits on the log."""

import hashlib

import msgspec

from config import Configuration, milliseconds
from events.codec import encode_checked
from events.incoming import LimitsChanged


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
