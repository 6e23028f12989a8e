"""The one tree of what can go wrong for a user, each with the exit code that a command ends with.

Guarantees: the text of whatever derives from `PortfoldError` is for a person, and `except PortfoldError`
catches every refusal of portfold. A fault of ours, which shows its traceback, and a signal between two
of our own functions are not in the tree: `tests/house/test_errors.py` names each with its reason.
"""

from typing import ClassVar

FAILED = 1
UNUSABLE = 2
UNREACHABLE = 3


class PortfoldError(Exception):
    """What portfold could not do, or what it cannot use; `exit_code` is what a command makes of it."""

    exit_code: ClassVar[int] = FAILED
    remedy: ClassVar[str] = ""
    """What to do, where that is alike for all errors of the class and not in their text."""

    @property
    def with_remedy(self) -> str:
        """Returns the text, and what to do."""
        return f"{str(self).rstrip('.')}. {self.remedy}" if self.remedy else str(self)
