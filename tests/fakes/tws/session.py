"""One client's connection to the gateway: the handshake, and who answers which request."""

import re
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from tests.fakes.tws import replies
from tests.fakes.tws.account_desk import AccountDesk
from tests.fakes.tws.exchange import Exchange, Happened
from tests.fakes.tws.listed import matching
from tests.fakes.tws.market_desk import MarketDesk
from tests.fakes.tws.misbehaviour import Misbehaviour
from tests.fakes.tws.order_desk import OrderDesk
from tests.fakes.tws.requests import contract_of
from tests.fakes.tws.wire import HELLO, Field, NoMessage, fields_of, frame, read_body, read_exactly

NO_SECURITY = "No security definition has been found for the request"
_GREETINGS = (
    (2104, "Market data farm connection is OK:usfuture"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefnj"),
)
_NO_SERVERS = "Connectivity between TWS and server is broken. It will be restored automatically."
_SEND_SECONDS = 5


class Session:
    """Serves one client. `versions`: oldest and newest it speaks; `admit`: whether the client id is free."""

    def __init__(
        self,
        connection: socket.socket,
        exchange: Exchange,
        misbehaviour: Misbehaviour,
        versions: tuple[int, int],
        admit: Callable[["Session"], bool],
    ) -> None:
        self._connection = connection
        # Not settimeout, which would hurry the thread that reads, too.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _SEND_SECONDS, 0))
        self._exchange = exchange
        self._misbehaviour = misbehaviour
        self._versions = versions
        self._admit = admit
        self._accounts_told = False
        self.version = 0
        self.client_id: int | None = None
        self.deaf = False
        """Order messages and prices are not passed on: the gateway has lost its own connection."""
        self.orders = OrderDesk(exchange, misbehaviour, self)
        self.accounts = AccountDesk(exchange, misbehaviour, self)
        self.market = MarketDesk(exchange, misbehaviour, self)

    # --- what the desks use ------------------------------------------------------------------------------

    def send(self, fields: Iterable[Field]) -> None:
        """Sends a message, unless all is silence; a client that is gone is found gone by its reader."""
        if not self._misbehaviour.silent:
            self.send_bytes(frame(fields))

    def send_bytes(self, what: bytes) -> None:
        """Sends any bytes."""
        try:
            self._connection.sendall(what)
        except OSError:
            self.close()

    def error(self, request: int, code: int, text: str) -> None:
        """Sends an error; request -1 is no request's."""
        self.send(replies.error(self.version, request, code, text))

    def close(self) -> None:
        """Closes the connection; what lies unsent is lost."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            self._connection.close()

    # --- the life of a connection ------------------------------------------------------------------------

    def serve(self) -> None:
        """Shakes hands, then answers until either side closes."""
        try:
            if self._shake_hands():
                while (body := read_body(self._connection)) is not None:
                    with self._exchange.lock:
                        self._answer(fields_of(body))
        except (OSError, NoMessage):
            pass
        finally:
            self.close()

    def hear(self, happened: Happened) -> None:
        """Passes on what happened at the exchange, as far as it concerns this client."""
        if self.client_id is None or self.deaf:
            return
        self.orders.hear(happened)
        self.accounts.hear(happened)
        self.market.hear(happened)

    def _shake_hands(self) -> bool:
        if read_exactly(self._connection, len(HELLO)) != HELLO:
            return False
        offered = re.match(rb"v(\d+)\.\.(\d+)", read_body(self._connection) or b"")
        if offered is None:
            return False
        version = min(int(offered[2]), self._versions[1])
        if version < max(int(offered[1]), self._versions[0]):
            return False
        self.version = version
        self.send([version, f"{datetime.now(UTC):%Y%m%d %H:%M:%S} UTC"])
        return True

    def _start(self, fields: Sequence[str]) -> None:
        self.client_id = int(fields[2])
        if not self._admit(self):
            text = "Unable to connect as the client id is already in use. Retry with a unique client id."
            self.error(-1, 326, text)
            self.close()
            return
        if self._misbehaviour.accounts == "told":
            self._tell_accounts()
        self.send([9, 1, self._exchange.next_id(self.client_id)])
        for code, text in _GREETINGS:
            self.error(-1, code, text)
        if self.deaf:
            self.error(-1, 2110, _NO_SERVERS)
        if self._misbehaviour.repeats:
            self.orders.repeat_executions()

    def _answer(self, fields: list[str]) -> None:
        kind = int(fields[0])
        if self.client_id is not None and not self._accounts_told:
            self._tell_accounts()
        if kind == 71:
            self._start(fields)
        elif self.client_id is None:
            self.close()
        elif kind == 9:
            self._tell_contracts(int(fields[2]), contract_of(fields[3:]))
        elif kind == 49:
            self.send([49, 1, int(self._exchange.now().timestamp())])
        elif kind == 17:
            self._tell_accounts()
        elif not any(desk.answer(kind, fields) for desk in (self.orders, self.accounts, self.market)):
            self.error(-1, 505, f"Fatal Error: Unknown message id. {kind}")

    def _tell_accounts(self) -> None:
        self._accounts_told = True
        self.send([15, 1, ",".join(self._exchange.accounts)])

    def _tell_contracts(self, request: int, wanted: dict[str, str]) -> None:
        found = matching(self._exchange.contracts, wanted)
        for listed in found:
            self.send(replies.contract_details(self.version, request, listed))
        if found:
            self.send([52, 1, request])
        else:
            self.error(request, 200, NO_SECURITY)
