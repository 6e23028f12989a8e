"""What every source of the account offers, wherever it reads it."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace

from portfold.config import Configuration, ConfiguredAccount
from portfold.errors import PortfoldError
from portfold.events.legs import Holding
from portfold.log import Log
from portfold.workers.named import Shape, read_options

LOOK_SECONDS = 1.0
"""How often a source is read that asks for nothing else."""


class AccountUnreadable(PortfoldError):
    """The source did not say what the account holds; a sentence that says why. It is asked again."""


class AccountSnapshot(Struct, frozen=True):
    """What the broker says, in dollars: `equity` with open profit, `realized` as the broker counts its day.

    `holdings` are net, each symbol once, with the average price; `working` counts orders that may still fill.
    `dollars_age` is how many seconds older than the rest the dollars may be, where they are not of now.
    """

    equity: Decimal
    realized: Decimal
    unrealized: Decimal
    holdings: tuple[Holding, ...] = ()
    working: Mapping[str, int] = {}
    dollars_age: float | None = None

    @property
    def content(self) -> "AccountSnapshot":
        """What it says, whenever that was."""
        return replace(self, dollars_age=None)


class AccountSource(Protocol):
    """Reads one account. Used by one thread.

    One that may not be asked every second says so by an attribute `seconds_between_reads`.
    """

    def read(self) -> AccountSnapshot:
        """Asks the broker now, within seconds. Raises AccountUnreadable."""
        ...

    def close(self) -> None:
        """Lets go of whatever it holds on to."""
        ...


def seconds_between_reads(source: AccountSource, report_seconds: float) -> float:
    """Returns how long the source is left alone between two readings."""
    return float(getattr(source, "seconds_between_reads", min(LOOK_SECONDS, report_seconds)))


class AccountSetup(NamedTuple):
    """What a source is opened with: `book` is the broker's file, `environ` where secrets are."""

    configuration: Configuration
    account: ConfiguredAccount
    book: Path
    log: Log
    environ: Mapping[str, str]

    def options(self, shape: type[Shape]) -> Shape:
        """Returns the `options` of the account's entry, as `shape` describes them. Raises ConfigError."""
        runtime = self.configuration.files.runtime.path
        return read_options(shape, self.account.options, runtime, "account.options")
