"""The socket protocol of TWS below its messages: a length, then fields that end with a zero byte."""

import socket
import struct
from collections.abc import Iterable
from decimal import Decimal

HELLO = b"API\0"
MOST_BYTES = 0xFFFFFF
"""What the real one takes in a message; more is no message."""

Field = str | int | bool | Decimal | None


class NoMessage(Exception):
    """The bytes are none of the protocol's."""


def written(value: Field) -> str:
    """Returns a field as it lies on the wire: yes is 1, nothing is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def frame(fields: Iterable[Field]) -> bytes:
    """Returns a message of these fields, with its length in front."""
    body = "".join(f"{written(each)}\0" for each in fields).encode()
    return struct.pack(">I", len(body)) + body


def read_exactly(connection: socket.socket, size: int) -> bytes | None:
    """Returns the next `size` bytes; None once the other side has closed."""
    read = bytearray()
    while len(read) < size:
        piece = connection.recv(size - len(read))
        if not piece:
            return None
        read += piece
    return bytes(read)


def read_body(connection: socket.socket) -> bytes | None:
    """Returns the next message without its length; None once the other side has closed."""
    prefix = read_exactly(connection, 4)
    if prefix is None:
        return None
    (size,) = struct.unpack(">I", prefix)
    if size > MOST_BYTES:
        raise NoMessage(f"a message of {size} bytes")
    return read_exactly(connection, size)


def fields_of(body: bytes) -> list[str]:
    """Returns the fields of a message."""
    return body.decode(errors="backslashreplace").split("\0")[:-1]
