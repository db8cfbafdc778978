"""Agents and prompt targets without Envoy: who is asked, who serves, and what is left where one fails."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from plano_extproc import headers
from plano_extproc.config import load
from plano_extproc.errors import InvalidRequest
from plano_extproc.flow import Callout, CalloutFailed, Reply
from plano_extproc.gateway import Gateway
from plano_extproc.gateway import gateway as assembled
from plano_extproc.gateway.actions import Continue
from plano_extproc.gateway.actions import Reply as Local
from plano_extproc.gateway.agents.hops import MOST, Onward
from plano_extproc.gateway.agents.spoken import in_chat
from plano_extproc.gateway.prompts import step as prompts
from plano_extproc.gateway.prompts.meant import Meant
from plano_extproc.gateway.work import Handed
from plano_extproc.prompts import Desk
from plano_extproc.routing.intent.lexical import Lexical
from tests.gateway.support import Call, edits, error
from tests.gateway.support import gateway as example

CONFIG = """
version: v0.5.0
listeners:
  - {type: model, name: models, port: 12000}
  - type: unified
    name: both
    port: 8001
    prompt_targets:
      - name: fetch_fields
        description: Fetch fields for a certain database
        parameters: [{name: table, type: str, required: true, enum: [CUSTOMER, ACCOUNT]}]
        endpoint: {name: server, path: /fields}
        auto_llm_dispatch_on_response: false
    agents:
      - {id: weather, description: 'Weather and forecasts for any city: "What is the weather in Paris?"'}
      - {id: flights, description: 'Searches flights between airports: "Flights from NYC to LA"', on_error: skip}
  - {type: prompt, name: bare, port: 8002, prompt_targets: [nothing]}
prompt_targets:
  - {name: nothing, description: Never meant by anybody, endpoint: {name: server, path: /nothing}}
agents:
  - {id: weather, url: ["http://10.0.0.1", "http://10.0.0.2", "http://10.0.0.3/other"]}
  - {id: flights, url: "http://10.0.0.4"}
