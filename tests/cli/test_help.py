"""Every command helps: what it does, an example to copy, the exit codes."""

import shlex
from collections.abc import Iterator

import pytest
from cyclopts import App

from cli.exits import INTERRUPTED, UNREACHABLE
from cli.main import build_app, run


def commands(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command that does something, groups left out."""
    for name in app:
        if not name.startswith("-"):
            inside = list(commands(app[name], (*path, name)))
            yield from inside or [(*path, name)]


COMMANDS = sorted(commands(build_app()))


def help_of(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    assert run([*words, "--help"]) == 0
    return capsys.readouterr().out


def test_all_commands_are_known_to_these_tests() -> None:
    expected = {("server",), ("coordinator",), ("worker",), ("status",), ("demo",), ("config", "init")}
    assert expected <= set(COMMANDS)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_holds_an_example_that_can_be_parsed(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    command = " ".join(("portfold", *words))
    example = next(
        line.strip()
        for line in help_of(words, capsys).splitlines()
        if line.startswith(f"    {command} ") or line.strip() == command
    )
    found, *_ = build_app().parse_args(shlex.split(example)[1:], exit_on_error=False, print_error=False)
    assert found.__name__ == words[-1]


@pytest.mark.parametrize("words", [(), *COMMANDS], ids=" ".join)
def test_the_help_fits_80_columns_and_tells_the_exit_codes(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
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
