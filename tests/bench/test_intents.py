import pytest

from bench.intents.labelled import FORMS, trials
from bench.intents.yardstick import Yardstick


def test_the_held_out_set_is_large_and_apart_from_the_one_to_tune_on() -> None:
    held = dict(trials("held_out", "examples"))[15][0]
    tuned = dict(trials("development", "examples"))[15][0]

    assert len(held.routes) == 15
    assert len(held.inside) + len(held.outside) >= 300
    assert len(held.outside) >= 60
    assert not {text for text, _ in held.inside} & {text for text, _ in tuned.inside}
    assert not {route.name for route in held.routes} & {route.name for route in tuned.routes}
    assert not {text for text, _ in held.inside} & {text for route in held.routes for text in route.examples}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["development", "held_out"])
def test_every_number_of_routes_is_tried(name: str, form: str) -> None:
    tried = dict(trials(name, form))

    assert {count: {len(trial.routes) for trial in group} for count, group in tried.items()} == {
        3: {3},
        15: {15},
        150: {150},
    }
    for group in tried.values():
        for trial in group:
            assert {name for _, name in trial.inside} <= {route.name for route in trial.routes}


def test_the_yardstick_finds_a_phrase_itself() -> None:
    trial = dict(trials("development", "examples"))[15][0]
    match = Yardstick(trial.routes).match(trial.routes[3].examples[0])

    assert match.route == trial.routes[3]
