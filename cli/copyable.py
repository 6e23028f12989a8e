"""Wraps sentences for people so that each command in them can be copied as it is printed.

Guarantees: a command that fits into a line is not broken at all; a longer one is broken between words, where
a backslash at the line's end has a shell read on. No line is longer than there are columns, but for a word of
a command that is.
"""

import re
from collections.abc import Iterator

from portfold.cli.typed import command_spans

_WORD = re.compile(r"""(?:'[^']*'|"[^"]*"|\S)+""")
"""A word as a shell has it: blanks within quotes belong to it."""
_GOES_ON = " \\"
_FURTHER_IN = "  "


def wrapped(sentence: str, columns: int, first: str = "", rest: str = "") -> list[str]:
    """Returns the lines of a sentence whose commands are typed already; `first` and `rest` begin them.

    The first line may hold no more than `first`, where a command fits below it and not behind it.
    """
    lines = [first]
    for words in _parts(sentence):
        whole = " ".join(words)
        if len(_with(lines[-1], whole, first, rest)) <= columns:
            lines[-1] = _with(lines[-1], whole, first, rest)
        elif len(rest) + len(whole) <= columns:
            lines.append(rest + whole)
        elif len(words) == 1:
            lines += _cut_up(whole, columns, lines.pop() if lines == [first] else rest, rest)
        else:
            lines += _broken(words, columns, lines.pop() if lines == [first] else rest, rest)
    return [line.rstrip() for line in lines]


def _cut_up(word: str, columns: int, first: str, rest: str) -> list[str]:
    """Returns a word that is longer than a line, in pieces."""
    here, room = columns - len(first), columns - len(rest)
    return [first + word[:here], *(rest + word[at : at + room] for at in range(here, len(word), room))]


def _with(line: str, whole: str, first: str, rest: str) -> str:
    return line + whole if line in (first, rest) else f"{line} {whole}"


def _broken(words: list[str], columns: int, first: str, rest: str) -> Iterator[str]:
    """Yields a command in several lines, each but the last to be read on from."""
    line = first + words[0]
    for given in _with_values(words[1:]):
        if len(line) + 1 + len(given) + len(_GOES_ON) > columns:
            yield line + _GOES_ON
            line = rest + _FURTHER_IN + given
        else:
            line = f"{line} {given}"
    yield line


def _with_values(words: list[str]) -> Iterator[str]:
    """Yields the words of a command, each option with its value."""
    for number, word in enumerate(words):
        value = words[number + 1] if number + 1 < len(words) else "-"
        if word.startswith("-") and not value.startswith("-"):
            yield f"{word} {value}"
        elif word.startswith("-") or not number or not words[number - 1].startswith("-"):
            yield word


def _parts(sentence: str) -> Iterator[list[str]]:
    """Yields what stays together, in its words: a command with what stands right behind it, or one word."""
    at = 0
    for start, end in command_spans(sentence):
        yield from ([word] for word in sentence[at:start].split())
        behind = sentence[end:]
        at = end + len(behind) - len(behind.lstrip(".,;:)"))
        yield _WORD.findall(sentence[start:at])
    yield from ([word] for word in sentence[at:].split())
