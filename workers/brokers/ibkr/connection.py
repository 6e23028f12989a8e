"""The connection to TWS or IB Gateway: the client's event loop, in a thread of its own.

Guarantees: no call waits without bound; after a break it connects again by growing pauses, for ever, and at
once when something has to be closed; each break and each return is logged once; an order is written only
while the account was checked and TWS has its servers, within a moment of `may_send`'s yes, and what is not
sent then is certainly never sent. Each connect checks the account: in another one nothing is traded.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import Any, NamedTuple, TypeVar

from portfold.log import Log
from portfold.workers.brokers.ibkr.account_check import AccountRefused, check_account
from portfold.workers.brokers.ibkr.handing_over import HAND_OVER_SECONDS, HandingOver, NotSent
from portfold.workers.brokers.ibkr.heard import Hears, HeldContract, Listing, sizes
from portfold.workers.brokers.ibkr.listener import Listener, client_told_to
from portfold.workers.brokers.ibkr.questions import Key, Questions, Refused
from portfold.workers.brokers.protocol import BrokerError, MaySend, Withheld

_LONGEST_PAUSE_SECONDS = 60.0
_TAKEN_PAUSE_SECONDS = 2.0  # whoever has our client id is most often the process whose place we take
_SERVERS_LOST = (1100, 2110)
_SERVERS_BACK = (1101, 1102)
_CLIENT_ID_TAKEN = 326
_TOLD_QUIETLY = range(2100, 2200)
_SLACK_SECONDS = 1.0

Answer = TypeVar("Answer")


class ConnectionSetup(NamedTuple):
    """Where the gateway is, who we are to it, and how long things may take, in seconds."""

    host: str
    port: int
    client_id: int
    account: str | None
    connect_seconds: float = 10.0
    silence_seconds: float = 10.0
    first_pause_seconds: float = 1.0


class Connection:
    """One client's connection. `open` begins, `close` ends it. `account`, once it is up, is the one that is
    traded, the same for good; `held` its positions by contract id, as the broker keeps telling them;
    `account_refused`: the gateway was last found with an account that may not be traded.
    """

    def __init__(self, setup: ConnectionSetup, hears: Hears, log: Log) -> None:
        import ib_async  # noqa: F401, PLC0415 - two threads that import its parts at once break each other

        self._setup = setup
        self._hears = hears
        self._log = log
        self._loop = asyncio.new_event_loop()
        self._changed = threading.Condition()
        self._fault, self._up = "it was not connected yet", False
        self.number, self.account = 0, ""
        self.held: Mapping[int, HeldContract] = {}
        self._servers, self._checked, self._closing = True, False, False
        self._broken, self._awaited = asyncio.Event(), asyncio.Event()
        self._questions = Questions()
        self._listing = asyncio.Lock()
        self._why = ""
        self.account_refused = False
        self._listener = Listener(hears.hear, self._take_row, self._questions.take_end, self._take_error)
        self._client: Any = _NotYet()
        self._thread = threading.Thread(target=self._run, name="ibkr", daemon=True)

    # --- any thread --------------------------------------------------------------------------------------

    def open(self) -> None:
        """Begins to connect, and returns at once."""
        self._thread.start()

    def close(self) -> None:
        """Closes the connection for good."""
        self._closing = True
        with contextlib.suppress(RuntimeError):  # the loop is over already
            self._loop.call_soon_threadsafe(self._break_off)
        self._thread.join(self._setup.connect_seconds)

    def hurry(self) -> None:
        """Ends a pause between two attempts to connect: somebody has to close something. Raises NotSent."""
        self._call(self._awaited.set)

    def wait_until_up(self, seconds: float) -> None:
        """Returns once it is up. Raises BrokerError, which says why it is not."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._up, seconds):
                raise BrokerError(f"No connection to Interactive Brokers: {self._fault}")

    def contract_details(self, contract: Any, seconds: float) -> list[Any]:
        """Returns what the broker knows of a contract, nothing where there is none. Raises BrokerError."""
        return self._wait(self._ask_contract(contract, seconds), seconds)

    def list_all(self, seconds: float) -> Listing:
        """Returns all orders, executions and positions; each is heard of as well. Raises BrokerError."""
        return self._wait(self._list_all(seconds), seconds)

    def ask_positions(self, seconds: float) -> None:
        """Asks anew what the account holds. Raises BrokerError."""
        self._wait(self._ask_alone_for_positions(seconds), seconds)

    def place(self, contract: Any, order: Any, may_send: MaySend) -> int:
        """Writes the order, and returns the number of the connection. Raises NotSent, Withheld."""
        if not self._up:
            raise NotSent(f"No connection to Interactive Brokers: {self._fault}")
        if not may_send():
            raise Withheld(f"Order {order.orderRef} may not be sent any more, and was not")
        handing = HandingOver()
        self._call(lambda: handing.do(lambda: self._write(contract, order)))
        return handing.wait(HAND_OVER_SECONDS)

    def cancel(self, reference: str) -> None:
        """Asks for an order of this client to be cancelled; what becomes of that is heard. Raises NotSent."""
        self._call(lambda: self._cancel(reference))

    def _call(self, act: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(act)
        except RuntimeError as over:
            raise NotSent("The connection to Interactive Brokers is closed") from over

    def _wait(self, answer: Coroutine[Any, Any, Answer], seconds: float) -> Answer:
        """Waits for what the loop's thread does. Raises BrokerError."""
        try:
            future = asyncio.run_coroutine_threadsafe(answer, self._loop)
        except RuntimeError as over:
            answer.close()
            raise BrokerError("The connection to Interactive Brokers is closed") from over
        try:
            return future.result(seconds + _SLACK_SECONDS)
        except TimeoutError as late:
            future.cancel()
            raise BrokerError(f"Interactive Brokers did not answer within {seconds:g} s") from late
        except ConnectionError as broken:
            raise BrokerError(f"No connection to Interactive Brokers: {self._fault}") from broken

    # --- the loop's thread: connecting -------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        with contextlib.closing(self._loop), client_told_to(self._log):
            self._loop.run_until_complete(self._live())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    async def _live(self) -> None:
        from ib_async.client import Client  # noqa: PLC0415

        pause = self._setup.first_pause_seconds
        while not self._closing:
            self._broken, self._why, self._servers = asyncio.Event(), "", True
            self._client, self._checked = Client(self._listener), False  # type: ignore[no-untyped-call]
            self.number += 1
            self._client.MaxRequests = 0  # an order that the client kept back would be sent later
            self._client.conn.disconnected += self._break_off
            self._listener.client_id = self._setup.client_id
            try:
                await self._connect()
                self.account_refused = False
                pause = self._setup.first_pause_seconds
                await self._stay_connected()
                self._go_down("the connection was closed")
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                self.account_refused = isinstance(error, AccountRefused)
                self._go_down(self._why or str(error) or "no answer")
            await self._let_go()
            if not self._closing:
                self._awaited.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._awaited.wait(), pause)
                longest = _TAKEN_PAUSE_SECONDS if self._why else _LONGEST_PAUSE_SECONDS
                pause = min(2 * pause, longest)

    async def _connect(self) -> None:
        setup = self._setup
        connecting = self._client.connectAsync(setup.host, setup.port, setup.client_id, setup.connect_seconds)
        await self._unless_broken(connecting)
        self.account = check_account(self._client.getAccounts(), setup.account or self.account or None)
        self._checked = True
        await self._unless_broken(self._list_all(setup.connect_seconds))
        self._come_up()

    async def _stay_connected(self) -> None:
        """Returns once the connection is broken, or the gateway has been silent for too long."""
        seconds = self._setup.silence_seconds
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._broken.wait(), seconds)
                return
            ask = self._list_all if self._hears.is_in_doubt else self._ask_time
            await self._unless_broken(ask(seconds))
            if self._questions.are_confused:
                raise ConnectionError("what it lists may be the answer to an earlier question")

    async def _unless_broken(self, what: Awaitable[object]) -> None:
        """Waits for it. Raises ConnectionError as soon as the connection is known to be refused."""
        tasks = [asyncio.ensure_future(each) for each in (what, self._broken.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[0].done():
                tasks[0].result()
            else:
                raise ConnectionError(self._why or "the gateway closed the connection")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _let_go(self) -> None:
        self._questions.break_off()
        self._client.conn.disconnected -= self._break_off
        transport = self._client.conn.transport
        try:
            self._client.disconnect()
        except OSError:  # it says goodbye on a socket that may be gone
            if transport is not None:
                transport.abort()
        await asyncio.sleep(0)  # the transport closes in the loop's next round

    def _break_off(self, _message: str = "") -> None:
        self._broken.set()
        self._awaited.set()

    def _come_up(self) -> None:
        if self._servers:
            with self._changed:
                self._up = True
                self._changed.notify_all()
            self._log.info("Connected to Interactive Brokers", account=self.account)

    def _go_down(self, why: str) -> None:
        with self._changed:
            was_up, self._up = self._up, False
            told, self._fault = self._fault, why
        if not self._closing and (was_up or told != why):
            self._log.error("No connection to Interactive Brokers", why=why)
        if was_up:
            self._hears.hear_break(why)

    # --- the loop's thread: sending and asking -----------------------------------------------------------

    def _write(self, contract: Any, order: Any) -> int:
        transport = self._client.conn.transport
        if not self._up or not self._client.isReady() or transport is None or transport.is_closing():
            raise NotSent(f"No connection to Interactive Brokers: {self._fault}")
        order.orderId = self._client.getReqId()
        order.account = self.account
        self._listener.name_order(order.orderId, order.orderRef)
        self._client.placeOrder(order.orderId, contract, order)
        return self.number

    def _cancel(self, reference: str) -> None:
        number = self._listener.number_of(reference)
        if number is not None and self._client.isReady():
            self._client.cancelOrder(number)

    async def _ask_time(self, seconds: float) -> object:
        return await self._questions.ask("time", lambda _key: self._client.reqCurrentTime(), seconds)

    async def _ask_contract(self, contract: Any, seconds: float) -> list[Any]:
        request = self._client.getReqId()
        return await self._questions.ask(
            request, lambda key: self._client.reqContractDetails(key, contract), seconds
        )

    async def _list_all(self, seconds: float) -> Listing:
        from ib_async.objects import ExecutionFilter  # noqa: PLC0415

        async with self._in_order() as client:
            ask, wanted = self._questions.ask, ExecutionFilter(acctCode=self.account)
            at, number = time.monotonic(), self.number
            found = await ask("open orders", lambda _key: client.reqAllOpenOrders(), seconds)
            over = await ask("completed orders", lambda _key: client.reqCompletedOrders(True), seconds)  # noqa: FBT003
            request, executed = client.getReqId(), None
            with contextlib.suppress(Refused):
                executed = await ask(request, lambda key: client.reqExecutions(key, wanted), seconds)
            await self._ask_positions(seconds)
            if number != self.number:
                raise ConnectionError("TWS lost its servers over it")
        working = frozenset(each.reference for each in found if not each.is_over) - {""}
        references = frozenset([*(each.reference for each in found), *over, *(executed or ())]) - {""}
        listing = Listing(references, working, sizes(self.held), number, at, executed is not None)
        self._hears.hear_listing(listing)
        return listing

    @contextlib.asynccontextmanager
    async def _in_order(self) -> AsyncIterator[Any]:
        """Yields the client when it is its turn to ask what there is. Raises ConnectionError before its
        account is checked: a gateway answers before that, and what another account has proves nothing.
        """
        async with self._listing:
            if not self._checked:
                raise ConnectionError("the account is not checked yet")
            yield self._client

    async def _ask_alone_for_positions(self, seconds: float) -> None:
        async with self._in_order():
            await self._ask_positions(seconds)

    async def _ask_positions(self, seconds: float) -> None:
        rows = await self._questions.ask("positions", lambda _key: self._client.reqPositions(), seconds)
        self.held = {each.con_id: each for each in rows if each.account == self.account}

    # --- the loop's thread: what comes in ----------------------------------------------------------------

    def _take_row(self, key: Key, row: Any) -> None:
        if isinstance(row, HeldContract) and row.account == self.account:
            self.held = {**self.held, row.con_id: row}
        self._questions.take_row(key, row)

    def _take_error(self, request: int, code: int, text: str) -> None:
        if self._questions.is_open(request):
            self._log.warning("Interactive Brokers answered with an error", code=code, said=text)
            self._questions.take_refusal(request, code, text)
        elif code == _CLIENT_ID_TAKEN:
            self._why = f"client id {self._setup.client_id} is in use by another program ({code})"
            self._break_off()
        elif code in _SERVERS_LOST:
            self._servers = False
            self.number += 1  # what TWS sent on before proves nothing of what it lists from now on
            self._go_down(f"TWS has lost its servers ({code})")
        elif code in _SERVERS_BACK and not self._servers:
            self._servers = True
            self.number += 1
            self._loop.create_task(self._after_servers_are_back())
        else:
            tell = self._log.debug if code in _TOLD_QUIETLY else self._log.warning
            tell("Interactive Brokers said", code=code, said=text)

    async def _after_servers_are_back(self) -> None:
        """Asks what was missed, and comes up; where it is not answered, the connection is made anew."""
        with contextlib.suppress(OSError, TimeoutError):
            if not self._questions.are_owed:
                await self._list_all(self._setup.connect_seconds)
                self._come_up()
                return
        self._break_off()


class _NotYet:
    """Stands for the client before there is one."""

    def __getattr__(self, name: str) -> Any:
        raise ConnectionError("not connected yet")
