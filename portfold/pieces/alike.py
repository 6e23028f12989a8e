"""Whether another computer makes the same of a piece, to the last bit: the same code, the same arithmetic.

Figures are sums of floats, and libraries differ in their last digits from version to version, and from
processor to processor where they have machine code for each. So versions are compared, and what a fixed
calculation comes to.
"""

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import portfold

_LIBRARIES = ("dask", "distributed", "msgspec", "numpy", "numba", "onnxruntime", "scikit-learn")


@cache
def own_ways() -> Mapping[str, str]:
    """Returns what answers depend on beside their piece, by name."""
    versions = {name: _version(name) for name in _LIBRARIES}
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {"Python": python, **versions, "the code of portfold": _code(), "arithmetic": _arithmetic()}


def source() -> dict[str, Path]:
    """Returns all files of portfold's source, by their paths in it: also of folders that are links."""
    here = Path(portfold.__file__).parent
    rooms = [found.parent for found in here.glob("*/__init__.py")]
    files = [*here.glob("*.py"), *(file for room in rooms for file in room.rglob("*.py"))]
    return {file.relative_to(here).as_posix(): file for file in files}


def unlike(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """Names what differs `there`, in words; nothing where all is alike."""
    return ", ".join(
        f"{name} {there.get(name, 'unknown')} where this machine has {of}"
        for name, of in here.items()
        if there.get(name) != of
    )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


def _code() -> str:
    """Returns the beginning of the SHA-256 of all source."""
    digest = hashlib.sha256()
    for name, file in sorted(source().items()):
        digest.update(name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _arithmetic() -> str:
    """Returns the beginning of the SHA-256 of what figures are made by: sums, products, powers and so on.

    A product of matrices in one thread, as figures are made: in several its last digits depend on how many.
    """
    if find_spec("numpy") is None or find_spec("threadpoolctl") is None:
        return "none"
    import numpy as np  # noqa: PLC0415 - an extra, and heavy
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - an extra

    values = np.random.default_rng(1).standard_normal((257, 129))
    with threadpool_limits(limits=1, user_api="blas"):
        product = values @ values.T
    made = (
        values.sum(axis=0),
        values.std(axis=1),
        product,
        np.exp(values),
        np.log1p(abs(values)),
        np.cumprod(1 + values / 100, axis=1),
        abs(values) ** 0.3,
    )
    return hashlib.sha256(b"".join(np.ascontiguousarray(one).tobytes() for one in made)).hexdigest()[:16]
