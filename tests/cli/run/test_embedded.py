"""`portfold run`, embedded or not, beside what a newcomer has started, and on a log that denies all."""

import shlex
import signal
from typing import Any

from portfold.cli.exits import FAILED, OK, UNUSABLE
from tests.cli.command_line import Ran, called, portfold, started
from tests.cli.run.place import Place, lines
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer

ONE_DAY = ("--paper", "--bars", "synthetic", "--pace", "0", "--days", "1")


def with_its_own_server(place: Place, *words: str, **variables: Any) -> Ran:
    where = ("--portfolio", "main", "--config", str(place.config))
    return portfold("run", *words, "--embedded", *where, cwd=place.folder, **variables)


def test_a_server_that_runs_already_is_named_with_how_to_use_and_how_to_stop_it(place: Place) -> None:
    with started("server", cwd=place.folder) as server:
        url = server.says("Ctrl-C stops it.").split("PORTFOLD_URL=")[1].split()[0]
        ran = with_its_own_server(place, *ONE_DAY)
        assert ran.code == FAILED
        said = [line for line in ran.err.splitlines() if not line.startswith("{")]
        assert said == [
            f"portfold: A server already runs on {place.folder / 'state' / 'portfold' / 'server'}, at {url}. "
            f"Use it: export PORTFOLD_URL={url}; or stop it: kill {server.process.pid}",
            "To trade on that one, leave out --embedded too.",
        ]
        server.process.send_signal(signal.SIGTERM)
        assert server.ends() == OK


def test_who_had_the_data_before_is_not_named_for_who_has_it_now(place: Place) -> None:
    folder = place.folder / "server"
    with EmbeddedServer(folder) as first:
        pass
    with EmbeddedServer(folder) as second:
        ran = called("server", "--dir", str(folder), cwd=place.folder)
    assert first.url != second.url
    assert (ran.code, f", at {second.url}. " in ran.err) == (FAILED, True), ran.err


def test_an_exported_address_is_named_with_the_command_that_takes_it_back(place: Place) -> None:
    ran = with_its_own_server(place, *ONE_DAY, PORTFOLD_URL="redis://127.0.0.1:6379/0")
    assert ran.code == UNUSABLE
    assert "To have its own: unset PORTFOLD_URL; to trade on the other, leave out --embedded." in ran.err
    assert "unset" not in place.refuses("--paper", "--embedded")


def test_on_a_log_that_is_halted_it_says_so_at_the_start_and_at_the_end_and_what_to_type(
    place: Place,
) -> None:
    assert with_its_own_server(place, *ONE_DAY).code == OK
    data = place.folder / "state" / "portfold" / "server"
    with EmbeddedServer(data) as server:
        halt = ("halt", "--by", "ann", "--reason", "news", "--url", server.url)
        assert called(*halt, cwd=place.folder).code == OK
    ran = with_its_own_server(place, *ONE_DAY)
    assert ran.code == OK
    start, end = (line for line in ran.err.splitlines() if "NO ENTRY IS ALLOWED: HALTED by ann: news" in line)
    order = "portfold resume --by NAME --reason TEXT"
    assert f"To lift it: {order}" in start
    assert f"Start portfold server in another terminal first. To lift it: {order}" in end
    with EmbeddedServer(data) as server:
        words = shlex.split(order.replace("NAME", "ann").replace("TEXT", "out"))[1:]
        assert called(*words, "--url", server.url, cwd=place.folder).code == OK
    assert "NO ENTRY IS ALLOWED" not in with_its_own_server(place, *ONE_DAY).err


def test_on_a_log_that_is_stopped_out_it_says_until_when_and_what_lifts_it(place: Place, live: Live) -> None:
    with coordinating(*place.where[1:4:2]):
        live.starts("ibs-CL", symbols="CL")
        live.enters("CL")
        live.closes("CL", pnl="-3000")
        with started("run", *ONE_DAY, *place.where, cwd=place.folder) as run:
            assert run.ends() == OK
        stopped = [
            line for line in lines(run) if line["event"].startswith("NO ENTRY IS ALLOWED: STOPPED OUT since ")
        ]
        assert len(stopped) == 2
        for line in stopped:
            assert "; a new day begins " in line["event"]
            assert line["what_to_do"] == (
                "Wait for the new day; or, to go on today with one more daily limit to lose: "
                "portfold resume --force --by NAME --reason TEXT"
            )
        lifts = ("resume", "--force", "--by", "ann", "--reason", "mine", *place.where)
        assert called(*lifts, cwd=place.folder).code == OK


def test_limits_that_differ_are_told_with_the_command_that_puts_them_in_force(
    place: Place,
) -> None:
    with coordinating(*place.where[1:4:2]):
        with started("run", *ONE_DAY, *place.where, cwd=place.folder) as run:
            run.says("LIMITS DIFFER: daily_stop_loss is 1000000 here and 2500 in force")
            assert run.ends() == OK
        [differ] = [line for line in lines(run) if line["event"].startswith("LIMITS DIFFER")]
        order = "portfold limits --daily-stop-loss 1000000 --by NAME --reason TEXT"
        said = differ["what_to_do"]
        assert said.startswith(
            f"to have those of the file in force: {order}; what loosens counts from the next"
        )
        words = [*shlex.split(order.replace("NAME", "ann").replace("TEXT", "mine"))[1:], "--second", "joe"]
        assert called(*words, *place.where, cwd=place.folder).code == OK
        with started("run", *ONE_DAY, *place.where, cwd=place.folder) as again:
            assert again.ends() == OK
        assert "LIMITS DIFFER" not in again.said.read_text()
