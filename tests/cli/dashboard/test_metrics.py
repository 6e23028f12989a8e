"""The metrics that are documented, drawn and alerted on are those that are there."""

import json
import re
from decimal import Decimal
from pathlib import Path

from portfold.events.account import AccountReported
from tests.cli.dashboard.visitor import Served
from tests.live import Live

DOCS = Path(__file__).parents[3] / "docs"
NAME = re.compile(r"portfold_[a-z_]+")
BY_LABEL = {"portfold_up", "portfold_limit_used_ratio", "portfold_worker_alive"}


def exported(led: Live, dashboard: Served) -> set[str]:
    """The names of all metrics that are there where a position is open and an account is watched."""
    led.change_limits(account="DU1", account_grace_ms=1000)
    led.hears(
        AccountReported(
            account="DU1",
            source="paper",
            as_of_ms=led.bus.now_ms(),
            equity=Decimal(1000),
            realized=Decimal(0),
            unrealized=Decimal(0),
        )
    )
    led.enters("ES", price="5000.25")
    read = dashboard.local().gets("/metrics").text
    return {line.partition("{")[0] for line in read.splitlines() if not line.startswith("#")}


def test_every_metric_is_documented_and_every_documented_one_is_there(led: Live, dashboard: Served) -> None:
    there = exported(led, dashboard)
    table = (DOCS / "dashboard.md").read_text().partition("<!-- metrics -->")[2].partition("## ")[0]
    assert set(NAME.findall(table)) == there


def test_pictures_and_rules_ask_for_metrics_that_are_there(led: Live, dashboard: Served) -> None:
    there = exported(led, dashboard)
    picture = json.loads((DOCS / "grafana.json").read_text())
    drawn = [target["expr"] for panel in picture["panels"] for target in panel["targets"]]
    rules = re.findall(r"expr: (.+)", (DOCS / "alerts.yml").read_text())
    assert len(drawn) > 10
    assert len(rules) > 10
    assert {name for expression in (*drawn, *rules) for name in NAME.findall(expression)} <= there
