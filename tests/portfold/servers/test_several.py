"""Addresses that name several servers: what they say, and what is refused."""

import pytest

from portfold.events.wire.connection import connect, has_password, without_secrets
from portfold.events.wire.errors import BusRefused
from portfold.servers.several import Node, SeveralServers


def test_sentinels_and_the_primary_that_they_know() -> None:
    found = SeveralServers.named_by("redis+sentinel://one,two:26380,[::1]:26381/mymaster/2")
    assert found is not None
    assert found.nodes == (Node("one", 26379), Node("two", 26380), Node("::1", 26381))
    assert (found.kind, found.primary, found.database, found.encrypted) == ("sentinel", "mymaster", 2, False)
    assert str(found) == "mymaster (Sentinel at one:26379, two:26380, [::1]:26381)"


def test_a_cluster_has_nodes_and_no_database() -> None:
    found = SeveralServers.named_by("rediss+cluster://someone:p%40ss@one,two:6380/0")
    assert found is not None
    assert found.nodes == (Node("one", 6379), Node("two", 6380))
    assert (found.kind, found.encrypted, found.username, found.password) == (
        "cluster",
        True,
        "someone",
        "p@ss",
    )
    assert "p@ss" not in f"{found}{found!r}"


@pytest.mark.parametrize("url", ["redis://127.0.0.1:6379/0", "rediss://one", "unix:///run/redis.sock", ""])
def test_that_of_one_server_is_another_matter(url: str) -> None:
    assert SeveralServers.named_by(url) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis+sentinel://one,two", "expected /PRIMARY"),
        ("redis+sentinel://one/my master/0", "expected /PRIMARY"),
        ("redis+sentinel://one/mymaster/0?socket_timeout=9", "without"),
        ("redis+sentinel://one,,two/mymaster", "HOST"),
        ("redis+sentinel://one:0/mymaster", "HOST"),
        ("redis+sentinel://one:99999/mymaster", "HOST"),
        ("redis+cluster://", "HOST"),
        ("redis+cluster://one/1", "no database but /0"),
    ],
)
def test_what_is_none_is_refused_with_what_was_expected(url: str, expected: str) -> None:
    with pytest.raises(BusRefused, match=rf"redis_url: expected redis://HOST.*{expected}"):
        connect(url)


def test_secrets_are_found_and_left_out_as_in_any_address() -> None:
    url = "redis+sentinel://someone:hunter2@one,two/mymaster/0"
    assert has_password(url)
    assert without_secrets(url) == "redis+sentinel://…@one,two/mymaster/0"
    with pytest.raises(BusRefused) as refused:
        connect("redis+cluster://someone:hunter2@one/7")
    assert "hunter2" not in str(refused.value)
