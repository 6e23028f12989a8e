"""What was measured is not measured again, and nothing but what belongs to the search is believed."""

from pathlib import Path

import pytest
from msgspec import structs

from portfold.research.errors import ResearchError
from portfold.research.search.resume_log import MeasuredSet, ResumeLog
from tests.research.judge import NOTHING

FIRST = MeasuredSet(1, ("CL", "ES"), structs.replace(NOTHING, sharpe=0.1 + 0.2, profit_factor=None))
SECOND = MeasuredSet(2, ("ES",), structs.replace(NOTHING, sharpe=-1.5, profit_factor=1.25))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results" / "greedy.search"


def written(path: Path, scenario: str = "a scenario") -> None:
    with ResumeLog(path, scenario) as resume_log:
        resume_log.add(FIRST)
        resume_log.add(SECOND)


def test_what_was_measured_is_known_to_the_next_search_to_the_last_bit(path: Path) -> None:
    written(path)
    with ResumeLog(path, "a scenario") as again:
        assert again.found == 2
        assert again.known(1, ("CL", "ES")) == FIRST.metrics
        assert again.known(2, ("ES",)) == SECOND.metrics
        assert again.known(1, ("ES",)) is None
        assert again.tried == (FIRST, SECOND)


def test_each_measurement_is_there_as_soon_as_it_is_made(path: Path) -> None:
    with ResumeLog(path, "a scenario") as resume_log:
        resume_log.add(FIRST)
        assert path.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("cut", [1, 10, 200])
def test_a_line_cut_short_is_passed_over_and_the_rest_goes_on(path: Path, cut: int) -> None:
    written(path)
    path.write_bytes(path.read_bytes()[:-cut])
    with ResumeLog(path, "a scenario") as again:
        assert again.tried == ((FIRST, SECOND) if cut == 1 else (FIRST,))
        again.add(SECOND)
    with ResumeLog(path, "a scenario") as once_more:
        assert once_more.tried == (FIRST, SECOND)


@pytest.mark.parametrize("content", [b"", b'"another scenario"\n', b"\x00\xff", b'"a cas'])
def test_a_resume_log_of_something_else_is_begun_anew(path: Path, content: bytes) -> None:
    written(path)
    lines = path.read_bytes().split(b"\n", 1)[1]
    path.write_bytes(content + lines)
    with ResumeLog(path, "a scenario") as resume_log:
        assert (resume_log.found, resume_log.tried) == (0, ())
        resume_log.add(SECOND)
    with ResumeLog(path, "a scenario") as again:
        assert again.tried == (SECOND,)


def test_a_search_that_is_over_leaves_no_resume_log(path: Path) -> None:
    with ResumeLog(path, "a scenario") as resume_log:
        resume_log.add(FIRST)
        resume_log.discard()
    assert not path.exists()


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResearchError, match="cannot be"):
        ResumeLog(tmp_path / "file" / "greedy.search", "a scenario")
