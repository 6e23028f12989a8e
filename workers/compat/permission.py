"""The answer to `can_open_position`: the tuple of the old interface, which cannot be misread as a yes."""


class Permission(tuple[bool, str]):
    """`(allowed, reason)`, as ever; and falsy when denied, so that `if not ...can_open_position()` holds.

    `code` is for machines: `max_positions`, `stopped_out`, `symbol_in_position` and so on.
    """

    code: str

    def __new__(cls, answer: tuple[bool, str], code: str = "") -> "Permission":
        made = super().__new__(cls, answer)
        made.code = code
        return made

    def __getnewargs__(self) -> tuple[tuple[bool, str], str]:  # for pickling: what `__new__` takes
        return (self[0], self[1]), self.code

    def __bool__(self) -> bool:
        return self[0]
