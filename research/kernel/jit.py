"""Compiles functions of numbers to machine code, kept on disk where there is room for it.

numba writes what it made beside the source, else into the user's cache; where neither can be written it is
compiled anew by each process, which takes some seconds.
"""

from collections.abc import Callable
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
    try:
        made = numba.njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # no folder to keep it in
        made = numba.njit(nogil=True, **options)(function)
    return cast(_Function, made)
