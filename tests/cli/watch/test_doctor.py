"""The doctor finds what is planted, says what to do about it, and finds nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from portfold.cli.exits import FAILED, OK, UNUSABLE
from portfold.coordinator.doctor import log_checks, server_checks
from portfold.coordinator.doctor.facts import Disk, Facts, Snapshot
from portfold.events.incoming import ClockTicked, FlattenRequested, LogTailMissing, TradingHalted
from portfold.events.stream_id import StreamId
from portfold.events.wire.embedded import EmbeddedServer
from tests.archive.past import Past
from tests.cli.command_line import Ran, called
from tests.cli.fit import FLATTENER, Fit, fit_for_the_open
from tests.processes import config_folder
from tests.waiting import until

MINUTE_MS = 60_000


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A server whose settings may be changed."""
    with EmbeddedServer(tmp_path_factory.mktemp("doctor")) as running:
        yield running


@pytest.fixture(scope="module")
def facts(own_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """Those of a portfolio that is fit."""
    folder = tmp_path_factory.mktemp("facts") / "mine"
    with fit_for_the_open(own_server, "facts", folder) as planted:
        return planted.facts()


@pytest.fixture
def fit(own_server: EmbeddedServer, portfolio: str, tmp_path: Path) -> Iterator[Fit]:
    with fit_for_the_open(own_server, portfolio, tmp_path / "mine") as planted:
        yield planted


def test_of_what_is_fit_nothing_is_found(fit: Fit) -> None:
    assert [one for one in fit.findings() if one.level != "ok"] == []


# --- planted: the server ----------------------------------------------------------------------------------


def test_a_server_that_evicts_anything_fails(fit: Fit) -> None:
    fit.set(maxmemory="1gb", maxmemory_policy="allkeys-lru")
    assert fit.found() == {"eviction": "fail"}


def test_a_server_that_evicts_leases_is_warned_of(fit: Fit) -> None:
    fit.set(maxmemory="1gb", maxmemory_policy="volatile-lru")
    assert fit.found() == {"eviction": "warn"}


def test_a_server_without_an_append_only_file_fails(fit: Fit) -> None:
    fit.set(appendonly="no")
    assert fit.found() == {"persistence": "fail"}


@pytest.mark.parametrize("fsync", ["everysec", "no"])
def test_a_server_that_syncs_late_is_warned_of(fit: Fit, fsync: str) -> None:
    fit.set(appendfsync=fsync)
    assert fit.found() == {"persistence": "warn"}


@pytest.mark.parametrize(("part", "level"), [(0.95, "fail"), (0.8, "warn")])
def test_memory_that_runs_short_is_found(fit: Fit, part: float, level: str) -> None:
    used = int(fit.client.info("memory")["used_memory"])
    fit.set(maxmemory=str(int(used / part)))
    assert fit.found() == {"memory": level}


def test_a_server_that_is_away_is_a_finding_too(fit: Fit, tmp_path: Path) -> None:
    ran = called("doctor", "--config", str(fit.folder), "--url", "redis://127.0.0.1:1/0", cwd=tmp_path)
    assert ran.code == FAILED
    assert "FAIL server" in ran.out
    assert "Redis did not answer" in ran.out


def test_clocks_that_are_apart_fail(fit: Fit) -> None:
    fit.wall_ahead_ms = -2 * MINUTE_MS
    assert fit.found() == {"clock": "fail"}
    assert "more than a minute ahead of this machine's" in fit.text("clock")


def test_clocks_that_are_a_little_apart_are_warned_of(fit: Fit) -> None:
    fit.wall_ahead_ms = 20_000
    assert fit.found() == {"clock": "warn"}


def test_an_event_from_the_future_fails(fit: Fit) -> None:
    fit.live.by_hand("type", "ClockTicked", at=f"{fit.bus.now_ms() + MINUTE_MS}-0")
    fit.live.all_decided()
    assert fit.found()["clock"] == "fail"
    assert "time stands still on the log" in fit.text("clock")


# --- planted: the log -------------------------------------------------------------------------------------


def test_an_event_that_was_taken_out_is_missed(fit: Fit) -> None:
    gone = fit.live.publishes(ClockTicked())
    fit.live.all_decided()
    fit.client.xdel(fit.bus.keys.events, str(gone))
    assert fit.found() == {"gaps": "fail"}
    assert fit.text("gaps").startswith("1 event gone from the streams")


def test_a_decision_that_was_taken_out_is_missed(fit: Fit) -> None:
    decision = fit.bus.decisions_after(StreamId(0, 1), count=1)[0]
    fit.client.xdel(fit.bus.keys.decisions, str(decision.id))
    assert fit.text("gaps").startswith("1 decision gone from the streams")


def test_a_log_that_does_not_add_up_fails(fit: Fit) -> None:
    fit.client.hincrby(fit.bus.keys.head, "folded", 1)
    assert fit.found()["log"] == "fail"


def test_a_log_that_lost_its_end_fails(fit: Fit) -> None:
    fit.live.says(LogTailMissing, "ibs-ES", saw="9-0")
    assert fit.found()["log"] == "fail"
    assert "ibs-ES saw 9-0" in fit.text("log")


def test_a_deleted_snapshot_is_missed_where_the_log_is_long(fit: Fit) -> None:
    fit.live.publishes_all([ClockTicked()] * 2_100)
    fit.live.all_decided()
    until(fit.bus.snapshot, "the leader's snapshot")
    assert fit.found() == {}
    fit.client.delete(fit.bus.keys.snapshot)
    assert fit.found() == {"snapshot": "warn"}


def test_a_snapshot_that_cannot_be_read_is_found(fit: Fit) -> None:
    fit.bus.save_snapshot("{}")
    assert fit.found() == {"snapshot": "warn"}
    fit.client.delete(fit.bus.keys.snapshot)
    fit.client.hset(fit.bus.keys.snapshot, "a", "b")
    assert fit.found() == {"snapshot": "warn"}


def test_an_archive_that_is_gone_fails(fit: Fit, tmp_path: Path) -> None:
    fit.edit(runtime={"archive_folder": str(tmp_path / "nowhere")})
    assert fit.found() == {}
    fit.client.hset(fit.bus.keys.archive, mapping={"up_to": "9-0", "folder": str(tmp_path / "nowhere")})
    found = fit.found()
    assert (found["archive"], found["gaps"]) == ("fail", "warn")


def test_an_archive_that_the_configuration_does_not_name_is_warned_of(fit: Fit, tmp_path: Path) -> None:
    fit.client.hset(fit.bus.keys.archive, mapping={"up_to": "9-0", "folder": str(tmp_path)})
    (tmp_path / "archive.json").write_text("{}")
    assert fit.found()["archive"] == "fail"
    assert "archive.json" in fit.text("archive")


# --- planted: who is there --------------------------------------------------------------------------------


def test_a_leader_that_died_is_missed(own_server: EmbeddedServer, portfolio: str, tmp_path: Path) -> None:
    with fit_for_the_open(own_server, portfolio, tmp_path / "mine") as fit:
        kept = fit
        assert "leader" not in kept.found()
    kept.bus.append(["type", "ClockTicked"])
    assert kept.found()["leader"] == "fail"
    assert "nobody leads: no entry is answered; undecided events: 1" in kept.text("leader")
    last = "9999999999999-184467440737095517"
    kept.client.execute_command("XADD", kept.bus.keys.events, last, "type", "ClockTicked")
    assert f"nobody can lead: the log's last ID, {last}, leaves no room for answers" in kept.text("leader")
    kept.bus.close()


def test_a_portfolio_that_nobody_ever_led_fails(fit: Fit, tmp_path: Path) -> None:
    ran = _doctor(fit, tmp_path, "--portfolio", "nobody")
    assert ran.code == FAILED
    assert "no coordinator has ever run for this portfolio" in " ".join(ran.out.split())


def test_a_leader_without_a_standby_is_warned_of(fit: Fit) -> None:
    fit.client.delete(fit.bus.keys.standby)
    assert fit.found() == {"standby": "warn"}


def test_a_symbol_that_nobody_trades_fails(fit: Fit) -> None:
    fit.live.stops("ibs-CL")
    assert fit.found() == {"workers": "fail"}
    assert fit.text("workers") == "ibs-CL, for CL, has stopped"


def test_a_heartbeat_that_lapsed_fails_and_says_what_the_worker_holds(fit: Fit) -> None:
    fit.live.asks("ES")
    fit.live.fills("ES", price="5000")
    fit.client.delete(fit.bus.keys.worker("ibs-ES"))
    assert fit.found() == {"workers": "fail", "trading": "fail"}
    assert fit.text("trading").startswith("unmanaged: nobody watches ES long 1 of ibs-ES (silent, ")
    assert fit.text("workers") in (
        "ibs-ES, for ES, gives no sign of life, and holds ES",
        "ibs-ES, for ES, is lost, and holds ES",
    )


def test_a_worker_that_never_was_fails_unless_somebody_does_not_say_what_he_trades(fit: Fit) -> None:
    fit.edit(limits={"symbols": ["ES", "CL", "6A"]})
    fit.live.change_limits(symbols="ES CL 6A", point_values="6A=100000 CL=1000 ES=50")
    assert fit.found()["workers"] == "fail"
    assert fit.text("workers") == "no worker ever announced 6A"
    fit.bus.beat("anything", "s1", MINUTE_MS)
    fit.live.starts("anything")
    assert fit.found()["workers"] == "warn"


def test_a_flattener_with_another_book_fails(fit: Fit) -> None:
    fit.bus.say_book_lacks("ES long of ibs-ES", MINUTE_MS)
    assert fit.found() == {"flattener": "fail"}
    assert "ES long of ibs-ES" in fit.text("flattener")


def test_what_its_book_holds_and_the_log_does_not_fails(fit: Fit) -> None:
    fit.bus.say_book_exceeds("ES long of ibs-ES", MINUTE_MS)
    assert fit.found() == {"flattener": "fail"}
    assert fit.text("flattener").startswith("its broker's book holds ES long of ibs-ES, and the log does not")


def test_a_flattener_that_is_not_there_is_warned_of(fit: Fit) -> None:
    fit.client.delete(fit.bus.keys.worker(FLATTENER))
    assert fit.found() == {"flattener": "warn"}


def test_a_notifier_that_is_not_there_is_warned_of(fit: Fit) -> None:
    fit.client.delete(fit.bus.keys.notifier_lease("discord"))
    assert fit.found() == {"notifier": "warn"}
    assert fit.text("notifier") == "nobody sends alerts to discord"
    fit.client.delete(fit.bus.keys.notifier_lease("log"))
    assert fit.text("notifier") == "none is alive: nobody is told of a stop"


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (TradingHalted(by="jane", reason="news"), "halted: by jane: news"),
        (FlattenRequested(by="jane", reason="drill"), "halted: by jane: drill"),
    ],
)
def test_a_halt_is_warned_of(fit: Fit, order: Any, said: str) -> None:
    fit.live.hears(order)
    assert fit.found() == {"trading": "warn"}
    assert said in fit.text("trading")


