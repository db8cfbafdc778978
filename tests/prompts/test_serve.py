from dataclasses import replace
from typing import Any

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.config.prompts import PromptTarget
from plano_extproc.errors import BadProviderAnswer, GatewayError, TimedOut, Unavailable
from plano_extproc.flow import Callout, CalloutFailed, ModelCall
from plano_extproc.prompts import AskBack, Direct, NoMatch, ToModel, serve_default
from plano_extproc.prompts.call import request
from tests.prompts.flows import calling, chat, completion, desk, drive, reply, run

SUNNY = reply({"sky": "sunny"})


def _callout(asked: list[Callout | ModelCall]) -> Callout:
    (only,) = asked
    assert isinstance(only, Callout)
    return only


def test_a_match_calls_the_api_and_a_model_words_the_answer() -> None:
    outcome, asked = run(chat("What's the weather in São Paulo tomorrow?", temperature=0.3), SUNNY)

    call = _callout(asked)
    assert (call.cluster, call.method) == ("cluster_weather", "GET")
    assert call.path == "/forecast/S%C3%A3o%20Paulo?days=1&unit=celsius&date=2026-03-12"
    assert isinstance(outcome, ToModel)
    assert outcome.body["temperature"] == 0.3
    assert outcome.body["messages"][-1]["content"].endswith('tomorrow?\ncontext: {"sky":"sunny"}')
    assert outcome.facts.targets == ("get_weather",)
    assert outcome.facts.arguments == ("get_weather.city", "get_weather.date")
    assert outcome.facts.statuses == (200,)


def test_no_credential_of_the_client_goes_to_an_api() -> None:
    _, asked = run(chat("weather in Rome"), SUNNY)

    assert dict(_callout(asked).headers) == {
        "x-request-id": b"r1", "accept": b"application/json", "accept-encoding": b"identity"
    }  # fmt: skip


def test_what_is_missing_is_asked_for_and_the_next_turn_answers() -> None:
    first, asked = run(chat("How is the weather tomorrow?"))
    assert isinstance(first, AskBack)
    assert (first.text, asked) == ("To get weather, I still need the **city**. Could you tell me?", [])

    _, asked = run(chat("How is the weather tomorrow?", first.text, "Berlin"), SUNNY)

    assert _callout(asked).path.startswith("/forecast/Berlin?")
    assert "date=2026-03-12" in _callout(asked).path


def test_arguments_are_gathered_over_many_turns() -> None:
    texts = ["I want a flight from Berlin", "", "to Rome on 5 May", "", "2"]
    for at in (1, 3):
        outcome, _ = run(chat(*texts[:at]))
        assert isinstance(outcome, AskBack)
        texts[at] = outcome.text

    outcome, asked = run(chat(*texts), SUNNY)

    assert orjson.loads(_callout(asked).body) == {
        "origin": "Berlin", "destination": "Rome", "departure_date": "2026-05-05", "passengers": 2, "cabin": "economy"
    }  # fmt: skip


def test_an_answer_about_something_else_leaves_the_question() -> None:
    question = "To get weather, I still need the **city**. Could you tell me?"

    other, asked = run(chat("weather please", question, "Where is order 12345?"), SUNNY)
    assert (other.facts.targets, _callout(asked).path) == (("order_status",), "/orders/12345?include_history=false")
    for answer in ("never mind", "Why do you want to know that?"):
        outcome, asked = run(chat("weather please", question, answer))
        assert (type(outcome), asked) == (NoMatch, [])


def test_two_values_where_one_fits_are_asked_about() -> None:
    outcome, _ = run(chat("weather in Paris or London"))

    assert isinstance(outcome, AskBack)
    assert "the **city**: Paris or London" in outcome.text


def test_an_earlier_prompt_for_the_same_target_fills_what_is_needed() -> None:
    _, asked = run(chat("weather in Oslo?", "Sunny.", "and the weather forecast for tomorrow?"), SUNNY)

    assert _callout(asked).path == "/forecast/Oslo?days=1&unit=celsius&date=2026-03-12"


@pytest.mark.parametrize("text", ["Explain FUNDS.TRANSFER validation rules", "Hello"])
def test_what_matches_nothing_asks_nothing(text: str) -> None:
    outcome, asked = run(chat(text))

    assert (type(outcome), asked) == (NoMatch, [])


