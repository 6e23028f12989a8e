"""Which broker the configuration names, and what is said of one that is none."""

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portfold.config import ConfigError, Configuration, load
from portfold.log import open_log
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import BrokerSetup
from portfold.workers.brokers.registry import is_paper, open_broker
from portfold.workers.run.book_file import book_of
from tests.processes import config_folder


def configured(folder: Path, **broker: Any) -> Configuration:
    return load(str(config_folder(folder / "config", runtime={"broker": broker})), {}, folder)


def opened(configuration: Configuration, folder: Path) -> Any:
    log, lines = open_log("worker", target=io.StringIO())
    lines.close()
    return open_broker(BrokerSetup(configuration, "ibs-ES", folder / "book.sqlite", log, {}))


def test_paper_takes_its_costs_from_the_configuration(tmp_path: Path) -> None:
    configuration = configured(tmp_path, kind="paper")
    with opened(configuration, tmp_path) as broker:
        assert isinstance(broker, PaperBroker)
        fill = broker.enter("ES", "long", 1, Decimal(5000))
        assert (fill.price, fill.commission) == (Decimal("5000.25"), Decimal("2.5"))
    assert is_paper(configuration)


def test_a_broker_of_an_installed_module_is_named_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "installed" / "theirs"
    folder.mkdir(parents=True)
    (folder / "desk.py").write_text(
        "from portfold.workers.brokers.paper import PaperBroker\n"
        "def open_desk(setup):\n"
        "    return PaperBroker(setup.book, setup.owner, setup.configuration.contracts)\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "installed")
    configuration = configured(tmp_path, kind="theirs.desk:open_desk")
    with opened(configuration, tmp_path) as broker:
        assert broker.enter("ES", "long", 1, Decimal(5000)).size == 1
    assert not is_paper(configuration)


@pytest.mark.parametrize(
    ("broker", "sentence"),
    [
        (
            {"kind": "papier"},
            "broker.kind: expected one of paper, ibkr, traderspost, or FILE.py:NAME for one of your own",
        ),
        (
            {"kind": "paper", "options": {"cash": 1}},
            "broker.options.cash: expected",
        ),
        (
            {"kind": "paper", "options": {"fill_at": "open"}},
            'broker.options.fill_at: expected "mark" or "next_bar", got "open"',
        ),
        (
            {"kind": "paper", "options": {"fills": []}},
            "broker.options.fills: expected an object, got a list",
        ),
        (
            {"kind": "paper", "options": {"fills": {"part": 2}}},
            "broker.options.fills.part: expected a known key (the nearest is parts), got an unknown key",
        ),
        (
            {"kind": "paper", "options": {"fills": {"parts": 0}}},
            "broker.options.fills.parts: expected a whole number from 1 to 100, got 0",
        ),
        (
            {"kind": "paper", "options": {"fills": {"late_ms": 10_001}}},
            "broker.options.fills.late_ms: expected a whole number of milliseconds from 0 to 10000,",
        ),
        (
            {"kind": "paper", "options": {"fills": {"cancel_share": 1}}},
            "broker.options.fills.cancel_share: expected a number from 0 to 0.9, got 1",
        ),
        (
            {"kind": "paper", "options": {"fills": {"parts": 3, "late_ms": 10_000}}},
            "broker.options.fills: expected fewer parts or less late, as an answer and an entry then",
        ),
        (
            {"kind": "gone.py:Broker"},
            "broker.kind: expected a file that is there, got ",
        ),
        (
            {"kind": "half.py:NONE"},
            "broker.kind: expected the name of a function, got",
        ),
        (
            {"kind": "half.py:Half"},
            "broker.kind: expected a broker, got one that cannot exit, flatten, positions",
        ),
        (
            {"kind": "half.py:Hasty"},
            "broker.kind: expected a broker whose enter takes may_send, and asks it right before it",
        ),
    ],
)
def test_what_is_wrong_with_the_entry_is_told(tmp_path: Path, broker: Any, sentence: str) -> None:
    configuration = configured(tmp_path, **broker)
    half = "NONE = 1\nclass Half:\n    def __init__(self, setup): pass\n    def enter(self): pass\n"
    half += "from portfold.workers.brokers.paper import PaperBroker\nclass Hasty(PaperBroker):\n"
    half += "    def __init__(self, setup): pass\n    def enter(self, symbol, side, size, price): pass\n"
    (tmp_path / "config" / "half.py").write_text(half)
    with pytest.raises(ConfigError) as refused:
        opened(configuration, tmp_path)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("paper", "paper-main.sqlite"),
        ("traderspost", "traderspost-main.sqlite"),
        ("my_broker.py:open_typed_in", "open_typed_in-main.sqlite"),
    ],
)
def test_every_kind_has_a_book_of_its_own(kind: str, name: str) -> None:
    assert book_of("main", Path("/state"), kind) == Path("/state") / name


def test_a_stop_that_no_broker_would_keep_is_refused_before_anything_trades(tmp_path: Path) -> None:
    desk = tmp_path / "desk.py"
    desk.write_text(
        "from portfold.workers.brokers.paper import PaperBroker\n"
        "from portfold.workers.brokers.protocol import always\n"
        "class Desk(PaperBroker):\n"
        "    def enter(self, symbol, side, size, price, *, may_send=always):\n"
        "        return super().enter(symbol, side, size, price, may_send=may_send)\n"
        "def open_desk(setup):\n"
        "    return Desk(setup.book, setup.owner, setup.configuration.contracts)\n"
    )
    runtime = {"broker": {"kind": f"{desk}:open_desk"}, "protective_stop": {"ticks": 8}}
    configuration = load(str(config_folder(tmp_path / "config", runtime=runtime)), {}, tmp_path)
    with pytest.raises(ConfigError, match=r"protective_stop: expected null, as no stop can rest at a broker"):
        opened(configuration, tmp_path)
