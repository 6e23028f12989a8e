"""A fake TWS / IB Gateway: a TCP server that speaks the socket protocol to the real client `ib_async`.

What it is: the part of the protocol that a futures desk needs (server versions 157 to 178), written down from
the client's own reading and writing of it (`ib_async` 2.1, `client.py` and `decoder.py`) and from the message
codes that Interactive Brokers publishes, with an exchange behind it that a test drives.

What it is not: it was never compared with the live service, byte for byte or in the order of its messages,
and nobody has tried the following against one: which clients hear of whose orders and executions (here: each
of its own; lists of executions and of all orders tell everybody's), in what state orders are while TWS has
lost its servers (here: they are worked, and nobody hears of it before 1101 or 1102), what a client that
connects then is told (here: 2110), whether bars of five seconds come while nothing is traded (here: as a test
says), by which rule a continuous future rolls (here: the month that ends first), when values of the
account come (here: with each fill and trade), how a reject after acceptance looks (here: 201, then
Inactive), what becomes of orders of several clients in one one-cancels-all group (here: the same as of one
client's), and of an order that joins one in which another was executed (here: 201, then Inactive), margin
(here: none), pacing (here: as a test says), trading hours (here: three words), and prices of stops and
limits (here: always the last price).
"""

import socket
import threading
from collections.abc import Callable
from typing import Self, TypeVar

from tests.fakes.tws.exchange import Exchange, Happened
from tests.fakes.tws.misbehaviour import Misbehaviour
from tests.fakes.tws.session import Session
from tests.fakes.tws.tape import Bar

_Given = TypeVar("_Given")
HOST = "127.0.0.1"
VERSIONS = (157, 178)
_LOST = "Connectivity between IB and Trader Workstation has been lost."
_BACK = "Connectivity between IB and Trader Workstation has been restored - "


class Gateway:
    """Serves the `exchange`; as a `with` ends it is stopped. `port` 0 takes a free one, and keeps it."""

    def __init__(
        self, exchange: Exchange | None = None, *, port: int = 0, versions: tuple[int, int] = VERSIONS
    ) -> None:
        self.exchange = exchange or Exchange()
        self.misbehaviour = Misbehaviour()
        self.port = port
        self._versions = versions
        self._listener: socket.socket | None = None
        self._sessions: list[Session] = []
        self._threads: list[threading.Thread] = []
        self._deaf = False
        self.exchange.tell = self._tell

    # --- its life ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Listens, on the port that it had before if it was stopped."""
        listener = socket.create_server((HOST, self.port), backlog=64)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._run(self._accept, listener)

    def stop(self) -> None:
        """Closes every connection and refuses new ones: the nightly restart, until `start`."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.hang_up()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(10)
        self._threads.clear()

    def hang_up(self) -> None:
        """Closes every connection; new ones are taken."""
        with self.exchange.lock:
            for session in self._sessions:
                session.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_of_an_error: object) -> None:
        self.stop()

    # --- what a test does --------------------------------------------------------------------------------

    def clients(self) -> list[int]:
        """Returns the ids of the clients that are connected."""
        with self.exchange.lock:
            return sorted(each.client_id for each in self._sessions if each.client_id is not None)

    def is_followed(self, local_symbol: str) -> bool:
        """Returns whether a client follows the prices of a contract."""
        with self.exchange.lock:
            return any(session.market.follows(local_symbol) for session in self._sessions)

    def lose_connectivity(self) -> None:
        """TWS loses its servers: 1100. Until they are back nobody hears of orders and prices."""
        self._deaf = True
        self._set_deaf(deaf=True)
        self.tell_error(1100, _LOST)

    def restore_connectivity(self, *, keep_data: bool) -> None:
        """TWS has its servers again: 1102, or 1101 where subscriptions to the market are lost.

        What became of orders meanwhile is not told again: a client has to ask.
        """
        self._deaf = False
        self._set_deaf(deaf=False)
        with self.exchange.lock:
            for session in self._sessions if not keep_data else ():
                session.market.forget()
        if keep_data:
            self.tell_error(1102, f"{_BACK}data maintained.")
        else:
            self.tell_error(1101, f"{_BACK}data lost.")

    def tell_error(self, code: int, text: str, request: int = -1) -> None:
        """Sends every client an error."""
        with self.exchange.lock:
            for session in self._sessions:
                if session.client_id is not None:
                    session.error(request, code, text)

    def tell_commissions(self) -> None:
        """Sends the commissions that were held."""
        with self.exchange.lock:
            for session in self._sessions:
                session.orders.tell_commissions()

    def tell_garbage(self, what: bytes) -> None:
        """Sends every client these bytes."""
        with self.exchange.lock:
            for session in self._sessions:
                session.send_bytes(what)

    def end_bar(self, local_symbol: str, bar: Bar) -> None:
        """Lets 5 seconds be over: they are history, and whoever follows the bars gets them."""
        with self.exchange.lock:
            contract = self.exchange.contract(local_symbol)
            self.exchange.tapes[contract.con_id].put(bar)
            self.exchange.prices[contract.con_id] = bar.close
            for session in self._sessions if not self._deaf else ():
                session.market.tell_bar(contract, bar)

    # --- inside ------------------------------------------------------------------------------------------

    def _tell(self, happened: Happened) -> None:
        for session in list(self._sessions):
            session.hear(happened)

    def _set_deaf(self, *, deaf: bool) -> None:
        with self.exchange.lock:
            for session in self._sessions:
                session.deaf = deaf

    def _run(self, target: Callable[[_Given], object], given: _Given) -> None:
        thread = threading.Thread(target=target, args=(given,), name="fake-tws", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(connection, self.exchange, self.misbehaviour, self._versions, self._admit)
            with self.exchange.lock:
                if self._listener is not listener:
                    session.close()
                    return
                session.deaf = self._deaf
                self._sessions.append(session)
                self._run(self._serve, session)

    def _serve(self, session: Session) -> None:
        session.serve()
        with self.exchange.lock:
            self._sessions.remove(session)

    def _admit(self, session: Session) -> bool:
        """Returns whether the client id is free; one that is refused keeps none."""
        others = [each.client_id for each in self._sessions if each is not session]
        taken = session.client_id in others or session.client_id in self.misbehaviour.client_ids_taken
        if taken:
            session.client_id = None
        return not taken
