"""Whether the demo serves its page for the browser, and the line that says where, or how it can be had.

It exists because `make run` installs the core only, and the page is an extra: whoever watches a terminal gets
the page where the extra is there, and is told how to get it where it is not. Where nobody watches, nothing is
served that was not asked for.
"""

from collections.abc import Mapping

from portfold.cli.dashboard.command import check_installed, missing_package
from portfold.installing import install_command

_STARTED_BY_MAKE = "MAKELEVEL"


def is_served(*, asked: bool | None, watched: bool) -> bool:
    """Returns whether the page is served: `asked` by option, None where nothing was said.

    Raises Unusable where it is asked for, and what it needs is not installed.
    """
    if asked is None:
        return watched and missing_package() is None
    if asked:
        check_installed()
    return asked


def how_to_get_it(environ: Mapping[str, str], *, asked: bool | None, watched: bool) -> str:
    """Returns what to say where the page is not served; nothing where it was refused, or nobody watches."""
    if asked is not None or not watched:
        return ""
    how = "make run ARGS=--dashboard" if _STARTED_BY_MAKE in environ else install_command("web")
    return f"To see it as a page in the browser: {how}"


def where_it_is(address: str) -> str:
    """Returns the line that leads to the page; 80 columns hold it, so that it can be clicked or copied."""
    return f"Page: {address}"
