"""Connections to the server, with the client library's dangerous defaults turned off.

By itself the library sends a command again after a lost reply, and a repeated XADD is a second event. So
nothing here ever retries; the publisher decides about repeats (see `workers.client.gate`). Every command has
a timeout. Bytes that are no UTF-8 become lone surrogates instead of an exception: somebody may have written
them by hand, and reading on must be possible. They are never sent: a command that holds any is refused here.

`Connected` is the base of every part of the bus; each part is a class of its own, with the scripts that only
it uses.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from redis import CredentialProvider, Redis, exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from portfold.events.fields import readable
from portfold.events.roles.encrypted import encryption, meaning
from portfold.events.roles.keyring import keyring_of
from portfold.events.roles.own_server import KEEPER
from portfold.events.roles.scripts import CallableScript, script_in
from portfold.events.roles.signer import LogAsItIs, Signer
from portfold.events.roles.signing_in import ComesAs, passwords_for
from portfold.events.servers.primary import client_of, everyone, keep_to, whereabouts
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.answers import milliseconds_in
from portfold.events.wire.errors import BusReadOnly, BusRefused, BusShut, BusUnreachable
from portfold.events.wire.keys import Keys
from portfold.servers.own import credentials_file
from portfold.servers.several import EXPECTED, SeveralServers

_NO_ANSWER = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    exceptions.InvalidResponse,
)
_CONNECTING = re.compile(r"^Error -?\d+ connecting to (?:unix:)?\S+?\. (?=\S)")
_OURS = "portfold."
_RAW_REPLIES = ("XREAD", "XRANGE", "XREVRANGE")


class Place(NamedTuple):
    """Where a portfolio lies: the server, its password, where the URL has none, and the portfolio's name."""

    url: str
    password: str | None
    portfolio: str

    def __repr__(self) -> str:
        return f"Place({without_secrets(self.url)!r}, {self.portfolio!r})"


def connect(
    url: str,
    *,
    password: str | None = None,
    timeout_seconds: float = 5.0,
    credentials: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> "Redis":
    """Returns a client for `url`: redis://, rediss:// or unix://, or one that names several servers.

    Connects when first used. A blocking read must ask for less than `timeout_seconds`. Where the URL names a
    user of ours without a password, or with one that follows from that of the server's keeper, it is decided
    as each connection is made who comes, see `roles.signing_in`; `credentials` is the file of passwords, by
    default the one that is known then. How rediss:// is encrypted, the environment says: `roles.encrypted`.
    Raises BusRefused for a text that is not a URL, CredentialsError, TlsError.
    """
    user, its_own = _user_of_ours(url)
    plain, encrypted = _nobodys(url), encryption(url, environ)
    if password or not user or (its_own and its_own != _from_keepers(url, user, credentials, environ)):
        return _client(url, timeout_seconds, encrypted, password=password)
    connecting = partial(_as_another, plain, timeout_seconds, encrypted)
    comes_as = ComesAs(user, plain, connecting, credentials, environ)
    return _client(plain, timeout_seconds, encrypted, credential_provider=comes_as)


def _from_keepers(url: str, user: str, credentials: Path | None, environ: Mapping[str, str]) -> str:
    """Returns the user's password as it follows from that of the keeper; empty where he is unknown."""
    known = passwords_for(url, environ, credentials)
    return known.password(user) if known is not None and KEEPER in known.users else ""


def _user_of_ours(url: str) -> tuple[str, str]:
    """Returns the user of ours whom the URL names, and the password; nothing for another."""
    if _OURS not in url:
        return "", ""
    at = urlsplit(url)
    user = unquote(at.username or "")
    return (user, unquote(at.password or "")) if user.startswith(_OURS) else ("", "")


def _as_another(
    plain: str, timeout_seconds: float, encrypted: Mapping[str, object], user: str, password: str
) -> "Redis":
    return _client(as_user(plain, user, password), timeout_seconds, encrypted)


def _client(
    url: str, timeout_seconds: float, encrypted: Mapping[str, object], **who: CredentialProvider | str | None
) -> "Redis":
    settings: dict[str, Any] = {
        "decode_responses": True,
        "encoding_errors": "surrogateescape",
        "protocol": 2,
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": min(timeout_seconds, 2.0),
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),
        "retry_on_error": [],
        "health_check_interval": 0,
        **encrypted,
        **who,
    }
    try:
        several = SeveralServers.named_by(url)
        client = client_of(several, **settings) if several else Redis.from_url(url, **settings)
    except ValueError as error:
        raise BusRefused(
            f"redis_url: expected redis://HOST:PORT/DB, unix://PATH, {EXPECTED}, "
            f"got {without_secrets(url)}: {error}"
        ) from None
    for command in _RAW_REPLIES:
        client.set_response_callback(command, _untouched)
    return client


