"""The page on a search: what it says and draws, what it does not pretend to know, what a browser finds."""

import json
import re
from pathlib import Path

import plotly.graph_objects  # type: ignore[import-untyped]  # the package carries no types
import pytest
from msgspec import structs

from portfold.research.portfolio_page.page import MARK, report_html
from portfold.research.portfolio_page.replayed import Replayed
from portfold.research.portfolio_page.subject import Subject
from portfold.research.portfolio_page.wording import money, percent, ratio, short_money
from portfold.research.search.findings import Findings, Winner
from portfold.research.search.search import Constraints
from portfold.research.trades.trade_file import Trade
from tests.audit.browser import Seen, in_a_browser, opened
from tests.audit.pages import HOSTILE, Elements, texts_of
from tests.research.made import random_trades, scenario_of, trade
from tests.research.searched import searched

MANY = ("ES", "CL", "6E", "GC", "RTY", "SI")


def of_days(trades: list[Trade], first_hour: int, last_hour: int) -> list[Trade]:
    """Those between two hours after the beginning."""
    begin = min(one.entry_ms for one in trades)
    hour = 3_600_000
    return [
        one
        for one in trades
        if begin + first_hour * hour <= one.entry_ms < one.exit_ms < begin + last_hour * hour
    ]


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """Chosen on two weeks and judged on the two after them, with stops."""
    trades = random_trades(12, MANY, each=60)
    train, test = of_days(trades, 0, 14 * 24), of_days(trades, 15 * 24, 30 * 24)
    folder = tmp_path_factory.mktemp("tested")
    return searched(folder, scenario_of(train, stop=1500), scenario_of(test, stop=1500), levels=(1, 2, 4))


