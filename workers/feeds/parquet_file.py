"""Parquet read as the text that a CSV of the same table has, so that both are held to the same form.

Needs polars, of the extra `research`. Dates are written as 2015-01-02, times as 2012-01-03T09:00, with their
seconds where any has some and with their offset where the column has a zone; a float by the fewest digits
that tell it from every other, so that 4500.25 is 4500.25; a missing value as nothing. The file is read whole.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from portfold.errors import UNUSABLE, PortfoldError
from portfold.installing import install_command

if TYPE_CHECKING:
    import polars as pl

SUFFIX = ".parquet"


class ParquetError(PortfoldError, ValueError):
    """A file that cannot be read as Parquet, or not without what reads it: what was expected, without its
    name."""

    exit_code = UNUSABLE


def is_parquet(path: Path) -> bool:
    """Returns whether the file's name says that it is Parquet."""
    return path.suffix.lower() == SUFFIX


def parquet_text(path: Path, *, forms: Sequence[str] = ()) -> str:
    """Returns the table as CSV. Where it has all columns of one of the `forms`, such as
    `date,open,high,low,close`, only these, in their order. Raises ParquetError.
    """
    try:
        import polars as pl  # noqa: PLC0415 - an extra
    except ImportError as missing:
        expected = f"what reads Parquet to be installed ({install_command('research')})"
        raise ParquetError(f"expected {expected}, got no {missing.name}") from missing
    try:
        table = pl.read_parquet(path.read_bytes())
    except OSError as error:
        raise ParquetError(f"could not be read: {error.strerror}") from error
    except pl.exceptions.PolarsError as error:
        raise ParquetError(f"expected Parquet: {str(error).splitlines()[0][:80]}") from error
    for form in forms:
        if set(names := form.split(",")) <= set(table.columns):
            table = table.select(names)
            break
    nested = [name for name, kind in table.schema.items() if kind.is_nested() or kind == pl.Binary]
    if nested:
        raise ParquetError(
            f"expected columns of numbers, times and text, got {nested[0]!r}, which is neither"
        )
    return table.select(_as_text(table[name]) for name in table.columns).write_csv()


def _as_text(column: "pl.Series") -> "pl.Series":
    import polars as pl  # noqa: PLC0415 - an extra

    kind = column.dtype
    if kind == pl.Boolean:
        return column.cast(pl.Int8).cast(pl.String)
    if not isinstance(kind, pl.Datetime):
        return column.cast(pl.String)
    offset = "%:z" if kind.time_zone is not None else ""
    whole = (column.dt.truncate("1m") == column).all()
    return column.dt.strftime(f"%Y-%m-%dT%H:%M{'' if whole else ':%S%.f'}{offset}")
