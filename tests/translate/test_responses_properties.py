"""What holds for every stream of a provider of Responses, in whatever order it tells what."""

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plano_extproc.apis import Api
from plano_extproc.errors import InvalidRequest
from plano_extproc.translate import Translation
from tests.translate.facts import new_stream
from tests.translate.golden import ASKS
from tests.translate.invariants import check_stream

CLIENTS = pytest.mark.parametrize("client", [api for api in ASKS if api != "openai.responses"])
many = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])

places = st.fixed_dictionaries(
    {},
    optional={
        "output_index": st.integers(0, 2),
        "item_id": st.sampled_from("ab"),
        "content_index": st.integers(0, 1),
        "summary_index": st.integers(0, 1),
    },
)
words = st.sampled_from(["", "x", "yz"])
sources = st.lists(st.fixed_dictionaries({"url": words, "title": words}), max_size=1)
parts = st.lists(
    st.fixed_dictionaries({"type": st.just("output_text"), "text": words, "annotations": sources})
    | st.fixed_dictionaries({"type": st.just("refusal"), "refusal": words}),
    max_size=2,
)
items = st.one_of(
    st.fixed_dictionaries({"type": st.just("message"), "content": parts}),
    st.fixed_dictionaries(
        {"type": st.just("reasoning"), "summary": st.lists(st.fixed_dictionaries({"text": words}), max_size=2)},
        optional={"encrypted_content": words},
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("function_call"),
            "call_id": st.sampled_from("cd"),
            "name": st.sampled_from("fg"),
            "arguments": st.sampled_from(["", "{}", '{"a":1}']),
        }
    ),
    st.fixed_dictionaries({"type": st.just("custom_tool_call"), "name": st.just("p"), "input": words}),
    st.just({"type": "web_search_call"}),
).flatmap(lambda item: st.sampled_from([item, {**item, "id": "a"}, {**item, "id": "b"}]))
ends: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"type": st.sampled_from(["response.completed", "response.incomplete"])}, optional={"output": st.lists(items)}
).map(lambda told: {"type": told["type"], "response": {"id": "r", "output": told.get("output"), "usage": {}}})


def event(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    told = st.fixed_dictionaries({"type": st.just(f"response.{kind}"), **fields})
    return st.tuples(places, told).map(lambda halves: halves[0] | halves[1])


events = st.one_of(
    event("output_item.added", item=items),
    event("output_item.done", item=items),
    event("output_text.delta", delta=words),
    event("output_text.done", text=words),
    event("output_text.annotation.added", annotation=st.just({"url": "u", "title": "t"})),
    event("refusal.delta", delta=words),
    event("refusal.done", refusal=words),
    event("reasoning_summary_text.delta", delta=words),
    event("reasoning_summary_text.done", text=words),
    event("reasoning_text.delta", delta=words),
    event("function_call_arguments.delta", delta=st.sampled_from(["{", "}", '"a":1'])),
    event("function_call_arguments.done", arguments=st.sampled_from(["{}", '{"a":1}'])),
)


@CLIENTS
@many
@given(told=st.lists(events, max_size=8), end=st.lists(ends, max_size=1))
def test_no_order_of_events_breaks_a_clients_stream(client: Api, told: list[Any], end: list[Any]) -> None:
    stream = new_stream("openai.responses", client=client)
    data = b"".join(b"data: %b\n\n" % orjson.dumps(one) for one in (*told, *end))
    made = stream.feed(data, end=True)

    assert stream.finished != stream.failed
    if not broken_arguments(told):
        check_stream(client, made)


def broken_arguments(told: list[Any]) -> bool:
    """Tell whether a call may have got arguments that are no object; they are passed on as they are."""
    return any(one["type"] == "response.function_call_arguments.delta" for one in told)


inputs = st.lists(
    items
    | st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "developer", "x"]), "content": words | parts}
    )
    | st.fixed_dictionaries(
        {
            "type": st.sampled_from(["function_call_output", "custom_tool_call_output"]),
            "call_id": st.sampled_from("cd"),
            "output": words | parts,
        }
    ),
    max_size=6,
)


@pytest.mark.parametrize("provider", [api for api in ASKS if api != "openai.responses"])
@many
@given(conversation=inputs.map(lambda items: [*items, {"role": "user", "content": "hi"}]))
def test_no_conversation_fails_without_a_name_for_it(provider: Api, conversation: list[Any]) -> None:
    raised: InvalidRequest | None = None
    try:
        Translation("openai.responses", provider).request({"input": conversation}, "m")
    except InvalidRequest as error:
        raised = error

    assert raised is None or (raised.message.startswith(f"{raised.param}: ") and str(raised.param).startswith("input["))