def test_a_flatten_that_is_not_over_fails(fit: Fit) -> None:
    fit.live.asks("ES")
    fit.live.fills("ES", price="5000")
    fit.live.flatten()
    assert fit.found() == {"trading": "fail"}
    assert "still to close: ES long 1 (ibs-ES)" in fit.text("trading")


# --- planted: the configuration ---------------------------------------------------------------------------


def test_a_file_that_was_edited_since_fails(fit: Fit) -> None:
    fit.edit(limits={"max_positions": 3})
    assert fit.found() == {"limits": "fail"}
    assert "max_positions is 4, not 3" in fit.text("limits")


def test_limits_that_somebody_ordered_are_warned_of(fit: Fit) -> None:
    own = fit.live.bus.status()["limits"]
    ordered = {name: value for name, _, value in (pair.partition("=") for pair in own.split("; "))}
    fit.live.by_hand(
        *("type", "LimitsChanged", "by", "jane", "reason", "holiday"),
        *(word for pair in (ordered | {"max_positions": "2"}).items() for word in pair),
    )
    fit.live.all_decided()
    assert fit.found() == {"limits": "warn"}
    assert "in force by jane" in fit.text("limits")


def test_a_symbol_without_a_contract_fails(fit: Fit) -> None:
    own = fit.live.bus.status()["limits"]
    ordered = {name: value for name, _, value in (pair.partition("=") for pair in own.split("; "))}
    fit.live.by_hand(
        *("type", "LimitsChanged", "by", "jane", "reason", "more"),
        *(word for pair in (ordered | {"symbols": "ES CL XX"}).items() for word in pair),
    )
    fit.live.all_decided()
    assert fit.found() == {"contracts": "fail", "limits": "warn", "workers": "fail"}
    assert fit.text("contracts").startswith("none for XX")


