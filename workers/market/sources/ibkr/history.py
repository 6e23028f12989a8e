"""Minutes of the past, asked for span by span as the pacing rules allow.

Guarantees: what is given lies in the span that was asked for, in the order of time; a span in which nothing
was traded is empty, and one that was refused raises.
"""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from portfold.exchange_time import utc
from portfold.workers.market.sources.ibkr.conversation import Conversation, Refused
from portfold.workers.market.sources.ibkr.listener import BarOf
from portfold.workers.market.sources.ibkr.pacing import Pacing
from portfold.workers.market.sources.ibkr.refusals import NO_HISTORY

_DAY_MS = 86_400_000
"""The longest that minutes are given for at once."""
_NOTHING = "no data"


class Span(NamedTuple):
    """From `from_ms` to `to_ms`, which is not in it: whole minutes."""

    from_ms: int
    to_ms: int

    def days(self) -> list["Span"]:
        """Returns it in parts of at most a day."""
        begins = range(self.from_ms, self.to_ms, _DAY_MS)
        return [Span(begin, min(begin + _DAY_MS, self.to_ms)) for begin in begins]


class History:
    """Asks by `conversation`, each question for at most `seconds`."""

    def __init__(self, conversation: Conversation, pacing: Pacing, seconds: float) -> None:
        self._conversation = conversation
        self._pacing = pacing
        self._seconds = seconds

    async def minutes(self, contract: Any, span: Span) -> AsyncIterator[BarOf]:
        """Gives what was traded in each minute. Raises Refused, TimeoutError, ConnectionError."""
        for day in span.days():
            for bar in await self._day(contract, day):
                if day.from_ms <= bar.at_ms < day.to_ms and bar.volume:
                    yield bar

    async def _day(self, contract: Any, day: Span) -> list[BarOf]:
        try:
            return await self._ask(contract, day)
        except Refused as refused:
            if _is_nothing(refused):
                return []
            await self._pacing.before_a_repeat()
        try:
            return await self._ask(contract, day)
        except Refused as refused:
            if _is_nothing(refused):
                return []
            raise

    async def _ask(self, contract: Any, day: Span) -> list[BarOf]:
        await self._pacing.turn()
        client = self._conversation.client
        ends = f"{utc(day.to_ms):%Y%m%d-%H:%M:%S}"
        lasts = f"{(day.to_ms - day.from_ms) // 1000} S"
        return await self._conversation.ask(
            lambda key: client.reqHistoricalData(
                key,
                contract,
                ends,
                lasts,
                "1 min",
                "TRADES",
                useRTH=False,
                formatDate=2,
                keepUpToDate=False,
                chartOptions=[],
            ),
            self._seconds,
        )


def _is_nothing(refused: Refused) -> bool:
    return refused.code == NO_HISTORY and _NOTHING in refused.text.lower()
