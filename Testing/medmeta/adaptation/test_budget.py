import time

import pytest

from medmeta.adaptation.budget import Budget, OutOfTime


def test_without_a_number_there_is_always_time():
    Budget().check(reserve=1e9)


def test_what_would_not_leave_the_reserve_is_stopped():
    budget = Budget(100)
    budget.check(reserve=50)
    with pytest.raises(OutOfTime):
        budget.check(reserve=101)


def test_time_is_spent():
    budget = Budget(0.02)
    time.sleep(0.03)
    assert budget.spent >= 0.03
    with pytest.raises(OutOfTime):
        budget.check()
