"""The doctor finds what is planted in the server and in the log, and in what is fit it finds nothing."""

from pathlib import Path

import pytest

from portfold.cli.exits import FAILED
from portfold.events.incoming import ClockTicked, LogTailMissing
from portfold.events.stream_id import StreamId
from tests.cli.command_line import called
from tests.cli.fit import Fit
from tests.cli.watch.doctor.asked import MINUTE_MS
from tests.waiting import until


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
    assert "Redis at 127.0.0.1:1 did not answer" in ran.out


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
