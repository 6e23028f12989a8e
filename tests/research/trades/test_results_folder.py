"""The folder as users have it: what can be used is used, what cannot is named."""

import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from portfold.research.errors import ResearchError
from portfold.research.trades.results_folder import (
    SIGNALS_DIGEST,
    TRADES_DIGEST,
    Results,
    read_results,
)
from tests.research.made import CHICAGO, HEADER, trade, write_results, write_rows

ROW = ("2025-01-06 10:00:00", "2025-01-06 12:00:00", 1, 2, 50, 1, 0.5)


def read(folder: Path, *symbols: str) -> Results:
    return read_results(folder, zone=CHICAGO, symbols=symbols)


def test_every_symbol_of_the_folder_is_read_with_its_best_figures(tmp_path: Path) -> None:
    made = [trade("ES", 0, 1, 50), trade("CL", 2, 3, -20)]
    found = read(write_results(tmp_path, made))
    assert [one.symbol for one in found.symbols] == ["CL", "ES"]
    assert sorted(found.trades, key=lambda one: one.content) == made
    assert found.symbols[0].best == {"Sharpe_OOS_CPCV": 1.5, "Profit_Factor": 1.2}
    assert found.bad == ()


def test_only_symbols_that_were_asked_for_are_read(tmp_path: Path) -> None:
    write_results(tmp_path, [trade("ES", 0, 1, 50), trade("CL", 2, 3, -20)])
    assert [one.symbol for one in read(tmp_path, "CL").symbols] == ["CL"]


def test_a_symbol_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    write_results(tmp_path, [trade("ES", 0, 1, 50)])
    with pytest.raises(ResearchError, match=r"expected trades of NQ .* there are trades of ES"):
        read(tmp_path, "ES", "NQ")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff\xfe\x00", "line 1: expected text in UTF-8"),
        (
            ",".join(HEADER).encode() + b"\n" + b"1,2\n" * 9000 + b"Jos\xe9,\n",
            "line 9002: expected text in UTF-8",
        ),
        (",".join(HEADER).encode() + b"\n1,2\n" + b"x" * 200_000, "line 3: expected comma-separated values"),
        (b"", "expected a column Date/Time"),
        (b"a,b\n1,2\n", "expected a column Date/Time, got a, b"),
        (",".join(HEADER).encode(), "expected trades, got 0 rows"),
        (",".join(HEADER).encode() + b"\n1,2,3,4,5,0,0\n", "1 not selected"),
        (",".join(HEADER).encode() + b"\n,,,,5,1,0\n", "1 no entry time"),
    ],
)
def test_a_bad_file_is_named_and_the_rest_is_used(tmp_path: Path, content: bytes, why: str) -> None:
    write_results(tmp_path, [trade("ES", 0, 1, 50)])
    bad = write_rows(tmp_path, "NQ", HEADER, [])
    bad.write_bytes(content)
    found = read(tmp_path)
    assert [one.symbol for one in found.symbols] == ["ES"]
    [sentence] = found.bad
    assert str(bad) in sentence
    assert why in sentence


def test_the_case_of_names_does_not_matter(tmp_path: Path) -> None:
    write_results(tmp_path, [trade("ES", 0, 1, 50), trade("CL", 0, 1, 50)])
    odd = (tmp_path / "ES_optimization").rename(tmp_path / "es_Optimization")
    (odd / "ES_rf_best_trades.csv").rename(odd / "es_RF_Best_Trades.CSV")
    (odd / "best.json").rename(odd / "Best.json")
    found = read(tmp_path)
    assert ([one.symbol for one in found.symbols], found.bad) == (["CL", "ES"], ())
    assert found.symbols[1].best == found.symbols[0].best == {"Sharpe_OOS_CPCV": 1.5, "Profit_Factor": 1.2}


def test_of_two_best_json_in_different_case_none_is_read_and_both_are_named(tmp_path: Path) -> None:
    write_results(tmp_path, [trade("ES", 0, 1, 50)])
    folder = tmp_path / "ES_optimization"
    shutil.copy(folder / "best.json", folder / "BEST.JSON")
    found = read(tmp_path)
    assert found.symbols[0].best == {}
    assert found.bad == (f"{folder}: expected one best.json, got BEST.JSON and best.json.",)


