"""Every command helps: what it does, an example to copy, the exit codes."""

import json
import resource
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile

import pytest
from cyclopts import App

from portfold.cli.exits import INTERRUPTED, UNREACHABLE
from portfold.cli.main import build_app, run


def commands(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command that does something, groups left out."""
    for name in app:
        if not name.startswith("-"):
            inside = list(commands(app[name], (*path, name)))
            yield from inside or [(*path, name)]


COMMANDS = sorted(commands(build_app()))
SHELLS_OWN = ("|", "&&", ">")
HEAVY = {
    *("redis", "hiredis", "rich", "msgspec", "structlog", "requests", "discord_webhook", "textual"),
    *("numpy", "polars", "plotly", "sklearn", "onnxruntime", "cryptography"),
}


def help_of(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    assert run([*words, "--help"]) == 0
    return capsys.readouterr().out


def test_all_commands_are_known_to_these_tests() -> None:
    expected = {
        *(("server",), ("coordinator",), ("worker",), ("status",), ("tail",), ("doctor",), ("completion",)),
        *(("demo",), ("config", "init")),
    }
    assert expected <= set(COMMANDS)


def test_the_help_of_a_command_holds_an_example_that_can_be_parsed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    for words in COMMANDS:
        command = " ".join(("portfold", *words))
        with subtests.test(command):
            example = next(
                line.strip()
                for line in help_of(words, capsys).splitlines()
                if line.startswith(f"    {command} ") or line.strip() == command
            )
            typed = list(takewhile(lambda word: not word.startswith(SHELLS_OWN), shlex.split(example)[1:]))
            found, *_ = build_app().parse_args(typed, exit_on_error=False, print_error=False)
            named = build_app()
            for word in words:
                named = named[word]
            assert found is named.default_command


def test_no_example_is_broken_in_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    def example(words: tuple[str, ...], columns: str) -> list[str]:
        monkeypatch.setenv("COLUMNS", columns)
        begins = f"    {' '.join(('portfold', *words))}"
        return [line.rstrip() for line in help_of(words, capsys).splitlines() if line.startswith(begins)]

    for words in COMMANDS:
        with subtests.test(" ".join(("portfold", *words))):
            assert example(words, "80") == example(words, "200")


def test_the_help_fits_80_columns_and_tells_the_exit_codes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for words in ((), *COMMANDS):
        with subtests.test(" ".join(("portfold", *words))):
            shown = help_of(words, capsys)
            assert max(map(len, shown.splitlines())) <= 80
            told = " ".join(shown.split())
            assert f"{UNREACHABLE} Redis cannot be reached" in told
            assert f"{INTERRUPTED} interrupted" in told


def test_the_root_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    shown = help_of((), capsys)
    assert [words[0] for words in COMMANDS if f" {words[0]} " not in shown] == []


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip().count(".") == 2


# --- quick ------------------------------------------------------------------------------------------------


def test_nothing_heavy_is_imported_before_a_command_runs() -> None:
    """A command imports what it needs when it runs; the help needs none of it."""
    build = "from portfold.cli.main import build_app; build_app()"
    ask = f"import json, sys; {build}; print(json.dumps([*sys.modules]))"
    told = subprocess.run([sys.executable, "-P", "-c", ask], capture_output=True, text=True, check=True)
    imported = {name.split(".")[0] for name in json.loads(told.stdout)}
    assert imported & HEAVY == set()


def test_the_help_takes_little_more_time_than_the_import_of_redis() -> None:
    """Of processor time, the best of three: what else this machine does is no fault of the help."""

    def seconds(*words: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-P", *words], stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    help_takes = min(seconds("-m", "portfold.cli.main", "--help") for _ in range(3))
    floor = min(seconds("-c", "import redis") for _ in range(3))
    assert help_takes < 3 * floor
