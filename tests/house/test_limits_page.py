"""The page of the limits has every rule that may be absent, and says of no other."""

import re
from pathlib import Path

from portfold.cli.rule_options import RuleOptions
from portfold.config import ConfiguredRules
from portfold.coordinator.fold.limits import RULES_THAT_MAY_BE_ABSENT
from portfold.coordinator.fold.rules.table import RULES

PAGE = (Path(__file__).parents[2] / "docs" / "limits.md").read_text(encoding="utf-8")


def rows_of(kind: str) -> list[list[str]]:
    table = PAGE.split(f"<!-- rules of {kind} -->", 1)[1].split("\n\n", 1)[0]
    return [line.split("|") for line in table.strip().splitlines()][2:]


def test_every_key_is_in_the_table_in_the_file_and_among_the_options() -> None:
    rows = [row for kind in ("money", "exposure", "pace") for row in rows_of(kind)]
    told = [key for row in rows for key in re.findall(r"`(\w+)`", row[2])]
    assert sorted(told) == sorted(RULES_THAT_MAY_BE_ABSENT)
    assert set(ConfiguredRules.__struct_fields__) == set(RULES_THAT_MAY_BE_ABSENT)
    assert list(vars(RuleOptions())) == list(ConfiguredRules.__struct_fields__)


def test_every_rule_takes_its_numbers_from_such_keys() -> None:
    keys = {key for rule in RULES for key in rule.keys}
    assert set(RULES_THAT_MAY_BE_ABSENT) - keys == {"max_forced_resumes", "marks_together_seconds"}
