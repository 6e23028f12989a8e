"""The fake is strict: whoever does not know the key, or asks for nonsense, gets nothing."""

import socket
from collections.abc import Iterator

import pytest

from tests.fakes.databento_gateway import wire
from tests.fakes.databento_gateway.gateway import KEY, Gateway


@pytest.fixture
def line(gateway: Gateway) -> Iterator[socket.socket]:
    """A bare connection, as one writes it by hand."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as plain:
        yield plain


def log_in(line: socket.socket, key: str, **changed: str) -> bytes:
    """Answers the challenge; what the gateway says to that."""
    file = line.makefile("rb")
    assert file.readline() == b"lsg_version=0.7.3\n"
    challenge = wire.parse(file.readline())["cram"]
    said = {
        "auth": wire.answer_to(challenge, key),
        "dataset": "GLBX.MDP3",
        "encoding": "dbn",
        "compression": "none",
    }
    line.sendall(("|".join(f"{name}={value}" for name, value in {**said, **changed}.items()) + "\n").encode())
    return file.readline()


def test_the_holder_of_the_key_gets_a_session(line: socket.socket) -> None:
    assert log_in(line, KEY) == b"success=1|session_id=1\n"


@pytest.mark.parametrize(
    ("key", "changed"),
    [
        (KEY[:-1] + "x", {}),
        ("db-" + "0" * 29, {}),
        (KEY, {"auth": "0" * 64 + "-" + KEY[-5:]}),
        (KEY, {"dataset": "XNAS.ITCH"}),
        (KEY, {"encoding": "json"}),
    ],
)
def test_nobody_else_does(line: socket.socket, key: str, changed: dict[str, str]) -> None:
    assert log_in(line, key, **changed).startswith(b"success=0|error=")


def test_the_answer_is_the_documented_one() -> None:
    # The example of docs/api-live/basics/authentication: SHA-256 of challenge|key, a dash, five letters.
    answer = wire.answer_to("challenge", "db-89s9vCvwDDKPdQJ5Pb30Fyj9mNUM6")
    assert answer.partition("-")[::2] == (answer[:64], "mNUM6")
