"""Bars and broker: the options that `portfold worker` and `portfold run` share."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

if TYPE_CHECKING:
    from portfold.config import Configuration, ConfiguredFeed


@Parameter(name="*", group="Where bars come from")
@dataclass(frozen=True)
class BarsGiven:
    """The options of the feed."""

    bars: str | None = None
    """`synthetic`, a folder of <SYMBOL>.csv files, `driven` by a demo, FILE.py:NAME; else runtime.json's."""

    pace: Annotated[float | None, Parameter(validator=Number(gte=0, lte=86_400))] = None
    """Seconds from one bar to the next, by default 1; not for driven bars."""

    speed: Annotated[float | None, Parameter(validator=Number(gt=0, lte=1_000_000_000))] = None
    """How many times faster than it happened the folder is replayed: at 3600, an hour a second."""

    seed: int | None = None
    """Which synthetic market, by default 1."""

    days: Annotated[int | None, Parameter(validator=Number(gte=1, lte=5_000))] = None
    """How many trading days of it, by default 10."""

    def feed(self, configuration: "Configuration") -> "ConfiguredFeed":
        """Returns the feed that the options name. Raises BarsError, ConfigError."""
        from portfold.workers.feeds.registry import feed_for, refuse_no_market

        pace, speed = _exact(self.pace), _exact(self.speed)
        options = {"pace_seconds": pace, "speed": speed, "seed": self.seed, "days": self.days}
        feed = feed_for(configuration.runtime.feed, self.bars, options)
        refuse_no_market(feed)
        return feed


@Parameter(name="*", group="With money, or on paper")
@dataclass(frozen=True)
class Money:
    """The options `--paper`, `--live` and `--account`."""

    paper: bool = False
    """Trade on paper, whichever broker runtime.json names."""

    live: bool = False
    """Trade with money, at the broker that runtime.json names, in the account that --account names."""

    account: str | None = None
    """With --live: the account that is traded, as the broker calls it; has to be runtime.json's."""


def _exact(number: float | None) -> Decimal | None:
    return None if number is None else Decimal(str(number))
