"""Error budgets."""

from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.config.governance import ErrorBudget
from plano_extproc.governance.budget import key, made, spend

NOW = 1_800_000_000.0
BUDGET = ErrorBudget(errors=3, per=600)


def test_the_last_error_of_the_budget_spends_it() -> None:
    value, spendings = None, []
    for second in range(3):
        spendings.append(spend(BUDGET, value, NOW + second))
        value = spendings[-1].value

    assert [one.until is None for one in spendings] == [True, True, False]
    assert spendings[-1].made == 3


def test_a_budget_of_nothing_is_spent_by_the_first_error() -> None:
    assert spend(ErrorBudget(errors=0, per=60), None, NOW).until is not None


def test_errors_are_forgotten_when_the_window_is_over() -> None:
    value = spend(BUDGET, spend(BUDGET, None, NOW).value, NOW).value

    assert made(BUDGET, value, NOW + 599) == 2
    assert made(BUDGET, value, NOW + 660) == 0
    assert spend(BUDGET, value, NOW + 660).until is None


@given(st.lists(st.floats(0, 3000), min_size=1, max_size=60).map(sorted))
def test_no_window_holds_more_errors_than_the_budget_unnoticed(times: list[float]) -> None:
    value = None
    for at, second in enumerate(times):
        spent = spend(BUDGET, value, NOW + second)
        value = spent.value
        within = [one for one in times[: at + 1] if one > second - BUDGET.per]
        if len(within) >= BUDGET.errors:
            assert spent.until is not None
            assert spent.until > NOW + second


def test_a_value_that_nobody_wrote_counts_as_none() -> None:
    assert spend(BUDGET, b"nonsense", NOW).made == 1


def test_tenants_and_agents_are_counted_apart() -> None:
    assert len({key("a", "b:c"), key("a:b", "c"), key("", "a:b:c")}) == 3
