"""The limits in a program's own arguments, and the portfolio's: the tighter hold, whoever started first.

A program only ever tightens, and only what a configuration or another program put in force: what a person has
ordered stands until a person orders otherwise.
"""

from decimal import Decimal

import msgspec

from portfold.config import Configuration
from portfold.coordinator.configured import configured_limits, is_a_person
from portfold.coordinator.fold.limits import Limits, order_of
from portfold.coordinator.views.order_outcome import Ordered, limits_ordered, outcome_of
from portfold.dollars import shown_limit
from portfold.errors import PortfoldError
from portfold.events.codec import decode_event, encode_checked
from portfold.events.limits_changed import LimitsChanged
from portfold.events.proof import PROGRAM
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus
from portfold.log import Log

_REASON = "the arguments of PortfolioCoordinator"
_TRIES = 5
_WAIT_SECONDS = 2.0


class LimitsRefused(PortfoldError):
    """The coordinator refused the limits of a program, such as those that no key proves."""


def tighten_limits(
    bus: Bus, configuration: Configuration, max_positions: int, daily_stop_loss: Decimal, *, by: str, log: Log
) -> None:
    """Puts in force, of the arguments and the limits there are, the tighter; the rest stays as it is.

    Where there are none yet, those are the configured ones. Looks again after each publish of its own, for
    another program may have published others meanwhile. Raises RefusedField for an argument that is no
    limit, LimitsRefused, and BusError.
    """
    _refuse_no_limits(configuration, max_positions, daily_stop_loss)
    for _ in range(_TRIES):
        ordered = limits_ordered(bus)
        wanted = _tighter(ordered, configuration, max_positions, daily_stop_loss)
        if wanted is None:
            return
        wanted = msgspec.structs.replace(wanted, by=f"{PROGRAM}{by}"[:64], config="")
        published = bus.append(encode_checked(wanted))
        before = (
            f"those set by {ordered.limits.by}"
            if ordered.limits
            else "the configured ones, and none were in force"
        )
        now = _limits_text(wanted.max_positions, wanted.daily_stop_loss)
        if refused := outcome_of(bus, published, wait_seconds=_WAIT_SECONDS).rejected:
            raise LimitsRefused(f"These limits of this program are NOT in force: {now}: {refused}")
        log.warning(f"These limits are now in force: {now}: the tighter of this program's and {before}")
        overtaken = _by_a_person(bus, ordered.known_to, published)
        if overtaken is not None:  # ordered between our look and our word: that holds
            bus.append(encode_checked(overtaken))
            return


def _tighter(
    ordered: Ordered, configuration: Configuration, max_positions: int, daily_stop_loss: Decimal
) -> LimitsChanged | None:
    """Returns the limits to be put in force; None where those that there are, are tight enough, or a
    person's.
    """
    if ordered.limits is None:
        base = configured_limits(configuration)
        contracts = configuration.runtime.max_contracts or min(max_positions, base.max_positions)
        base = msgspec.structs.replace(base, max_contracts=contracts)
    else:
        if not may_be_tightened(ordered.limits.by):
            return None
        base = order_of(ordered.limits)
    tighter = msgspec.structs.replace(
        base,
        reason=_REASON,
        max_positions=min(base.max_positions, max_positions),
        daily_stop_loss=min(base.daily_stop_loss, daily_stop_loss),
    )
    same = (tighter.max_positions, tighter.daily_stop_loss) == (base.max_positions, base.daily_stop_loss)
    return None if ordered.limits and same else tighter


def may_be_tightened(by: str) -> bool:
    """Returns whether limits set by `by` came from a configuration or a program, and not from a person."""
    return not is_a_person(by)


def _by_a_person(bus: Bus, after: StreamId, until: StreamId) -> LimitsChanged | None:
    """Returns what a person ordered last, in between."""
    between = [
        decode_event(entry.fields) for entry in bus.events_after(after, count=1000) if entry.id < until
    ]
    ordered = [one for one in between if isinstance(one, LimitsChanged) and not may_be_tightened(one.by)]
    return ordered[-1] if ordered else None


def _refuse_no_limits(configuration: Configuration, max_positions: int, daily_stop_loss: Decimal) -> None:
    encode_checked(
        msgspec.structs.replace(
            configured_limits(configuration), max_positions=max_positions, daily_stop_loss=daily_stop_loss
        )
    )


def compare_limits(limits: Limits | None, max_positions: int, daily_stop_loss: Decimal, *, log: Log) -> None:
    """Logs, critically, where the arguments are not the limits in force, and which hold."""
    if limits is None or (limits.max_positions, limits.daily_stop_loss) == (max_positions, daily_stop_loss):
        return
    looser = limits.max_positions > max_positions or limits.daily_stop_loss > daily_stop_loss
    hold = "the tighter of both will hold" if looser and may_be_tightened(limits.by) else "those hold"
    log.critical(
        f"LIMITS DIFFER: this program asks for {_limits_text(max_positions, daily_stop_loss)}, and in "
        f"force are {_limits_text(limits.max_positions, limits.daily_stop_loss)}, set by {limits.by}: {hold}",
        what_to_do="to have those of this program in force: portfold limits "
        f"--max-positions {max_positions} --daily-stop-loss {daily_stop_loss:f} --by NAME --reason TEXT",
    )


def _limits_text(max_positions: int, daily_stop_loss: Decimal) -> str:
    return f"max_positions={max_positions}, daily_stop_loss={shown_limit(daily_stop_loss)}"
