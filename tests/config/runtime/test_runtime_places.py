"""runtime.json: the archive's folder, addresses of a server, and secrets that are kept out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portfold.config import ConfigError, secret
from tests.config.conftest import RUNTIME as FILE

if TYPE_CHECKING:
    from tests.config.conftest import Folder


@pytest.mark.parametrize(
    "path", ["", "archive", "./archive", "~/archive", "/a\nb", "/a\x00b", 7, False, ["/a"]]
)
def test_an_archives_folder_that_depends_on_where_we_run_is_refused(folder: Folder, path: object) -> None:
    folder.change(FILE, "archive_folder", path)

    assert folder.refusal().startswith(
        f"{FILE}: archive_folder: expected the whole path of a folder, such as /var/lib/portfold/archive"
    )


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/0",
        "redis://localhost",
        "redis://localhost/",
        "rediss://someone@redis.example:6380/15",
        "redis://[::1]:6379",
        "unix:///run/redis.sock",
        "unix:///run/redis.sock?db=2",
        "redis+sentinel://one:26379,two,[::1]:26380/mymaster/0",
        "rediss+sentinel://one/mymaster",
        "redis+cluster://one:6379,two:6380",
        "rediss+cluster://someone@one/0",
    ],
)
def test_addresses_of_a_server(folder: Folder, url: str) -> None:
    folder.change(FILE, "redis_url", url)

    assert folder.load().runtime.redis_url == url


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@localhost:6379/0",
        "redis://someone:hunter2@localhost",
        "redis://someone:@localhost?hunter2",
        "unix://:hunter2@/run/redis.sock",
        "redis://localhost?password=hunter2",
        "redis+sentinel://someone:hunter2@one,two/mymaster",
    ],
)
def test_a_password_in_the_address_is_refused_and_not_repeated(folder: Folder, url: str) -> None:
    folder.change(FILE, "redis_url", url)

    assert folder.refusal() == (
        f"{FILE}: redis_url: expected a URL without a password "
        "(redis_password_env names the variable that holds it), got one with a password."
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter2",
        "localhost:6379",
        "http://hunter2/",
        "redis:///hunter2",
        "redis://localhost:0/0",
        "redis://localhost:65536/0",
        "redis://localhost:hunter2/0",
        "redis://localhost/0?socket_timeout=1",
        "redis://localhost/hunter2",
        "redis://localhost/0#hunter2",
        "redis://[hunter2/0",
        "redis://local host/hunter2",
        "redis://localhost/0\n",
        "redis://:hunt/er2@localhost",
        "unix://",
        "unix:///",
        "redis+sentinel://one",
        "redis+sentinel://one/hunter2 2",
        "redis+sentinel://one/mymaster/hunter2",
        "redis+cluster://one/1",
        "redis+cluster://hunt er/0",
        "redis+hunter2://one",
        "redis://" + "h" * 510,
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(folder: Folder, url: str) -> None:
    folder.change(FILE, "redis_url", url)

    refusal = folder.refusal()

    assert refusal.startswith(f"{FILE}: redis_url: expected ")
    assert "hunt" not in refusal


@pytest.mark.parametrize("key", ["redis_password_env", "discord_webhook_env"])
def test_a_secret_is_named_by_its_variable(folder: Folder, key: str) -> None:
    folder.change(FILE, key, "MY_SECRET_2")

    assert getattr(folder.load().runtime, key) == "MY_SECRET_2"


@pytest.mark.parametrize("key", ["redis_password_env", "discord_webhook_env"])
@pytest.mark.parametrize(
    "value", ["https://discord.com/api/webhooks/1/hunter2", "hunter2", "", "2X", "A" * 65]
)
def test_the_secret_itself_is_refused_and_not_repeated(folder: Folder, key: str, value: str) -> None:
    folder.change(FILE, key, value)

    refusal = folder.refusal()

    assert refusal.startswith(f"{FILE}: {key}: expected the name of an environment variable in capitals")
    assert "hunter2" not in refusal


def test_secrets_are_read_from_the_environment(folder: Folder) -> None:
    folder.change(FILE, "redis_password_env", "MY_SECRET")
    configuration = folder.load()

    assert secret(configuration, "redis_password_env", {"MY_SECRET": "hunter2"}) == "hunter2"
    assert secret(configuration, "discord_webhook_env", {}) is None
    for unset in ({}, {"MY_SECRET": ""}):
        with pytest.raises(
            ConfigError, match=r"expected the environment variable MY_SECRET to be set, got nothing\."
        ):
            secret(configuration, "redis_password_env", unset)