def test_a_result_of_the_callers_own_tool_is_not_matched_again() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    body = chat("weather in Rome")
    body["messages"] += [{"role": "assistant", "content": None, "tool_calls": [call]}]
    body["messages"] += [{"role": "tool", "tool_call_id": "1", "content": "weather"}]

    assert isinstance(run(body)[0], NoMatch)


DIALECTS: list[tuple[Api, dict[str, Any], Any]] = [
    ("anthropic.messages",
     {"max_tokens": 9, "system": "S", "messages": [{"role": "user", "content": "weather in Rome"}]},
     {"max_tokens": 9, "system": "P\n\nS", "messages": [{"role": "user", "content": "weather in Rome\ncontext: 1"}]}),
    ("openai.responses", {"input": "weather in Rome"}, {"input": "weather in Rome\ncontext: 1", "instructions": "P"}),
    ("openai.responses", {"input": [{"role": "user", "content": [{"type": "input_text", "text": "weather in Rome"}]}]},
     {"input": [{"role": "user", "content": [{"type": "input_text", "text": "weather in Rome"},
                                             {"type": "input_text", "text": "context: 1"}]}], "instructions": "P"}),
    ("gemini.generate", {"contents": [{"role": "user", "parts": [{"text": "weather in Rome"}]}]},
     {"contents": [{"role": "user", "parts": [{"text": "weather in Rome"}, {"text": "context: 1"}]}],
      "systemInstruction": {"parts": [{"text": "P"}]}}),
    ("openai.chat", chat("weather in Rome"),
     {"model": "m", "messages": [{"role": "system", "content": "P"},
                                 {"role": "user", "content": "weather in Rome\ncontext: 1"}]}),
]  # fmt: skip


@pytest.mark.parametrize(("api", "body", "told"), DIALECTS)
def test_the_answer_is_put_into_the_callers_own_dialect(api: Api, body: dict[str, Any], told: Any) -> None:
    outcome, _ = run(body, reply(1), at=desk(system_prompt="P"), api=api)

    assert isinstance(outcome, ToModel)
    assert outcome.body == told


def test_without_a_model_the_body_is_the_answer() -> None:
    outcome, _ = run(chat("weather in Rome"), SUNNY, at=desk(has_model=False))

    assert isinstance(outcome, Direct)
    assert outcome.text == '{"sky":"sunny"}'
    assert "sunny" not in repr(outcome)


def _with(**changes: Any) -> Any:
    found = desk()
    first = found.targets[0].model_copy(update=changes)
    return replace(found, targets=(first, *found.targets[1:]))


def test_a_target_that_wants_no_model_gives_the_body_itself() -> None:
    outcome, _ = run(chat("weather in Rome"), SUNNY, at=_with(auto_llm_dispatch_on_response=False))

    assert isinstance(outcome, Direct)


def test_a_target_without_an_endpoint_lends_its_system_prompt() -> None:
    outcome, asked = run(chat("weather in Rome"), at=_with(endpoint=None, system_prompt="You are a meteorologist."))

    assert asked == []
    assert isinstance(outcome, ToModel)
    assert outcome.body["messages"][0] == {"role": "system", "content": "You are a meteorologist."}
    assert outcome.body["messages"][-1]["content"] == "weather in Rome"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206])
def test_any_status_of_success_is_one(status: int) -> None:
    outcome, _ = run(chat("weather in Rome"), reply(None, status), at=desk(has_model=False))

    assert isinstance(outcome, Direct)
    assert outcome.text == f"Done: the service of prompt target 'get_weather' answered {status} and said no more."


def test_an_error_about_what_was_asked_for_is_told() -> None:
    outcome, _ = run(chat("weather in Atlantis"), reply({"detail": "No such city."}, 404))

    assert isinstance(outcome, Direct)
    assert outcome.text.endswith("'get_weather' answered 404 Not Found: No such city.")


@pytest.mark.parametrize(
    ("scripted", "error"),
    [
        (reply({}, 500), BadProviderAnswer),
        (reply({}, 401), BadProviderAnswer),
        (reply({}, 302), BadProviderAnswer),
        (reply(b"\x89PNG", 200, "image/png"), BadProviderAnswer),
        (CalloutFailed("timeout"), TimedOut),
        (CalloutFailed("unreachable"), Unavailable),
        (CalloutFailed("reset"), Unavailable),
        (CalloutFailed("too_large"), BadProviderAnswer),
    ],
)
def test_a_failed_api_is_an_error_that_names_its_target(scripted: Any, error: type[GatewayError]) -> None:
    with pytest.raises(error, match="prompt target 'get_weather'"):
        run(chat("weather in Rome"), scripted)


