"""Other limits than those on the log, for a question such as "what if only three positions were allowed?"."""

import re
from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct, structs

from portfold.bounds import LONGEST_NAME, MOST_GROUPS, NAME_LETTERS, SYMBOL
from portfold.coordinator.fold.limits import RULES_THAT_MAY_BE_ABSENT
from portfold.dollars import shown_limit
from portfold.events.codec import RefusedField, decode_event, encode
from portfold.events.incoming import Malformed
from portfold.events.limits_changed import LimitsChanged

# The calendar and the contracts' values say what happened rather than what may; other deadlines would need to
# know what nobody can: when the fills would have come then.
OVERRIDABLE = (
    *("max_positions", "max_contracts", "daily_stop_loss", "symbols", "stop_loss_on"),
    *RULES_THAT_MAY_BE_ABSENT,
)

_GROUP, _SYMBOL = re.compile(rf"[{NAME_LETTERS}]{{1,{LONGEST_NAME}}}"), re.compile(SYMBOL)
_ANY = LimitsChanged(
    by="what-if",
    reason="",
    max_positions=1,
    max_contracts=1,
    daily_stop_loss=Decimal(1),
    symbols="ES",
    stop_loss_on="total",
    stop_approach_percent=80,
    reservation_ms=1,
    flatten_ms=1,
    mark_stale_ms=0,
    on_worker_lost="hold",
    zone="UTC",
    roll="17:00",
    point_values="",
)
_WHOLE = {"start_balance": "1", "trailing_zone": "UTC", "consistency_total": "1"} | {
    "rolling_days": "1",
    "mark_confirm_seconds": "1",
    "default_risk": "ES=1",
    **dict.fromkeys(("loss_streak", "worker_loss_streak", "symbol_loss_streak", "worker_rate"), "1"),
}
"""What a rule needs beside it may be on the log already, and need not be asked about."""


class Overrides(Struct, frozen=True):
    """The limits that are to be other than recorded, by name; all others stay as they are on the log."""

    values: dict[str, int | Decimal | str] = {}

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> "Overrides":
        """Reads them as a LimitsChanged writes them. Raises RefusedField, naming the limit."""
        for name in texts:
            if name not in OVERRIDABLE:
                raise RefusedField(f"{name[:80]}: expected one of the limits {', '.join(OVERRIDABLE)}")
        fields = encode(_ANY)
        in_force = dict(zip(fields[::2], fields[1::2], strict=True)) | _WHOLE
        in_force |= {"groups": _groups_named(texts), **texts}
        event = decode_event([word for pair in in_force.items() for word in pair])
        if isinstance(event, Malformed):
            raise RefusedField(event.reason.removeprefix("LimitsChanged."))
        return cls({name: getattr(event, name) for name in texts})

    @classmethod
    def candidate(cls, limits: LimitsChanged) -> "Overrides":
        """Takes whatever of these limits can be asked about."""
        return cls({name: getattr(limits, name) for name in OVERRIDABLE})

    def on(self, event: LimitsChanged) -> LimitsChanged:
        """Returns the event as it would have been, whatever it says itself of an overridden limit.

        Raises RefusedField where it would be half a rule, as what that needs is neither asked nor on the log.
        """
        try:
            return structs.replace(event, **self.values) if self.values else event
        except ValueError as half:
            raise RefusedField(str(half)) from half

    def with_value(self, name: str, value: int | Decimal) -> "Overrides":
        """Returns these and one more."""
        return Overrides(self.values | {name: value})

    def __str__(self) -> str:
        """`max_positions 3, daily_stop_loss $2,000`."""
        return ", ".join(f"{name} {shown_value(value)}" for name, value in self.values.items())


def _groups_named(texts: Mapping[str, str]) -> str:
    """Returns a group for each that is named, or any: what is in them may be on the log already."""
    words = [word for name, text in texts.items() if name.startswith("group_") for word in text.split(" ")]
    names = [word.rpartition("=")[0] for word in words if "=" in word]
    of_windows = (word.rpartition("=")[2].partition(":")[2] for word in texts.get("windows", "").split(" "))
    names += [name for name in of_windows if _GROUP.fullmatch(name) and not _SYMBOL.fullmatch(name)]
    return " ".join(f"{name}=ES" for name in [*dict.fromkeys(names or ["any"])][:MOST_GROUPS])


def shown_value(value: object) -> str:
    """Shows a limit's value to people."""
    return shown_limit(value) if isinstance(value, Decimal) else str(value)
