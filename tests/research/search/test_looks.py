"""Every look at a test span is on record: counted by its days, and never less than there were."""

from pathlib import Path

import pytest

from portfold.research.errors import ResearchError
from portfold.research.search.looks import in_words, looks_at, looks_file, record_look


def test_each_look_at_the_same_days_has_the_next_number(tmp_path: Path) -> None:
    numbers = [record_look(tmp_path / "results", "optimize", "2025-01-06", "2025-01-10") for _ in range(3)]
    assert numbers == [1, 2, 3]
    assert looks_file(tmp_path / "results").read_text().count("optimize") == 3


@pytest.mark.parametrize(
    ("first", "last", "looks"),
    [
        ("2025-01-10", "2025-01-31", 1),
        ("2025-01-11", "2025-01-31", 0),
        ("2024-12-01", "2025-01-06", 1),
        ("2024-12-01", "2025-01-05", 0),
        ("2025-01-07", "2025-01-08", 1),
    ],
)
def test_a_look_counts_where_it_was_at_any_of_the_days(
    first: str, last: str, looks: int, tmp_path: Path
) -> None:
    record_look(tmp_path, "optimize", "2025-01-06", "2025-01-10")
    assert looks_at(tmp_path, first, last) == looks


def test_a_line_that_cannot_be_read_counts_as_a_look(tmp_path: Path) -> None:
    record_look(tmp_path, "optimize", "2025-01-06", "2025-01-10")
    with looks_file(tmp_path).open("a") as file:
        file.write('{"at": "2025-0')
    assert looks_at(tmp_path, "2030-01-01", "2030-01-02") == 1
    assert record_look(tmp_path, "optimize", "2025-01-06", "2025-01-10") == 3


def test_a_record_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    looks_file(tmp_path).mkdir()
    with pytest.raises(ResearchError, match="cannot be read"):
        looks_at(tmp_path, "2025-01-06", "2025-01-10")


def test_what_is_said_tells_the_first_look_from_the_others() -> None:
    assert "the first look on record" in in_words(1)
    assert "look 4 on record" in in_words(4)
