"""The scripts of the bus as functions of the server: called by who may bring none, and there once."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from portfold.events.roles.granting import Granting
from portfold.events.roles.scripts import all_scripts, script_in
from portfold.events.roles.server_roles import COORDINATOR, ServerRole, worker_role
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import as_user, connect
from portfold.events.wire.errors import BusRefused
from tests.server import EmbeddedServer

PASSWORD = "a-password-of-tests"  # noqa: S105 - of tests
HASH = sha256(PASSWORD.encode()).hexdigest()


@pytest.fixture
def granting(server: EmbeddedServer, portfolio: str) -> Iterator[Granting]:
    opened = Granting(connect(server.url), portfolio)
    yield opened
    opened.close()


def bus_as(role: ServerRole, server: EmbeddedServer, portfolio: str) -> Bus:
    return Bus(connect(as_user(server.url, role.user(portfolio), PASSWORD)), portfolio)


def test_a_role_calls_the_functions_that_are_there_and_brings_no_script(
    server: EmbeddedServer, portfolio: str, granting: Granting, client: Any
) -> None:
    assert granting.grant(COORDINATOR.words(portfolio), HASH)
    assert not granting.grant(COORDINATOR.words(portfolio), HASH)
    leads = bus_as(COORDINATOR, server, portfolio)
    for script in all_scripts():
        client.execute_command("FUNCTION DELETE", script.name) if script.name in kept(client) else None
    with pytest.raises(BusRefused, match=r"lacks a function of this version's.*portfold acl --apply"):
        leads.take_lead("me", 10_000)
    assert granting.keep_functions() == [script.name for script in all_scripts()]
    assert granting.keep_functions() == []
    lease = leads.take_lead("me", 10_000)
    assert lease.holder == "me"
    assert leads.keep_lead("me", 0, lease.epoch)
    assert leads.leader() is None
    leads.close()


def test_who_has_a_name_of_somebody_elses_making_still_brings_its_scripts(
    server: EmbeddedServer, portfolio: str, client: Any
) -> None:
    user = f"own-{portfolio}"
    client.execute_command("ACL SETUSER", user, "on", f">{PASSWORD}", "~*", "+@all", "-fcall")
    named = Bus(connect(as_user(server.url, user, PASSWORD)), portfolio)
    assert named.take_lead("me", 10_000).holder == "me"
    assert named.claim("ibs-ES", "me", 1_000, "") == ""
    named.close()
    client.execute_command("ACL DELUSER", user)


def test_a_worker_gives_a_log_its_name_and_takes_none_from_it(
    server: EmbeddedServer, portfolio: str, granting: Granting, client: Any
) -> None:
    granting.keep_functions()
    granting.grant(worker_role("ibs-ES").words(portfolio), HASH)
    works = bus_as(worker_role("ibs-ES"), server, portfolio)
    name = works.log_name()
    assert name == works.log_name() == works.known_log_name() != ""
    assert works.claim("ibs-ES", "me", 1_000, "") == ""
    with pytest.raises(BusRefused):
        works.claim("ibs-CL", "me", 1_000, "")
    with pytest.raises(BusRefused):
        works.take_lead("me", 1_000)
    works.close()
    assert client.get(f"portfolio:{{{portfolio}}}:leader") is None


def test_a_function_is_called_by_what_is_in_it() -> None:
    names = [script.name for script in all_scripts()]
    assert len(set(names)) == len(names) > 10
    changed = script_in("commit.lua")._replace(lua="return 1\n")
    assert changed.library.startswith(f"#!lua name={script_in('commit.lua').name}\n")


def kept(client: Any) -> str:
    return str(client.execute_command("FUNCTION LIST", "LIBRARYNAME", "portfold_*"))
