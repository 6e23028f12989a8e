"""Weighs examples whose trades overlap: what many of them share, each tells only in part.

The average uniqueness of an example is the mean, over the bars of its trade, of one over the number of trades
on that bar (Marcos López de Prado, "Advances in Financial Machine Learning", 2018, chapter 4). A thousand
examples of uniqueness 0.44 tell about as much as 440 that do not overlap.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from portfold.research.filter.cross_validation import LabelSpan


def average_uniqueness(spans: Sequence[LabelSpan]) -> NDArray[np.float64]:
    """Returns the average uniqueness of each example among these, above 0 and at most 1."""
    first, last = (np.array([span[end] for span in spans], dtype=np.int64) for end in (0, 1))
    changes = np.zeros(int(last.max(initial=0)) + 2)
    np.add.at(changes, first, 1.0)
    np.add.at(changes, last + 1, -1.0)
    at_once = np.cumsum(changes)[:-1]
    shares = np.concatenate(([0.0], np.cumsum(1 / np.maximum(at_once, 1))))
    unique: NDArray[np.float64] = (shares[last + 1] - shares[first]) / (last + 1 - first)
    return unique
