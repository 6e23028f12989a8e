"""The doctor's checks by themselves, and that what was archived is not missed."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from portfold.cli.exits import OK
from portfold.coordinator.doctor import log_checks, server_checks
from portfold.coordinator.doctor.facts import Disk, Facts, Snapshot
from tests.archive.past import Past
from tests.cli.command_line import called
from tests.cli.fit import Fit
from tests.cli.watch.doctor.asked import by_check
from tests.processes import config_folder

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
    found = by_check(called("doctor", "--json", *where, cwd=tmp_path))
    assert (found["gaps"]["level"], found["archive"]["level"]) == ("ok", "ok")
    fit.client.xdel(past.bus.keys.events, str(past.whole().events[-2].id))
    found = by_check(called("doctor", "--json", *where, cwd=tmp_path))
    assert found["gaps"]["text"].startswith("1 event gone")
    past.bus.close()
