"""The commands that remedies name, whoever prints them.

Guarantees: each can be copied as it is printed; what only its reader can know stands in capitals.
"""

_WHO_AND_WHY = "--by NAME --reason TEXT"


def settle(symbol: str = "SYMBOL", worker: str = "WORKER", size: str = "SIZE", more: str = "") -> str:
    """Returns the order that says what is really held; with a `size` other than 0 it wants `--price` too.

    `more`: further options of it.
    """
    return " ".join(filter(None, (f"portfold settle {symbol} {worker} --size {size}", more, _WHO_AND_WHY)))


def filled(order: str) -> str:
    """Returns what says that an order at the broker was filled, and at which price."""
    return f"portfold reconcile {order} --filled --price PRICE {_WHO_AND_WHY}"


def not_filled(order: str) -> str:
    """Returns what says that an order at the broker was never filled, in the book and on the log."""
    return f"portfold reconcile {order} --not-filled {_WHO_AND_WHY}"


ACCOUNT_IS_RIGHT = f"portfold reconcile --account-is-right {_WHO_AND_WHY}"
"""The order that takes the equity of the account that is watched as right."""


def flattener_with(book: str | None) -> str:
    """Returns how a flattener is started on the workers' book, which their logs name as they start."""
    return f"portfold flattener --book {book or 'BOOK'}"
