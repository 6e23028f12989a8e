"""Values drawn for random logs: all fields at once, or each for itself."""

from itertools import product
from typing import Any

from hypothesis import strategies as st


def any_of(**fields: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """One value of each field, in one draw."""
    return st.sampled_from([dict(zip(fields, values, strict=True)) for values in product(*fields.values())])


def each_of(**fields: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """One value of each field, each drawn for itself: of many fields."""
    return st.fixed_dictionaries({name: st.sampled_from(values) for name, values in fields.items()})
