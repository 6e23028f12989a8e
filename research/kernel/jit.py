"""Compiles functions of numbers to machine code, kept on disk where there is room for it.

numba writes what it made beside the source, else into the user's cache; where neither can be written it is
compiled anew by each process, which takes some seconds. Beside the source it lies in a folder that is named
by the content of all these files: numba asks whether a function's own file has changed, and would go on with
what it made of functions of another file that has.
"""

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compiles the function at its first call; it lets other threads go on meanwhile."""
    return _compiled(function)


def inlined(function: _Function) -> _Function:
    """Compiles the function into those that call it: a call would count references to every column."""
    return _compiled(function, forceinline=True)


def compiled_in_parallel(function: _Function) -> _Function:
    """Compiles the function; its loops over `prange` run on all cores."""
    return _compiled(function, parallel=True)


class _Options(TypedDict, total=False):
    forceinline: bool
    parallel: bool


def _compiled(function: _Function, **options: Unpack[_Options]) -> _Function:
    settings = vars(numba.config)
    before = settings["CACHE_DIR"]
    settings["CACHE_DIR"] = before or _folder()
    try:
        made = numba.njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # no folder to keep it in
        made = numba.njit(nogil=True, **options)(function)
    finally:
        settings["CACHE_DIR"] = before
    return cast(_Function, made)


@cache
def _folder() -> str:
    here = Path(__file__).parent
    sources = b"".join(file.read_bytes() for file in sorted(here.glob("*.py")))
    return str(here / "__pycache__" / f"kernel-{sha256(sources).hexdigest()[:16]}")