# A model decides.

TOOLS = desk("tools", "openai/gpt-4o")


def test_a_model_is_asked_with_the_targets_as_tools() -> None:
    outcome, asked = run(chat("hi"), completion({"content": "none"}), at=TOOLS)

    assert isinstance(outcome, NoMatch)
    assert isinstance(asked[0], ModelCall)
    assert asked[0].model == "openai/gpt-4o"
    assert asked[0].body["messages"][0]["content"].endswith("Today is Wednesday, 2026-03-11.")
    weather = asked[0].body["tools"][0]["function"]
    assert weather["name"] == "get_weather"
    assert "required" not in weather["parameters"]
    assert weather["parameters"]["properties"]["unit"]["enum"] == ["celsius", "fahrenheit"]
    assert weather["parameters"]["properties"]["days"]["type"] == "integer"


def test_all_calls_of_a_model_are_made_at_once_and_each_only_once() -> None:
    calls = [("get_weather", {"city": "Rome"}), ("get_weather", {"city": "Oslo"}), ("get_weather", {"city": "Rome"})]

    outcome, asked = run(chat("Rome and Oslo?"), calling(*calls), SUNNY, reply({"sky": "grey"}), at=TOOLS)

    assert [one.path.partition("?")[0] for one in asked[1:]] == ["/forecast/Rome", "/forecast/Oslo"]
    assert isinstance(outcome, ToModel)
    said = outcome.body["messages"][-1]["content"]
    assert said.endswith('context of get_weather: {"sky":"sunny"}\ncontext of get_weather: {"sky":"grey"}')


def test_of_several_calls_one_that_fails_is_told_beside_the_others() -> None:
    calls = [("get_weather", {"city": "Rome"}), ("order_status", {"order_id": "7"})]

    outcome, _ = run(chat("both?"), calling(*calls), SUNNY, CalloutFailed("timeout"), at=TOOLS)

    assert isinstance(outcome, ToModel)
    assert (
        "the service of prompt target 'order_status' did not answer within 30 seconds"
        in outcome.body["messages"][-1]["content"]
    )


def test_nothing_is_called_while_one_of_several_calls_lacks_something() -> None:
    outcome, asked = run(chat("both?"), calling(("get_weather", {"city": "Rome"}), ("order_status", {})), at=TOOLS)

    assert isinstance(outcome, AskBack)
    assert (outcome.facts.asked, len(asked)) == (("order_status.order_id",), 1)


@pytest.mark.parametrize(
    ("given", "asked_for"),
    [
        ({"city": ""}, "city"),
        ({"city": None}, "city"),
        ({"city": "Rome", "unit": "kelvin"}, "unit"),
        ({"city": "Rome", "days": "soon"}, "days"),
        ({"city": ".."}, "city"),
    ],
)
def test_what_does_not_fit_is_asked_for(given: dict[str, Any], asked_for: str) -> None:
    outcome, _ = run(chat("weather"), calling(("get_weather", given)), at=TOOLS)

    assert isinstance(outcome, AskBack)
    assert outcome.facts.asked == (f"get_weather.{asked_for}",)


def test_values_become_what_their_types_say() -> None:
    given = {"amount": "1,250.5", "from_currency": "EUR", "to_currency": "JPY", "unknown": 1}

    _, asked = run(chat("convert"), calling(("convert_currency", given)), SUNNY, at=TOOLS)

    assert isinstance(asked[1], Callout)
    assert orjson.loads(asked[1].body) == {"amount": 1250.5, "from_currency": "EUR", "to_currency": "JPY"}


def test_defaults_that_a_file_writes_as_text_have_their_types() -> None:
    target = PromptTarget.model_validate(
        {
            "name": "order_tickets",
            "description": "Order tickets",
            "endpoint": {"name": "e", "path": "/t", "http_method": "POST"},
            "parameters": [
                {"name": "city", "type": "str", "required": True},
                {"name": "limit", "type": "int", "default": "5"},
                {"name": "nearby", "type": "bool", "default": "false"},
                {"name": "kinds", "type": "list", "default": "a, b"},
                {"name": "rate", "type": "float", "default": "half"},
            ],
        }
    )

    sent = request(target, {"city": "Rome"}, lambda name: name, {}).body

    assert orjson.loads(sent) == {"city": "Rome", "limit": 5, "nearby": False, "kinds": ["a", "b"], "rate": "half"}


