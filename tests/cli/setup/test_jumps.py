"""`portfold config jumps`: bounds of jumps reckoned from bars, or a symbol named for which there is none."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portfold.cli.exits import Unusable
from portfold.cli.setup.jumps import jumps
from portfold.coordinator.fold.limits import limits_of
from portfold.events.codec import decode_event, encode
from portfold.events.limits_changed import LimitsChanged
from tests.coordinator.story import limits

DAYS = [f"2025-01-{day:02},5000,5010,4990.5,5005" for day in (6, 7, 8, 9, 10)]
YEN = [line.replace("5000,5010,4990.5,5005", "0.0065,0.00651,0.0064911,0.0065") for line in DAYS]


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    for symbol, lines in (("ES", DAYS), ("6J", YEN)):
        (tmp_path / f"{symbol}.csv").write_text("\n".join(["date,open,high,low,close", *lines, ""]))
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], bars: Path, **how: Any) -> str:
    jumps(bars, **{"atr": "3", "atr_bars": 5, **how})
    return capsys.readouterr().out


def test_the_bound_is_so_many_average_ranges_rounded_up_to_a_tick_and_the_log_takes_it_as_it_is(
    bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = printed(capsys, bars, symbols=("ES,6J",))
    assert "ES: 58.50 points, 3 x ATR(5) of 19.5 over 5 bars up to 2025-01-10 21:00 UTC" in said
    [text] = [line.partition(": ")[2].strip('"') for line in said.splitlines() if line.startswith('"mark_j')]
    order = limits(mark_jumps=text, mark_confirm_seconds=10)
    read = decode_event(encode(order))
    assert isinstance(read, LimitsChanged)
    assert limits_of(read).jumps == {"ES": Decimal("58.50"), "6J": Decimal("0.0000570")}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"symbols": ("ES,CL",)}, "mark_jumps: CL: expected bars of it, and there are none"),
        ({"symbols": ("ES",), "atr_bars": 6}, "mark_jumps: ES: expected at least 6 bars .*, got 5"),
        ({"symbols": ("ES",), "atr": "0"}, "--atr: expected average true ranges above 0, up to 100, got '0'"),
        ({"symbols": ("ES",), "atr": "much"}, "--atr: expected .* got 'much'"),
        ({"symbols": ("XX",)}, "--symbols: expected symbols that contracts.json describes, got 'XX'"),
    ],
)
def test_a_bound_that_cannot_be_made_is_refused_and_none_is_given(
    bars: Path, capsys: pytest.CaptureFixture[str], how: dict[str, Any], expected: str
) -> None:
    with pytest.raises(Unusable, match=expected):
        printed(capsys, bars, **how)
    assert "mark_jumps" not in capsys.readouterr().out