def test_a_configuration_that_cannot_be_read_is_a_finding(fit: Fit, tmp_path: Path) -> None:
    fit.edit(limits={"symbols": ["ES", "XX"]})
    ran = _doctor(fit, tmp_path)
    assert ran.code == FAILED
    assert ran.out.startswith("FAIL config")
    assert '"XX"' in ran.out
    assert ran.err == ""


def test_a_webhook_whose_variable_is_not_set_fails(fit: Fit) -> None:
    fit.environ.clear()
    assert fit.found() == {"webhook": "fail"}
    assert "HOOK" in fit.text("webhook")


def test_an_address_that_is_none_fails_and_is_not_shown(fit: Fit) -> None:
    fit.environ["HOOK"] = "hush hush"
    assert fit.found() == {"webhook": "fail"}
    assert "hush" not in fit.text("webhook")


def test_no_webhook_at_all_is_warned_of(fit: Fit) -> None:
    fit.edit(runtime={"discord_webhook_env": None})
    assert fit.found() == {"webhook": "warn"}


def test_a_limit_that_nobody_reads_is_warned_of(fit: Fit) -> None:
    fit.edit(limits={"max_postions": 3})
    assert fit.found() == {"config": "warn"}
    assert "max_postions is no known key" in fit.text("config")


def test_the_packaged_configuration_is_warned_of(fit: Fit, tmp_path: Path) -> None:
    where = ("--url", fit.server.url, "--portfolio", fit.bus.keys.name)
    ran = called("doctor", *where, cwd=tmp_path)
    assert "warn config        the packaged default" in ran.out
    assert "warn limits" in ran.out


