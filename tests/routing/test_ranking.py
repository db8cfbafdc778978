import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.routing.ranking import Prefer, rank

FIGURES: dict[str, float | None] = {"a": 3.0, "b": 1.0, "c": None, "d": math.nan, "e": 2.0, "f": math.inf, "g": -1.0}


@pytest.mark.parametrize(
    ("prefer", "cooling", "expected"),
    [
        ("none", set(), "abcdefg"),
        ("cheapest", set(), "beacdfg"),
        ("fastest", {"b", "d"}, "eacfgbd"),
        ("none", {"a"}, "bcdefga"),
    ],
)
def test_models_are_ranked(prefer: Prefer, cooling: set[str], expected: str) -> None:
    ranked = rank("abcdefg", prefer, FIGURES.get, cooling)

    assert "".join(ranked.models) == expected


def test_a_model_stands_once_and_the_reason_says_why() -> None:
    ranked = rank(["x", "a", "x"], "cheapest", FIGURES.get, {"a"})

    assert ranked.models == ("x", "a")
    assert ranked.reason == "cheapest first, 1 without a figure last, 1 cooling down"


@given(st.dictionaries(st.text(max_size=3), st.none() | st.floats()), st.sets(st.text(max_size=3)))
def test_no_model_is_lost_and_no_figure_is_out_of_order(figures: dict[str, float | None], cooling: set[str]) -> None:
    ranked = rank(tuple(figures), "cheapest", figures.get, cooling)
    well = [name for name in ranked.models if name not in cooling]
    known = [ranked.figures[name] for name in well if name in ranked.figures]

    assert sorted(ranked.models) == sorted(figures)
    assert known == sorted(known)
    assert all(math.isfinite(value) for value in ranked.figures.values())
    assert [name in ranked.figures for name in well] == sorted([name in ranked.figures for name in well], reverse=True)
    assert [name in cooling for name in ranked.models] == sorted(name in cooling for name in ranked.models)
