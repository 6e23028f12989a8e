"""`portfold status` as a person runs it: once, watching, as JSON; also while the server comes and goes."""

import json
import re
import shlex
import signal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from portfold.cli.exits import FAILED, INTERRUPTED, OK, UNREACHABLE
from portfold.cli.watch.status.as_json import fields
from portfold.cli.watch.status.contact import Contact
from portfold.coordinator.views.overview import Overview
from portfold.events.wire.bus import VIEW, Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.errors import BusError, BusUnreachable
from tests.cli.command_line import called, started
from tests.cli.standing import Standing
from tests.cli.terminal import CTRL_C, on_terminal
from tests.coordinator.story import Story
from tests.processes import Coordinators
from tests.seen import spoilt
from tests.server import EmbeddedServer
from tests.waiting import until

DOCUMENTED = Path(__file__).parents[3] / "docs" / "command.md"
UTC = ZoneInfo("UTC")


@pytest.fixture
def standing(bus: Bus, client: Any) -> Standing:
    return Standing(bus, client)


def place(server: EmbeddedServer, portfolio: str) -> tuple[str, ...]:
    return ("--url", server.url, "--portfolio", portfolio)


STEERING = b"\x1b[2J\x1b]0;mine\x07\xc2\x9b\xe2\x80\xae\xff"


def held() -> Story:
    story = Story()
    story.enters("ES", price="5000.25")
    return story


# --- what others wrote --------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("status",), ("status", "--json"), ("doctor",), ("audit", "verify")])
def test_nothing_that_lies_under_any_key_steers_the_terminal(
    command: tuple[str, ...],
    standing: Standing,
    server: EmbeddedServer,
    portfolio: str,
    client: Any,
    tmp_path: Path,
) -> None:
    keys = standing.of(held()).bus.keys

    def shown() -> str:
        ran = called(*command, *place(server, portfolio), cwd=tmp_path)
        return "".join(line for line in (ran.out + ran.err).split("\n") if not line.isprintable())

    client.set(keys.leader, STEERING)
    client.set(keys.standby, STEERING)
    client.hset(keys.archive, mapping={"up_to": "1-1", "folder": STEERING})
    assert shown() == ""
    client.delete(keys.archive)
    client.hset(keys.head, "chain", STEERING)
    assert shown() == ""
    whole = client.hgetall(keys.status)
    for name in ("leader", "workers.0.worker", "positions.0.symbol", "limits.by", "day.date"):
        before = spoilt(client, keys.status, name, STEERING.decode(errors="replace"))
        assert shown() == "", name
        client.hset(keys.status, VIEW, before)
    reason = {"by": "jane", "reason": STEERING.decode(errors="replace"), "since": "1-1"}
    spoilt(client, keys.status, "halt", reason)
    for name in whole:
        client.hset(keys.status, name, STEERING)
        assert shown() == "", name
        client.hset(keys.status, name, whole[name])
    for name in ("cursor", "epoch", "folded"):
        client.hset(keys.head, name, STEERING)
        assert shown() == "", name


# --- once -------------------------------------------------------------------------------------------------


