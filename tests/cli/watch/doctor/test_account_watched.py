"""The doctor and the account: whether it is watched, heard of, and as the log has it."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.events.account import WATCHER, AccountReported
from tests.cli.fit import Fit

ACCOUNT: dict[str, Any] = {"name": "DU1", "source": "file", "options": {"path": "/nowhere"}}


def reports(fit: Fit, positions: str = "", *, name: str = "DU1", late_ms: int = 0) -> None:
    at, nothing = fit.bus.now_ms() - late_ms, Decimal(0)
    fit.live.hears(AccountReported(name, "file", at, Decimal(50_000), nothing, nothing, positions))


@pytest.fixture
def watched(fit: Fit) -> Fit:
    """An account that is configured, in force, watched and reported."""
    fit.edit(runtime={"account": ACCOUNT})
    fit.live.change_limits(
        symbols="ES CL",
        point_values="CL=1000 ES=50",
        account="DU1",
        account_grace_ms=10_000,
        account_tolerance=Decimal(5),
        account_silent_ms=30_000,
    )
    fit.bus.claim(WATCHER, "host 1 abc", 600_000, "")
    reports(fit)
    return fit


def test_a_watched_account_that_agrees_is_fit(watched: Fit) -> None:
    assert "account" not in watched.found()
    assert watched.text("account") == "DU1 by file: $50,000.00, agrees with the log"


def test_an_account_that_is_configured_and_not_watched_fails(fit: Fit) -> None:
    assert "account" not in fit.found()
    fit.edit(runtime={"account": ACCOUNT})
    assert fit.found()["account"] == "fail"
    assert fit.text("account") == "runtime.json names DU1, and no account is watched"


def test_an_account_that_is_watched_and_not_configured_fails(watched: Fit) -> None:
    watched.edit(runtime={"account": None})
    assert watched.found()["account"] == "fail"
    assert watched.text("account") == "DU1 is watched, and this configuration names none"


def test_a_watcher_that_is_gone_fails(watched: Fit) -> None:
    watched.client.delete(watched.bus.keys.claim(WATCHER))
    assert watched.found()["account"] == "fail"
    assert watched.text("account").startswith("nobody watches DU1; last reported ")


def test_what_differs_fails(watched: Fit) -> None:
    watched.live.change_limits(account="DU1", account_grace_ms=0, symbols="ES CL")
    reports(watched, "ES:long:1:100")
    assert watched.found()["account"] == "fail"
    assert watched.text("account") == "DU1 differs from the log in ES: log flat, account long 1"


def test_a_report_that_is_half_the_grace_old_as_it_comes_is_warned_of(watched: Fit) -> None:
    watched.live.change_limits(
        symbols="ES CL", point_values="CL=1000 ES=50", account="DU2", account_grace_ms=1_000
    )
    watched.edit(runtime={"account": ACCOUNT | {"name": "DU2", "grace_seconds": 1}})
    reports(watched, name="DU2", late_ms=900)
    assert watched.found()["account"] == "warn"
    assert "its report was " in watched.text("account")
