"""One client at the gateway: what it asks for, and what it is sent, in an order of its own."""

import queue
import secrets
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tests.fakes.databento_gateway.wire import SCHEMA_OF, answer_to, live_metadata, mapping, parse, system
from tests.fakes.databento_gateway.wire import error as error_record

if TYPE_CHECKING:
    from tests.fakes.databento_gateway.gateway import Gateway

_SCHEMAS = set(SCHEMA_OF.values())


class Connection:
    """Reads in one thread and writes in another, so that a client that does not read holds up no test."""

    def __init__(self, gateway: "Gateway", peer: socket.socket) -> None:
        self._gateway = gateway
        self._peer = peer
        self._outgoing: queue.Queue[bytes | None] = queue.Queue()
        self._heartbeat_seconds: float | None = None
        self._was_slow = False
        self.asked: list[dict[str, str]] = []
        self.authenticated: dict[str, str] = {}
        self.instruments: dict[str, int] = {}
        self.is_streaming = False
        self.is_over = threading.Event()

    def run(self) -> None:
        """Serves the client until one of the two hangs up."""
        writer = threading.Thread(target=self._write_on, daemon=True)
        writer.start()
        with suppress(OSError, ConnectionError, ValueError), self._peer.makefile("rb") as lines:
            if not self._gateway.script.is_mute and self._authenticate(lines):
                for line in lines:
                    self._obey(parse(line))
            elif self._gateway.script.is_mute:
                lines.read()
        self.hang_up()
        writer.join()

    def send(self, *messages: Any) -> None:
        """Queues records, or bytes as they are."""
        for message in messages:
            self._outgoing.put(bytes(message))

    def hang_up(self) -> None:
        """Closes the connection once what is queued was sent."""
        self._outgoing.put(None)

    def wants(self, record: Any) -> bool:
        """Whether it subscribed to such records of this instrument."""
        schemas = {each["schema"] for each in self.asked}
        return (
            self.is_streaming
            and SCHEMA_OF.get(int(record.rtype)) in schemas
            and record.instrument_id in self.instruments.values()
        )

    def _authenticate(self, lines: Any) -> bool:
        script, challenge = self._gateway.script, secrets.token_hex(16)
        self.send(f"lsg_version=0.7.3\ncram={challenge}\n".encode())
        if script.closes_before_answer:
            return False
        said = parse(lines.readline())
        keys = {answer_to(challenge, key) for key in self._gateway.keys}
        problem = script.refuses_key_with or ("" if said.get("auth") in keys else "Authentication failed.")
        if not problem and said.get("dataset") != self._gateway.dataset:
            problem = f"Unknown dataset {said.get('dataset')}"
        if not problem and (said.get("encoding"), said.get("compression")) != ("dbn", "none"):
            problem = "this fake speaks uncompressed DBN only"
        if problem:
            self.send(f"success=0|error={problem}\n".encode())
            return False
        self.authenticated = said
        self._heartbeat_seconds = float(said.get("heartbeat_interval_s", "30")) * script.heartbeat_pace
        self.send(f"success=1|session_id={self._gateway.number_of(self)}\n".encode())
        return True

    def _obey(self, said: dict[str, str]) -> None:
        if "start_session" in said:
            with self._gateway.lock:
                self._begin()
        elif said.get("schema") in _SCHEMAS:
            self.asked.append(said)
        else:
            self._fail("INVALID_SUBSCRIPTION", f"unknown schema in {said}")

    def _begin(self) -> None:
        market, script = self._gateway.market, self._gateway.script
        self.send(live_metadata(self._gateway.dataset, market.now_ms))
        for number, _ in enumerate(self.asked):
            self.send(system(market.now_ms, "SUBSCRIPTION_ACK", f"Subscription request {number} succeeded"))
        for vendor in dict.fromkeys(name for each in self.asked for name in each["symbols"].split(",")):
            listing = market.listed(vendor)
            if listing is None:
                text = f"Failed to resolve symbol {vendor}"
                if script.says_unresolved:
                    self.send(error_record(market.now_ms, "SYMBOL_RESOLUTION_FAILED", text))
            else:
                self.instruments[vendor] = listing.instrument
                self.send(mapping(vendor, listing, market.now_ms))
        if script.fails_with is not None:
            return self._fail(*script.fails_with)
        for each in self.asked:
            if "start" in each and not self._replay(each["schema"], each["symbols"], int(each["start"])):
                return None
        for schema in dict.fromkeys(each["schema"] for each in self.asked if "start" in each):
            self.send(system(market.now_ms, "REPLAY_COMPLETED", f"Finished {schema} replay"))
        self.is_streaming = True
        return None

    def _replay(self, schema: str, symbols: str, start_ns: int) -> bool:
        kept_ns = self._gateway.script.keeps_from_ms * 1_000_000
        if 0 < start_ns < kept_ns:
            self._fail("INVALID_SUBSCRIPTION", f"start {start_ns} is before what is kept, {kept_ns}")
            return False
        instruments = {self.instruments[each] for each in symbols.split(",") if each in self.instruments}
        self.send(*self._gateway.market.traded(schema, instruments, start_ns))
        return True

    def _fail(self, code: str, text: str) -> None:
        self.send(error_record(self._gateway.market.now_ms, code, text))
        self.hang_up()

    def _write_on(self) -> None:
        script = self._gateway.script
        with suppress(OSError):
            while (message := self._next()) is not None:
                if script.bytes_at_once:
                    for at in range(0, len(message), script.bytes_at_once):
                        self._peer.sendall(message[at : at + script.bytes_at_once])
                else:
                    self._peer.sendall(message)
        self.is_over.set()
        self.is_streaming = False
        with suppress(OSError):
            self._peer.shutdown(socket.SHUT_RDWR)
        self._peer.close()

    def _next(self) -> bytes | None:
        market, script = self._gateway.market, self._gateway.script
        if self._outgoing.qsize() > script.slow_beyond and not self._was_slow:
            self._was_slow = True
            return bytes(system(market.now_ms, "SLOW_READER_WARNING", "Session is reading slowly"))
        while True:
            try:
                return self._outgoing.get(timeout=self._heartbeat_seconds)
            except queue.Empty:
                if self.is_streaming and not script.is_silent:
                    return bytes(system(market.now_ms, "HEARTBEAT", "Heartbeat"))
