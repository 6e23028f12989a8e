"""A mistake of the user's is one sentence and an exit code, never a traceback."""

import os
from pathlib import Path

import pytest

from portfold.cli.exits import FAILED, OK, UNREACHABLE, UNUSABLE
from portfold.config import load
from portfold.events.wire.errors import BusUnreachable
from portfold.workers.brokers.orders_book import open_orders_book
from portfold.workers.client.settings import GateSettings
from tests.cli.command_line import called, exit_code, portfold
from tests.cli.test_help import COMMANDS
from tests.coordinator.story import limits
from tests.live import Live
from tests.processes import config_folder
from tests.server import EmbeddedServer

NOBODY_THERE = "redis://127.0.0.1:1/0"


MISTAKES: list[tuple[list[str], int, str]] = [
    (["frobnicate"], UNUSABLE, 'Unknown command "frobnicate"'),
    (["status", "--ulr", "x"], UNUSABLE, "Unknown option: --ulr"),
    (["worker"], UNUSABLE, "SYMBOL"),
    (["worker", "XX"], UNUSABLE, "SYMBOL: expected one with a contract"),
    (["worker", "es"], UNUSABLE, "SYMBOL: expected one with a contract (the nearest is ES), got 'es'."),
    (["halt"], UNUSABLE, "See: portfold halt --help"),
    (["worker", "ES", "--pace", "-1"], UNUSABLE, "--pace"),
    (["worker", "ES", "--bars", "nowhere"], UNUSABLE, "nowhere is not a folder"),
    (["run", "--bars", "nowhere"], UNUSABLE, "nowhere is not a folder"),
    (["status", "--url", "http://example.com"], UNUSABLE, "--url, or PORTFOLD_URL: expected redis://"),
    (["status", "--portfolio", "a b"], UNUSABLE, "--portfolio: expected a name"),
    (["status", "--url", NOBODY_THERE], UNREACHABLE, "Redis at 127.0.0.1:1 did not answer"),
    (["coordinator", "--config", "nowhere"], UNUSABLE, "No portfolio optimization config found"),
    (["coordinator", "--clock", "sundial"], UNUSABLE, "--clock"),
    (["server", "--port", "65536"], UNUSABLE, "--port"),
    (["server", "--dir", "a-file"], FAILED, "Cannot keep the server's data in"),
    (["demo", "--days", "0"], UNUSABLE, "--days"),
    (["demo", "--from", "2025-01-05"], UNUSABLE, "expected a start from Monday to Friday"),
    (["demo", "--symbols", "ES,XX"], UNUSABLE, "got XX"),
    (["demo", "--bars", "."], UNUSABLE, "expected files such as ES.csv"),
    (["config", "init", "a-file"], UNUSABLE, "a-file"),
    (["config", "init", "new", "--profile", "my.json"], UNUSABLE, "expected a profile, or an example: exam"),
    (["config", "init", "new", "--profile", "a-file"], UNUSABLE, "a-file: expected valid JSON"),
    (["tail", "-n", "-1"], UNUSABLE, 'Invalid value "-1" for -n'),
    (["tail", "-n", "many"], UNUSABLE, "Invalid value for -n"),
    (["tail", "--json", "--text"], UNUSABLE, "--json, --text: expected one of them"),
    (["tail", "--type", "PositionClose"], UNUSABLE, "--type: expected one of EntryRequested"),
    (["tail", "--url", NOBODY_THERE], UNREACHABLE, "Redis at 127.0.0.1:1 did not answer"),
    (["completion", "tcsh"], UNUSABLE, "tcsh"),
    (["doctor", "--portfolio", "a b"], UNUSABLE, "--portfolio: expected a name"),
]


def test_a_mistake_is_told_in_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    subtests: pytest.Subtests,
) -> None:
    (tmp_path / "a-file").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("PORTFOLD_URL", raising=False)
    monkeypatch.delenv("PORTFOLD_CONFIG", raising=False)
    for words, code, sentence in MISTAKES:
        with subtests.test(" ".join(words)):
            assert exit_code(words) == code
            said = capsys.readouterr()
            assert sentence in said.err
            assert said.err.splitlines()[-1].startswith("portfold: ")
            assert said.out == ""


@pytest.mark.parametrize(
    ("words", "code"),
    [(["worker", "XX"], UNUSABLE), (["status", "--url", NOBODY_THERE], UNREACHABLE)],
    ids=["unusable", "unreachable"],
)
def test_the_process_ends_with_the_code_and_no_traceback(words: list[str], code: int, tmp_path: Path) -> None:
    ran = called(*words, cwd=tmp_path)
    assert ran.code == code
    assert ran.err.startswith("portfold: ")
    assert len(ran.err.splitlines()) == 1


def test_a_book_that_cannot_be_is_told_in_one_sentence(
    tmp_path: Path, server: EmbeddedServer, portfolio: str
) -> None:
    where = ("--url", server.url, "--portfolio", portfolio)
    ran = called("worker", "ES", "--book", "nowhere/book", *where, cwd=tmp_path)
    assert ran.code == FAILED
    assert ran.err.splitlines()[-1].startswith("portfold: The paper book nowhere/book")


