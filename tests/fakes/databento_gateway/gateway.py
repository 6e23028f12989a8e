"""The live gateway: a TCP server that the real client logs in to, and a test moves."""

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.fakes.databento_gateway import wire
from tests.fakes.databento_gateway.connection import Connection
from tests.fakes.databento_gateway.market import Market
from tests.waiting import until

KEY = "db-FakeKeyOfTheTests0123456789abc"
DATASET = "GLBX.MDP3"


@dataclass
class Script:
    """How the gateway misbehaves; what is set counts for connections and messages from then on."""

    refuses_key_with: str = ""
    closes_before_answer: bool = False
    is_mute: bool = False  # takes the connection and says nothing at all
    is_silent: bool = False  # sends no heartbeats
    says_unresolved: bool = True  # of a symbol that it does not know
    heartbeat_pace: float = 1.0  # of the interval that was asked for
    slow_beyond: int = 20_000  # messages that wait for a client that reads too slowly
    bytes_at_once: int = 0  # in pieces so small, 0 for whole
    fails_with: tuple[str, str] | None = None  # code and words, as soon as a session begins
    keeps_from_ms: int = 0  # nothing from before can be replayed


class Gateway:
    """Serves on a free port of this machine until it is closed."""

    def __init__(self, market: Market, *, keys: tuple[str, ...] = (KEY,), dataset: str = DATASET) -> None:
        self.market = market
        self.keys = set(keys)
        self.dataset = dataset
        self.script = Script()
        self.lock = threading.RLock()
        self.connections: list[Connection] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept_on, name="fake gateway", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Takes no more connections, and ends those there are."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()

    def number_of(self, connection: Connection) -> int:
        """The number of a session."""
        return self.connections.index(connection) + 1

    def session(self, number: int = 1) -> Connection:
        """The `number`th connection there ever was, once it streams."""
        return until(
            lambda: next((each for each in self.connections[number - 1 : number] if each.is_streaming), None),
            f"session {number} at the fake gateway",
        )

    def publish(self, *records: wire.Record) -> None:
        """Something happens on the exchange: whoever subscribed to it is told, and it can be replayed."""
        with self.lock:
            for record in records:
                self.market.add(record)
                for connection in self.connections:
                    if connection.wants(record):
                        connection.send(record)

    def say(self, *messages: wire.Record | bytes) -> None:
        """Sends messages, or bytes that are none, to all sessions."""
        with self.lock:
            for connection in self.connections:
                if connection.is_streaming:
                    connection.send(*messages)

    def second_over(self, end_ms: int, schema: str = "ohlcv-1s") -> None:
        """All bars of the interval that ends then were given."""
        self.market.now_ms = max(self.market.now_ms, end_ms)
        self.say(wire.system(end_ms, "END_OF_INTERVAL", f"End of interval for {schema}"))

    def heartbeat(self, at_ms: int) -> None:
        """Nothing else happens."""
        self.market.now_ms = max(self.market.now_ms, at_ms)
        self.say(wire.system(at_ms, "HEARTBEAT", "Heartbeat"))

    def remap(self, vendor: str, contract: str, at_ms: int) -> int:
        """Rolls a symbol in the middle of running sessions; the number of the new instrument."""
        instrument = self.market.enlist(vendor, contract)
        with self.lock:
            for connection in self.connections:
                if vendor in connection.instruments:
                    connection.instruments[vendor] = instrument
                    listing = wire.Listing(self.market.listings(vendor)[0].since, contract, instrument)
                    connection.send(wire.mapping(vendor, listing, at_ms))
        return instrument

    def fail(self, code: str, text: str) -> None:
        """Ends all sessions with an error."""
        self.say(wire.error(self.market.now_ms, code, text))
        self.drop()

    def cut_short(self, record: wire.Record) -> None:
        """Sends the first half of a record, and hangs up."""
        whole = bytes(record)
        self.say(whole[: len(whole) // 2])
        self.drop()

    def drop(self) -> None:
        """Hangs up on all."""
        with self.lock:
            for connection in self.connections:
                connection.hang_up()

    def _accept_on(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection = Connection(self, peer)
                self.connections.append(connection)
                threading.Thread(target=connection.run, daemon=True).start()
