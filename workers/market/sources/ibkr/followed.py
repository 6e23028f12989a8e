"""A contract that is followed: looked up at Interactive Brokers, and checked against contracts.json."""

import re
from collections.abc import Mapping
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from portfold.config.contracts import Contract
from portfold.exchange_time import local_time
from portfold.workers.brokers.ibkr.contracts import check
from portfold.workers.brokers.protocol import BrokerError
from portfold.workers.market.minute_bars import Traded
from portfold.workers.market.sources.ibkr.conversation import Conversation, Refused
from portfold.workers.market.sources.ibkr.hours import read_hours
from portfold.workers.market.sources.ibkr.listener import BarOf
from portfold.workers.market.sources.ibkr.refusals import UNKNOWN
from portfold.workers.market.sources.ibkr.subscription import Options, Wanted, name_of

_DAY = re.compile(r"20[0-9]{6}", re.ASCII)
_EXCHANGE = ZoneInfo("America/Chicago")


class Unfit(Exception):
    """There is no such contract, or it is another than contracts.json has; a sentence."""


class Known(Protocol):
    """What contracts are looked up by."""

    @property
    def options(self) -> Options: ...
    @property
    def contracts(self) -> Mapping[str, Contract]: ...


class Followed:
    """`symbol` of ours, as the contract called `name`, such as ESZ6; `is_open` once that was told;
    `last_day` in ISO, empty where it is not known.
    """

    def __init__(self, symbol: str, name: str, details: Any, exchange: str) -> None:
        from ib_async.contract import Contract as Future  # noqa: PLC0415 - an extra, and heavy

        self.symbol = symbol
        self.name = name
        self.contract: Any = Future(conId=details.contract.conId, exchange=exchange, secType="FUT")
        self.hours = read_hours(details.tradingHours, details.timeZoneId)
        self.is_open: bool | None = None
        day = details.realExpirationDate or details.contract.lastTradeDateOrContractMonth
        self.last_day = f"{day[:4]}-{day[4:6]}-{day[6:]}" if _DAY.fullmatch(day) else ""

    def traded(self, bar: BarOf) -> Traded:
        """Returns what was traded of it in the time of a bar."""
        at_ms, opened, high, low, close, volume = bar
        return Traded(self.symbol, self.name, at_ms, opened, high, low, close, volume)


async def look_up(conversation: Conversation, wanted: Wanted, known: Known, now_ms: int) -> Followed:
    """Returns the contract that is wanted at that moment. Raises Unfit, Refused, TimeoutError, OSError."""
    from ib_async.contract import Contract as Future  # noqa: PLC0415 - an extra, and heavy

    day, options = local_time(now_ms, _EXCHANGE).date(), known.options
    ours = known.contracts.get(wanted.root, known.contracts[wanted.symbol])
    fields: Any = wanted.query(day, ours.exchange, options.names)
    shown = wanted.shown(day)
    try:
        found = await conversation.ask(
            lambda key: conversation.client.reqContractDetails(key, Future(**fields)), options.answer_seconds
        )
    except Refused as refused:
        if refused.code != UNKNOWN:
            raise
        found = []
    if not found:
        raise Unfit(
            f"Interactive Brokers knows no contract {shown} of {wanted.symbol} at {ours.exchange}: look at "
            "market.symbols, and at market.options.names for what it calls the future."
        )
    try:
        if wanted.root in known.contracts:
            check(ours, shown, found)
    except BrokerError as error:
        raise Unfit(str(error)) from error
    name = name_of(wanted.root, found[0].contractMonth)
    return Followed(wanted.symbol, name, found[0], ours.exchange)
