"""The market's data on the bus: the minutes as a bounded stream, last prices and notices, and who feeds them.

Of several feeds one has the lease, and with it a term, whose epoch fences all that it writes. Guarantees: a
feed that was replaced can write nothing more; each step is later than the one before it, so two feeds never
interleave, and a step that is added again after a lost answer is there once; a price never goes back in time.
What somebody else has written and dated far ahead keeps neither away.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from portfold.bounds import PRICE
from portfold.events.fields import readable
from portfold.events.market import FAR_AHEAD_MS, REFUSED, Step, UnreadableStep, read_step, step_fields
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.answers import entries_in, epoch_in, milliseconds_in, readable_or_none
from portfold.events.wire.connection import Connected, answers_to
from portfold.events.wire.leading import longest_wait_ms

if TYPE_CHECKING:
    from redis import Redis

_LAST_PRICE = re.compile(rf"({PRICE}) ([0-9]{{1,15}}) ([!-~]{{1,64}})(?: ([!-~]{{1,40}}))?", re.ASCII)


_LISTED = re.compile(r"([!-~]{1,40}) ([0-9]{4}-[0-9]{2}-[0-9]{2})", re.ASCII)
_STEP_MS = re.compile(r"[0-9]{1,15}", re.ASCII)
_LATELY_MS = 86_400_000
_MOST_AHEAD_MS = 1_800_000
"""By so much a source's clock may be ahead of the server's."""


class LastPrice(NamedTuple):
    """A symbol's last price: made at `at_ms`, on the server's clock or the exchange's, told by `source`;
    `contract` is the month it is of, such as ESZ6, where the source knows it.
    """

    price: Decimal
    at_ms: int
    source: str
    contract: str = ""

    @property
    def moment_ms(self) -> int:
        """Returns the second in which it was made: prices of one second are of one moment."""
        return max(0, self.at_ms - self.at_ms % 1000)

    def fault(self, now_ms: int, stale_ms: float) -> str:
        """Returns why its time makes it none to mark at, the same words for as long as it is so; empty where
        it is one. Dated far ahead it would count as new for as long, with nobody there to write another.
        """
        age_ms = now_ms - self.at_ms
        if age_ms > stale_ms:
            return "the last is too old"
        return "the last is dated far ahead of the server's clock" if -age_ms > _MOST_AHEAD_MS else ""


class NewPrice(NamedTuple):
    """A price to be written; `at_ms` None where it counts as made at the moment it is written."""

    symbol: str
    price: Decimal
    at_ms: int | None
    contract: str = ""


class ListedContract(NamedTuple):
    """The contract that a symbol is, such as ESZ6, and the last day on which it is traded, in ISO."""

    contract: str
    last_day: str


class FeedTerm(NamedTuple):
    """The answer to an attempt to feed: `epoch` 0 where `holder` does already."""

    epoch: int
    holder: str


class Added(IntEnum):
    """What became of a step: nothing, as it is no later than the last; it was added; it was added behind one
    that is dated far ahead, as no feed dates it.
    """

    NOT = 0
    THERE = 1
    BEHIND_ONE_AHEAD = 2


class MarketSeen(NamedTuple):
    """The market's data as it lies on the bus at `now_ms`: who feeds it, if anybody does, the last step, last
    prices and contracts by symbol, and what people have to know of it, by subject.
    """

    now_ms: int
    holder: str
    last_step_ms: int | None
    prices: Mapping[str, LastPrice]
    notices: Mapping[str, str]
    contracts: Mapping[str, ListedContract]

    @property
    def newest_price(self) -> tuple[LastPrice, ...]:
        """Returns the price that was made last; nothing where there is none."""
        return (max(self.prices.values(), key=lambda last: last.at_ms),) if self.prices else ()

    @property
    def fed_lately(self) -> bool:
        """Returns whether a feed is there, or a price of the last day says that one was, or was refused."""
        is_young = any(self.now_ms - last.at_ms < _LATELY_MS for last in self.newest_price)
        return bool(self.holder) or is_young or REFUSED in self.notices


_Outcome: TypeAlias = Literal["done", "time", "ahead", "epoch"]
_ADDED: Mapping[_Outcome, Added] = {
    "done": Added.THERE,
    "time": Added.NOT,
    "ahead": Added.BEHIND_ONE_AHEAD,
}


class FeedReplaced(Exception):
    """Another feed has taken the lease; this one writes nothing more."""


class Market(Connected):
    """The part of a bus that carries the market's data."""

    def __init__(self, client: "Redis", name: str, environ: Mapping[str, str] = os.environ) -> None:
        super().__init__(client, name, environ)
        self._take_feed = self._script("lead.lua")
        self._add_step = self._script("feed_append.lua")
        self._write_prices = self._script("feed_prices.lua")
        self._write_notices = self._script("feed_note.lua")
        self._feeds_as = ""  # a number alone may be another's on a server that failed over

    # --- who feeds ---------------------------------------------------------------------------------------

    def take_feed(self, who: str, lease_ms: int) -> FeedTerm:
        """Takes the feed's lease if it is free: the answer has a new epoch."""
        self._feeds_as = who
        with self._errors_while("taking the feed"):
            epoch, holder, *_ = self._take_feed(
                keys=[self.keys.feed, self.keys.feed_head], args=[who, lease_ms, longest_wait_ms(lease_ms)]
            )
        return FeedTerm(epoch_in(epoch or "0"), readable(holder))

    def keep_feed(self, who: str, lease_ms: int, epoch: int) -> bool:
        """Renews the feed's lease; returns false when another has it by now. 0 ms gives it up.

        A lapsed lease is renewed too while `epoch` is still the latest: nobody else has fed since.
        """
        keys = [self.keys.feed, self.keys.feed_head]
        with self._errors_while("renewing the feed's lease"):
            return bool(self._renew(keys=keys, args=[who, lease_ms, epoch]))

    # --- what only its holder writes ---------------------------------------------------------------------

    def add_step(self, epoch: int, step: Step, keep: int) -> Added:
        """Adds a step, and of the earlier ones keeps as many as make `keep`; adds none that is no later than
        the last. Raises FeedReplaced.
        """
        words = [epoch, self._feeds_as, step.time_ms, keep, FAR_AHEAD_MS, *step_fields(step)]
        with self._errors_while("adding a minute of the market"):
            outcome = self._add_step(keys=[self.keys.feed_head, self.keys.bars], args=words)
        return _ADDED[_unless_replaced(outcome)]

    def write_prices(self, epoch: int, source: str, prices: Iterable[NewPrice]) -> None:
        """Writes last prices; one that is older than what lies there changes nothing. Raises FeedReplaced."""
        words: list[str | int] = [epoch, self._feeds_as, source]
        for symbol, price, at_ms, contract in prices:
            words += (symbol, f"{price:f}", "" if at_ms is None else at_ms, contract)
        with self._errors_while("writing prices"):
            outcome = self._write_prices(keys=[self.keys.feed_head, self.keys.prices], args=words)
        _unless_replaced(outcome)

    def write_notices(self, epoch: int, notices: Mapping[str, str]) -> None:
        """Notes sentences by their subjects; an empty one takes its subject back. Raises FeedReplaced."""
        words = [epoch, self._feeds_as, *(word for notice in notices.items() for word in notice)]
        with self._errors_while("writing a notice of the feed"):
            outcome = self._write_notices(keys=[self.keys.feed_head, self.keys.feed_notices], args=words)
        _unless_replaced(outcome)

    def write_contracts(self, epoch: int, contracts: Mapping[str, ListedContract]) -> None:
        """Notes which contracts symbols are. Raises FeedReplaced."""
        words: list[str | int] = [epoch, self._feeds_as]
        for symbol, (contract, last_day) in contracts.items():
            words += (symbol, f"{contract} {last_day}")
        with self._errors_while("writing the market's contracts"):
            outcome = self._write_notices(keys=[self.keys.feed_head, self.keys.contracts], args=words)
        _unless_replaced(outcome)

    # --- what anybody reads ------------------------------------------------------------------------------

    def last_step(self) -> tuple[StreamId, Step | None]:
        """Returns the last entry among the minutes; ORIGIN and None where there is none, None where it is no
        step.
        """
        with self._errors_while("reading the last minute"):
            found = entries_in(self._client.xrevrange(self.keys.bars, count=1))
        if not found:
            return ORIGIN, None
        try:
            return found[0].id, read_step(found[0].by_name)
        except UnreadableStep:
            return found[0].id, None

    def first_step_id(self) -> StreamId:
        """Returns the ID of the oldest of the minutes that are kept; ORIGIN where there is none."""
        with self._errors_while("reading the first minute"):
            found = entries_in(self._client.xrange(self.keys.bars, count=1))
        return found[0].id if found else ORIGIN

    def last_prices(self, symbols: Sequence[str]) -> tuple[int, dict[str, LastPrice]]:
        """Returns the server's clock, and the last price of those symbols that have one."""
        with self._errors_while("reading prices"), self._client.pipeline(transaction=True) as commands:
            commands.time()
            commands.hmget(self.keys.prices, symbols)
            time, texts = answers_to(commands)
        return milliseconds_in(time), _prices(zip(symbols, texts, strict=True))

    def market(self) -> MarketSeen:
        """Returns how the market's data stands."""
        with self._errors_while("looking at the feed"), self._client.pipeline(transaction=True) as commands:
            commands.time()
            commands.get(self.keys.feed)
            commands.xrevrange(self.keys.bars, count=1)
            commands.hgetall(self.keys.prices)
            commands.hgetall(self.keys.feed_notices)
            commands.hgetall(self.keys.contracts)
            time, holder, last, prices, notices, contracts = answers_to(commands)
        step = entries_in(last)[0].by_name.get("time_ms", "") if last else ""
        return MarketSeen(
            milliseconds_in(time),
            readable_or_none(holder) or "",
            int(step) if _STEP_MS.fullmatch(step) else None,
            _prices(prices.items()),
            {readable(subject): readable(sentence) for subject, sentence in notices.items()},
            {
                readable(symbol): ListedContract(listed[1], listed[2])
                for symbol, text in contracts.items()
                if (listed := _LISTED.fullmatch(text))
            },
        )


def _prices(texts: Iterable[tuple[str, str | None]]) -> dict[str, LastPrice]:
    """Reads last prices; what somebody else has written there is none."""
    found = ((symbol, _LAST_PRICE.fullmatch(text or "")) for symbol, text in texts)
    return {
        readable(symbol): LastPrice(Decimal(price[1]), int(price[2]), price[3], price[4] or "")
        for symbol, price in found
        if price
    }


def _unless_replaced(outcome: _Outcome) -> _Outcome:
    if outcome == "epoch":
        raise FeedReplaced
    return outcome
