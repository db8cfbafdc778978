from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.errors import InvalidRequest
from plano_extproc.routing.preferences import Preference, configured, inline, taken
from tests.routing.configured import config

GOOD = {"name": "code", "description": "programs", "models": ["a", "b"], "selection_policy": {"prefer": "cheapest"}}


def serves(model: str) -> bool:
    return model in ("a", "b")


def test_preferences_of_a_request_are_read() -> None:
    assert inline([GOOD, {"name": "talk", "models": ["b"], "selection_policy": {"prefer": None}}], serves) == (
        Preference("code", "programs", ("a", "b"), "cheapest"),
        Preference("talk", "", ("b",), "none"),
    )
    assert inline([], serves) == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "routing_preferences: must be a list"),
        (["x"], r"routing_preferences\[0\]: must be an object"),
        ([{**GOOD, "name": ""}], r"\[0\].name: must be a text that is not empty"),
        ([{**GOOD, "description": 1}], r"\[0\].description: must be a text"),
        ([{**GOOD, "models": []}], r"\[0\].models: must be a list of at least one"),
        ([{**GOOD, "models": "a"}], r"\[0\].models: must be a list"),
        ([{**GOOD, "description": "d" * 70_000}], "hold 70004 letters; at most 65536 are allowed"),
        ([{**GOOD, "model": "a"}], r"\[0\].model: is unknown; known: description, models, name"),
        ([{**GOOD, "selection_policy": {"prefer": "best"}}], r"prefer: must be cheapest, fastest or none"),
        ([{**GOOD, "selection_policy": {"prefer": ["x"]}}], r"prefer: must be cheapest, fastest or none"),
        ([{**GOOD, "selection_policy": "cheapest"}], r"prefer: must be cheapest, fastest or none"),
        ([GOOD, GOOD], "the name 'code' stands twice"),
        (
            [{**GOOD, "models": ["x", "a", "y"]}, {**GOOD, "name": "n", "models": ["z", "x"]}],
            "not configured: 'x', 'y', 'z'",
        ),
        ([GOOD] * 513, "holds 513 preferences"),
    ],
)
def test_what_is_wrong_is_named(given: object, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said) as caught:
        inline(given, serves)

    assert caught.value.status == 400
    assert caught.value.param is not None


KEYS = st.sampled_from(["name", "models", "selection_policy", "prefer"]) | st.text()
SCALARS = st.none() | st.booleans() | st.integers() | st.text()


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner)))
def test_any_value_is_read_or_refused(given: Any) -> None:
    try:
        inline(given, serves)
    except InvalidRequest:
        return
    assert isinstance(given, list)


def test_preferences_are_taken_out_of_the_request() -> None:
    request = {"model": "m", "routing_preferences": [GOOD], "metadata": {"archgw_preference_config": "x", "mine": "y"}}

    assert taken(request) == ([GOOD], {"model": "m", "metadata": {"mine": "y"}})
    assert taken({"model": "m", "metadata": {"plano_preference_config": "x"}}) == (None, {"model": "m"})
    assert taken({"model": "m", "metadata": {"mine": "y"}}) == (None, None)
    assert "routing_preferences" in request


def test_those_of_the_file_are_the_same_values() -> None:
    loaded = config(
        "version: v0.5.0\nmodel_providers: [{model: openai/x, access_key: k}]\nrouting_preferences:\n"
        "  - {name: n, description: d, models: [openai/x], selection_policy: {prefer: fastest}}\n"
    )

    assert configured(loaded.routing_preferences) == (Preference("n", "d", ("openai/x",), "fastest"),)