@pytest.mark.parametrize(
    "lost", [CalloutFailed("timeout"), reply({}, 500), reply(b"garbage"), calling(), completion({"tool_calls": [1]})]
)
def test_a_model_that_does_not_decide_is_replaced_by_the_matcher(lost: Any) -> None:
    if lost == calling():  # no calls at all is a decision
        assert isinstance(run(chat("weather in Rome"), lost, at=TOOLS)[0], NoMatch)
        return
    outcome, _ = run(chat("weather in Rome"), lost, SUNNY, at=TOOLS)

    assert isinstance(outcome, ToModel)
    assert outcome.facts.how == "local"
    assert outcome.reason.startswith("get_weather: matches its description; ")


# Arch-Function.

ARCH = desk("arch", "arch-function")


def _arch(text: str) -> Any:
    return completion({"content": text})


def test_arch_function_gets_its_tools_in_the_system_prompt() -> None:
    outcome, asked = run(chat("hello"), _arch('response": "Hi"}\n```'), at=ARCH)

    assert isinstance(outcome, NoMatch)
    body = asked[0].body
    assert isinstance(body, dict)
    assert '{"name":"get_weather"' in body["messages"][0]["content"]
    assert body["messages"][-1] == {"role": "assistant", "content": '```json\n{"'}
    assert body["continue_final_message"] is True


def test_arch_function_calls_and_broken_brackets_are_mended() -> None:
    text = 'tool_calls": [{"name": "order_status", "arguments": {"order_id": 7}}'

    outcome, asked = run(chat("order 7"), _arch(text), SUNNY, at=ARCH)

    assert isinstance(outcome, ToModel)
    assert isinstance(asked[1], Callout)
    assert asked[1].path == "/orders/7?include_history=false"


def test_arch_functions_own_question_is_asked() -> None:
    text = '```json\n{"required_functions": ["order_status"], "clarification": "Which order?"}\n```'

    outcome, _ = run(chat("where is it"), _arch(text), at=ARCH)

    assert isinstance(outcome, AskBack)
    assert (outcome.text, outcome.facts.asked) == ("Which order?", ("order_status.order_id",))


def test_a_value_that_nobody_said_and_the_model_doubts_is_asked_for() -> None:
    text = '{"tool_calls":[{"name":"order_status","arguments":{"order_id": "12345"}}]}'
    at = text.index("12345")
    parts = ((text[:at], 0.0), ("123", -1.5), (text[at + 3 :], 0.0))
    tokens = [{"token": token, "logprob": logprob} for token, logprob in parts]
    body = {"choices": [{"message": {"content": text}, "logprobs": {"content": tokens}}]}

    assert isinstance(run(chat("where is my order?"), reply(body), at=ARCH)[0], AskBack)
    assert isinstance(run(chat("where is 12345?"), reply(body), SUNNY, at=ARCH)[0], ToModel)


# The default target.


def _default(*script: Any, **changes: Any) -> Any:
    target = PromptTarget.model_validate(
        {"name": "rest", "description": "d", "default": True, "endpoint": {"name": "agent", "path": "/rest"}, **changes}
    )
    found = replace(desk(), default=target)
    flow = serve_default("openai.chat", chat("Hello"), found, cluster_of=str, client={})
    return drive(flow, *script)


def test_the_default_target_gets_the_conversation_and_its_answer_is_worded() -> None:
    outcome, asked = _default(completion({"content": "42"}))

    assert (asked[0].method, asked[0].path) == ("POST", "/rest")
    assert orjson.loads(asked[0].body) == {"messages": [{"role": "user", "content": "Hello"}]}
    assert outcome.body["messages"][-1]["content"] == "Hello\ncontext: 42"


def test_the_default_target_may_answer_itself() -> None:
    assert _default(completion({"content": "42"}), auto_llm_dispatch_on_response=False)[0].text == "42"
    assert _default(reply(b"plain", 200, "text/plain"), auto_llm_dispatch_on_response=False)[0].text == "plain"
    with pytest.raises(BadProviderAnswer, match="prompt target 'rest'"):
        _default(reply({}, 500))


def test_without_a_default_target_nothing_is_called() -> None:
    outcome, asked = drive(serve_default("openai.chat", chat("Hello"), desk(), cluster_of=str, client={}))

    assert (type(outcome), asked) == (NoMatch, [])
