"""The metrics that are documented, drawn and alerted on are those that are there."""

import json
import re
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

from portfold.events.account import AccountReported
from portfold.events.wire.notifier_bus import DeliveryCursor, NotifierBus
from tests.cli.dashboard.visitor import Served
from tests.live import Live
from tests.waiting import until

DOCS = Path(__file__).parents[4] / "docs"
NAME = re.compile(r"portfold_[a-z_]+")
PARTS_OF_A_HISTOGRAM = re.compile(r"_(bucket|sum|count)$")


def exported(led: Live, dashboard: Served) -> set[str]:
    """The names of all metrics where a position is open, an account is watched, and alerts are told."""
    visitor = dashboard.local()
    visitor.gets("/metrics")  # from now on decisions are counted
    NotifierBus(led.client, dashboard.portfolio).take_over("log", "me", 600_000)
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
    led.marks("ES", "-10", price="5000")
    answered = f'portfold_answer_seconds_count{{portfolio="{dashboard.portfolio}"}} 1.0'
    until(lambda: answered in visitor.gets("/metrics").text, "an answer that was timed")
    read = visitor.gets("/metrics").text
    return {line.partition("{")[0] for line in read.splitlines() if not line.startswith("#")}


def test_every_metric_is_documented_and_every_documented_one_is_there(led: Live, dashboard: Served) -> None:
    there = exported(led, dashboard)
    table = (DOCS / "dashboard.md").read_text().partition("<!-- metrics -->")[2].partition("## ")[0]
    assert set(NAME.findall(table)) == {PARTS_OF_A_HISTOGRAM.sub("", name) for name in there}


def test_pictures_and_rules_ask_for_metrics_that_are_there(led: Live, dashboard: Served) -> None:
    there = exported(led, dashboard)
    picture = json.loads((DOCS / "grafana.json").read_text())
    drawn = [target["expr"] for panel in picture["panels"] for target in panel["targets"]]
    rules = re.findall(r"expr: (.+)", (DOCS / "alerts.yml").read_text())
    assert len(drawn) > 10
    assert len(rules) > 10
    assert {name for expression in (*drawn, *rules) for name in NAME.findall(expression)} <= there


def figure(dashboard: Served, name: str) -> float:
    """The one number whose name and labels begin so."""
    read = dashboard.local().gets("/metrics").text
    (found,) = (line for line in read.splitlines() if line.startswith(name))
    return float(found.rpartition(" ")[2])


def test_alerts_wait_until_they_are_delivered_and_failures_are_counted(led: Live, dashboard: Served) -> None:
    notifier = NotifierBus(led.client, dashboard.portfolio)
    led.starts("ibs-ES", symbols="ES")
    term = notifier.take_over("log", "me", 600_000).number
    assert figure(dashboard, "portfold_alerts_pending{") == 0
    led.enters("ES", price="5000.25")
    led.marks("ES", "-2500", price="4950.25")  # the stop, and what follows from it
    assert figure(dashboard, "portfold_alerts_pending{") >= 2
    assert figure(dashboard, "portfold_alerts_failed_total{") == 0
    led.client.hset(led.keys.notifier("log"), "failed", "not a number")
    notifier.count_failure("log", term)
    notifier.count_failure("log", term)
    assert figure(dashboard, "portfold_alerts_failed_total{") == 2
    notifier.note_delivered("log", term, DeliveryCursor(led.events()[-1].id, 0, ""))
    assert figure(dashboard, "portfold_alerts_pending{") == 0
    assert figure(dashboard, "portfold_notifier_alive{") == 1
    led.client.delete(led.keys.notifier_lease("log"))
    assert figure(dashboard, "portfold_notifier_alive{") == 0


def test_the_rules_are_what_prometheus_takes() -> None:
    """By Prometheus' own tool where the machine has it; by their shape everywhere."""
    rules = (DOCS / "alerts.yml").read_text().split("      - alert: ")[1:]
    for needed in ("expr: ", "labels: {severity: ", "annotations: {summary: "):
        assert all(rule.count(f"        {needed}") == 1 for rule in rules), needed
    if tool := shutil.which("promtool"):
        done = subprocess.run([tool, "check", "rules", DOCS / "alerts.yml"], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    else:
        print("promtool is not on this machine: apt-get install prometheus")
