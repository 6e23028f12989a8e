"""Sixteen worker processes that all want the same four slots at once: `python -m tests.promises.rush`.

Each asks for ten symbols over and over: a part through its gate, the way a strategy does, the rest many at a
time by the bare bus. What is granted is soon withdrawn, or opened and closed, so that the slots turn over.
Each process writes down the answers it was given, to be held against the log.
"""

import os
import sys
from collections.abc import Iterator
from decimal import Decimal
from itertools import count, islice
from pathlib import Path
from typing import Any

import msgspec

from portfold.events.codec import decode_decided, encode_checked
from portfold.events.decisions import EntryAllowed, EntryDenied
from portfold.events.fields import Side
from portfold.events.incoming import EntryRequested, EntryWithdrawn, Event, PositionClosed, PositionOpened
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import SERVERS_TIME, Bus
from portfold.events.wire.connection import connect
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings

PROCESSES = 16
SYMBOLS = ("6A", "6B", "6C", "6N", "6S", "CL", "ES", "PL", "RTY", "SI")
BY_GATE = 50
BY_BUS = 1200
AT_ONCE = 40
_LOOKS = 12  # of 4.9 s each
"""Requests of one process that await their answers at the same time."""


class Answered(msgspec.Struct):
    """Denied with `code`, or allowed where there is none."""

    request: str
    code: str


def rush(url: str, portfolio: str, number: int) -> list[Answered]:
    """All requests of the process `number`."""
    turn = count(number)
    symbols = (SYMBOLS[n % len(SYMBOLS)] for n in turn)
    by_gate = ask_by_gate(url, portfolio, f"gate-{number}", islice(symbols, BY_GATE))
    return by_gate + ask_by_bus(url, portfolio, f"bus-{number}", islice(symbols, BY_BUS))


def ask_by_gate(url: str, portfolio: str, worker: str, symbols: Iterator[str]) -> list[Answered]:
    """As a strategy does: every other grant is used, the others go back by themselves."""
    answers: list[Answered] = []
    settings = GateSettings(url=url, portfolio=portfolio, answer_seconds=30, worker_lost_seconds=60)
    with PortfolioGate(worker, settings=settings) as gate:
        for number, symbol in enumerate(symbols):
            side: Side = "short" if number % 3 else "long"
            with gate.request_entry(symbol, side) as entry:
                answers.append(Answered(str(entry.event), entry.code))
                if entry and number % 2:
                    gate.position_opened(symbol, side, price=100)
                    gate.position_closed(symbol, side, price=100, pnl=0, commission=0)
    return answers


def ask_by_bus(url: str, portfolio: str, worker: str, symbols: Iterator[str]) -> list[Answered]:
    """Many at a time, then the answers, then what to do with each grant."""
    client: Any = connect(url)
    bus = Bus(client, portfolio)
    seqs = count(1)
    answers: list[Answered] = []

    def publish(events: list[Event]) -> list[StreamId]:
        with client.pipeline(transaction=False) as commands:
            for event in events:
                commands.execute_command("XADD", bus.keys.events, SERVERS_TIME, *encode_checked(event))
            return list(map(StreamId.parse, commands.execute()))

    def ask(symbol: str) -> EntryRequested:
        return EntryRequested(worker, "s1", next(seqs), symbol, "long", 1)

    def events_for(granted: EntryRequested, then: str) -> list[Event]:
        said: dict[str, Any] = {"worker": worker, "session": "s1", "symbol": granted.symbol}
        if then == "withdraw":
            return [EntryWithdrawn(**said, seq=next(seqs), request=str(granted.seq))]
        price = Decimal(100)
        return [
            PositionOpened(**said, seq=next(seqs), side="long", size=1, price=price),
            PositionClosed(
                **said,
                seq=next(seqs),
                side="long",
                size=1,
                price=price,
                commission=Decimal(0),
                pnl=Decimal(0),
            ),
        ]

    while batch := list(islice(symbols, AT_ONCE)):
        asked = [ask(symbol) for symbol in batch]
        granted: list[EntryRequested] = []
        for request, at in zip(asked, publish([*asked]), strict=True):
            code = answer_to(bus, at)
            answers.append(Answered(str(at), code))
            if not code:
                granted.append(request)
        uses = ("withdraw", "open and close")
        publish([event for n, request in enumerate(granted) for event in events_for(request, uses[n % 2])])
    client.close()
    return answers


def answer_to(bus: Bus, request: StreamId) -> str:
    """Waits for the one answer to `request`."""
    for _ in range(_LOOKS):
        for entry in bus.decisions_after(request.before_decisions(), count=100, block_ms=4900):
            decision, cause = decode_decided(entry.fields)
            if cause == str(request) and isinstance(decision, EntryAllowed | EntryDenied):
                return decision.code if isinstance(decision, EntryDenied) else ""
    raise RuntimeError(f"no answer to {request} in time")


def main(url: str, portfolio: str, folder: str) -> None:
    """Forks all processes and waits for them; ends with 1 if one of them failed."""
    children = []
    for number in range(PROCESSES):
        child = os.fork()
        if child == 0:
            answers = rush(url, portfolio, number)
            (Path(folder) / f"{number}.answers").write_bytes(msgspec.json.encode(answers))
            os._exit(0)
        children.append(child)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    sys.exit(any(statuses))


if __name__ == "__main__":
    main(*sys.argv[1:])
