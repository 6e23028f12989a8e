"""`portfold lockout`: which moment is meant, and that it is asked for twice."""

import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from portfold.cli.exits import Unusable
from portfold.cli.operate import lockout_command
from portfold.cli.operate.lockout_command import moment_in

CHICAGO = ZoneInfo("America/Chicago")


def test_a_moment_is_on_the_exchanges_clocks_unless_it_has_an_offset() -> None:
    meant = datetime(2026, 12, 4, 23, tzinfo=UTC)
    assert moment_in("2026-12-04 17:00", CHICAGO) == meant
    assert moment_in("2026-12-04T23:00+00:00", CHICAGO) == meant
    later = moment_in("2026-11-01 01:30", CHICAGO).astimezone(UTC)
    assert later == datetime(2026, 11, 1, 7, 30, tzinfo=UTC), "which the clocks show twice"


@pytest.mark.parametrize("text", ["2026-12-04", "tomorrow", "17:00", ""])
def test_a_day_alone_or_a_word_is_no_moment(text: str) -> None:
    with pytest.raises(Unusable, match="--until: expected a moment as YYYY-MM-DD HH:MM, got"):
        moment_in(text, CHICAGO)


class Terminal(io.StringIO):
    """A terminal at which somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("typed", ["2026-12-04 17:00", "2026-12-05 17:00"])
def test_on_a_terminal_the_moment_is_typed_once_more_with_the_effect_shown(
    typed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(f"{typed}\n"))
    moment = moment_in("2026-12-04 17:00", CHICAGO)
    ask = lockout_command.ask_again
    if typed.startswith("2026-12-04"):
        ask(moment, CHICAGO, 0)
    else:
        with pytest.raises(Unusable, match="the two moments differ; nothing is ordered"):
            ask(moment, CHICAGO, 0)
    assert "NOBODY can lift that before" in capsys.readouterr().out


def test_the_end_of_input_is_no_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(""))
    with pytest.raises(Unusable, match="--until: expected a moment as YYYY-MM-DD HH:MM, got ''"):
        lockout_command.ask_again(moment_in("2026-12-04 17:00", CHICAGO), CHICAGO, 0)


def test_where_nobody_can_be_asked_it_is_refused_without_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(Unusable, match="--yes: expected where nobody can be asked"):
        lockout_command.ask_again(moment_in("2026-12-04 17:00", CHICAGO), CHICAGO, 0)