COMMANDS_ON_THE_LOG = [
    ["status"],
    ["tail"],
    ["halt", "--by", "ann", "--reason", "news"],
    ["flatten", "--by", "ann", "--reason", "news"],
    ["limits", "--max-positions", "3", "--by", "ann", "--reason", "news"],
    ["settle", "ES", "ibs-ES", "--size", "0", "--by", "ann", "--reason", "by phone"],
    ["retire", "ibs-ES", "--by", "ann", "--reason", "gone"],
    ["acknowledge", "--by", "ann", "--reason", "backup"],
    ["archive"],
    ["audit", "verify"],
    ["audit", "anchor"],
    ["run", "--paper"],
    ["flattener"],
    ["reconcile"],
]


@pytest.mark.parametrize("words", COMMANDS_ON_THE_LOG, ids=" ".join)
def test_without_a_server_each_command_says_where_it_looked_and_what_to_do(
    words: list[str], tmp_path: Path
) -> None:
    ran = called(*words, "--url", NOBODY_THERE, cwd=tmp_path)
    assert ran.code == (UNUSABLE if words == ["audit", "verify"] else UNREACHABLE)
    last = ran.err.splitlines()[-1]
    assert last.startswith("portfold: Redis at 127.0.0.1:1 did not answer while ")
    why, mark, instead = last.partition(" Nobody knows whether that is on record. What cannot wait: ")
    assert why.endswith(f": Connection refused. {BusUnreachable.remedy}")
    assert bool(mark) == (words[0] in ("halt", "flatten")), instead


def test_a_password_in_a_bad_url_is_not_repeated(tmp_path: Path) -> None:
    ran = called("status", cwd=tmp_path, PORTFOLD_URL="redis://me:hush@127.0.0.1:1/0")
    assert ran.code == UNREACHABLE
    ran_badly = called("status", cwd=tmp_path, PORTFOLD_URL="redis://me:hush@/nowhere?x=y")
    assert ran_badly.code == UNUSABLE
    assert "hush" not in ran.err + ran_badly.err


def test_a_configuration_is_made_once_and_never_overwritten(tmp_path: Path) -> None:
    made = called("config", "init", "mine", cwd=tmp_path)
    assert made.code == 0
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == sorted(
        Path(line).name for line in made.out.splitlines()
    )
    again = called("config", "init", "mine", cwd=tmp_path)
    assert again.code == UNUSABLE
    assert "would be overwritten" in again.err


def test_the_secret_that_a_configuration_names_must_be_set(tmp_path: Path, server: EmbeddedServer) -> None:
    called("config", "init", "mine", cwd=tmp_path)
    runtime = tmp_path / "mine" / "runtime.json"
    runtime.write_text(
        runtime.read_text().replace('"redis_password_env": null', '"redis_password_env": "HUSH"')
    )
    words = ("status", "--config", "mine", "--url", server.url)
    ran = called(*words, cwd=tmp_path, PORTFOLD_CREDENTIALS="")  # a role would bring its own
    assert ran.code == UNUSABLE
    assert "the environment variable HUSH" in ran.err


NO_UTF8 = os.fsdecode(b"jos\xe9")
"""As a word of a command line arrives here that was typed on a terminal of another encoding."""
ODD_ORDERS: list[list[str]] = [
    *([command, "--by", NO_UTF8, "--reason", "x"] for command in ("halt", "resume", "flatten")),
    ["halt", "--by", "ann", "--reason", NO_UTF8],
    ["limits", "--max-positions", "1", "--by", NO_UTF8, "--reason", "x"],
    ["limits", "--symbols", NO_UTF8, "--by", "ann", "--reason", "x"],
    ["settle", NO_UTF8, "ibs-CL", "--size", "0", "--by", "ann", "--reason", "x"],
    ["settle", "CL", NO_UTF8, "--size", "0", "--by", "ann", "--reason", "x"],
    ["retire", NO_UTF8, "--by", "ann", "--reason", "x"],
    ["retire", "ibs-CL", "--by", NO_UTF8, "--reason", "x"],
    ["acknowledge", "--by", NO_UTF8, "--reason", "x"],
    ["reconcile", NO_UTF8, "--filled", "--by", "ann", "--reason", "x"],
]


