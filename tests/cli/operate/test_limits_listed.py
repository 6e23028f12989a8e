"""`portfold limits` lists every rule, the nearest to its limit first; an order still says who and why."""

import json
from pathlib import Path

from portfold.cli.exits import FAILED, OK, UNUSABLE
from tests.cli.command_line import Ran, called
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer


def listed(live: Live, server: EmbeddedServer, folder: Path, *words: str) -> Ran:
    return called("limits", *words, "--url", server.url, "--portfolio", live.keys.name, cwd=folder)


def test_every_rule_is_listed_with_where_it_stands(
    live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    with coordinating(server.url, live.keys.name):
        ran = listed(live, server, tmp_path)
        found = json.loads(listed(live, server, tmp_path, "--json").out)
    assert ran.code == OK, ran.err
    assert ran.out.splitlines()[0].split()[:3] == ["rule", "stands", "at"]
    assert "$2,500.00" in ran.out
    assert "Set by coordinator: configuration" in ran.out
    assert {one["rule"] for one in found["rules"]} == {"max_positions", "max_contracts", "daily_stop_loss"}
    assert found["limits"]["stop_loss_on"] == "total"


def test_where_no_limits_are_there_is_nothing_to_list(
    live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    ran = listed(live, server, tmp_path)
    assert (ran.code, ran.out) == (FAILED, "")
    assert "No limits are in force yet" in ran.err


def test_an_order_without_a_reason_or_without_a_change_is_none(
    live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    groundless = listed(live, server, tmp_path, "--max-positions", "3", "--by", "ann")
    assert (groundless.code, "--reason: expected" in groundless.err) == (UNUSABLE, True)
    nothing = listed(live, server, tmp_path, "--by", "ann", "--reason", "x")
    assert (nothing.code, "expected at least one of --max-positions" in nothing.err) == (UNUSABLE, True)


def test_a_rule_is_ordered_and_cash_is_recorded_and_both_are_in_the_list(
    live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    by = ("--by", "ann", "--reason", "evaluation")
    where = ("--url", server.url, "--portfolio", live.keys.name)
    with coordinating(server.url, live.keys.name):
        refused = called("account", "cash", "+500", *by, *where, cwd=tmp_path)
        assert (refused.code, "no start_balance is in force" in refused.err) == (FAILED, True)
        half = listed(live, server, tmp_path, "--equity-floor", "48000", *by)
        assert (half.code, "start_balance: expected" in half.err) == (UNUSABLE, True)
        ran = listed(live, server, tmp_path, "--equity-floor", "48000", "--start-balance", "50000", *by)
        assert ran.code == OK, ran.err
        paid = called("account", "cash", "-500", *by, *where, cwd=tmp_path)
        assert paid.code == OK, paid.err
        found = json.loads(listed(live, server, tmp_path, "--json").out)
    floor = next(one for one in found["rules"] if one["rule"] == "equity_floor")
    assert (floor["now"], floor["limit"], floor["left"]) == (49_500, 48_000, 1_500)


def test_what_loosens_waits_in_the_list_is_kept_by_the_next_order_and_counts_with_a_second_name(
    live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    by = ("--by", "ann", "--reason", "room")
    with coordinating(server.url, live.keys.name):
        more = listed(live, server, tmp_path, "--max-positions", "5", *by)
        assert (more.code, "max_positions=5 (now 4)" in more.out, "--second" in more.out) == (OK, True, True)
        listed(live, server, tmp_path, "--daily-stop-loss", "2000", *by)
        found = json.loads(listed(live, server, tmp_path, "--json").out)
        assert (found["limits"]["max_positions"], found["limits"]["daily_stop_loss"]) == (4, 2000)
        assert found["waiting"]["changes"] == "max_positions=5 (now 4)"
        assert "ordered by ann: max_positions=5" in listed(live, server, tmp_path).out
        alone = listed(live, server, tmp_path, "--max-positions", "5", *by, "--second", "Ann")
        assert (alone.code, "the name of another person" in alone.err) == (UNUSABLE, True)
        both = listed(live, server, tmp_path, "--max-positions", "5", *by, "--second", "joe")
        assert (both.code, "The limits are changed." in both.out) == (OK, True)
        found = json.loads(listed(live, server, tmp_path, "--json").out)
    assert (found["limits"]["max_positions"], found["waiting"]) == (5, None)
