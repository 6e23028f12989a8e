"""Whatever a stranger wrote on the log or under a key: no screen lets it steer the terminal.

Every word that a stranger can choose is one that would clear the screen, name the window, turn the direction
of writing or break the encoding, once as any bytes and once as good UTF-8, which JSON has no need to escape.
Each screen is then looked at character by character.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portfold.events.fields import DECEIVING
from tests.archive.past import Past
from tests.cli.command_line import called
from tests.server import EmbeddedServer

STEERING = b"\x1b[2J\x1b]0;mine\x07\x7f\r\x00\xc2\x9b\xe2\x80\xae\xff"
IN_GOOD_UTF8 = "\x7f\x9b2J\u202e\u2028".encode()
WORDS = pytest.mark.parametrize("word", [STEERING, IN_GOOD_UTF8], ids=["any bytes", "good UTF-8"])
POSITION = {
    "worker": "w",
    "session": "s",
    "seq": "7",
    "symbol": "ES",
    "side": "long",
    "size": "1",
    "price": "1",
}
ORDER = {"by": "jane", "reason": "news"}
SAID = {"PositionOpened": POSITION, "TradingHalted": ORDER}
SCREENS = [
    "status",
    "status --json",
    "doctor",
    "doctor --json",
    "tail --all",
    "tail --all --text",
    "tail --all --json",
    "audit verify",
    "audit verify --json",
    "audit show",
    "audit show --format jsonl",
    "audit show --format csv",
    "audit at 9999-12-31",
    "audit at 9999-12-31 --json",
    "audit why --last",
    "audit why --type EventRejected",
    "audit why --type EventRejected --json",
    "audit day",
    "audit week",
    "audit day --json",
    "audit what-if --max-positions 1",
    "audit anchor",
    "halt --by jane --reason news",
]
OF_DECISIONS = ["doctor", "tail --all --text", "tail --all --json", "audit verify", "audit verify --json"]


def strangers() -> Iterator[list[str | bytes]]:
    """Events in which one word after the other is a stranger's."""
    for word in (STEERING, IN_GOOD_UTF8):
        yield [word, word]
        yield ["type", word, word, word]
        for kind, fields in SAID.items():
            yield ["type", kind, *(each for field in fields.items() for each in field), word, word]
            for name in fields:
                changed: dict[str, str | bytes] = {**fields, name: word}
                yield ["type", kind, *(each for field in changed.items() for each in field)]


@pytest.fixture
def past(server: EmbeddedServer, portfolio: str, client: Any) -> Iterator[Past]:
    """A day on which strangers wrote on the log: decided, and what is not theirs is in order."""
    told = Past(server.url, portfolio, client)
    told.happens(60)
    told.goes_on(*strangers())
    yield told
    told.bus.close()


def screen_of(screen: str, past: Past, folder: Path) -> str:
    """All that it says."""
    where = ("--url", past.url, "--portfolio", past.bus.keys.name)
    ran = called(*screen.split(), *where, cwd=folder)
    return ran.out + ran.err


def steered(screen: str, past: Past, folder: Path) -> str:
    """The lines of it that would not be shown as they are."""
    lines = screen_of(screen, past, folder).split("\n")
    return "\n".join(repr(line) for line in lines if not line.isprintable() or DECEIVING.search(line))


@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_on_the_log_steers_the_terminal(screen: str, past: Past, tmp_path: Path) -> None:
    assert steered(screen, past, tmp_path) == ""


@WORDS
@pytest.mark.parametrize("screen", OF_DECISIONS)
def test_no_forged_decision_steers_the_terminal(
    screen: str, word: bytes, past: Past, client: Any, tmp_path: Path
) -> None:
    forged = ("type", "EntryDenied", "reason", word, word, word, "event", word)
    client.execute_command("XADD", past.bus.keys.decisions, "*", *forged)
    client.execute_command("XADD", past.bus.keys.decisions, "*", word, word)
    assert steered(screen, past, tmp_path) == ""


@WORDS
def test_no_decision_that_was_exchanged_steers_the_terminal(
    word: bytes, past: Past, client: Any, tmp_path: Path
) -> None:
    decisions = past.whole().decisions
    client.delete(past.bus.keys.decisions)
    for at, fields in decisions:
        words = ["type", word, "reason", word] if at == decisions[-1].id else fields
        client.execute_command("XADD", past.bus.keys.decisions, str(at), *words)
    assert "on record:" in screen_of("audit verify", past, tmp_path)
    for screen in OF_DECISIONS:
        assert steered(screen, past, tmp_path) == "", screen


@WORDS
@pytest.mark.parametrize(
    "screen", ["status", "status --json", "doctor", "doctor --json", "tail", "audit verify"]
)
def test_nothing_under_a_key_steers_the_terminal(
    screen: str, word: bytes, past: Past, client: Any, tmp_path: Path
) -> None:
    keys = past.bus.keys
    for key in (
        keys.leader,
        keys.standby,
        keys.log,
        keys.snapshot,
        keys.worker("ibs-ES"),
        keys.claim("ibs-ES"),
    ):
        client.set(key, word)
        assert steered(screen, past, tmp_path) == "", key
    for key in (keys.archive, keys.notifier("log"), keys.head, keys.status):
        found = client.hgetall(key) or {"up_to": "1-1", "folder": ""}
        client.hset(key, word, word)
        for name in found:
            client.hset(key, name, word)
            assert steered(screen, past, tmp_path) == "", (key, name)
            client.hset(key, name, found[name])


@pytest.mark.parametrize(
    "bars",
    [
        "time,open,high,low,close{word}\n",
        "time,open,high,low,close\n2025-01-06T00:00{word},1,1,1,1\n",
        "time,open,high,low,close\n2025-01-06T00:00,{word},1,1,1\n",
    ],
    ids=["header", "time", "price"],
)
def test_no_file_that_is_complained_of_steers_the_terminal(bars: str, tmp_path: Path) -> None:
    word = IN_GOOD_UTF8.decode().replace("\u2028", "\x1b[2J")
    (tmp_path / "bars").mkdir()
    (tmp_path / "bars" / "ES.csv").write_text(bars.format(word=word), encoding="utf-8")
    ran = called("research", "backtest", "--bars", "bars", "--symbols", "ES", cwd=tmp_path)
    assert "\\u001b[2J" in ran.err
    assert all(line.isprintable() for line in (ran.out + ran.err).split("\n"))


@pytest.mark.parametrize(
    "words", [["{word}"], ["status", "--{word}"], ["research", "simulate", "--results-dir", "{word}"]]
)
def test_no_mistake_on_the_command_line_steers_the_terminal(words: list[str], tmp_path: Path) -> None:
    ran = called(*(word.format(word="\x1b[2J\x9b\u202e") for word in words), cwd=tmp_path)
    assert ran.code != 0
    assert all(line.isprintable() for line in (ran.out + ran.err).split("\n"))
