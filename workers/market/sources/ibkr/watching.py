"""What is done on one connection: contracts looked up, prices followed, the past asked for, the time kept.

Guarantees: those of `session`. A contract is followed only where it is the one that contracts.json has. What
Interactive Brokers gives late or not at all ends the session, and is told.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from portfold.config.contracts import Contract
from portfold.exchange_time import local_time
from portfold.log import Log
from portfold.workers.market.minute_bars import Traded
from portfold.workers.market.source import MINUTE_MS, ContractListed
from portfold.workers.market.sources.ibkr import refusals
from portfold.workers.market.sources.ibkr.conversation import Conversation, Refused
from portfold.workers.market.sources.ibkr.followed import Followed, Unfit, look_up
from portfold.workers.market.sources.ibkr.history import History, Span
from portfold.workers.market.sources.ibkr.listener import BarOf
from portfold.workers.market.sources.ibkr.pacing import Pacing
from portfold.workers.market.sources.ibkr.subscription import Options, Wanted
from portfold.workers.market.sources.items import (
    Away,
    CaughtUp,
    ClockAt,
    Item,
    Mapped,
    Opened,
    Priced,
    Problem,
    SessionOf,
    Stage,
    Unknown,
    Unresolved,
)

_BAR_MS = 5_000
_EXCHANGE = ZoneInfo("America/Chicago")
_OUR_FARMS = ("future", "hmds")
_MOST_HELD = 100_000
_CANCEL_SECONDS = 0.1


class Waits(NamedTuple):
    """`settle_ms`: how long after a minute its bar of the past is whole; `late_ms`: how long after a moment
    all bars up to it have come. The time is asked for every `heartbeat_seconds`, and every `look_seconds`
    while a minute is waited for.
    """

    heartbeat_seconds: float = 5.0
    look_seconds: float = 0.5
    settle_ms: int = 3_000
    late_ms: int = 10_000


class Opening(NamedTuple):
    """How to open a session; `since_ms`: from where on minutes are wanted, None from now on."""

    options: Options
    wanted: tuple[Wanted, ...]
    contracts: Mapping[str, Contract]
    since_ms: int | None
    pacing: Pacing
    waits: Waits


class Taker(Protocol):
    """Where items go; see `session`."""

    def put(self, item: Item) -> None: ...
    def put_price(self, item: Item) -> None: ...
    def put_in_time(self, item: Item) -> Awaitable[None]: ...


class _Held(NamedTuple):
    followed: Followed
    at_ms: int
    traded: Traded | None


class Watching:
    """Runs on one event loop, from `run` to `end`."""

    def __init__(self, opening: Opening, taker: Taker, log: Log) -> None:
        self._options, self._waits = opening.options, opening.waits
        self._opening = opening
        self._taker = taker
        self._log = log
        self._over: asyncio.Future[Problem] = asyncio.get_running_loop().create_future()
        closed = Problem("session", "the gateway closed the connection.")
        self._conversation = Conversation(self, lambda: self.end(closed))
        self._history = History(self._conversation, opening.pacing, self._options.answer_seconds)
        self._stage: Stage = "connecting"
        self._followed: list[Followed] = []
        self._of_request: dict[int, Followed] = {}
        self._held: list[_Held] | None = []
        self._newest_ms: dict[str, int] = {}
        self._away: set[str] = set()

    async def run(self) -> Problem:
        """Returns why it ended."""
        work = asyncio.ensure_future(self._work())
        try:
            await asyncio.wait([work, self._over], return_when=asyncio.FIRST_COMPLETED)
            return self._over.result() if self._over.done() else work.result()
        except TimeoutError:
            return Problem(self._stage, "it did not answer in time.")
        except OSError as error:
            return Problem(self._stage, f"{error}.")
        except Refused as refused:
            return Problem(self._stage, refused.text, refused.code)
        finally:
            await _cancelled(work)
            await self._conversation.let_go()

    def end(self, problem: Problem) -> None:
        """Ends it, unless it has ended for another reason already."""
        if not self._over.done():
            self._over.set_result(problem)

    def _put(self, item: Item) -> None:
        """Hands an item over; nothing once it has ended, as what is missing then no clock may close."""
        if not self._over.done():
            self._taker.put(item)

    # --- the way through ---------------------------------------------------------------------------------

    async def _work(self) -> Problem:
        options = self._options
        await self._conversation.connect(
            options.host, options.port, options.client_id, options.connect_seconds
        )
        self._stage = "session"
        now_ms = await self._time_ms()
        day = local_time(now_ms, _EXCHANGE).date()
        for wanted in self._opening.wanted:
            await self._follow(wanted, now_ms)
        if not self._followed:
            return Problem("session", "none of the symbols has a contract there.")
        self._put(Opened(""))
        self._subscribe()
        await self._past()
        while True:
            await asyncio.sleep(self._waits.heartbeat_seconds)
            now_ms = await self._time_ms()
            self._keep_time(now_ms)
            if local_time(now_ms, _EXCHANGE).date() != day:
                return Problem("session", "", refusals.NEW_DAY)

    async def _time_ms(self) -> int:
        return await self._conversation.time_ms(self._options.answer_seconds)

    async def _follow(self, wanted: Wanted, now_ms: int) -> None:
        try:
            followed = await look_up(self._conversation, wanted, self._opening, now_ms)
        except Unfit as unfit:
            self._put(Unresolved((wanted.symbol,), str(unfit)))
            return
        self._followed.append(followed)
        self._put(Mapped(followed.symbol, followed.name, now_ms))
        if followed.last_day:
            self._put(ContractListed(followed.symbol, followed.name, followed.last_day))

    def _subscribe(self) -> None:
        client = self._conversation.client
        for followed in self._followed:
            bars, ticks = client.getReqId(), client.getReqId()
            self._of_request |= {bars: followed, ticks: followed}
            client.reqRealTimeBars(bars, followed.contract, 5, "TRADES", useRTH=False, realTimeBarsOptions=[])
            client.reqMktData(
                ticks, followed.contract, "233", snapshot=False, regulatorySnapshot=False, mktDataOptions=[]
            )

    async def _past(self) -> None:
        """Gives what was missed, up to the first minute that is heard whole."""
        now_ms, since_ms = await self._time_ms(), self._opening.since_ms
        self._tell_sessions(now_ms)
        if since_ms is None:
            await self._begin_live(now_ms + _BAR_MS)
            return
        over_ms = (now_ms - self._waits.settle_ms) // MINUTE_MS * MINUTE_MS
        if over_ms > since_ms:
            await self._fill(Span(since_ms, over_ms))
            since_ms = over_ms
        live_ms = -(-(now_ms + _BAR_MS) // MINUTE_MS) * MINUTE_MS
        while await self._time_ms() < live_ms + self._waits.settle_ms or self._away:
            await asyncio.sleep(self._waits.look_seconds)
        if live_ms > since_ms:
            await self._fill(Span(since_ms, live_ms))
        await self._begin_live(live_ms)

    async def _fill(self, span: Span) -> None:
        traded: list[Traded] = []
        try:
            for followed in self._followed:
                minutes = self._history.minutes(followed.contract, span)
                traded += [followed.traded(bar) async for bar in minutes]
        except Refused as refused:
            if refusals.is_no_data(refused.code, refused.text):
                raise
            why = f"Interactive Brokers does not give it. It said: {refused.text} ({refused.code})"
            await self._taker.put_in_time(Unknown(span.from_ms, span.to_ms, why))
            return
        for each in sorted(traded, key=lambda one: one.at_ms):
            await self._taker.put_in_time(each)
        await self._taker.put_in_time(ClockAt(span.to_ms))

    async def _begin_live(self, live_ms: int) -> None:
        held, self._held = self._held or [], None
        await self._taker.put_in_time(CaughtUp())
        await self._taker.put_in_time(ClockAt(live_ms))  # what is known begins here, or was given up to here
        for followed, at_ms, traded in held:
            if at_ms >= live_ms:
                self._give(followed, at_ms, traded)

    def _keep_time(self, now_ms: int) -> None:
        if self._held is None and not self._away:
            self._put(ClockAt(now_ms - self._waits.late_ms))
        self._tell_sessions(now_ms)

    def _tell_sessions(self, now_ms: int) -> None:
        for followed in self._followed:
            if (is_open := followed.hours.is_open(now_ms)) is not followed.is_open:
                followed.is_open = is_open
                self._put(SessionOf(followed.symbol, is_open, now_ms))

    # --- what is heard -----------------------------------------------------------------------------------

    def hear_bar(self, request: int, bar: BarOf) -> None:
        """Takes in five seconds of a symbol."""
        followed = self._of_request.get(request)
        if followed is None or self._away:
            return
        traded = followed.traded(bar) if bar.volume else None
        if self._held is None:
            self._give(followed, bar.at_ms, traded)
        elif len(self._held) < _MOST_HELD:
            self._held.append(_Held(followed, bar.at_ms, traded))
        else:
            self.end(Problem("session", "", refusals.TOO_SLOW))

    def _give(self, followed: Followed, at_ms: int, traded: Traded | None) -> None:
        """Hands five seconds over; with those of all symbols they are over, without at the next."""
        if traded is not None:
            self._put(traded)
        self._newest_ms[followed.symbol] = at_ms
        all_given = all(self._newest_ms.get(each.symbol, 0) >= at_ms for each in self._followed)
        self._put(ClockAt(at_ms + _BAR_MS if all_given else at_ms))

    def hear_trade(self, request: int, price: Decimal, at_ms: int) -> None:
        """Takes in a last price."""
        if followed := self._of_request.get(request):
            self._taker.put_price(Priced(followed.symbol, followed.name, price, at_ms))

    def hear_type(self, request: int, kind: int) -> None:
        """Takes in whether prices are of now."""
        followed = self._of_request.get(request)
        if followed is not None and kind >= refusals.DELAYED:
            text = f"it would give delayed prices of {followed.symbol}."
            self.end(Problem("session", text, refusals.LATE))

    def hear_row(self, key: int | str, row: Any) -> None:
        """Takes in a row of an answer."""
        self._conversation.take_row(key, row)

    def hear_end(self, key: int | str) -> None:
        """Takes in the end of an answer."""
        self._conversation.take_end(key)

    def hear_error(self, request: int, code: int, text: str) -> None:
        """Takes in an error, or what Interactive Brokers says in the form of one."""
        followed = self._of_request.get(request)
        if self._conversation.take_refusal(request, code, text):
            return
        if code == refusals.CLIENT_ID_TAKEN:
            self.end(Problem("connecting", text, code))
        elif code in refusals.SERVERS_LOST:
            self._lose("servers", code, text)
        elif code in refusals.SERVERS_BACK:
            self._back({*self._away}, text)
        elif code in refusals.FARM_LOST and any(each in text for each in _OUR_FARMS):
            self._lose(_farm(text), code, text)
        elif code in refusals.FARM_BACK:
            self._back({_farm(text)}, text)
        elif followed is not None and refusals.ends_a_subscription(code):
            self.end(Problem("session", f"{followed.symbol}: {text}", code))
        else:
            log = self._log.debug if code in refusals.QUIET else self._log.warning
            log("Interactive Brokers said", code=code, said=text)

    def _lose(self, what: str, code: int, text: str) -> None:
        if not self._away:
            self._put(Away(Problem("session", text, code)))
        self._away.add(what)

    def _back(self, what: set[str], text: str) -> None:
        """Ends the session once all is back: the next asks for what was missed."""
        left = self._away - what
        if self._away and not left:
            self.end(Problem("session", text, refusals.BACK))
        self._away = left


async def _cancelled(work: asyncio.Future[Problem]) -> None:
    """Waits until the work is over. Before Python 3.12 a wait whose answer comes in the very moment in which
    it is cancelled goes on: so it is cancelled again.
    """
    while not work.done():
        work.cancel()
        await asyncio.wait([work], timeout=_CANCEL_SECONDS)
    if not work.cancelled():
        work.exception()  # which is told already, or came too late to be


def _farm(text: str) -> str:
    return text.rpartition(":")[2].strip()
