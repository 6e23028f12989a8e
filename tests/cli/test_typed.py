"""Whatever command is printed can be typed as it stands, where the user is."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from portfold.cli.main import build_app
from portfold.cli.typed import TAKING_ALL, TAKING_CONFIG, TAKING_NONE, begun_as, typed, typing_here
from tests.cli.command_line import called, environment
from tests.cli.test_help import COMMANDS
from tests.research.made import random_trades, write_results
from tests.server import EmbeddedServer

OPTIONS = ("--url", "--portfolio", "--config")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_options_that_each_command_takes_are_known(words: tuple[str, ...]) -> None:
    app = build_app()
    for word in words:
        app = app[word]
    names = {name for one in app.assemble_argument_collection() for name in one.names}
    takes = tuple(option for option in OPTIONS if option in names)
    found = {OPTIONS: TAKING_ALL, ("--config",): TAKING_CONFIG, (): TAKING_NONE}[takes]
    named = " ".join(words)
    assert named in found or (not takes and words[0] in found)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("See: portfold status", "See: bin/portfold status --url redis://h --config 'my own'"),
        ("`portfold settle --help`.", "`bin/portfold settle --url redis://h --config 'my own' --help`."),
        (
            "portfold research report --results a.csv",
            "bin/portfold research report --config 'my own' --results a.csv",
        ),
        ("portfold config init config, and more", "bin/portfold config init config, and more"),
        ("in portfold audit, or portfold --help", "in bin/portfold audit, or bin/portfold --help"),
        (
            "portfold status --url redis://other",
            "bin/portfold status --config 'my own' --url redis://other",
        ),
        ("`portfold archive`, then `portfold flatten --url x`", None),
        ("/usr/bin/portfold status; portfold reads; my-portfold status; portfold audits", ""),
    ],
)
def test_a_sentence_has_its_commands_as_they_can_be_typed(said: str, expected: str | None) -> None:
    if expected is None:
        expected = (
            "`bin/portfold archive --url redis://h --config 'my own'`, "
            "then `bin/portfold flatten --config 'my own' --url x`"
        )
    with begun_as(["doctor", "--config=old", "--url", "redis://h", "--config", "my own"], "bin/portfold"):
        assert typed(said) == (expected or said)
    assert typed(said) == said


def test_a_password_is_not_repeated() -> None:
    with begun_as(["status", "--url", "redis://me:hush@h/0"]):
        assert "hush" not in typed("portfold status")


def test_the_log_of_any_thread_has_them_too() -> None:
    with begun_as(["coordinator", "--config", "mine"], "bin/portfold"):
        here = typing_here()
    assert here("see: portfold status") == "see: bin/portfold status --config mine"


def test_a_hint_of_the_installed_command_works_when_it_is_typed(tmp_path: Path) -> None:
    """Called by its path, as in a checkout: what it says to do is done by a shell, word for word."""
    own = tmp_path / "bin" / "portfold"
    own.parent.mkdir()
    own.symlink_to(Path(sys.executable).with_name("portfold"))
    path = {"PATH": "/usr/bin:/bin"}

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=tmp_path,
            env=environment(tmp_path) | path,
            capture_output=True,
            text=True,
            check=False,
        )

    failed = run("bin/portfold status --config mine")
    assert failed.returncode == 2
    hint = failed.stderr.rpartition("defaults with `")[2].partition("`")[0]
    assert shlex.split(hint)[:3] == ["bin/portfold", "config", "init"]
    assert run(hint).returncode == 0
    assert (tmp_path / "mine" / "runtime.json").exists()


def test_doctor_and_status_name_commands_with_the_place_they_looked_at(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    place = ("--url", server.url, "--portfolio", "other")
    told = " ".join(called("doctor", *place, cwd=tmp_path).out.replace("\\\n", "").split())
    assert f"portfold coordinator --url {server.url} --portfolio other" in told
    status = called("status", *place, cwd=tmp_path)
    assert f"portfold coordinator --url {server.url} --portfolio other" in status.out + status.err


def test_a_search_names_the_report_with_its_configuration(tmp_path: Path) -> None:
    write_results(tmp_path / "results", random_trades(4, ("ES", "CL"), each=10))
    assert called("config", "init", "mine", cwd=tmp_path).code == 0
    loose = ("--max-dd-limit", "999999", "--max-breach-events", "999", "--max-positions", "1", "--jobs", "1")
    ran = called("research", "optimize", "--config", "mine", *loose, cwd=tmp_path)
    (hint,) = (line for line in ran.out.splitlines() if line.startswith("A page of it: "))
    words = shlex.split(hint.removeprefix("A page of it: "))
    assert words[:5] == ["portfold", "research", "report", "--config", "mine"]
    assert called(*words[1:], cwd=tmp_path).code == 0