# --- the checks by themselves -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({"redis_version": "6.2.14"}, "fail"),
        ({"redis_version": "7.0.0"}, "ok"),
        ({"role": "slave"}, "fail"),
    ],
)
def test_the_version_and_the_role_of_the_server(facts: Facts, changes: dict[str, str], level: str) -> None:
    assert server_checks.version(replace(facts, server={**facts.server, **changes})).level == level


@pytest.mark.parametrize(
    ("changes", "settings", "level"),
    [
        ({"aof_last_write_status": "err"}, {}, "fail"),
        ({"rdb_last_bgsave_status": "err"}, {"save": "3600 1"}, "fail"),
        ({"rdb_last_bgsave_status": "err"}, {"save": ""}, "ok"),
    ],
)
def test_a_server_that_could_not_write_fails(
    facts: Facts, changes: dict[str, str], settings: dict[str, str], level: str
) -> None:
    server, kept = {**facts.server, **changes}, {**facts.settings, **settings}
    assert server_checks.persistence(replace(facts, server=server, settings=kept)).level == level


@pytest.mark.parametrize(
    ("used", "limit", "level"),
    [(69, 100, "ok"), (70, 100, "warn"), (89, 100, "warn"), (90, 100, "fail"), (999, 0, "ok")],
)
def test_memory_by_the_servers_limit(facts: Facts, used: int, limit: int, level: str) -> None:
    told = {"used_memory": str(used), "maxmemory": str(limit), "total_system_memory": "10000"}
    assert server_checks.memory(replace(facts, server={**facts.server, **told})).level == level


@pytest.mark.parametrize(
    ("free", "log", "level"),
    [
        ((200 << 20) - 1, 0, "fail"),
        (200 << 20, 0, "warn"),
        ((1 << 30) - 1, 0, "warn"),
        (1 << 30, 0, "ok"),
        (1 << 30, (1 << 29) + 1, "warn"),
    ],
)
def test_the_disk_by_what_is_free_and_what_a_rewrite_needs(
    facts: Facts, free: int, log: int, level: str
) -> None:
    told = {**facts.server, "aof_current_size": str(log)}
    assert server_checks.disk(replace(facts, server=told, disk=Disk("/there", free))).level == level


