"""A firm's rules as data: read strictly, our limits follow from them, the file says where they are from."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portfold.config import ConfigError, load
from portfold.config.profiles import EXAMPLES, Profile, find_profile, write_from_profile

PAGE = (Path(__file__).parents[2] / "docs" / "limits.md").read_text(encoding="utf-8")
Read = Callable[..., Profile]


def on_the_page() -> dict[str, Any]:
    """The profile that docs/limits.md shows."""
    [found] = re.findall(r"<!-- a profile -->\n```json\n(.*?)```", PAGE, re.DOTALL)
    return json.loads(found)  # type: ignore[no-any-return]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads the page's profile with dotted keys changed; None takes one out."""

    def reads(changes: dict[str, object]) -> Profile:
        tree = on_the_page()
        for key, value in changes.items():
            *way, last = key.split(".")
            within = tree
            for step in way:
                within = within[step]
            if value is None:
                del within[last]
            else:
                within[last] = value
        (tmp_path / "mine.json").write_text(json.dumps(tree))
        return find_profile(tmp_path / "mine.json")[1]

    return reads


def test_our_floor_follows_from_the_firms_and_lies_a_margin_above_it(read: Read) -> None:
    rules = read({"firm.amount": 2000, "firm.locks_at": 50100, "margin": 250}).rules
    assert (rules.start_balance, rules.trailing_drawdown) == (Decimal(50_000), Decimal(1750))
    assert rules.trailing_locks_at == Decimal(50_350)
    assert (rules.trailing_at, rules.trailing_zone) == ("15:10", "America/Chicago")
    assert not rules.trailing_on_realized


def test_without_a_margin_our_floor_is_the_firms(read: Read) -> None:
    rules = read({"margin": None}).rules
    assert (rules.trailing_drawdown, rules.trailing_locks_at) == (Decimal(2000), Decimal(50_100))


def test_a_floor_that_never_locks_and_moves_in_real_time_has_no_more_keys(read: Read) -> None:
    gone = {
        "firm.at": None,
        "firm.zone": None,
        "firm.locks_at": None,
        "portfolio_constraints.loss_tiers": None,
    }
    rules = read({"kind": "trailing_real_time", "firm.start_peak": 51200, **gone}).rules
    assert rules.chosen().keys() == {"start_balance", "start_peak", "trailing_drawdown", "mark_stale_denies"}


def test_equity_without_open_positions_is_ours_where_the_firm_tests_that(read: Read) -> None:
    assert read({"firm.peak_on": "realized", "firm.tested_on": "realized"}).rules.trailing_on_realized
    assert not read({"firm.peak_on": "realized"}).rules.trailing_on_realized


def test_what_a_profile_names_itself_stands(read: Read) -> None:
    named = {"margin": None, "portfolio_constraints.trailing_drawdown": 1500}
    assert read(named).rules.trailing_drawdown == Decimal(1500)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"firm.ammount": 1}, r"firm\.ammount: expected a known key \(the nearest is amount\)"),
        ({"portfolio_constraints.profit_targt": 1}, r"constraints\.profit_targt: expected a known key"),
        ({"colour": "red"}, "colour: expected one of name, kind, source"),
        ({"source": None}, "source: expected where the numbers are from"),
        ({"as_of": "2026-02-30"}, 'as_of: expected a day of the calendar, got "2026-02-30"'),
        ({"kind": "static"}, 'kind: expected "trailing_end_of_day" or "trailing_real_time"'),
        ({"firm.zone": None}, r"firm\.zone: expected the firm's own"),
        ({"kind": "trailing_real_time"}, r"firm\.at: expected no time of day"),
        ({"firm.tested_on": "realized"}, r'firm\.peak_on: expected "realized"'),
        ({"margin": 2000}, r"margin: expected less than firm\.amount, which is 2000, got 2000"),
        ({"portfolio_constraints.start_peak": 1}, r"start_peak: expected firm\.start_peak alone"),
        ({"portfolio_constraints.trailing_drawdown": 1}, "margin: expected none where trailing_drawdown"),
        ({"portfolio_constraints.rolling_loss": 1}, r"constraints\.rolling_days: expected at least 1"),
    ],
)
def test_what_is_wrong_with_a_profile_is_a_sentence(
    read: Read, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        read(changes)
    assert "\n" not in str(refused.value)


def test_a_margin_a_cent_below_the_amount_is_taken(read: Read) -> None:
    assert read({"margin": 1999.99}).rules.trailing_drawdown == Decimal("0.01")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_of_its_kind_and_of_no_firm_and_what_is_written_says_so(
    name: str, tmp_path: Path
) -> None:
    path, profile = find_profile(Path(name))
    assert profile.name.startswith("EXAMPLE of the kind")
    assert "no firm" in profile.source
    written = write_from_profile(tmp_path / "mine", profile, path)
    assert [file.name for file in written][-1] == "profile.json"
    portfolio = load(str(tmp_path / "mine"), {}, tmp_path).portfolio
    assert portfolio.rules == profile.rules
    assert portfolio.profile is not None
    assert portfolio.profile["source"] == profile.source
    assert (portfolio.unknown_keys, portfolio.warnings) == ((), ())
    assert find_profile(tmp_path / "mine" / "profile.json")[1] == profile


def test_nothing_is_written_where_a_profile_lies_already(tmp_path: Path) -> None:
    (tmp_path / "profile.json").write_text("mine")
    path, profile = find_profile(Path(EXAMPLES[0]))
    with pytest.raises(ConfigError, match=r"profile\.json: expected no such file yet"):
        write_from_profile(tmp_path, profile, path)
    assert [file.name for file in tmp_path.iterdir()] == ["profile.json"]