def test_in_a_pipe_it_is_plain_text(
    standing: Standing, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    standing.of(held())
    ran = called("status", *place(server, portfolio), cwd=tmp_path)
    assert (ran.code, ran.err) == (OK, "")
    assert "ES    long   1 @ 5000.25" in ran.out
    assert "\x1b" not in ran.out
    assert all(line == line.rstrip() for line in ran.out.splitlines())


def test_on_a_terminal_there_are_colours(
    standing: Standing, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    standing.of(held())
    with on_terminal("status", *place(server, portfolio), cwd=tmp_path) as terminal:
        assert terminal.ends() == OK
    assert "\x1b[1;32m TRADING" in terminal.raw
    assert max(map(len, terminal.text.splitlines())) <= 80


def test_what_is_piped_is_never_cut_and_its_commands_can_be_copied(
    standing: Standing, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    symbols = ("6A", "6B", "6C", "CL", "ES", "NQ", "RTY", "SI")
    story = Story(max_positions=9, max_contracts=9, symbols=" ".join(symbols))
    story.enters(*symbols)
    standing.of(story)
    for symbol in symbols:
        standing.client.delete(standing.bus.keys.worker(f"ibs-{symbol}"))
    where = place(server, portfolio)
    ran = called("status", *where, cwd=tmp_path)
    assert "…" not in ran.out
    told = " ".join(ran.out.replace("\\\n", "").split())
    assert all(f"{symbol} long 1 of ibs-{symbol} (silent" in told for symbol in symbols)
    order = f"portfold flatten {' '.join(where)} --by NAME --reason TEXT"
    assert f"→ Start them again, or: {order}" in told
    words = shlex.split(order.replace("NAME", "ann").replace("TEXT", "out"))[1:]
    assert called(*words, cwd=tmp_path).code == OK


def test_exit_codes(standing: Standing, server: EmbeddedServer, portfolio: str, tmp_path: Path) -> None:
    where = place(server, portfolio)
    never = called("status", *where, cwd=tmp_path)
    standing.of(held())
    spoilt(standing.client, standing.bus.keys.status, "positions", "a lot")
    overwritten = called("status", *where, cwd=tmp_path)
    gone = called("status", "--url", "redis://127.0.0.1:1/0", cwd=tmp_path)
    assert (never.code, overwritten.code, gone.code) == (FAILED, UNREACHABLE, UNREACHABLE)
    assert "portfold: status, view, positions: Expected" in overwritten.err
    assert [len(ran.err.splitlines()) for ran in (never, overwritten, gone)] == [1, 1, 1]


def test_the_json_has_the_documented_fields_and_no_others(standing: Standing) -> None:
    table = DOCUMENTED.read_text().partition("<!-- status fields -->")[2].partition("\n\n")[0]
    named = "".join(line.split("|")[1] for line in table.split("\n")[3:])
    documented = set(re.findall(r"`([a-z_]+)`", named))
    assert documented == set(fields(standing.of(held()).seen()))


def test_every_headline_is_documented() -> None:
    source = (DOCUMENTED.parents[1] / "coordinator" / "views" / "headlines.py").read_text()
    made = set(re.findall(r'Headline\(\s*"([a-z_]+)"', source))
    made |= {"account_differs", "symbol_differs", "limit_reached", "tier_reached"}
    made |= {"window_open", "symbol_window_open"}
    row = next(line for line in DOCUMENTED.read_text().splitlines() if line.startswith("| `headlines` |"))
    assert set(re.findall(r"`([a-z_]+)`", row)) - {"headlines"} == made


# --- watching ---------------------------------------------------------------------------------------------


def test_a_watch_is_drawn_in_place_every_second_until_ctrl_c(
    standing: Standing, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    standing.of(held())
    with on_terminal("status", "--watch", *place(server, portfolio), cwd=tmp_path) as terminal:
        terminal.shows("1 open of 4")
        spoilt(standing.client, standing.bus.keys.status, "day.pnl", -777.00)
        terminal.shows("$-777.00")
        assert "\x1b[1A" in terminal.raw  # the cursor went up, not the screen
        terminal.press(CTRL_C)
        assert terminal.ends() == INTERRUPTED
    assert "Traceback" not in terminal.text
    assert terminal.raw.rstrip().endswith("\x1b[?25h")  # the cursor is shown again


def test_a_watch_in_a_pipe_prints_what_has_changed(
    standing: Standing, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    where = place(server, portfolio)
    with started("status", "--watch", *where, cwd=tmp_path) as watch:
        watch.says(f"No coordinator has ever run for portfolio {portfolio}")
        standing.of(held())
        watch.says("1 open of 4")
        spoilt(standing.client, standing.bus.keys.status, "day.pnl", -777.00)
        said = watch.says("$-777.00")
        until(lambda: watch.said.read_text().count("1 open of 4") == 2, "the rest of the picture")
        assert "\x1b" not in said
        watch.process.send_signal(signal.SIGTERM)
        assert watch.ends() == OK


def test_a_watch_on_a_terminal_that_cannot_be_drawn_on_prints_it_all_the_same(
    standing: Standing, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    standing.of(held())
    where = place(server, portfolio)
    with on_terminal("status", "--watch", *where, cwd=tmp_path, TERM="dumb") as terminal:
        terminal.shows("1 open of 4")
        assert "\x1b[1A" not in terminal.raw


def test_a_watch_as_json_is_a_line_each_time(
    standing: Standing, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    standing.of(held())
    with started("status", "--watch", "--json", *place(server, portfolio), cwd=tmp_path) as watch:
        until(lambda: watch.said.read_text().count("\n") >= 2, "two lines")
        watch.process.send_signal(signal.SIGINT)
        assert watch.ends() == INTERRUPTED
    lines = [json.loads(line) for line in watch.said.read_text().splitlines()]
    assert {line["open_positions_count"] for line in lines} == {1}


def test_a_watch_outlasts_a_restart_of_the_server_and_says_so(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "server") as first:
        url, port = first.url, first.port
        with connect(url) as client:
            bus = Bus(client, "main")
            Standing(bus, client).of(held())
        with started("status", "--watch", "--url", url, cwd=tmp_path) as watch:
            watch.says("1 open of 4")
            first.stop()
            gone = watch.says("Last seen:")
            assert "NO SERVER" in gone
            assert f"trying again: Redis at 127.0.0.1:{port} did not answer" in " ".join(gone.split())
            with EmbeddedServer(tmp_path / "server", port=port):
                watch.says("and was restarted")
                assert watch.process.poll() is None


# --- the server comes and goes ----------------------------------------------------------------------------


class Server:
    """What a look finds, one thing after another."""

    def __init__(self, *finds: Overview | BusError | None) -> None:
        self._finds = list(finds)

    def look(self) -> Overview | None:
        found = self._finds.pop(0)
        if isinstance(found, BusError):
            raise found
        return found


def test_what_was_seen_last_stays_while_the_server_is_away(standing: Standing) -> None:
    seen = standing.of(held()).seen()
    now_ms = iter([-1_000, 0, 5_000, 9_000])
    gone = BusUnreachable("Nobody answers.")
    contact = Contact(Server(seen, gone, gone, seen).look, wall_ms=lambda: next(now_ms), zone=UTC)
    before, first, second, after = (contact.glimpse() for _ in range(4))
    assert before == (seen, "", "")
    assert first == (seen, "since Thu 01 Jan 00:00:00 UTC (0 ms), trying again: Nobody answers.", "")
    assert second.trouble == "since Thu 01 Jan 00:00:00 UTC (5.0 s), trying again: Nobody answers."
    assert after == (seen, "", "Thu 01 Jan 00:00:09 UTC: the server was away for 9.0 s")


def test_another_run_of_the_server_is_said_even_if_nobody_saw_it_go(standing: Standing) -> None:
    seen = standing.of(held()).seen()
    another = replace(seen, server=seen.server._replace(run="another"))
    contact = Contact(Server(seen, another).look, wall_ms=lambda: 0, zone=UTC)
    assert contact.glimpse().news == ""
    assert contact.glimpse().news.endswith("the server was restarted, or is another one")


# --- who stands by ----------------------------------------------------------------------------------------


def test_a_standby_makes_itself_known_and_is_forgotten_when_it_leads(
    bus: Bus, coordinators: Coordinators
) -> None:
    leader = coordinators.start()
    assert bus.standby() is None
    waiting = coordinators.start(ready=False)
    standby = until(bus.standby, "a standby")
    leads = waiting if f".{leader.pid}." in standby else leader  # they may have changed places
    leads.kill()
    until(lambda: bus.leader() == standby, "it to lead")
    until(lambda: bus.standby() is None, "it to be forgotten as a standby")
