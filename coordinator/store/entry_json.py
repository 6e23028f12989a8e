"""The words of an entry as one line of JSON, and back: any bytes at all, and always the same text.

JSON does not escape characters that steer some terminals or turn the direction of writing; whatever is
printed goes through `shown_json`.
"""

import json
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from portfold.events.fields import readable

_FOR_PROGRAMS = msgspec.json.Encoder(decimal_format="number")
_WORDS = msgspec.json.Decoder(list[str])
_Read = TypeVar("_Read")


def words_json(words: Sequence[str]) -> bytes:
    """Writes a JSON array. Bytes that are no UTF-8 (lone surrogates) become `\\udcff` and the like."""
    try:
        return msgspec.json.encode(words)
    except UnicodeEncodeError:
        return json.dumps(words, separators=(",", ":")).encode()


def shown_json(found: object) -> str:
    """Writes one line of JSON, numbers as numbers to the last digit.

    Whatever may not be shown is escaped, and reads back as it was.
    """
    return readable(_FOR_PROGRAMS.encode(found).decode())


def read_words(text: bytes) -> list[str]:
    """Reads `words_json`; ValueError for any other text."""
    return decoded(text, _WORDS)


def decoded(text: bytes, decoder: msgspec.json.Decoder[_Read]) -> _Read:
    """Reads with the decoder, lone surrogates included. Raises ValueError for anything else."""
    try:
        try:
            return decoder.decode(text)
        except msgspec.DecodeError:  # msgspec reads no lone surrogates
            return msgspec.convert(json.loads(text), decoder.type)
    except RecursionError:
        raise ValueError("nested too deeply") from None
