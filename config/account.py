"""`account` in runtime.json: the account that is watched, by whom, and what is made of a difference."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Struct, field

from portfold.bounds import LONGEST_NAME, NAME_LETTERS
from portfold.config.errors import UnfitError
from portfold.config.rules import Duration, Exact, Options, Text

TellOrDeny = Literal["tell", "deny"]
_ACCOUNT = Text(
    rf"[{NAME_LETTERS}]{{1,{LONGEST_NAME}}}", "the account's name at the broker, such as DU1234567"
)
_SOURCE = Text(
    r"[a-z_]{1,32}|(?:[A-Za-z0-9_./-]{1,200}\.py|[A-Za-z0-9_.]{1,200}):[A-Za-z_][A-Za-z0-9_]{0,63}",
    'a source such as "ibkr", or "FILE.py:NAME" for one of your own',
)
_TOLERANCE = Exact(Decimal(0), Decimal("999999999.99"), 2, "dollars")


class ConfiguredAccount(Struct, frozen=True):
    """The account that `portfold account` watches: its `name` at the broker, and where it is read.

    `source` and its own `options`: the kinds are in `workers.account.registry`. Reported on every change,
    and at the latest every `report_seconds`.

    `grace_seconds` a difference between account and log may last before entries are denied for it,
    `tolerance` how many dollars equity may differ. After `silent_seconds` without a report that is told, and
    with `on_silence` "deny" entries are denied until the next.
    """

    name: Annotated[str, _ACCOUNT]
    source: Annotated[str, _SOURCE]
    options: Annotated[Mapping[str, object], Options()] = field(default_factory=dict)
    report_seconds: Annotated[float, Duration(600)] = 5.0
    grace_seconds: Annotated[float, Duration(3_600)] = 10.0
    tolerance: Annotated[Decimal, _TOLERANCE] = Decimal(5)
    silent_seconds: Annotated[float, Duration(86_400)] = 30.0
    on_silence: TellOrDeny = "tell"

    def __post_init__(self) -> None:
        if not self.silent_seconds > 2 * self.report_seconds:
            # One report may come late without the watcher being gone.
            expected = f"more than twice report_seconds, which is {self.report_seconds:g}"
            raise UnfitError(expected, f"{self.silent_seconds:g}", field="silent_seconds")