@pytest.mark.parametrize("words", ODD_ORDERS, ids=ascii)
def test_an_order_in_bytes_that_are_no_utf8_is_refused_in_one_sentence(
    words: list[str], live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    live.publishes(limits())
    if words[0] == "acknowledge":
        live.client.hset(live.keys.head, "folded", "3")
    book = tmp_path / "orders"
    if words[0] == "reconcile":
        open_orders_book(book, 1.0).close()
        words = [*words, "--book", str(book)]
    where = ("--url", server.url, "--portfolio", live.keys.name)
    ran = called(*words, *where, cwd=tmp_path)
    assert ran.code in (FAILED, UNUSABLE)
    assert ran.err.startswith("portfold: ")
    assert len(ran.err.splitlines()) == 1
    assert ran.out == ""


def test_a_password_in_bytes_that_are_no_utf8_is_told_in_one_sentence(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    url = server.url.replace("redis://", f"redis://:{NO_UTF8}@")
    ran = called("halt", "--by", "ann", "--reason", "x", cwd=tmp_path, PORTFOLD_URL=url)
    assert ran.code == UNREACHABLE
    assert "expected words in UTF-8" in ran.err
    assert "jos" not in ran.err


# --- orders beside a configuration that cannot be used ----------------------------------------------------

FILES = ("portfolio_optimization.json", "runtime.json", "contracts.json")
TIGHTEN = ["limits", "--max-positions", "1"]


@pytest.mark.parametrize("broken", [*FILES, "the password's variable is not set", "there is no folder"])
@pytest.mark.parametrize("words", [["flatten", "--now"], ["flatten"], ["halt"], TIGHTEN], ids=" ".join)
def test_an_order_with_address_and_name_needs_no_configuration(
    words: list[str], broken: str, live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    live.publishes(limits())
    made = config_folder(tmp_path / "config", runtime={"redis_password_env": "HUSH"})
    if broken in FILES:
        (made / broken).write_text("{")
    folder = ("--config", "nowhere") if broken == "there is no folder" else ()
    by = (*words, *folder, "--by", "ann", "--reason", "x")
    nobody = {"PORTFOLD_CREDENTIALS": ""}  # a role would bring its own password
    refused = called(*by, "--url", server.url, cwd=tmp_path, **nobody)
    assert (refused.code, refused.out) == (UNUSABLE, "")
    assert refused.err.endswith("With --url and --portfolio an order needs no configuration.\n")
    ran = called(*by, "--url", server.url, "--portfolio", live.keys.name, cwd=tmp_path, **nobody)
    assert ran.code == OK, ran.err
    assert ran.err.startswith("portfold: going on without the configuration: ")
    assert live.events()[-1].fields[2:4] == ["by", "ann"]
    assert live.client.xlen(live.keys.killswitch) == ("--now" in words)


@pytest.mark.parametrize("words", [["flatten", "--now"], ["tail", "--all"]], ids=" ".join)
def test_where_the_address_has_a_password_no_variable_needs_to_hold_one(
    words: list[str], live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    live.client.execute_command("ACL", "SETUSER", live.keys.name, "on", ">hunter2", "~*", "+@all", "&*")
    config_folder(tmp_path / "config", runtime={"redis_password_env": "HUSH"})
    url = server.url.replace("redis://", f"redis://{live.keys.name}:hunter2@")
    order = ("--by", "ann", "--reason", "x") if words[0] == "flatten" else ()
    ran = called(*words, *order, "--portfolio", live.keys.name, cwd=tmp_path, PORTFOLD_URL=url)
    assert (ran.code, ran.err) == (OK, "")
    assert GateSettings.of(load(None, {}, tmp_path), url=url).password is None
    live.client.execute_command("ACL", "DELUSER", live.keys.name)


# --- whatever the command ---------------------------------------------------------------------------------

UNUSABLE_WORDS: list[list[str]] = [
    ["--no-such-option"],
    ["--no-such-option=1", "stray"],
    ["stray", "stray", "stray", "stray"],
    ["--url"],
    ["--config", "\0"],
]
ODD_WORDS: list[list[str]] = [[""], ["--", "--"], ["\N{PILE OF POO}\N{RIGHT-TO-LEFT OVERRIDE}"]]
"""Fit for a command that takes the name of a file, and for no other."""


@pytest.mark.parametrize("wrong", UNUSABLE_WORDS + ODD_WORDS, ids=repr)
def test_words_that_no_command_takes_are_told_in_one_sentence(
    wrong: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    subtests: pytest.Subtests,
) -> None:
    monkeypatch.setenv("PORTFOLD_URL", NOBODY_THERE)
    monkeypatch.delenv("PORTFOLD_CONFIG", raising=False)
    for words in COMMANDS:
        with subtests.test(" ".join((*words, *map(ascii, wrong)))):
            own = tmp_path / "-".join(words)
            own.mkdir()
            monkeypatch.chdir(own)
            monkeypatch.setenv("XDG_STATE_HOME", str(own))
            code = exit_code([*words, *wrong])
            said = capsys.readouterr()
            assert code != OK or wrong in ODD_WORDS
            assert "Traceback" not in said.err
            told = code == OK or words == ("doctor",)  # whose findings are on standard output
            assert told or said.err.splitlines()[-1].startswith("portfold: ")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_of_another_encoding_shows_what_it_can(tmp_path: Path, encoding: str) -> None:
    ran = portfold("doctor", "--url", NOBODY_THERE, cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert ran.code == FAILED
    assert ran.err == ""
    assert "? Start it: portfold server" in ran.out
    assert "Not fit for the open" in ran.out
