"""Who orders, where nobody says so: the user of this machine."""

import getpass
import re

from portfold.bounds import LONGEST_NAME, NAME_LETTERS


def own_name() -> str:
    """Returns the user's name in the letters of a name on the log; empty where the machine knows none."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without an entry, as in a container
        return ""
    return re.sub(rf"[^{NAME_LETTERS}]", "-", name)[:LONGEST_NAME]


USER = own_name()
