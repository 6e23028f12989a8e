"""Which sets of parameters are looked at for a choice, one after the other: all, where they are few enough,
else by optuna's tree of Parzen estimators (Bergstra, Bardenet, Bengio & Kégl, "Algorithms for Hyper-Parameter
Optimization", NIPS 2011), which looks where the best so far are.

The same space, number, seed and worth lead to the same sets in the same order: what is known already is found
again, so nothing of a search has to be kept but what came of each set.
"""

from collections.abc import Callable
from itertools import product

from portfold.research.tune.ranges import Space

Places = tuple[int, ...]
Worth = Callable[[Places], float | None]
"""What a set is worth; None of one that cannot be chosen. Is called once for each."""
_ASKED_FOR_EACH = 20
"""How often the sampler is asked for a set that is new, before the others are taken for known."""


def explore(space: Space, trials: int, seed: int, worth: Worth) -> dict[Places, float | None]:
    """Returns what each of so many different sets is worth, in the order in which they were looked at."""
    if space.sets <= trials:
        every = product(*(range(len(one.values)) for one in space.ranges))
        return {places: worth(places) for places in every if space.fits(places)}
    return _sampled(space, trials, seed, worth)


def _sampled(space: Space, trials: int, seed: int, worth: Worth) -> dict[Places, float | None]:
    import optuna  # noqa: PLC0415 - an extra

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    sampled: dict[str, optuna.distributions.BaseDistribution] = {
        one.name: optuna.distributions.IntDistribution(0, len(one.values) - 1)
        if one.ordered
        else optuna.distributions.CategoricalDistribution(tuple(range(len(one.values))))
        for one in space.ranges
    }
    found: dict[Places, float | None] = {}
    for _ in range(_ASKED_FOR_EACH * trials):
        if len(found) == trials:
            break
        trial = study.ask(sampled)
        places = tuple(int(trial.params[one.name]) for one in space.ranges)
        if places not in found and space.fits(places):
            found[places] = worth(places)
        value = found.get(places)
        if value is None:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, value)
    return found
