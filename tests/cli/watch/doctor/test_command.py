"""`portfold doctor` as a person runs it: what it says and how it ends."""

import json
import re
from pathlib import Path

from portfold.cli.exits import FAILED, OK, UNUSABLE
from tests.cli.command_line import called
from tests.cli.fit import Fit
from tests.cli.watch.doctor.asked import asked
from tests.processes import ROOT


def test_what_is_fit_ends_with_0_within_80_columns(fit: Fit, tmp_path: Path) -> None:
    ran = asked(fit, tmp_path)
    assert ran.code == OK
    assert ran.out.splitlines()[-1] == "Fit for the open: 0 failed, 0 warned, 31 ok."
    too_long = [line for line in ran.out.splitlines() if len(line) > 80]
    assert all(str(fit.folder) in line.split() for line in too_long)  # a command's word is never broken
    assert "\x1b" not in ran.out
    assert "ok   protective stops none are configured" in ran.out.splitlines()


def test_what_fails_ends_with_1_and_says_what_to_do(fit: Fit, tmp_path: Path) -> None:
    fit.set(appendonly="no")
    ran = asked(fit, tmp_path)
    assert ran.code == FAILED
    assert "FAIL persistence" in ran.out
    assert "→ appendonly yes" in ran.out
    assert ran.out.splitlines()[-1].startswith("Not fit for the open: 1 failed")
    assert "ok   " not in ran.out.partition("FAIL")[2]


def test_warnings_alone_end_with_0(fit: Fit, tmp_path: Path) -> None:
    fit.client.delete(fit.bus.keys.standby)
    assert asked(fit, tmp_path).code == OK


def test_the_json_counts_and_lists(fit: Fit, tmp_path: Path) -> None:
    fit.set(appendonly="no")
    told = json.loads(asked(fit, tmp_path, "--json").out)
    assert (told["ok"], told["failed"], told["warned"]) == (False, 1, 0)
    assert {one["check"] for one in told["findings"] if one["level"] == "fail"} == {"persistence"}
    assert all(one.keys() == {"check", "level", "text", "remedy"} for one in told["findings"])


def test_every_check_is_documented(fit: Fit, tmp_path: Path) -> None:
    made = {one["check"] for one in json.loads(asked(fit, tmp_path, "--json").out)["findings"]}
    section = (ROOT / "docs" / "command.md").read_text(encoding="utf-8").partition("\n## Doctor\n")[2]
    documented = set(re.findall(r"^\| `([a-z ]+)` \|", section.partition("\n## ")[0], flags=re.MULTILINE))
    assert documented == made, "beside `ping …`, which is asked for"


def test_an_option_that_cannot_be_used_is_no_finding(tmp_path: Path) -> None:
    assert called("doctor", "--url", "nonsense", cwd=tmp_path).code == UNUSABLE