endpoints: {server: {endpoint: "10.0.0.9:80"}}
"""
MODEL = "model_providers: [{model: openai/gpt-4o, access_key: k, default: true}]\n"
LOCAL = "overrides: {function_calling_model: local/lexical}\n"
MIXED = "What is the weather in Rome tomorrow, and which flights go from Paris to Rome?"

Answer = Callable[[Callout], Reply]


class Outside:
    """Answers callouts, and remembers them."""

    def __init__(self, *answers: Reply | CalloutFailed) -> None:
        self.asked: list[Callout] = []
        self._answers = list(answers)

    async def __call__(self, callout: Callout) -> Reply:
        self.asked.append(callout)
        answer = self._answers.pop(0)
        if isinstance(answer, CalloutFailed):
            raise answer
        return answer


def said(text: str) -> Reply:
    body = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
    return Reply(200, {"content-type": b"application/json"}, json.dumps(body).encode())


def made(outside: Outside, text: str = CONFIG + MODEL + LOCAL) -> Gateway:
    found = load(text, environ={})
    assert found.config is not None, found.problems
    return assembled(found.config, generation=1, ports=replace(example().ports, send=outside))


def ask(gateway: Gateway, text: str, *, listener: str = "both", **more: Any) -> tuple[Call, Any]:
    call = Call("/v1/chat/completions", listener=listener, on=gateway)
    action = call.ask({"model": "any", "messages": [{"role": "user", "content": text}], **more})
    return call, action if isinstance(action, (Continue, Local)) else asyncio.run(_awaited(action))


async def _awaited(action: Any) -> Any:
    return await action


def test_the_last_agent_is_a_route_and_the_others_are_asked() -> None:
    outside = Outside(said("Sunny."))
    call, action = ask(made(outside), MIXED, stream=True, tools=[])

    sent = edits(action)
    assert [one.what for one in outside.asked] == ["agent weather"]
    assert sent["x-plano-cluster"].startswith("agent_flights_")
    assert sent[headers.HOPS] == "1"
    assert json.loads(action.body)["messages"][0] == {"role": "assistant", "content": "Sunny.", "name": "weather"}
    assert json.loads(outside.asked[0].body)["stream"] is False
    assert dict(outside.asked[0].headers)[headers.HOPS] == b"1"
    assert edits(call.answer(200))["x-plano-agent"] == "weather,flights"


def test_what_the_others_said_stands_in_for_the_last_agent() -> None:
    call, _ = ask(made(Outside(said("Sunny."))), MIXED)

    answer = call.answer(503)

    assert isinstance(answer, Local)
    assert json.loads(answer.body)["choices"][0]["message"]["content"] == "Sunny."
    assert dict(answer.headers)["x-plano-agent"] == b"weather"


def test_who_stands_in_for_the_last_agent_may_be_skipped_too() -> None:
    clerk = "{fallback: clerk}}\n      - {id: clerk, description: 'Gardening', on_error: skip}"
    agents = "agents:\n  - {id: clerk, url: 'http://10.0.0.5'}\n  - {id: weather, url"
    text = CONFIG.replace("skip}", clerk).replace("agents:\n  - {id: weather, url", agents)
    call, _ = ask(made(Outside(said("Sunny.")), text + MODEL + LOCAL), MIXED)

    answer = call.answer(503)

    assert isinstance(answer, Local)
    assert json.loads(answer.body)["choices"][0]["message"]["content"] == "Sunny."


def test_an_error_of_the_only_agent_stays_its_own() -> None:
    call, action = ask(made(Outside()), "Show me flights from NYC to LA")

    assert isinstance(action, Continue)
    assert isinstance(call.answer(503), Continue)


def test_an_agent_is_tried_at_each_of_its_places() -> None:
    _, action = ask(made(Outside()), "What is the weather in Paris?")

    clusters = action.changes.clusters
    assert len(clusters) == 3
    assert len({cluster.removeprefix("attempt_") for cluster in clusters}) == 2


def test_a_target_is_called_and_no_agent_asked() -> None:
    outside = Outside(Reply(200, {"content-type": b"text/plain"}, b"ID, NAME"))
    _, action = ask(made(outside), "Fetch CUSTOMER fields")

    assert isinstance(action, Local)
    assert json.loads(action.body)["choices"][0]["message"]["content"] == "ID, NAME"
    assert [one.path for one in outside.asked] == ["/fields?table=CUSTOMER"]


def test_one_look_tells_targets_from_agents() -> None:
    gateway = made(Outside())
    listener = gateway.listeners["both"]
    targets = prompts.compiled(gateway, listener, Desk.of(gateway.config, listener))
    looks: list[str] = []
    matcher = targets.matcher
    counted = type(
        "Counted", (), {"kind": matcher.kind, "match": lambda _, text: looks.append(text) or matcher.match(text)}
    )
    targets = replace(targets, matcher=counted())
    kept = Meant()

    name, _ = targets.look("Show me flights from NYC to LA", kept)

    assert name is None
    routed = targets.routed(kept)
    assert routed is not None
    assert routed.names == ("flights",)
    assert set(looks) == {"Show me flights from NYC to LA"}


def test_an_exchange_looks_once_at_what_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = made(Outside())
    looks: list[str] = []
    match = Lexical.match
    monkeypatch.setattr(Lexical, "match", lambda self, text: looks.append(text) or match(self, text))

    _, action = ask(gateway, "Show me flights from NYC to LA")

    assert edits(action)["x-plano-cluster"].startswith("agent_flights_")
    assert looks == ["Show me flights from NYC to LA"]


def test_what_nobody_is_meant_by_goes_to_the_model() -> None:
    _, action = ask(made(Outside()), "Who was Napoleon?")

    assert edits(action)["x-plano-cluster"].startswith("provider_")
    assert json.loads(action.body)["model"] == "gpt-4o"


def test_without_a_model_it_is_said_that_nothing_answers() -> None:
    _, action = ask(made(Outside(), CONFIG), "Who was Napoleon?", listener="bare")

    status, body = error(action)
    assert status == 400
    assert "nothing at listener 'bare' answers this" in body["error"]["message"]


def test_hops_are_counted_by_header_and_by_trace() -> None:
    assert Onward({})[headers.HOPS] == b"1"
    assert Onward({headers.HOPS: b"3"})[headers.HOPS] == b"4"
    traced = Onward({"traceparent": b"00-1", "tracestate": b"a=1, plano=h5,b=2", headers.HOPS: b"2"})
    assert traced[headers.HOPS] == b"6"
    assert traced["tracestate"].startswith(b"plano=h6,")
    assert traced["tracestate"].count(b"plano=") == 1
    assert b"a=1" in traced["tracestate"]
    assert b"b=2" in traced["tracestate"]


@pytest.mark.parametrize("told", [b"", b"-1", b"x", b"1e9", b"99999999999999999999"])
def test_what_is_no_number_of_hops_is_none(told: bytes) -> None:
    assert Onward({headers.HOPS: told})[headers.HOPS] == b"1"


def test_too_many_hops_are_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        Onward({headers.HOPS: b"%d" % MOST})

    assert caught.value.code == "loop_detected"


def test_a_later_change_of_the_request_reaches_the_agent() -> None:
    call = Call("/v1/chat/completions", listener="both", on=made(Outside()))
    call.begin()
    ask_ = call.exchange._ask
    assert ask_ is not None
    before = {"model": "any", "messages": [{"role": "user", "content": "Hello"}], "tools": [1]}
    handed = Handed(in_chat(ask_, {**before, "messages": ["put in"]}, b"{}", 0.0))

    after = handed.changed(before, {"model": "any", "messages": before["messages"], "stream": True})

    assert after.spoken.request == {"model": "any", "messages": ["put in"], "stream": True}
    assert json.loads(after.spoken.body) == after.spoken.request


def test_limits_take_a_name_that_is_no_model_for_the_default_one() -> None:
    limits = "ratelimits: [{model: openai/gpt-4o, selector: {key: x-user}, limit: {tokens: 100000, unit: minute}}]\n"
    _, action = ask(made(Outside(), CONFIG + MODEL + LOCAL + limits), "Who was Napoleon?", listener="bare")

    assert json.loads(action.body)["model"] == "gpt-4o"
