"""A server of our own: whoever gives no name may look, each role comes as itself, also to one begun anew."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from portfold.errors import PortfoldError
from portfold.events.roles.credentials import CredentialsError, read_credentials
from portfold.events.roles.own_server import ACL_FILE, KEEPER, password_of
from portfold.events.roles.server_roles import COORDINATOR, FLATTENER, ROLES, role_of, worker_role
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import as_user, connect
from portfold.events.wire.embedded import EmbeddedServer
from portfold.events.wire.errors import BusRefused, BusUnreachable
from portfold.servers.own import credentials_file
from tests.events.roles.test_permissions import all_commands, tried
from tests.waiting import until

KNOWN_TO_REDIS_CLI = {
    *("hgetall", "xrange", "xrevrange", "xread", "xinfo|stream", "get", "keys", "scan", "type", "ttl"),
    *("info", "command|docs", "select", "ping", "hello", "auth", "memory|usage", "acl|whoami", "time"),
}
MAY_TELL_OR_HARM = {
    *("config|get", "acl|list", "client|kill", "client|pause", "eval", "eval_ro", "script|load", "monitor"),
    *("function|load", "fcall", "shutdown", "debug", "replicaof", "save", "bgsave", "subscribe", "wait"),
}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedServer]:
    """One as everybody has it: by its own file."""
    monkeypatch.delenv("PORTFOLD_CREDENTIALS")
    with EmbeddedServer(tmp_path / "state" / "portfold" / "server") as server:
        yield server


@pytest.fixture
def keeper(own: EmbeddedServer) -> Iterator[Any]:
    with closing(connect(own.users.keepers_url(own.url))) as client:
        yield client


def coming(own: EmbeddedServer, role: Any = COORDINATOR) -> Bus:
    user = role.user("main")
    secret = read_credentials(own.users.file).password(user)
    return Bus(connect(as_user(own.url, user, secret), credentials=own.users.file), "main")


def test_whoever_gives_no_name_may_look_and_changes_nothing(own: EmbeddedServer, keeper: Any) -> None:
    commands = all_commands(keeper)
    dry = {
        name: keeper.execute_command("ACL DRYRUN", "default", *tried(name, about, "portfolio:{main}:events"))
        for name, about in commands.items()
    }
    allowed = {name for name, answer in dry.items() if answer == "OK"}
    assert allowed >= KNOWN_TO_REDIS_CLI
    assert not allowed & MAY_TELL_OR_HARM
    assert not {name for name in allowed if commands[name][2]}
    with closing(Bus(connect(own.url), "main")) as nobody:
        assert nobody.status() == {}
        with pytest.raises(BusRefused, match=r"may only look there\. To come as a user: export PORTFOLD_"):
            nobody.append(["type", "TradingHalted"])


def test_its_files_are_their_owners_alone_and_hold_what_follows_from_the_keepers(own: EmbeddedServer) -> None:
    known, acl = read_credentials(own.users.file), own.folder / ACL_FILE
    assert known.users == [KEEPER]
    assert acl.stat().st_mode & 0o777 == own.users.file.stat().st_mode & 0o777 == 0o600
    secret = known.password(KEEPER)
    assert secret not in acl.read_text()
    assert known.password("portfold.main.feed") == password_of("portfold.main.feed", secret)
    assert len({known.password(role.user("main")) for role in (*ROLES, FLATTENER)} | {secret}) == 10
    assert secret not in repr(own) + own.url + own.log.read_text() + repr(known)


def test_a_role_goes_on_after_the_server_was_begun_anew(own: EmbeddedServer) -> None:
    with closing(coming(own)) as coordinator, closing(coming(own, worker_role("ibs-ES"))) as worker:
        assert coordinator.take_lead("me", 10_000).holder == "me"
        assert coordinator.settings()["appendfsync"] == "always"
        worker.beat("ibs-ES", "s1", 1_000)
        own.kill()
        with pytest.raises(BusUnreachable):
            coordinator.now_ms()
        own.restart()
        assert coordinator.take_lead("me", 10_000).epoch == 2
        worker.beat("ibs-ES", "s1", 1_000)
        with pytest.raises(BusRefused, match="No permissions to access a key"):
            worker.beat("another", "s1", 1_000)
        assert repr(read_credentials(own.users.file).password(COORDINATOR.user("main"))) not in repr(
            coordinator
        )


def test_a_user_that_was_saved_stays_and_what_became_of_ours_does_not(
    own: EmbeddedServer, keeper: Any
) -> None:
    keeper.execute_command("ACL SETUSER", "ann", "on", ">a-password-of-tests", "~*", "+@read")
    keeper.execute_command("ACL SETUSER", "default", "+@all", "~*")
    keeper.execute_command("ACL SAVE")
    own.restart()
    with closing(connect(as_user(own.url, "ann", "a-password-of-tests"))) as ann:
        assert ann.get("portfolio:{main}:log") is None
    with closing(Bus(connect(own.url), "main")) as nobody, pytest.raises(BusRefused):
        nobody.append(["type", "TradingHalted"])


def test_its_file_is_found_for_its_own_address_while_it_runs(
    own: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    other = own.url.replace(str(own.port), "1")
    assert credentials_file(own.url, {}) == own.users.file
    by_name = own.url.replace("127.0.0.1", "localhost").removesuffix("/0")
    assert credentials_file(by_name, {}) == own.users.file
    assert credentials_file(other, {}) is None
    assert credentials_file(other, {"PORTFOLD_CREDENTIALS": "x.json"}) == Path("x.json")
    assert credentials_file(own.url, {"PORTFOLD_CREDENTIALS": ""}) is None
    own.stop()
    until(lambda: credentials_file(own.url, {}) is None, "whoever has its port now to be told nothing")


def test_a_file_that_others_can_read_is_refused(own: EmbeddedServer) -> None:
    own.stop()
    own.users.file.chmod(0o644)
    with pytest.raises(CredentialsError, match="chmod 600"):
        own.start()
    own.users.file.chmod(0o600)
    (own.folder / f"{ACL_FILE}.part").mkdir()
    with pytest.raises(PortfoldError, match="in which the server's users can be kept"):
        own.start()


def test_a_user_says_which_role_he_has_in_which_portfolio() -> None:
    for role in (*ROLES, FLATTENER, worker_role("a.b@c")):
        assert role_of(role.user("one-two")) == (role, "one-two")
    assert not [
        name for name in ("default", KEEPER, "portfold.main", "portfold.main.x", "a.b.c") if role_of(name)
    ]
