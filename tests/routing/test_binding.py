import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.routing.binding import Binding, Visit, decoded, visited

PLANO = (
    b'{"anchor_model":"openai/gpt-4o","default_model":"openai/gpt-4o-mini","requested_model":"openai/auto",'
    b'"route_name":"code","prefix_hash":5034286419396124313,"last_used":1700000000,"cached_tokens":1200,'
    b'"baseline_usd":0.5,"switch_spend_usd":0.1,"switches":2,'
    b'"history":[{"model":"openai/gpt-4o","last_used":1700000000,"cached_tokens":1200}],"session_cost_usd":1.25}'
)


def test_a_binding_is_written_as_plano_writes_it() -> None:
    binding = decoded(PLANO)
    assert binding is not None

    assert orjson.loads(binding.encoded()) == orjson.loads(PLANO)
    assert binding.history == (Visit("openai/gpt-4o", 1700000000.0, 1200),)


def test_what_is_absent_is_left_out() -> None:
    held = orjson.loads(Binding("a/b", "a/b", "a/b", None, None, 1.9).encoded())

    assert not {"route_name", "prefix_hash", "history"} & held.keys()
    assert held["last_used"] == 1


@pytest.mark.parametrize(
    "raw",
    [None, b"", b"{", b"[]", b"{}", b'{"anchor_model":"none","last_used":1}', b'{"anchor_model":"a","last_used":"x"}',
     b'{"anchor_model":"a","last_used":1,"history":[1]}'],
)  # fmt: skip
def test_what_cannot_be_used_is_a_miss(raw: bytes | None) -> None:
    assert decoded(raw) is None


def test_an_old_binding_without_later_fields_is_read() -> None:
    binding = decoded(b'{"anchor_model":"a/b","last_used":7,"baseline_usd":null}')

    assert binding is None or binding.anchor_model == "a/b"
    assert decoded(b'{"anchor_model":"a/b","last_used":7}') == Binding("a/b", "a/b", "", None, None, 7.0)


@given(st.lists(st.tuples(st.sampled_from([f"m{n}" for n in range(12)]), st.integers(0, 100)), min_size=1, max_size=40))
def test_a_history_has_each_model_once_and_keeps_the_newest(visits: list[tuple[str, int]]) -> None:
    history: tuple[Visit, ...] = ()
    for at, (model, tokens) in enumerate(visits):
        history = visited(history, Visit(model, float(at), tokens))
    newest = list(dict.fromkeys(model for model, _ in reversed(visits)))[:8]

    assert [one.model for one in reversed(history)] == newest
