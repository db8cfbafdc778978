"""Requests as the backend of ChatGPT subscriptions takes them."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plano_extproc.errors import InvalidRequest
from plano_extproc.translate.chatgpt import DEFAULT_INSTRUCTIONS, DROPPED, ENCRYPTED, FIELDS, REFUSED, fitted
from plano_extproc.translate.losses import Losses
from tests.support import codex_backend, responses_strict

Json = dict[str, Any]


def fit(**request: Any) -> tuple[Json, tuple[str, ...]]:
    """Fit a request, and hold the outcome against the backend's rules."""
    losses = Losses({"max_tokens": "max_output_tokens"})
    made = fitted({"model": "gpt-5.5", "input": "hi"} | request, losses)
    codex_backend.check_body(made)
    return made, losses.names()


def said(role: str, text: str) -> Json:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def test_a_bare_request_gets_what_the_backend_demands() -> None:
    made, dropped = fit()

    assert made == {
        "model": "gpt-5.5",
        "instructions": DEFAULT_INSTRUCTIONS,
        "input": [said("user", "hi")],
        "store": False,
        "stream": True,
        "include": [ENCRYPTED],
    }
    assert dropped == ()


def test_a_request_of_the_codex_cli_goes_as_it_is() -> None:
    request = {
        "model": "gpt-5.5-codex",
        "instructions": "You are Codex.",
        "input": [said("developer", "rules"), said("user", "hi")],
        "tools": [{"type": "function", "name": "shell", "strict": False, "parameters": {"type": "object"}}],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"effort": "high", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": [ENCRYPTED],
        "service_tier": "priority",
        "prompt_cache_key": "thread-1",
        "text": {"verbosity": "low"},
        "client_metadata": {"x": "y"},
    }

    made, dropped = fit(**request)

    assert made == request
    assert dropped == ()


@pytest.mark.parametrize("name", sorted(DROPPED))
def test_a_knob_that_the_backend_lacks_is_dropped_and_named(name: str) -> None:
    made, dropped = fit(**{name: 1})

    assert name not in made
    assert dropped == (name,)


def test_a_limit_is_named_as_the_caller_knows_it() -> None:
    losses = Losses({})
    fitted({"model": "m", "input": "hi", "max_output_tokens": 9}, losses)

    assert losses.names() == ("max_tokens",)


def test_a_field_that_nobody_knows_is_dropped_and_named() -> None:
    made, dropped = fit(session_id="s", empty=None)

    assert not {"session_id", "empty"} & made.keys()
    assert dropped == ("session_id",)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_needs_state_at_the_provider_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        fit(**{name: "resp_1"})

    assert caught.value.param == name
    assert "keeps no state" in caught.value.message


@pytest.mark.parametrize("value", [None, False, ""])
def test_state_that_is_not_asked_for_is_no_reason_to_refuse(value: object) -> None:
    made, dropped = fit(background=value, previous_response_id=value)

    assert not {"background", "previous_response_id"} & made.keys()
    assert dropped == ()


def test_storing_is_a_loss_only_where_it_was_asked_for() -> None:
    assert fit(store=True)[1] == ("store",)
    assert fit(store=False)[1] == fit(store=None)[1] == ()


def test_a_single_item_becomes_a_list() -> None:
    assert fit(input=said("user", "hi"))[0]["input"] == [said("user", "hi")]


def test_the_operators_first_messages_become_the_instructions() -> None:
    first = {"role": "system", "content": "Be brief."}
    conversation = [first, said("developer", "Speak French."), said("user", "hi"), said("system", "Now German.")]

    made, _ = fit(input=conversation)

    assert made["instructions"] == "Be brief.\n\nSpeak French."
    assert made["input"] == [said("user", "hi"), said("developer", "Now German.")]


def test_instructions_of_the_callers_own_leave_every_message_in_its_place() -> None:
    made, _ = fit(instructions="Mine.", input=[said("system", "Be brief."), said("user", "hi")])

    assert made["instructions"] == "Mine."
    assert made["input"] == [said("developer", "Be brief."), said("user", "hi")]


@pytest.mark.parametrize("instructions", [None, "", " \n"])
def test_empty_instructions_are_none(instructions: str | None) -> None:
    assert fit(instructions=instructions)[0]["instructions"] == DEFAULT_INSTRUCTIONS


def test_an_operators_message_with_a_picture_stays_where_it_is() -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"}
    shown = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Look."}, image]}

    made, _ = fit(input=[shown, said("user", "hi")])

    assert made["instructions"] == DEFAULT_INSTRUCTIONS
    assert made["input"][0] == {**shown, "role": "developer"}


def test_a_wish_for_json_stays_in_the_input() -> None:
    made, _ = fit(
        input=[said("system", "Answer in JSON."), said("user", "hi")], text={"format": {"type": "json_object"}}
    )

    assert made["input"][0] == said("developer", "Answer in JSON.")


def test_reasoning_that_can_be_read_is_given_back_and_other_reasoning_is_lost() -> None:
    sealed = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    stored = {"type": "reasoning", "id": "rs_2", "summary": []}

    made, dropped = fit(input=[said("user", "hi"), sealed, stored])

    assert made["input"] == [said("user", "hi"), sealed]
    assert dropped == ("input[].reasoning",)


def test_a_reference_to_a_stored_item_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidRequest) as caught:
        fit(input=[said("user", "hi"), {"type": "item_reference", "id": "msg_1"}])

    assert caught.value.param == "input[1]"


def test_what_is_to_be_included_is_kept() -> None:
    assert fit(include=["web_search_call.action.sources"])[0]["include"] == [
        "web_search_call.action.sources",
        ENCRYPTED,
    ]


@pytest.mark.parametrize("tier", ["auto", "default"])
def test_the_usual_service_tier_is_not_named(tier: str) -> None:
    made, dropped = fit(service_tier=tier)

    assert "service_tier" not in made
    assert dropped == ()


def test_the_callers_request_is_not_changed() -> None:
    request = {"model": "m", "input": [said("system", "a"), said("user", "b")], "temperature": 1, "store": True}
    before = repr(request)
    fitted(request, Losses({}))

    assert repr(request) == before


def test_every_field_of_the_dialect_is_taken_dropped_or_refused() -> None:
    assert responses_strict.FIELDS - {"context_management"} == FIELDS | DROPPED | REFUSED.keys()


def test_the_documentation_lists_the_same_fields() -> None:
    text = (Path(__file__).parents[2] / "docs" / "chatgpt.md").read_text()
    rows = [set(re.findall(r"`([a-z_]+)`", row.split("|")[1])) for row in text.splitlines() if row.startswith("| `")]

    assert rows == [FIELDS, DROPPED, REFUSED.keys()]
    assert DEFAULT_INSTRUCTIONS in text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ODD = st.sampled_from(["input", "instructions", "include", "text", "service_tier", "store", "role", "type", "content"])


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(ODD, VALUES | st.lists(st.dictionaries(ODD, VALUES, max_size=4), max_size=3), max_size=6))
def test_any_json_is_fitted_or_refused(request_: Json) -> None:
    try:
        made = fitted(request_, Losses({}))
    except InvalidRequest:
        return
    assert made["stream"] is True
    assert made["store"] is False
    assert made["instructions"].strip()