def test_two_files_of_a_symbol_are_refused(tmp_path: Path) -> None:
    write_results(tmp_path, [trade("ES", 0, 1, 50)])
    shutil.copytree(tmp_path / "ES_optimization", tmp_path / "Es_optimization")
    with pytest.raises(ResearchError, match=r"expected one file of trades of ES, got .*ES_.* and .*Es_.*"):
        read(tmp_path)


def test_a_folder_whose_name_is_no_symbol_is_named(tmp_path: Path) -> None:
    write_results(tmp_path, [trade("ES", 0, 1, 50)])
    write_rows(tmp_path, "micro-es", HEADER, [ROW])
    [sentence] = read(tmp_path).bad
    assert "expected a symbol of 1 to 12 capitals or digits" in sentence


@pytest.mark.parametrize(
    ("content", "why"), [("{", "expected JSON"), ("[1]", "expected an object of figures")]
)
def test_a_bad_best_json_is_named_and_the_trades_are_used(tmp_path: Path, content: str, why: str) -> None:
    write_results(tmp_path, [trade("ES", 0, 1, 50)])
    (tmp_path / "ES_optimization" / "best.json").write_text(content)
    found = read(tmp_path)
    assert len(found.trades) == 1
    assert why in found.bad[0]


def test_a_best_json_is_not_needed(tmp_path: Path) -> None:
    write_rows(tmp_path, "ES", HEADER, [ROW])
    found = read(tmp_path)
    assert (found.bad, found.symbols[0].best) == ((), {})


def test_other_folders_and_files_are_passed_over(tmp_path: Path) -> None:
    write_results(tmp_path, [trade("ES", 0, 1, 50)])
    (tmp_path / "notes").mkdir()
    (tmp_path / "CL_optimization").mkdir()
    (tmp_path / "portfolio_simulation.csv").write_text("x")
    assert [one.symbol for one in read(tmp_path).symbols] == ["ES"]


@pytest.mark.parametrize(("name", "why"), [("nowhere", "no folder of that name"), ("", "got none")])
def test_a_folder_with_nothing_to_use_is_refused(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(ResearchError, match=why):
        read(tmp_path / name)


def test_when_no_file_can_be_used_each_is_named(tmp_path: Path) -> None:
    for symbol in ("ES", "CL"):
        write_rows(tmp_path, symbol, ("a",), [])
    with pytest.raises(ResearchError, match=r"CL_rf_best_trades.*ES_rf_best_trades"):
        read(tmp_path)


def test_rows_of_signals_that_are_dropped_are_counted_as_those_of_trades_are(tmp_path: Path) -> None:
    trades = write_rows(tmp_path, "ES", HEADER, [ROW, (*ROW[:4], "", 1, 0.5)])
    header = (*HEADER, "Side", "Stop_Price", "Flat_Before", "Left", "Ended")
    more = ("long", 0.5, ROW[0], ROW[1], 1)
    signals = trades.with_name("ES_signals.csv")
    rows = [(*ROW, *more), (*ROW, "long", 1.5, *more[2:])]
    signals.write_text("\n".join(",".join(map(str, row)) for row in (header, *rows)))
    digests = {
        name: sha256(file.read_bytes()).hexdigest()
        for name, file in ((TRADES_DIGEST, trades), (SIGNALS_DIGEST, signals))
    }
    (trades.parent / "best.json").write_text(json.dumps(digests))
    [found] = read(tmp_path).symbols
    assert found.signals is not None
    assert len(found.signals) == 1
    of_trades, of_signals = found.every_drop
    assert (of_trades.file, of_trades.rows, of_trades.by_reason) == (trades, 2, {"no P&L": 1})
    assert (of_signals.file, of_signals.rows) == (signals, 2)
    assert of_signals.by_reason == {"Stop_Price on the wrong side": 1}
    assert of_signals.samples["Stop_Price on the wrong side"].startswith("line 3: '1.5', expected one below")
