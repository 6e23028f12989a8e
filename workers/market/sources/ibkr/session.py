"""One connection to TWS or IB Gateway from beginning to end, with its event loop in a thread of its own.

    connected ──contracts──▶ subscribed ──the past, up to a whole minute──▶ minutes of now

Minutes are made of bars of five seconds (`reqRealTimeBars`), which have each trade's price and size in them,
where ticks are what is left of four times a second; last prices are those ticks' (generic tick 233), which
say when a trade was made. What was missed is asked for as minutes of the past, up to the first minute that
was heard from its beginning; what is heard meanwhile waits.

Guarantees: what crosses is a bounded queue; where it is full the session ends, and what was not read is asked
for by the next. While Interactive Brokers has lost its servers no minute is over: once they are back the
session ends, and the next asks for what was missed. The last in the queue is `Ended`.
"""

import asyncio
import threading
from contextlib import closing, suppress

from portfold.log import Log
from portfold.workers.brokers.ibkr.listener import client_told_to
from portfold.workers.market.sources.handover import LOOK_SECONDS, Handover
from portfold.workers.market.sources.ibkr.refusals import TOO_SLOW
from portfold.workers.market.sources.ibkr.watching import Opening, Watching
from portfold.workers.market.sources.items import Ended, Item, Problem


class Session:
    """Runs once from `start` to `close`; at most `most` items wait."""

    def __init__(self, opening: Opening, log: Log, most: int) -> None:
        self._opening = opening
        self._log = log
        self._handover = Handover(most)
        self._loop = asyncio.new_event_loop()
        self._watching: Watching | None = None
        self._thread = threading.Thread(target=self._run, name="ibkr market", daemon=True)

    def start(self) -> None:
        """Begins to connect."""
        self._thread.start()

    def take(self, seconds: float) -> list[Item]:
        """Returns what has come, oldest first; waits so long for the first."""
        return self._handover.take(seconds)

    def close(self) -> None:
        """Ends the connection, or the attempt at one; may be called twice, and from any thread."""
        self._handover.close()
        with suppress(RuntimeError):  # the loop is over already
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        if self._watching is not None:
            self._watching.end(Problem("session", "it was told to end"))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        with closing(self._loop), client_told_to(self._log):
            try:
                problem = self._loop.run_until_complete(self._watch())
            except Exception as error:  # noqa: BLE001 - whatever it is, it ends this session, and is told
                problem = Problem("session", f"a fault of ours: {error!r}")
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._handover.put(Ended(problem))

    async def _watch(self) -> Problem:
        self._watching = Watching(self._opening, self, self._log)
        if self._handover.is_closed:  # before there was anything to end
            self._end()
        return await self._watching.run()

    # --- where items go ----------------------------------------------------------------------------------

    def put(self, item: Item) -> None:
        """Hands an item over; where there is no room the session ends."""
        if not self._handover.put_now(item) and self._watching is not None:
            self._watching.end(Problem("session", "", TOO_SLOW))

    def put_price(self, item: Item) -> None:
        """Hands over a last price, or drops it where there is no room: a later one comes."""
        self._handover.put_now(item)

    async def put_in_time(self, item: Item) -> None:
        """Hands an item over, however long that takes."""
        while not self._handover.put_now(item):
            await asyncio.sleep(LOOK_SECONDS / 10)
