"""The option `--symbols`: in every command as ES,CL, and as ES CL by those who are used to blanks."""

from collections.abc import Iterable
from typing import Annotated

from cyclopts import Parameter

Symbols = Annotated[tuple[str, ...], Parameter(consume_multiple=True, show_default=False)]


def symbols_in(given: Iterable[str]) -> list[str]:
    """Returns the symbols that were given, in their order."""
    return [symbol for words in given for symbol in words.replace(",", " ").split()]


def limits_given(options: object) -> dict[str, str]:
    """Returns the limits among a command's options that were given, in the words of an order."""
    named = dict(vars(options))
    symbols = named.pop("symbols", ())
    given = {name: str(value) for name, value in named.items() if value is not None}
    return given | ({"symbols": " ".join(symbols_in(symbols))} if symbols else {})
