"""Symbols are given alike to every command: with commas, with blanks, or one after the other."""

from pathlib import Path

import pytest

from portfold.cli.exits import OK
from portfold.cli.main import build_app
from portfold.cli.symbols import symbols_in
from tests.cli.command_line import called
from tests.live import Live
from tests.processes import Coordinators
from tests.server import EmbeddedServer

SPELT = (["ES,CL"], ["ES CL"], ["ES", "CL"], ["ES,", "CL"])
TAKING = [
    ["run"],
    ["demo"],
    ["limits", "--by", "ann", "--reason", "week"],
    ["audit", "what-if"],
    ["research", "backtest", "--bars", "synthetic"],
    ["research", "simulate"],
    ["research", "optimize"],
]


@pytest.mark.parametrize("words", TAKING, ids=" ".join)
@pytest.mark.parametrize("spelt", SPELT, ids=" ".join)
def test_every_command_reads_them_alike(words: list[str], spelt: list[str]) -> None:
    _, bound, _ = build_app().parse_args(
        [*words, "--symbols", *spelt], exit_on_error=False, print_error=False
    )
    given = [bound.arguments.get("symbols"), *(vars(one).get("symbols") for one in structs(bound.arguments))]
    (symbols,) = (one for one in given if one)
    assert symbols_in(symbols) == ["ES", "CL"]


def structs(arguments: dict[str, object]) -> list[object]:
    return [one for one in arguments.values() if hasattr(one, "__dataclass_fields__")]


@pytest.mark.parametrize("spelt", SPELT, ids=" ".join)
def test_an_order_puts_them_in_force_however_they_are_spelt(
    spelt: list[str], server: EmbeddedServer, live: Live, coordinators: Coordinators, tmp_path: Path
) -> None:
    coordinators.start()
    words = ("limits", "--symbols", *spelt, "--by", "ann", "--reason", "week")
    assert called(*words, "--url", server.url, "--portfolio", live.keys.name, cwd=tmp_path).code == OK
    assert "symbols=ES CL;" in live.status()["limits"]
