"""Every set that was ever traded is on record, whatever became of the process or of the bars since."""

from pathlib import Path

import pytest

from portfold.config.strategies.shipped import BollingerParameters
from portfold.research.errors import ResearchError
from portfold.research.tune.record import TrialRecord

TRADES = ((1, 2, -300), (5, 9, 1250))


def test_what_came_of_a_set_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "ES_optimization" / "ES_parameters.tried"
    with TrialRecord(path, "a", "bollinger") as record:
        assert record.known(BollingerParameters()) is None
        record.add(BollingerParameters(), TRADES)
    with TrialRecord(path, "a", "bollinger") as record:
        assert (record.found, record.tried) == (1, 1)
        known = record.known(BollingerParameters())
        assert known is not None
        assert known.trades == TRADES
        assert record.known(BollingerParameters(bars=21)) is None


def test_of_other_bars_it_is_not_used_and_was_tried_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "ES_parameters.tried"
    with TrialRecord(path, "a", "bollinger") as record:
        record.add(BollingerParameters(bars=20), TRADES)
        record.add(BollingerParameters(bars=21), TRADES)
    with TrialRecord(path, "b", "bollinger") as record:
        assert (record.found, record.tried) == (0, 2)
        assert record.known(BollingerParameters(bars=20)) is None
        record.add(BollingerParameters(bars=20), ())
        record.add(BollingerParameters(bars=22), ())
        assert record.tried == 3


def test_two_strategies_with_the_same_parameters_were_two_tries_and_edited_code_is_the_same_one(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ES_parameters.tried"
    for strategy, of in (("mine.py:Dip", "a"), ("mine.py:Rip", "b"), ("mine.py:Dip", "edited")):
        with TrialRecord(path, of, strategy) as record:
            assert record.known(BollingerParameters()) is None
            record.add(BollingerParameters(), TRADES)
    with TrialRecord(path, "edited", "mine.py:Dip") as record:
        assert (record.found, record.tried) == (1, 2)


def test_a_line_that_names_no_strategy_was_a_try_as_well(tmp_path: Path) -> None:
    path = tmp_path / "ES_parameters.tried"
    path.write_text('{"of":"a","parameters":{"bars":20},"trades":[[1,2,-300]]}\n')
    with TrialRecord(path, "a", "bollinger") as record:
        assert record.tried == 1


@pytest.mark.parametrize(
    ("whole", "left"),
    [(b'linger"}\n', b""), (b'"of":"a"', b'"of":"\xff"'), (b'"of":"a"', b'"of":"\0"')],
    ids=["cut short", "no UTF-8", "zeros"],
)
def test_a_line_that_was_damaged_is_no_set_and_harms_no_other(
    tmp_path: Path, whole: bytes, left: bytes
) -> None:
    path = tmp_path / "ES_parameters.tried"
    with TrialRecord(path, "a", "bollinger") as record:
        record.add(BollingerParameters(bars=20), TRADES)
        record.add(BollingerParameters(bars=21), TRADES)
    first, last = path.read_bytes().splitlines(keepends=True)
    assert whole in last
    path.write_bytes(first + last.replace(whole, left))
    with TrialRecord(path, "a", "bollinger") as record:
        assert (record.found, record.tried) == (1, 1)
        record.add(BollingerParameters(bars=22), ())
    with TrialRecord(path, "a", "bollinger") as record:
        assert record.tried == 2


def test_a_record_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "ES_parameters.tried").mkdir()
    with pytest.raises(ResearchError, match=r"ES_parameters.tried: cannot be read"):
        TrialRecord(tmp_path / "ES_parameters.tried", "a", "bollinger")