@pytest.fixture(scope="module")
def same_days(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """Judged on the days it was chosen on; the second row of its table."""
    made = scenario_of(random_trades(4, MANY[:3], each=20))
    return searched(tmp_path_factory.mktemp("same"), made, levels=(1, 2), row=1)


def known(subject: Subject) -> tuple[Replayed, Findings, Winner]:
    assert subject.replayed is not None
    assert subject.findings is not None
    assert subject.winner is not None
    return subject.replayed, subject.findings, subject.winner


# --- what it says ---------------------------------------------------------------------------------------


def test_the_first_things_come_first(tested: Subject) -> None:
    again, findings, winner = known(tested)
    assert again.test is not None
    assert winner.test is not None
    said = Elements(report_html(tested)).said
    luck = again.test.intervals.sharpe
    facts = [
        f"At most {winner.max_positions} position",
        " ".join(winner.symbols),
        "$150,000 in the account, stop at $1,500 a day",
        f"Chosen on {findings.train.first_day} to {findings.train.last_day}",
        f"Judged on {again.test.days[0].date} to {again.test.days[-1].date}",
        f"Sharpe on the test span {ratio(winner.test.sharpe)}",
        f"{ratio(luck.low)} to {ratio(luck.high)}, 95% interval",
        f"Max drawdown {money(winner.test.max_dd)}",
        "Deflated Sharpe",
        "Judged on other days",
        "positions that stops closed on the test span count with their own final P&L",
        "The account",
        f"Generalization: Sharpe of dollars {ratio(winner.train.sharpe_dollars)} where it was chosen",
        "The search's path",
        "Positions and symbols",
        "Monthly returns",
        "How alike the symbols are",
        "The symbols of the row",
        "The rows of the search",
        "the fingerprints agree",
    ]
    places = [said.index(fact) for fact in facts]
    assert places == sorted(places)


def test_every_chart_has_a_caption(tested: Subject) -> None:
    names = Elements(report_html(tested)).names
    assert names.count("figure") == names.count("figcaption") == 1 + 4 + 1 + 1 + 2 + 1


def test_the_account_is_drawn_as_it_was_simulated(tested: Subject) -> None:
    again, _, _ = known(tested)
    data = Elements(report_html(tested)).charts[0]["data"]
    drawn = [one["y"] for one in data if one["name"] == "Account"]
    assert drawn == [[day.account for day in one.days] for one in again.spans]
    deep = [one["y"] for one in data if one["name"] == "Drawdown"]
    assert [-min(one) for one in deep] == [one.metrics.max_dd for one in again.spans]
    stops = [one for one in data if "daily stop" in one["name"]]
    assert [one["x"] for one in stops] == [[*again.spans[0].stop_days, *again.spans[1].stop_days]]
    assert stops[0]["x"], "a test without a stop tests little"
    [limit] = [one for one in data if one["name"] == "Broker's limit, $6,000"]
    assert limit["y"] == [-6000, -6000]


def test_the_spans_are_shaded_and_named_where_there_are_two(tested: Subject, same_days: Subject) -> None:
    two, one = (Elements(report_html(subject)).charts[0]["layout"] for subject in (tested, same_days))
    assert [note["text"] for note in two["annotations"]] == ["chosen on", "judged on"]
    assert len(two["shapes"]) == 2
    assert one["annotations"] == one["shapes"] == []


def test_a_test_span_before_the_train_span_is_drawn_before_it(tmp_path: Path) -> None:
    trades = random_trades(3, MANY[:2], each=30)
    early, late = scenario_of(of_days(trades, 0, 120)), scenario_of(of_days(trades, 144, 264))
    page = Elements(report_html(searched(tmp_path, late, early, levels=(1,))))
    assert [note["text"] for note in page.charts[0]["layout"]["annotations"]] == ["judged on", "chosen on"]


def test_the_way_of_the_search_is_drawn_with_the_set_that_was_kept(tested: Subject) -> None:
    _, findings, winner = known(tested)
    page = Elements(report_html(tested))
    ways = {one["name"]: one for one in page.charts[5]["data"] if one.get("yaxis") == "y2"}
    assert set(ways) == {"1", "2", "4"}
    path = findings.paths[winner.max_positions]
    way = ways[f"{winner.max_positions}"]
    assert way["y"] == [one.metrics.sharpe for one in path]
    assert [x for x, mark in zip(way["x"], way["marker"]["symbol"], strict=True) if mark == "star"] == [
        len(winner.symbols)
    ]
    assert f"{path[0].dropped}: " in page.said


def with_limit(subject: Subject, max_dd: float) -> Subject:
    _, findings, _ = known(subject)
    strict = structs.replace(findings, constraints=Constraints(max_dd, 2))
    return structs.replace(subject, choice=structs.replace(subject.choice, findings=strict))


def test_the_limit_is_drawn_where_it_does_not_press_the_lines_flat(tested: Subject) -> None:
    _, findings, _ = known(tested)
    deepest = max(one.metrics.max_dd for path in findings.paths.values() for one in path)
    near, far = (Elements(report_html(with_limit(tested, deepest * by))).charts[5] for by in (3, 3.01))
    [limit] = [one for one in near["data"] if one["name"] == "limit"]
    assert limit["y"] == [deepest * 3, deepest * 3]
    assert "limit" not in {one["name"] for one in far["data"]}
    assert far["layout"]["annotations"][0]["text"] == f"Drawdown, limit {money(deepest * 3.01)}, far above"


def test_a_number_of_positions_without_a_valid_set_is_said(same_days: Subject) -> None:
    _, findings, _ = known(same_days)
    paths = findings.paths | {7: findings.paths[1]}
    choice = structs.replace(same_days.choice, findings=structs.replace(findings, paths=paths))
    said = Elements(report_html(structs.replace(same_days, choice=choice))).said
    assert "No set was valid with 7 positions." in said


def test_the_map_and_the_tables_have_the_pnl_of_each_symbol(tested: Subject) -> None:
    again, findings, winner = known(tested)
    page = report_html(tested)
    said = Elements(page).said
    for row, by_span in zip(findings.rows, again.each, strict=True):
        made = {one.symbol: short_money(one.pnl) for one in by_span[0]}
        line = re.search(rf'<th scope="row">{row.max_positions}(?: ◂)?</th>(.*?)</tr>', page)
        assert line is not None
        cells = re.findall(r">([^<]+)</td>", line[1])
        assert len(cells) == len(MANY)
        assert sorted(word for word in cells if word != "·") == sorted(made[one] for one in row.symbols)
    for train in again.train.outcomes:
        start = f"{train.symbol} {train.trades} {percent(train.won / train.trades, 0)} {money(train.pnl)} "
        assert f"{start}{train.denied} {percent(train.block_rate)} {train.forced}" in said
    assert f"Total {winner.train.trades:.0f}" in said


def with_forced(subject: Subject, forced: int, at_final: int, pnl: float) -> Subject:
    """So many exits forced on the test span, some of them at their final P&L."""
    _, findings, winner = known(subject)
    assert winner.test is not None
    test = structs.replace(winner.test, forced=forced, at_final=at_final, at_final_pnl=pnl)
    changed_findings = structs.replace(
        findings, rows=(structs.replace(winner, test=test), *findings.rows[1:])
    )
    return structs.replace(subject, choice=structs.replace(subject.choice, findings=changed_findings))


@pytest.mark.parametrize(
    ("forced", "at_final", "sentence"),
    [
        (0, 0, "✓ Stops closed no position on the test span."),
        (7, 0, "✓ Forced exits all 7 positions that stops closed on the test span have a price of that "),
        (7, 2, "▲ Forced exits 2 of 7 positions that stops closed on the test span count with their own "),
    ],
)
def test_what_a_stop_was_taken_to_cost_is_said(
    tested: Subject, forced: int, at_final: int, sentence: str
) -> None:
    assert sentence in Elements(report_html(with_forced(tested, forced, at_final, 900))).said


@pytest.mark.parametrize(
    ("sharpe", "said"), [(0.0, "there was no merit to keep"), (1.0, "is left: 1.00 became")]
)
def test_the_look_at_the_test_span_is_said_whether_or_not_there_was_merit_to_keep(
    tested: Subject, sharpe: float, said: str
) -> None:
    _, findings, winner = known(tested)
    row = structs.replace(winner, train=structs.replace(winner.train, sharpe_dollars=sharpe))
    looked = structs.replace(findings, rows=(row, *findings.rows[1:]), looks=3)
    choice = structs.replace(tested.choice, findings=looked)
    page = Elements(report_html(structs.replace(tested, choice=choice)))
    assert re.search(rf"Judged on other days [^▲✓]*{said}[^▲✓]*look 3 on record", page.said)


def test_without_a_test_span_it_says_so_where_that_would_be(same_days: Subject) -> None:
    page = Elements(report_html(same_days))
    assert "Chosen there, judged here There was no test span: it is judged on the very days" in page.said
    assert "▲ Judged on the same days it was chosen on: expect less of it." in page.said
    assert "row 1" in page.said
    assert len(page.charts) == 2


def test_a_history_of_a_day_has_a_page(tmp_path: Path) -> None:
    page = Elements(report_html(searched(tmp_path, scenario_of([trade("ES", 0, 1, 5)]), levels=(1,))))
    assert "cannot be told from merit" in page.said
    assert "range" not in page.charts[0]["layout"]["xaxis"]


def test_the_same_search_gives_the_same_page(same_days: Subject) -> None:
    assert report_html(same_days) == report_html(same_days)
    assert MARK in report_html(same_days)[:200]


# --- what is not known ----------------------------------------------------------------------------------


def test_what_was_not_simulated_again_is_not_drawn(tested: Subject) -> None:
    page = Elements(report_html(structs.replace(tested, replayed=None, why_not="The trades are gone.")))
    assert "▲ Not simulated again The trades are gone." in page.said
    assert page.said.count("Not drawn: the row was not simulated again, for the reason above.") == 3
    assert "Account" not in {name for chart in page.charts for name in (one["name"] for one in chart["data"])}
    assert len(page.charts) == 5, "the search's own figures are"
    assert "no interval known" in page.said
    assert "The symbols of the row" not in page.said
    assert "the fingerprints agree" not in page.said


def test_a_table_of_another_program_is_drawn_as_far_as_it_goes(tested: Subject) -> None:
    def bare(choice: object) -> object:
        return structs.replace(choice, findings=None)  # type: ignore[type-var]  # it is a struct

    alone = structs.replace(
        tested,
        choice=bare(tested.choice),
        rows=[bare(row) for row in tested.rows],
        replayed=None,
        why_not="Unknown.",
    )
    page = Elements(report_html(alone))
    assert page.charts == []
    assert f"Sharpe on days that are not known {ratio(tested.choice.figures['sharpe'])}" in page.said
    assert page.said.count("Nothing beside the table says how it was found") == 2
    assert page.said.count("●") == sum(len(row.symbols) for row in tested.rows)


# --- a stranger's words ---------------------------------------------------------------------------------


def test_a_strangers_words_stay_words(tested: Subject) -> None:
    _, findings, winner = known(tested)
    path = findings.paths[winner.max_positions]
    strange = structs.replace(path[0], symbols=(*path[0].symbols, HOSTILE), dropped=HOSTILE, because=HOSTILE)
    setting = structs.replace(findings.setting, results=HOSTILE)
    hostile_findings = structs.replace(
        findings,
        version=HOSTILE,
        setting=setting,
        paths=findings.paths | {winner.max_positions: (strange, *path[1:])},
    )
    choice = structs.replace(
        tested.choice,
        table=Path(HOSTILE.replace("/", "")),
        symbols=(HOSTILE, "ES"),
        findings=hostile_findings,
    )
    hostile = structs.replace(
        tested, choice=choice, rows=[choice], replayed=None, why_not=HOSTILE, version=HOSTILE
    )
    page = report_html(hostile)
    found = Elements(page)
    assert found.said.count(HOSTILE) >= 8
    assert not {"img", "b><b"} & set(found.names)
    assert found.names.count("script") == 2 + len(found.charts)
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    texts = [text for text in texts_of(found.charts) if "img" in text]
    assert texts
    assert not [text for text in texts if "<img" in text]


# --- the charts -----------------------------------------------------------------------------------------


def test_plotly_knows_everything_that_the_charts_say(tested: Subject) -> None:
    page = report_html(tested)
    for chart in Elements(page).charts:
        known_to_it = plotly.graph_objects.Figure(json.loads(re.sub(r'"@\w+"', '"#000"', json.dumps(chart))))
        assert len(known_to_it.data) > 0
    named = {text[1:] for text in texts_of(Elements(page).charts) if text.startswith("@")}
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert named <= set(re.findall(r"--(\w+):", style))


@in_a_browser
@pytest.mark.parametrize("options", [[], ["--dark", "--width", "390"]], ids=["wide", "narrow by night"])
def test_it_opens_without_a_word_and_without_the_network(
    tested: Subject, tmp_path: Path, options: list[str]
) -> None:
    file = tmp_path / "report.html"
    file.write_text(report_html(tested), encoding="utf-8")
    seen: Seen = opened(file, *options)
    assert (seen.loaded, seen.console, seen.requests) == (True, [], [])
    assert (seen.expected, seen.drawn, seen.overflow) == (6, 6, 0)
    assert all(plot.traces and plot.shapes for plot in seen.plots)
    assert seen.background == ("rgb(14, 16, 19)" if options else "rgb(245, 245, 242)")
