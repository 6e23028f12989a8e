"""With nothing but a Redis shell: read what happened and why, order a halt, and see that it is in force.

Here a plain client stands in for `redis-cli`, given the very words one would type. Nothing of ours is used to
write or to read; the keys and fields are spelled out as an operator knows them.
"""

import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis

from tests.processes import Coordinators
from tests.server import EmbeddedServer
from tests.waiting import until

Shell = Callable[[str], Any]


@pytest.fixture
def shell(server: EmbeddedServer, portfolio: str, coordinators: Coordinators) -> Iterator[Shell]:
    """Runs a line as `redis-cli` would; `{main}` in it is the portfolio of the test, which is coordinated."""
    coordinators.start()
    with Redis.from_url(server.url, decode_responses=True, protocol=2) as client:
        client.response_callbacks.clear()  # replies as they come, and not as the library likes to show them
        yield lambda line: client.execute_command(*shlex.split(line.replace("{main}", f"{{{portfolio}}}")))


def fields(words: list[str]) -> dict[str, str]:
    return dict(zip(words[::2], words[1::2], strict=True))


def ask(shell: Shell, worker: str, seq: int, symbol: str) -> dict[str, str]:
    """A worker's request by hand, and the answer, which lies under the request's ID or just above it."""
    request = shell(
        f"XADD portfolio:{{main}}:events '*' type EntryRequested worker {worker} session by-hand seq {seq} "
        f"symbol {symbol} side long size 1"
    )
    ms, seq_of_id = request.split("-")
    place = f"{ms}-{int(seq_of_id) * 100}"
    answer = until(
        lambda: shell(f"XRANGE portfolio:{{main}}:decisions {place} + COUNT 1"), f"an answer to {request}"
    )
    [[at, words]] = answer
    assert at == place
    assert fields(words)["event"] == request
    return fields(words)


def status(shell: Shell) -> dict[str, str]:
    return fields(shell("HGETALL portfolio:{main}:status"))


def test_what_happened_and_why_an_entry_was_denied_can_be_read(shell: Shell) -> None:
    for seq, symbol in enumerate(["6A", "CL", "ES", "SI"], 1):
        assert ask(shell, "ibs", seq, symbol)["type"] == "EntryAllowed"
    shell(
        "XADD portfolio:{main}:events '*' type PositionOpened worker ibs session by-hand seq 5 "
        "symbol CL side long size 1 price 71.25"
    )
    denied = ask(shell, "ibs", 6, "PL")
    assert denied["type"] == "EntryDenied"
    assert denied["code"] == "max_positions"
    assert denied["reason"] == "Max positions (4) reached. Open: CL | Reserved: 6A, ES, SI"

    told = [fields(words) for _, words in shell("XRANGE portfolio:{main}:events - +")]
    types = [one["type"] for one in told]
    assert types[:2] == ["CoordinatorStarted", "LimitsChanged"]
    assert [each for each in types[2:] if each != "CoordinatorStarted"] == [  # a slow leader may lead again
        *["EntryRequested"] * 4,
        *("PositionOpened", "EntryRequested"),
    ]
    assert (told[1]["max_positions"], told[1]["daily_stop_loss"]) == ("4", "2500")
    decided = [fields(words)["type"] for _, words in shell("XRANGE portfolio:{main}:decisions - +")]
    assert decided == ["TradingDayStarted", *["EntryAllowed"] * 4, "EntryDenied"]

    now = status(shell)
    assert now["open_positions"] == "CL"
    assert now["open_positions_count"] == "1"
    assert now["max_positions"] == "4"
    assert now["daily_pnl"] == "0.00"
    assert now["stopped_out"] == "false"
    assert "total_entries_blocked=1" in now["stats"]
    assert fields(shell("HGETALL portfolio:{main}:head")).keys() >= {"epoch", "cursor", "chain"}


def test_trading_is_halted_and_resumed_by_hand(shell: Shell) -> None:
    shell("XADD portfolio:{main}:events '*' type TradingHalted by ann reason 'jobs report at 8:30'")
    until(lambda: status(shell)["halted"] == "true", "the halt")
    now = status(shell)
    assert (now["halted_by"], now["halt_reason"]) == ("ann", "jobs report at 8:30")
    denied = ask(shell, "ibs", 1, "ES")
    assert (denied["code"], denied["reason"]) == ("halted", "Halted by ann: jobs report at 8:30")

    shell("XADD portfolio:{main}:events '*' type TradingResumed by ann reason 'it is out'")
    until(lambda: status(shell)["halted"] == "false", "the end of the halt")
    assert ask(shell, "ibs", 2, "ES")["type"] == "EntryAllowed"


def test_an_order_that_is_mistyped_is_answered_with_what_was_expected(shell: Shell) -> None:
    order = shell("XADD portfolio:{main}:events '*' type TradingHalted by ann")
    rejected = until(
        lambda: [
            answer
            for _, words in shell("XREVRANGE portfolio:{main}:decisions + - COUNT 1")
            if (answer := fields(words))["event"] == order
        ],
        "the rejection",
    )[0]
    assert rejected["type"] == "EventRejected"
    assert rejected["reason"] == "TradingHalted.reason: missing; expected at most 500 printable characters"
    assert status(shell)["halted"] == "false"
