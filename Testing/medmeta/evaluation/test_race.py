import numpy as np

from medmeta.evaluation.race import LIMIT, _race


def contestant(needed):
    """Reaches Dice .9 once it may train for `needed` seconds; trains for no time at all."""
    budgets = []

    def run(budget):
        budgets.append(budget)
        return np.array([0.9 if budget >= needed else 0.5])

    return run, budgets


def test_who_reaches_the_dice_is_timed_and_stops():
    run, budgets = contestant(needed=3.0)
    seconds, best = _race(run, lambda labels: float(labels[0]), wanted=0.9, ours=1.0)
    assert budgets == [1.0, 2.0, 4.0]
    assert seconds is not None
    assert best == 0.9


def test_who_does_not_reach_it_gives_up_at_the_limit():
    run, budgets = contestant(needed=1e9)
    seconds, best = _race(run, lambda labels: float(labels[0]), wanted=0.9, ours=1.0)
    assert seconds is None
    assert best == 0.5
    assert LIMIT / 2 < max(budgets) <= LIMIT
