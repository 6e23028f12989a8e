"""docs/operations.md: what it quotes is what is said, and what it tells to type can be typed."""

import re
import shlex
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Any

import pytest

from portfold.cli.main import build_app
from portfold.coordinator.fold.rules.table import BY_A_SCOPE, RULES
from portfold.events.decisions import EventRejected
from portfold.events.incoming import FlattenRequested, TradingHalted, TradingResumed, WorkerRetired
from portfold.events.stream_id import StreamId
from tests.coordinator.story import each
from tests.live import Live
from tests.processes import ROOT, Coordinators

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for folder in ("coordinator", "workers", "events")
    for path in sorted((ROOT / folder).rglob("*.py"))
)
SHELLS_OWN = ("|", "&&", "||", ">")


def section(title: str) -> str:
    """The text under a heading."""
    return re.split(r"^## .*$", PAGE.split(f"## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str) -> list[str]:
    """What stands in the first column of a section's table, without the heading."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [re.split(r"(?<!\\)\|", row)[1].strip() for row in rows[2:]]


def quoted(cells: list[str]) -> Iterator[str]:
    for cell in cells:
        yield from re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("line", list(quoted(first_cells(section("Lines to know")))))
def test_every_line_to_know_is_one_that_is_said(line: str) -> None:
    """Up to where it names something, or a number."""
    names = r" (?:ES\b|CL\b|ibs-CL\b|coordinator:)"
    fixed = re.split(rf"…|\(|\\\||\d|{names}", line.removeprefix("⛔ ES "))[0].strip()
    assert len(fixed) > 5
    assert re.search(re.escape(fixed).replace("\\ ", r'(?: |"\s*f?")'), SOURCES), fixed


def test_every_line_that_shouts_is_one_to_know() -> None:
    shouted = re.findall(r'critical\(\s*f?"([A-Z]{3,}(?: [A-Z]{2,})+)\b', SOURCES)
    shouted += re.findall(r'(?:critical\(|text = )\s*f?"((?:[A-Z]{2,} )*[A-Z]{4,}):', SOURCES)
    shouted += re.findall(r'"\W*(THE LOG [A-Z ]+):', SOURCES)
    shouted += re.findall(r'f"((?:ACCOUNT|NOT CONFIRMED) [A-Z]{4,}(?: [A-Z]{4,})*)(?: in|:)', SOURCES)
    assert len(set(shouted)) > 12
    page = " ".join(quoted(first_cells(section("Lines to know"))))
    assert {one for one in shouted if one not in page} == set()


def test_every_code_of_a_denial_is_there_and_no_other() -> None:
    before = r"Denial\(|code=|Answer\.no\(|_no\(symbol, |Permission\(\(False, \w+\), |Refusal\(|WhyNot\("
    said = re.findall(rf'(?:{before})\s*"([a-z_]+)"', SOURCES)
    of_a_breach = {"ungranted"}
    of_rules = {rule.code for rule in RULES if rule not in BY_A_SCOPE}
    assert set(quoted(first_cells(section("Why an entry was denied")))) == set(said) - of_a_breach | of_rules


def test_every_kind_of_difference_is_there_and_no_other() -> None:
    written = r'"((?:[a-z]+_)+(?:us|differs|broker|unmatched|fill|close))"'
    noted = set(re.findall(written, SOURCES))
    kinds = {kind for kind in noted if re.search(rf"(?:kind|note_unsettled|LATE).*\n?.*\"{kind}\"", SOURCES)}
    in_the_status_alone = {"maybe_filled"}
    assert all(f'ShownUnsettled(one.symbol, one.worker, "{kind}")' in SOURCES for kind in in_the_status_alone)
    assert set(quoted(first_cells(section("Log and broker differ")))) == kinds | in_the_status_alone


def typed() -> Iterator[str]:
    """The commands of the page: those on lines of their own, and those in the text that take no names."""
    for line in PAGE.splitlines():
        if line.startswith("    portfold "):
            yield line.strip()


@pytest.mark.parametrize("line", list(typed()))
def test_every_command_can_be_typed(line: str) -> None:
    words = list(takewhile(lambda word: not word.startswith(SHELLS_OWN), shlex.split(line, comments=True)))
    build_app().parse_args(words[1:], exit_on_error=False, print_error=False)


@pytest.fixture
def hand(live: Live, coordinators: Coordinators) -> Callable[[str], Any]:
    """Writes a line of the page as redis-cli would, and returns what was decided on it."""
    coordinators.start()

    def writes(line: str) -> Any:
        name = live.keys.events.removeprefix("portfolio:").removesuffix(":events")
        event = live.client.execute_command(*shlex.split(line.replace("{main}", name)))
        return live.decided(StreamId.parse(event))

    return writes


def test_every_order_by_hand_is_taken(hand: Callable[[str], Any], live: Live) -> None:
    lines = [line for line in section("By hand").splitlines() if line.startswith("XADD ")]
    live.starts("ibs-CL", symbols="CL")
    live.loses_worker("ibs-CL")
    for line in lines:
        assert each(EventRejected, hand(line)) == []
    orders = {kind.__name__ for kind in (TradingHalted, TradingResumed, FlattenRequested, WorkerRetired)}
    assert {line.split()[4] for line in lines} == orders
    assert live.status()["halted"] == "true", "by the flatten, which comes after the resume"
    misspelt = lines[0].replace(" reason ", " raeson ")
    [refused] = each(EventRejected, hand(misspelt))
    assert "raeson" in refused.reason or "reason" in refused.reason