def each_server(url: str, *, password: str | None = None) -> list[str]:
    """Returns the address of each server that `url` leads to: a failover or a reshard may make it the one.

    Raises BusRefused for a text that is not a URL, BusUnreachable where nobody knows.
    """
    client = connect(url, password=password)
    try:
        found = everyone(client)
    except exceptions.RedisError as error:
        raise BusUnreachable(f"Redis at {_address(client)} did not answer: {_reason(error)}") from error
    finally:
        client.close()
    if not found:
        return [url]
    scheme, database = url.partition("+")[0], client.connection_pool.connection_kwargs.get("db", 0)
    secrets, at, _ = urlsplit(url).netloc.rpartition("@")
    return [f"{scheme}://{secrets}{at}{node}/{database}" for node in found]


def has_password(url: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Returns whether the URL holds the password itself, or a user of ours whom a file of passwords has.

    Then no other is used.
    """
    known = bool(_user_of_ours(url)[0]) and credentials_file(url, environ) is not None
    return known or bool(urlsplit(url).password)


def has_user(url: str) -> bool:
    """Returns whether the URL says as whom one comes."""
    return "@" in url


def as_role(url: str, user: str, environ: Mapping[str, str] = os.environ) -> str:
    """Returns the URL by which one is that user of ours, as soon as his password for that server is known.

    It stays as it is where the file that is known is of an embedded server on this machine, and the address
    is of another. Raises CredentialsError.
    """
    known = passwords_for(url, environ)
    if known is not None:
        known.password(user)  # where there is none, that is said now
    elif credentials_file(url, environ) is not None:
        return url
    scheme, slashes, rest = url.partition("://")
    return f"{scheme}{slashes}{quote(user, safe='')}@{rest.rpartition('@')[2]}"


def as_user(url: str, user: str, password: str) -> str:
    """Returns the URL by which one is that user of the server."""
    scheme, slashes, rest = url.partition("://")
    return f"{scheme}{slashes}{quote(user, safe='')}:{quote(password, safe='')}@{rest.rpartition('@')[2]}"


def without_secrets(url: str) -> str:
    """Returns the URL as it may be shown: of whatever stands before an @ at most that something does."""
    scheme, slashes, rest = url.partition("://")
    if "@" not in rest or rest.startswith(_OURS):
        return _nobodys(url)
    return f"{scheme}{slashes}…@{rest.rpartition('@')[2]}"


def _nobodys(url: str) -> str:
    scheme, slashes, rest = url.partition("://")
    return f"{scheme}{slashes}{rest.rpartition('@')[2]}"


def was_hung_up_on(unreachable: BusUnreachable) -> bool:
    """Returns whether a connection was there, and the server ended it instead of answering."""
    cause = unreachable.__cause__
    return type(cause) is exceptions.ConnectionError and "closed" in str(cause).lower()


class Connected:
    """The portfolio `name` on one server, and what all parts of its bus share."""

    def __init__(self, client: "Redis", name: str, environ: Mapping[str, str] = os.environ) -> None:
        self.keys = Keys(name)
        self._client: Any = client  # the library's own types are too loose to check against
        keep_to(client, self.keys.prefix)
        self._renew = self._script("renew.lua")
        self.keyring = keyring_of(environ)
        self._signer = Signer(self.keyring, self._log_as_it_is) if self.keyring else None

    def close(self) -> None:
        """Lets the connections go."""
        self._client.close()

    @contextmanager
    def _errors_while(self, doing: str) -> Iterator[None]:
        """Turns the library's exceptions into ours, which name the address; `doing` completes "while …"."""
        try:
            yield
        except UnicodeEncodeError as error:  # its text is not repeated: it may be a password
            raise BusRefused(
                f"Redis was not asked, while {doing}: expected words in UTF-8, got other bytes"
            ) from error
        except exceptions.AuthenticationError as error:
            raise BusShut(
                f"Redis at {_address(self._client)} did not let us in while {doing}: {_reason(error)}"
            ) from error
        except _NO_ANSWER as error:
            raise BusUnreachable(
                f"Redis at {_address(self._client)} did not answer while {doing}: {_reason(error)}"
            ) from error
        except exceptions.ReadOnlyError as error:
            raise BusReadOnly(
                f"Redis at {_address(self._client)} is a read-only replica while {doing}: {_reason(error)}"
            ) from error
        except exceptions.NoPermissionError as error:
            raise BusRefused(f"Redis refused while {doing}: {_reason(error)}{self._as_whom()}") from error
        except exceptions.RedisError as error:
            raise BusRefused(f"Redis refused while {doing}: {_reason(error)}") from error

    def _signed(self, fields: Sequence[str], *, otherwise: str = "") -> Sequence[str]:
        """Returns an event with its proof, where there are keys; `otherwise` speaks for whoever has none."""
        return fields if self._signer is None else self._signer.signed(list(fields), otherwise=otherwise)

    def _log_as_it_is(self) -> LogAsItIs:
        """Asks for the log's name, and where it goes on."""
        with self._errors_while("asking what to prove an event for"):
            with self._client.pipeline(transaction=False) as commands:
                commands.time()
                commands.get(self.keys.log)
                commands.exists(self.keys.events)
                now, name, begun = answers_to(commands)
            last = self._client.xinfo_stream(self.keys.events)["last-generated-id"] if begun else str(ORIGIN)
        return LogAsItIs(name or "", max(StreamId(milliseconds_in(now), 0), StreamId.parse(last).after()))

    def _as_whom(self) -> str:
        """Says what to do where one came without a name, and with one nothing."""
        at = self._client.connection_pool.connection_kwargs
        comes_as = at.get("credential_provider")
        if at.get("username") or (comes_as is not None and not comes_as.came_as_nobody):
            return ""
        return (
            ". Whoever gives no name may only look there. To come as a user: export "
            "PORTFOLD_CREDENTIALS=FILE, of an embedded server the users.json in its folder"
        )

    def _script(self, name: str) -> CallableScript:
        """Loads the script of that file, to be called like a function."""
        return CallableScript(self._client, script_in(name))


def _address(client: "Redis") -> str:
    """Returns where the client looks for its server, as a URL has it, without user and password."""
    if several := whereabouts(client):
        return readable(several)
    at = client.connection_pool.connection_kwargs
    return readable(str(at["path"] if "path" in at else f"{at.get('host')}:{at.get('port')}"))


def _reason(error: Exception) -> str:
    """Returns the library's words for an error, without the address and number that it begins with.

    Of a handshake that failed, what that means.
    """
    said = str(error)
    return meaning(said) or readable(_CONNECTING.sub("", said))


def answers_to(commands: Any) -> list[Any]:
    """Returns the answers to a pipeline's commands. Raises the first error, in the server's words."""
    found: list[Any] = commands.execute(raise_on_error=False)  # its own words for an error name the command
    for error in (answer for answer in found if isinstance(answer, Exception)):
        raise error
    return found


def _untouched(reply: object, **_options: object) -> object:
    """Returns a stream's reply as it came: a library's dict would hide a field that is given twice."""
    return reply