def test_a_disk_elsewhere_is_not_known(facts: Facts) -> None:
    assert server_checks.disk(replace(facts, disk=None)) == ("disk", "ok", "not known from here", "")


@pytest.mark.parametrize(("behind", "level"), [(10_000, "ok"), (10_001, "warn")])
def test_a_snapshot_by_what_is_behind_it(facts: Facts, behind: int, level: str) -> None:
    found = Snapshot(there=True, cursor=facts.log.head.cursor, behind=behind)
    assert log_checks.snapshot(replace(facts, log=replace(facts.log, snapshot=found))).level == level


@pytest.mark.parametrize(("length", "level"), [(1_000_000, "ok"), (1_000_001, "warn")])
def test_a_log_by_its_length(facts: Facts, length: int, level: str) -> None:
    long = replace(facts.log, events=facts.log.events._replace(length=length))
    assert log_checks.length(replace(facts, log=long)).level == level


# --- what was archived is not missed ----------------------------------------------------------------------


def test_what_an_archive_holds_is_no_gap(fit: Fit, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    past = Past(fit.server.url, f"past-{fit.bus.keys.name}", fit.client)
    past.happens(300)
    config_folder(fit.folder, runtime={"archive_folder": str(folder)})
    where = ("--config", str(fit.folder), "--url", fit.server.url, "--portfolio", past.bus.keys.name)
    assert called("archive", "--keep-events", "100", *where, cwd=tmp_path).code == OK
    found = _by_check(called("doctor", "--json", *where, cwd=tmp_path))
    assert (found["gaps"]["level"], found["archive"]["level"]) == ("ok", "ok")
    fit.client.xdel(past.bus.keys.events, str(past.whole().events[-2].id))
    found = _by_check(called("doctor", "--json", *where, cwd=tmp_path))
    assert found["gaps"]["text"].startswith("1 event gone")
    past.bus.close()


# --- the command ------------------------------------------------------------------------------------------


def test_what_is_fit_ends_with_0_within_80_columns(fit: Fit, tmp_path: Path) -> None:
    ran = _doctor(fit, tmp_path)
    assert ran.code == OK
    assert ran.out.splitlines()[-1] == "Fit for the open: 0 failed, 0 to know about, 23 in order."
    assert max(map(len, ran.out.splitlines())) <= 80
    assert "\x1b" not in ran.out


def test_what_fails_ends_with_1_and_says_what_to_do(fit: Fit, tmp_path: Path) -> None:
    fit.set(appendonly="no")
    ran = _doctor(fit, tmp_path)
    assert ran.code == FAILED
    assert "FAIL persistence" in ran.out
    assert "→ appendonly yes" in ran.out
    assert ran.out.splitlines()[-1].startswith("Not fit for the open: 1 failed")
    assert "ok   " not in ran.out.partition("FAIL")[2]


def test_warnings_alone_end_with_0(fit: Fit, tmp_path: Path) -> None:
    fit.client.delete(fit.bus.keys.standby)
    assert _doctor(fit, tmp_path).code == OK


def test_the_json_counts_and_lists(fit: Fit, tmp_path: Path) -> None:
    fit.set(appendonly="no")
    told = json.loads(_doctor(fit, tmp_path, "--json").out)
    assert (told["ok"], told["failed"], told["warned"]) == (False, 1, 0)
    assert {one["check"] for one in told["findings"] if one["level"] == "fail"} == {"persistence"}
    assert all(one.keys() == {"check", "level", "text", "remedy"} for one in told["findings"])


def test_an_option_that_cannot_be_used_is_no_finding(tmp_path: Path) -> None:
    assert called("doctor", "--url", "nonsense", cwd=tmp_path).code == UNUSABLE


def _doctor(fit: Fit, cwd: Path, *more: str) -> Ran:
    where = ["--config", str(fit.folder), "--url", fit.server.url]
    if "--portfolio" not in more:
        where += ["--portfolio", fit.bus.keys.name]
    return called("doctor", *where, *more, cwd=cwd, HOOK=fit.environ["HOOK"])


def _by_check(ran: Ran) -> dict[str, dict[str, str]]:
    return {one["check"]: one for one in json.loads(ran.out)["findings"]}
