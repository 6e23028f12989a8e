"""The notifier's part of runtime.json: where alerts go, and which ones.

The kinds of alert are named here, once, so that a misspelt one is refused when the file is read. No address
stands in the file, only the name of the environment variable, or of the file of one's own, that holds it.
"""

from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Literal, get_args

from msgspec import Struct, field

from portfold.config.errors import UnfitError
from portfold.config.rules import Duration, EnvironmentName, Folder, Rule, Text, YesOrNo

AlertLevel = Literal["info", "warning", "critical"]
"""How grave, the least first. Alerts that are critical are never merged."""

AlertKind = Literal[
    "stop",
    "stop_approaching",
    "limit_reached",
    "flatten_ordered",
    "flatten_overdue",
    "flat",
    "flat_unconfirmed",
    "account_differs",
    "account_silent",
    "limit_breached",
    "position_mismatch",
    "worker_lost",
    "log_lost",
    "not_deciding",
    "alerts_missed",
    "stop_missing",
    "feed_missing",
    "feed_troubled",
    "feed_recovered",
    "market_gap",
    "contract_rolled",
    "pnl_disputed",
    "mark_stale",
    "mark_doubted",
    "event_rejected",
    "entry_unregistered",
    "flatten_handed_over",
    "window_opened",
    "window_closed",
    "locked_out",
    "lockout_over",
    "calendar_published",
    "halted",
    "resumed",
    "limits_changed",
    "coordinator_started",
    "position_settled",
    "account_settled",
    "cash_moved",
    "account_agrees",
    "account_heard",
    "worker_retired",
    "loss_acknowledged",
    "weekly_signs",
    "less_than_expected",
    "day_summary",
    "trade_opened",
    "trade_closed",
    "entry_denied",
    "entry_expired",
    "position_adopted",
    "worker_started",
    "worker_stopped",
    "startup",
]
"""What an alert can be about."""

SHORT_WAY = "discord"
"""What the destination is called that `discord_webhook_env` makes."""

_MOST = 16
_KINDS: tuple[str, ...] = get_args(AlertKind)
_SECRET_FILE = Folder("the whole path of a file that holds the address, such as /etc/portfold/phone.url")
_Name = Annotated[
    str, Text(r"[a-z0-9_-]{1,32}", "a name of 1 to 32 small letters, digits, _ or -, such as discord")
]


class KindOfAlert(Rule, frozen=True):
    """One of the kinds above."""

    expected: str = f"a kind of alert ({', '.join(_KINDS)})"

    def read(self, value: object) -> str:
        if isinstance(value, str) and value in _KINDS:
            return value
        near = get_close_matches(value[:64], _KINDS, n=1) if isinstance(value, str) else []
        raise UnfitError(f"a kind of alert (the nearest is {near[0]})" if near else self.expected)


class Destination(Struct, frozen=True):
    """Where alerts go, and which.

    `to`: `discord`, a generic `webhook` that takes JSON, whatever `apprise` knows, or the notifier's own
    `log`. `url_env`: the variable that holds the address, of those that have one, or `url_file`: the file
    whose first line it is, which others may not read. From `level` on every alert goes there; `kinds` are
    sent, or not, whatever their level.
    """

    to: Literal["log", "discord", "webhook", "apprise"]
    url_env: EnvironmentName | None = None
    level: AlertLevel = "info"
    kinds: Mapping[Annotated[str, KindOfAlert()], Annotated[bool, YesOrNo()]] = field(default_factory=dict)
    url_file: Annotated[str, _SECRET_FILE] | None = None

    def __post_init__(self) -> None:
        if self.to != "log":
            _check_address(self.url_env, self.url_file)
        elif self.url_env is not None or self.url_file is not None:
            field = "url_env" if self.url_env is not None else "url_file"
            raise UnfitError("null, as the log has no address", "a name", field=field)


class DeadMansSwitch(Struct, frozen=True):
    """What is asked at an outside address while all is well, so that its silence alerts people.

    `url_env` or `url_file` hold the address, as of a destination; it is asked `every_seconds` by `method`.
    """

    url_env: EnvironmentName | None = None
    url_file: Annotated[str, _SECRET_FILE] | None = None
    every_seconds: Annotated[float, Duration(86_400, Decimal(1))] = 60.0
    method: Literal["GET", "POST"] = "GET"

    def __post_init__(self) -> None:
        _check_address(self.url_env, self.url_file)


def _check_address(url_env: str | None, url_file: str | None) -> None:
    """Refuses an address that is named nowhere, or twice. Raises UnfitError."""
    if url_env is None and url_file is None:
        raise UnfitError(
            "the name of the environment variable that holds the address", "null", field="url_env"
        )
    if url_env is not None and url_file is not None:
        raise UnfitError("null, where url_env names the address already", "a file", field="url_file")


class Notifier(Struct, frozen=True):
    """How alerts are sent.

    `destinations` by name. An alert that is not critical waits `merge_seconds` for others to go with it; one
    that could not be sent for `stale_seconds` is summarized with the others of that time.
    `dead_mans_switch`: what is told that all is well, None for nobody.
    """

    destinations: Mapping[_Name, Destination] = field(default_factory=lambda: {"log": Destination("log")})
    merge_seconds: Annotated[float, Duration(60)] = 5.0
    stale_seconds: Annotated[float, Duration(31 * 86_400)] = 300.0
    dead_mans_switch: DeadMansSwitch | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.destinations) <= _MOST:
            raise UnfitError(f"1 to {_MOST} of them", str(len(self.destinations)), field="destinations")
        if not self.stale_seconds > self.merge_seconds:
            # Otherwise an alert that waits for others would be stale when it is sent.
            expected = f"more than merge_seconds, which is {self.merge_seconds:g}"
            raise UnfitError(expected, f"{self.stale_seconds:g}", field="stale_seconds")
