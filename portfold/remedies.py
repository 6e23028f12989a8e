"""The commands that remedies name, whoever prints them.

Guarantees: each can be copied as it is printed; what only its reader can know stands in capitals.
"""

_WHO_AND_WHY = "--by NAME --reason TEXT"


def settle(symbol: str = "SYMBOL", worker: str = "WORKER", size: str = "SIZE") -> str:
    """Returns the order that says what is really held; with a `size` other than 0 it wants `--price` too."""
    return f"portfold settle {symbol} {worker} --size {size} {_WHO_AND_WHY}"


def flattener_with(book: str | None) -> str:
    """Returns how a flattener is started on the workers' book, which their logs name as they start."""
    return f"portfold flattener --book {book or 'BOOK'}"
