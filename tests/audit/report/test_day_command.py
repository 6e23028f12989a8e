"""`portfold audit day` and `week` as a person runs them: what they say, write and refuse."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from portfold.cli.audit.day import usual_name
from portfold.cli.exits import FAILED, OK, UNUSABLE
from portfold.coordinator.audit.report.days import Asked
from tests.archive.past import Past
from tests.audit.told import Told
from tests.coordinator.story import DAY, MINUTE, chicago

Audit = Callable[..., tuple[int, str]]

MONDAY = chicago(2025, 1, 13, 10)


def two_weeks() -> Told:
    """A trade a day for ten days: 10 dollars on the first, 20 on the second; the sixth is stopped out."""
    story = Told(MONDAY)
    for day in range(10):
        story.ms = MONDAY + (day + 2 * (day > 4)) * DAY
        story.enters("ES")
        story.ms += MINUTE
        story.closes("ES", "-2600" if day == 5 else str(10 * (day + 1)))
    return story


@pytest.fixture
def told(past: Past) -> Past:
    """A server that holds the two weeks, decided."""
    for at, fields in two_weeks().entries:
        past.client.execute_command("XADD", past.bus.keys.events, str(at), *fields)
    past.is_decided()
    return past


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.html"))


# --- which days -----------------------------------------------------------------------------------------


def test_without_a_day_it_is_the_last(told: Past, audit: Audit, tmp_path: Path) -> None:
    code, said = audit("day")
    name = f"portfold-{told.bus.keys.name}-2025-01-24.html"
    assert (code, files(tmp_path)) == (OK, [name])
    assert said.splitlines() == [
        f"Friday 24 January 2025, {told.bus.keys.name}: P&L $100.00, limit $-2,500 a day, no stops, 1 trade "
        "(1 won), 0 of 1 entries denied (0.0%), so far",
        "ok   More open than allowed: never; most at once 1 of 4",
        "ok   Loss near the limit: at worst 0% of the daily limit was lost: $0.00 of $-2,500; "
        "a sign from 80%",
        "ok   Daily stops: 1 in the week up to 2025-01-24; a sign above 3 a week",
        "ok   Entries blocked: 0 of 1 entries denied, 0.0%; a sign above 50%",
        f"Written to {tmp_path / name}",
    ]


@pytest.mark.usefixtures("told")
def test_a_stopped_day_warns(audit: Audit) -> None:
    code, said = audit("day", "2025-01-20")
    assert code == OK
    assert "P&L $-2,600.00, limit $-2,500 a day, 1 stop, 1 trade (0 won)" in said
    assert "\nWARN Loss near the limit: at worst 104% of the daily limit was lost" in said


@pytest.mark.parametrize(
    ("words", "name", "pnl"),
    [
        (["day", "2025-01-14"], "2025-01-14", "$20.00"),
        (["day", "--from", "2025-01-14", "--to", "2025-01-16"], "2025-01-14-to-2025-01-16", "$90.00"),
        (["day", "--from", "2025-01-23"], "2025-01-23-to-2025-01-24", "$190.00"),
        (["day", "--to", "2025-01-13"], "2025-01-13", "$10.00"),
        (["week"], "week-2025-01-20", "$-2,260.00"),
        (["week", "2025-01-15"], "week-2025-01-13", "$150.00"),
        (["week", "2025-01-13"], "week-2025-01-13", "$150.00"),
        (["week", "2025-01-17"], "week-2025-01-13", "$150.00"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_days_are_chosen(
    told: Past, audit: Audit, tmp_path: Path, words: list[str], name: str, pnl: str
) -> None:
    code, said = audit(*words)
    assert (code, files(tmp_path)) == (OK, [f"portfold-{told.bus.keys.name}-{name}.html"])
    assert f": P&L {pnl}, " in said


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (
            ["day", "2025-01-18"],
            UNUSABLE,
            "DAY: 2025-01-18 is a Saturday; what happens then belongs to Monday",
        ),
        (["week", "2025-01-19"], UNUSABLE, "2025-01-19 is a Sunday; what happens then belongs to Monday"),
        (["day", "13.1.2025"], UNUSABLE, "DAY: expected a trading day such as 2025-01-15, got '13.1.2025'."),
        (["day", "--from", "x"], UNUSABLE, "--from: expected a trading day such as 2025-01-15, got 'x'."),
        (["day", "2025-01-13", "--to", "2025-01-14"], UNUSABLE, "--from, --to: expected neither"),
        (
            ["day", "--from", "2025-01-14", "--to", "2025-01-13"],
            UNUSABLE,
            "--to: expected 2025-01-14 or later",
        ),
        (["day", "2025-02-03"], FAILED, "No trading day 2025-02-03 is on record for "),
        (["day", "2025-02-03"], FAILED, ": they go from 2025-01-13 to 2025-01-24."),
        (["day", "2025-01-10"], FAILED, ": the first is 2025-01-13."),
        (["week", "2025-01-10"], FAILED, "No trading day from 2025-01-06 to 2025-01-10 is on record for "),
        (["day", "--portfolio", "nobody"], FAILED, "No trading day is on record for nobody on redis://"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_day_that_is_not_there_is_told_in_a_sentence(
    audit: Audit, tmp_path: Path, words: list[str], code: int, sentence: str
) -> None:
    found, said = audit(*words)
    assert found == code
    assert sentence in said
    assert said.count("\n") == 1
    assert files(tmp_path) == []


# --- the file -------------------------------------------------------------------------------------------


def test_its_own_report_is_replaced_and_nothing_else(told: Past, audit: Audit, tmp_path: Path) -> None:
    usual = tmp_path / f"portfold-{told.bus.keys.name}-2025-01-24.html"
    assert audit("day")[0] == OK
    first = usual.read_bytes()
    assert audit("day")[0] == OK
    assert usual.read_bytes() == first
    usual.write_text("my notes")
    code, said = audit("day")
    assert (code, usual.read_text()) == (UNUSABLE, "my notes")
    assert "exists and is not a report" in said
    assert audit("day", "--force")[0] == OK
    assert usual.read_bytes() == first


@pytest.mark.usefixtures("told")
def test_a_file_that_is_named_is_replaced_by_force_alone(audit: Audit, tmp_path: Path) -> None:
    there = tmp_path / "mine.html"
    assert audit("day", "--out", "mine.html")[0] == OK
    first = there.read_bytes()
    code, said = audit("week", "--out", "mine.html")
    assert (code, said) == (UNUSABLE, "portfold: --out: mine.html exists already; --force replaces it.\n")
    assert there.read_bytes() == first
    assert audit("week", "--out", "mine.html", "--force")[0] == OK
    assert there.read_bytes() != first
    assert files(tmp_path) == ["mine.html"]


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        ("folder", "--out: expected a file, folder is a folder."),
        ("nowhere/x.html", "nowhere/x.html cannot be written: No such file or directory."),
        ("a-file/x.html", "a-file/x.html cannot be written: Not a directory."),
        ("x" * 300, f"{'x' * 300} cannot be written: File name too long."),
    ],
)
def test_what_cannot_be_written_is_told(audit: Audit, tmp_path: Path, out: str, sentence: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a-file").write_text("")
    assert audit("day", "--out", out) == (UNUSABLE, f"portfold: {sentence}\n")


@pytest.mark.usefixtures("told")
def test_without_plotly_there_are_the_figures(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    code, said = audit("day")
    assert code == UNUSABLE
    assert re.search(
        r"needs plotly, which is not installed: \S+pip install -e '\S+\[research\]'\. Without it", said
    )
    assert audit("day", "--json")[0] == OK
    assert files(tmp_path) == []


@pytest.mark.parametrize("name", ["../../etc/x", "a/b", "a b", "\N{SKULL}"])
def test_the_usual_file_lies_here_whatever_the_portfolio_is_called(name: str) -> None:
    accounts = two_weeks().gathered(Asked(latest="day")).accounts
    assert Path(usual_name(name, accounts, week=False)).name == usual_name(name, accounts, week=False)
    assert usual_name(name, accounts, week=True).endswith("-week-2025-01-20.html")


# --- figures for programs -------------------------------------------------------------------------------


@pytest.mark.usefixtures("told")
def test_the_figures_are_one_json_object(audit: Audit, tmp_path: Path) -> None:
    code, said = audit("day", "2025-01-20", "--json")
    assert (code, files(tmp_path)) == (OK, [])
    found = json.loads(said)
    [day] = found["days"]
    assert (day["day"], day["pnl"], day["stops"], day["limit_used"]) == ("2025-01-20", -2600, 1, 1.04)
    assert (day["zone"], day["begins_ms"], day["ends_ms"]) == (
        "America/Chicago",
        chicago(2025, 1, 17, 17),
        chicago(2025, 1, 20, 17),
    )
    assert [trade["pnl"] for trade in day["trades"]] == [-2600]
    assert [step["kind"] for step in day["flattenings"][0]["steps"]] == ["triggered", "flat"]
    assert found["total"] == {
        "pnl": -2600,
        "stops": 1,
        "trades": 1,
        "won": 0,
        "asked": 1,
        "allowed": 1,
        "denied": 0,
        "block_rate": 0.0,
    }
    assert [(one["name"], one["pnl"]) for one in found["by_worker"]] == [("ibs-ES", -2600)]
    assert [one["code"] for one in found["signs"] if one["seen"]] == ["near_limit"]
    assert found["difference"] == ""


@pytest.mark.usefixtures("told")
def test_figures_and_a_file_are_had_together(audit: Audit, tmp_path: Path) -> None:
    code, said = audit("week", "--json", "--out", "week.html")
    assert (code, files(tmp_path)) == (OK, ["week.html"])
    assert len(json.loads(said)["days"]) == 5


# --- what is read ---------------------------------------------------------------------------------------


def test_a_record_that_is_not_what_was_decided_ends_with_1_and_is_reported(
    told: Past, audit: Audit, tmp_path: Path
) -> None:
    gone = told.whole().decisions[3]
    told.client.xdel(told.bus.keys.decisions, str(gone.id))
    code, said = audit("day", "2025-01-20")
    assert code == FAILED
    assert f"{gone.id}" in said
    assert "The report may show what was never decided. See: portfold audit verify" in said
    assert "Not what was decided" in (tmp_path / files(tmp_path)[0]).read_text(encoding="utf-8")


@pytest.mark.usefixtures("told")
def test_a_copy_needs_no_server(audit: Audit) -> None:
    assert audit("copy", "--to", "out")[0] == OK
    nowhere = "redis://127.0.0.1:1/0"
    code, said = audit("day", "2025-01-20", "--archive", "out", "--archive-only", url=nowhere)
    assert code == OK
    assert "P&L $-2,600.00" in said


@pytest.mark.parametrize("beyond_ms", [253_402_300_800_000, 2**62], ids=["year 10000", "far beyond"])
@pytest.mark.parametrize("words", [["day", "2025-01-24"], ["day"], ["week"], ["week", "2025-01-20"]])
def test_an_event_that_no_calendar_holds_spoils_no_day(
    past: Past, audit: Audit, tmp_path: Path, beyond_ms: int, words: list[str]
) -> None:
    story = two_weeks()
    story.ms = beyond_ms
    story.enters("ES")
    story.closes("ES", "-2600")
    for at, fields in story.entries:
        past.client.execute_command("XADD", past.bus.keys.events, str(at), *fields)
    past.is_decided()
    code, said = audit(*words)
    assert code == OK, said
    assert len(files(tmp_path)) == 1
