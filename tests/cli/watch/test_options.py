"""`portfold doctor` reads the options of each kind as its process would, and opens none of them."""

from pathlib import Path

import pytest

from portfold.cli.watch.options import options
from portfold.config import load
from portfold.coordinator.doctor.finding import Finding
from portfold.workers.account import registry as accounts
from portfold.workers.brokers import registry as brokers
from portfold.workers.feeds import registry as feeds
from portfold.workers.market import registry as markets
from tests.processes import config_folder

MARKET = {"source": "synthetic", "symbols": {"ES": "ES"}}
ACCOUNT = {"name": "DU1", "source": "paper"}
KINDS = [
    *((kind, {"broker": {"kind": kind}}, "broker") for kind in brokers.OURS),
    *((kind, {"feed": {"kind": kind}}, "feed") for kind in feeds.OURS),
    *((kind, {"market": MARKET | {"source": kind}}, "market") for kind in markets.OURS),
    *((kind, {"account": ACCOUNT | {"source": kind}}, "account") for kind in accounts.OURS),
]


def found(folder: Path, **runtime: object) -> Finding:
    config_folder(folder / "config", runtime=runtime)
    return options(load(str(folder / "config"), {}, Path("/")))


def test_what_is_as_it_should_be_is_named_and_nothing_is_made(tmp_path: Path) -> None:
    finding = found(tmp_path, market=MARKET, account=ACCOUNT)
    assert finding.level == "ok"
    assert finding.text == (
        "as each reads them: broker paper, feed synthetic, market synthetic, account paper"
    )
    assert [each.name for each in tmp_path.iterdir()] == ["config"]


@pytest.mark.parametrize(("kind", "entry", "name"), KINDS)
def test_an_option_that_a_kind_does_not_know_fails_and_no_kind_is_opened(
    tmp_path: Path, kind: str, entry: dict[str, dict[str, object]], name: str
) -> None:
    finding = found(tmp_path, **{name: entry[name] | {"options": {"paace": 1}}})
    assert finding.level == "fail", kind
    assert f"runtime.json: {name}.options.paace: expected" in finding.text


@pytest.mark.parametrize(
    ("runtime", "told"),
    [
        ({"broker": {"kind": "papier"}}, "broker.kind: expected one of paper, ibkr, traderspost"),
        ({"market": MARKET | {"symbols": {"ZZ": "ZZ"}}}, "market.symbols.ZZ: expected symbols with a"),
        (
            {"account": ACCOUNT | {"source": "mine.py:opened"}},
            "account.source: expected a file that is there",
        ),
        ({"account": ACCOUNT | {"source": "tradovate"}}, "account.options.host: expected"),
    ],
)
def test_what_cannot_be_opened_so_is_said_with_its_field(
    tmp_path: Path, runtime: dict[str, object], told: str
) -> None:
    finding = found(tmp_path, **runtime)
    assert (finding.level, told in finding.text) == ("fail", True)
    assert finding.remedy


def test_a_secret_need_not_be_where_the_doctor_is(tmp_path: Path) -> None:
    broker = {"kind": "traderspost", "options": {"webhook_url_env": "NOBODY_SETS_THIS"}}
    assert found(tmp_path, broker=broker, market=MARKET | {"source": "databento"}).level == "ok"


def test_one_of_the_users_own_is_found_and_not_called(tmp_path: Path) -> None:
    folder = config_folder(tmp_path / "config")
    (folder / "mine.py").write_text("def opened(setup):\n    raise SystemExit(9)\n")
    assert found(tmp_path, broker={"kind": "mine.py:opened"}, feed={"kind": "mine.py:opened"}).level == "ok"
