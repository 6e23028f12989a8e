"""The referee's model as scikit-learn would have it: of each weekday the part that paid, by weights."""

from typing import Any, Self

import numpy as np

from portfold.workers.filters.features import FEATURES

WEEKDAY = FEATURES.index("weekday")


class Counting:
    """Stands where a model of scikit-learn is trained, with arithmetic that a referee can do."""

    def fit(self, features: Any, paid: Any, sample_weight: Any) -> Self:
        """Learns."""
        self.of = {}
        for weekday in range(7):
            own = features[:, WEEKDAY] == weekday
            share = (1 + (sample_weight * paid)[own].sum()) / (2 + sample_weight[own].sum())
            self.of[weekday] = round(float(share) + 1 / 30_000_000, 6)
        return self

    def predict_proba(self, features: Any) -> Any:
        """Returns the chance of not paying and of paying."""
        given = np.array([self.of[int(weekday)] for weekday in features[:, WEEKDAY]])
        return np.column_stack((1 - given, given))
