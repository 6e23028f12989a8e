"""`portfold doctor` says in which months the broker would enter, and whether prices of those come."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.cli.watch.traded_months import traded_months
from portfold.config import load
from portfold.coordinator.doctor.finding import Finding
from portfold.events.wire.market import LastPrice, MarketSeen
from portfold.workers.brokers.contract_names import month_of
from tests.processes import config_folder

NOW = datetime(2026, 11, 30, 15, tzinfo=UTC)
BOTH = ("CL", "ES")


def found(folder: Path, *, symbols: tuple[str, ...] = BOTH, fed: str = "", **options: object) -> Finding:
    broker = {"kind": "traderspost", "options": {"webhook_url_env": "HOOK", **options}}
    config_folder(folder, limits={"symbols": list(symbols)}, runtime={"broker": broker})
    now_ms = int(NOW.timestamp() * 1_000)
    prices = {"ES": LastPrice(Decimal(6000), now_ms, "databento", fed)} if fed else {}
    seen = MarketSeen(now_ms, "", None, prices, {}, {})
    return traded_months(load(str(folder), {}, Path("/")), seen)


def test_months_by_the_rules_are_named(tmp_path: Path) -> None:
    assert found(tmp_path / "c")[:3] == ("traded months", "ok", "CLF2027, ESZ2026")
    assert found(tmp_path / "c", fed="ESZ6").level == "ok"


def test_prices_of_another_month_are_warned_of(tmp_path: Path) -> None:
    finding = found(tmp_path / "c", fed="ESH7")
    assert finding.level == "warn"
    assert finding.text.endswith(": ES trades ESZ2026 and is fed ESH7")
    assert found(tmp_path / "c", fed="ESH7", contracts={"ES": "ESH2027"}).level == "ok"


@pytest.mark.parametrize(("named", "level"), [("CLZ2026", "warn"), ("CLF2027", "ok"), ("CLG2027", "ok")])
def test_a_named_month_that_the_rules_have_left_is_warned_of(tmp_path: Path, named: str, level: str) -> None:
    finding = found(tmp_path / "c", contracts={"CL": named})
    assert (finding.level, named in finding.text) == (level, True)


def test_a_symbol_without_a_rule_needs_a_name(tmp_path: Path) -> None:
    finding = found(tmp_path / "c", symbols=("ZQ",))
    assert (finding.level, "No rule says which contract of ZQ" in finding.text) == ("fail", True)
    assert found(tmp_path / "c", symbols=("ZQ",), contracts={"ZQ": "ZQZ2026"}).level == "ok"
    assert found(tmp_path / "c", symbols=("ZQ",), contracts={"ZQ": "ZQV2026"}).level == "warn"


@pytest.mark.parametrize(
    ("name", "month"),
    [
        ("ESZ2026", (2026, 12)),
        ("ESZ26", (2026, 12)),
        ("ESZ6", (2026, 12)),
        ("ESH1", (2031, 3)),
        ("ESH2", (2022, 3)),
        ("ES", None),
    ],
)
def test_a_short_year_is_the_nearest(name: str, month: tuple[int, int] | None) -> None:
    assert month_of(name, date(2026, 11, 30)) == month
