"""`portfold audit expected` as a person runs it, and the days of a report beside those expected."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from portfold.cli.exits import FAILED, OK
from portfold.config import ExpectedDays, write_defaults
from portfold.config.expected import EXPECTED_FILE
from tests.archive.past import Past
from tests.audit.report.test_day_command import two_weeks
from tests.coordinator.expected.made import expected_days, normal_days

Audit = Callable[..., tuple[int, str]]

TEN = ("6A", "6B", "6C", "6N", "6S", "CL", "ES", "PL", "RTY", "SI")
MODEST = [round(one / 10, 2) for one in normal_days(0.5)]  # 50 dollars a day


def expects(folder: Path, days: ExpectedDays) -> None:
    """A configuration with these days beside it."""
    write_defaults(folder / "config")
    (folder / "config" / EXPECTED_FILE).write_bytes(msgspec.json.encode(days))


@pytest.fixture
def told(past: Past) -> Past:
    """A server that holds the two weeks, decided; the last of them is not over."""
    for at, fields in two_weeks().entries:
        past.client.execute_command("XADD", past.bus.keys.events, str(at), *fields)
    past.is_decided()
    return past


@pytest.mark.usefixtures("told")
def test_days_that_are_over_are_held_against_those_expected(audit: Audit, tmp_path: Path) -> None:
    expects(tmp_path, expected_days(symbols=TEN, trades=(1,) * 400, asked=(1,) * 400))
    code, said = audit("expected", "--json", "--from", "2025-01-13")
    found = json.loads(said)
    assert (code, found["days"], found["first"], found["last"]) == (OK, 9, "2025-01-13", "2025-01-23")
    assert found["figures"]["pnl"]["lived"] == -2210
    assert found["figures"]["trades"] == {"lived": 9, "band": [9, 9], "outside": False}
    assert found["figures"]["win_rate"]["lived"] == 8 / 9
    assert (found["sign"], found["test"]["verdict"]) == (False, "not decided")


@pytest.mark.usefixtures("told")
def test_a_loss_beyond_all_that_was_expected_is_said_and_ends_in_a_failure(
    audit: Audit, tmp_path: Path
) -> None:
    expects(tmp_path, expected_days(MODEST, symbols=TEN))
    code, said = audit("expected")
    assert code == FAILED
    assert said.startswith(
        "portfold: LESS THAN EXPECTED: less is made than the portfolio was chosen for, since"
    )
    code, said = audit("day", "2025-01-20", "--json")
    [beside] = [sign for sign in json.loads(said)["signs"] if sign["code"] == "beside_expected"]
    assert (code, beside["seen"]) == (OK, True)
    assert beside["text"].startswith("1 day of this would be seen in fewer than 1 of 1,000 histories; ⚠️ P&L")


@pytest.mark.usefixtures("told")
def test_what_was_expected_of_another_portfolio_is_held_against_nobody(audit: Audit, tmp_path: Path) -> None:
    expects(tmp_path, expected_days(MODEST, symbols=TEN, max_positions=3))
    code, said = audit("expected")
    assert (code, "holds no expected_days.json of this portfolio" in said) == (FAILED, True)


@pytest.mark.usefixtures("told")
def test_before_a_day_is_over_nothing_is_compared(audit: Audit, tmp_path: Path) -> None:
    expects(tmp_path, expected_days(MODEST, symbols=TEN, since="2025-01-24"))
    code, said = audit("expected")
    assert (code, "No trading day from 2025-01-24 on is over" in said) == (FAILED, True)
