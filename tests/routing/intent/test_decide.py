import json
from typing import Any

import pytest

from plano_extproc.flow import CalloutFailed, ModelCall, Reply
from plano_extproc.routing.intent import Decision, Route, choose, decide
from plano_extproc.routing.intent.model import prompt, trimmed
from plano_extproc.routing.turns import Turn

ROUTES = (
    Route("weather", "weather forecasts and travel conditions"),
    Route("flights", "searching and booking flights"),
    Route("code", "generating code, functions and scripts"),
)
ASKED = (Turn("user", "what is the weather in Paris"),)


def answered(content: Any, status: int = 200) -> Reply:
    body = {"choices": [{"message": {"role": "assistant", "content": content}}]}
    return Reply(status, {}, json.dumps(body).encode())


def run(reply: Reply | CalloutFailed, turns: tuple[Turn, ...] = ASKED, *, many: bool = False) -> Decision:
    flow = decide(choose("openai/gpt-4o-mini", ROUTES), turns, many=many)
    question = next(flow)
    assert isinstance(question, ModelCall)
    with pytest.raises(StopIteration) as end:
        flow.throw(reply) if isinstance(reply, CalloutFailed) else flow.send(reply)
    decision = end.value.value
    assert isinstance(decision, Decision)
    return decision


def local(kind: str | None, turns: tuple[Turn, ...], *, many: bool = False) -> Decision:
    with pytest.raises(StopIteration) as end:
        next(decide(choose(kind, ROUTES), turns, many=many))
    decision = end.value.value
    assert isinstance(decision, Decision)
    return decision


def test_the_model_is_asked_with_the_orchestrators_protocol() -> None:
    question = next(decide(choose("openai/gpt-4o-mini", ROUTES, timeout=1.5), ASKED))

    assert isinstance(question, ModelCall)
    assert (question.model, question.what, question.timeout) == ("openai/gpt-4o-mini", "router", 1.5)
    assert set(question.body) == {"messages", "temperature"}
    assert question.body["temperature"] == 0.01
    (message,) = question.body["messages"]
    assert message["role"] == "user"
    assert message["content"] == prompt(ROUTES, ASKED)


def test_the_prompt_holds_routes_in_order_and_the_conversation() -> None:
    turns = (Turn("system", "be brief"), Turn("user", "hi"), Turn("tool", "42"), Turn("assistant", ""), *ASKED)
    text = prompt(ROUTES, turns)

    assert text is not None
    routes = text.split("<routes>\n")[1].split("\n</routes>")[0].split("\n")
    assert routes[1] == (
        '{"name": "flights", "description": "searching and booking flights", '
        '"parameters": {"type": "object", "properties": {}, "required": []}}'
    )
    assert [json.loads(line)["name"] for line in routes] == ["weather", "flights", "code"]
    told = json.loads(text.split("<conversation>\n")[1].split("\n</conversation>")[0])
    assert told == [{"role": "user", "content": "hi"}, {"role": "user", "content": "what is the weather in Paris"}]
    assert '{"route": ["name1", "name2"]}' in text
    assert "{{" not in text


def test_a_percent_sign_of_the_user_is_only_that() -> None:
    text = prompt((Route("tax", "20%(routes)s"),), (Turn("user", "100%s %(routes)s"),))

    assert text is not None
    assert "100%s %(routes)s" in text


def test_long_conversations_are_cut_to_the_context() -> None:
    turns = tuple(Turn("user", f"{number} " + "é" * 4000) for number in range(30))
    text = prompt(ROUTES, turns, 4096)

    assert text is not None
    assert len(text.encode()) < 4096 * 4 + 1000
    assert '"29 é' in text
    assert '"0 é' not in text


def test_routes_that_fill_the_context_leave_the_last_message() -> None:
    routes = tuple(Route(f"r{number}", "x" * 1000) for number in range(50))
    text = prompt(routes, ASKED, 1024)

    assert text is not None
    assert "what is the weather in Paris" in text


@pytest.mark.parametrize("most", [0, 1, 3, 4, 10, 17, 100])
def test_the_middle_is_trimmed_at_letters(most: int) -> None:
    text = "é" * 30

    assert len(trimmed(text, most).encode()) <= max(most, 0)


def test_the_models_choice_is_taken() -> None:
    decision = run(answered('{"route": ["flights", "weather"]}'))

    assert decision.names == ("flights",)
    assert decision.reason == "router openai/gpt-4o-mini 'flights'"
    assert decision.failure is None


def test_several_routes_keep_the_models_order() -> None:
    assert run(answered('{"route": ["flights", "weather"]}'), many=True).names == ("flights", "weather")


@pytest.mark.parametrize("content", ['{"route": []}', None, ""])
def test_the_model_may_say_none(content: str | None) -> None:
    decision = run(answered(content))

    assert decision.name is None
    assert decision.reason == "no route matched; router says none"


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (CalloutFailed("timeout"), "router timed out"),
        (CalloutFailed("unreachable"), "router unreachable"),
        (CalloutFailed("too_large"), "router failed: too_large"),
        (answered("x", 500), "router failed: status 500"),
        (Reply(200, {}, b"<html>"), "router failed: no chat completion"),
        (Reply(200, {}, b'{"choices": []}'), "router failed: no chat completion"),
        (answered("let me think"), "router failed: no route in its answer"),
        (answered('{"route": ["nonsense"]}'), "router failed: unknown routes in its answer"),
        (answered(7), "router failed: no text in its answer"),
    ],
)
def test_a_router_that_fails_is_replaced_by_the_local_one(reply: Reply | CalloutFailed, failure: str) -> None:
    decision = run(reply)

    assert decision.name == "weather"
    assert decision.failure == failure
    assert decision.reason.startswith(f"{failure}; lexical 'weather' 0.")
    assert decision.router == "lexical"


def test_a_failing_router_and_no_match_is_none() -> None:
    decision = run(CalloutFailed("timeout"), (Turn("user", "hello"),))

    assert decision.name is None
    assert decision.reason.startswith("router timed out; no route matched")


def test_a_short_message_goes_on_from_the_one_before() -> None:
    turns = (*ASKED, Turn("assistant", "Sunny."), Turn("user", "and for tomorrow?"))
    decision = local(None, turns)

    assert decision.name == "weather"
    assert decision.reason.endswith("with the turn before")


def test_short_messages_go_on_from_the_last_one_that_said_what_it_is_about() -> None:
    asked = (*ASKED, Turn("assistant", "For whom?"), Turn("user", "Bob"), Turn("assistant", "Who else?"))

    decision = local(None, (*asked, Turn("user", "Alice, please")))
    later = local(None, (*asked, Turn("user", "Nobody knows what to make of all these many words of mine."), ASKED[0]))
    cut = local(
        None, (*ASKED, Turn("user", "Now something that has to do with none of it at all."), Turn("user", "yes"))
    )

    assert decision.name == "weather"
    assert decision.reason.endswith("with an earlier turn")
    assert later.name == "weather"
    assert cut.name is None


def test_a_new_topic_is_not_held_back_by_the_one_before() -> None:
    decision = local(None, (*ASKED, Turn("assistant", "Sunny."), Turn("user", "book a flight there")))

    assert decision.name == "flights"


def test_local_decisions_ask_nobody_and_tell_scores() -> None:
    decision = local("local/lexical", (Turn("user", "weather in Paris and then book a flight"),), many=True)

    assert decision.names == ("weather", "flights")
    assert decision.reason.startswith("lexical 'weather' ")
    assert set(decision.scores) == {"weather", "flights", "code"}


@pytest.mark.parametrize("turns", [(), (Turn("assistant", "hi"),), (Turn("user", " "),)])
def test_nothing_said_is_none(turns: tuple[Turn, ...]) -> None:
    assert local(None, turns).names == ()


def test_without_routes_nobody_is_asked() -> None:
    with pytest.raises(StopIteration) as end:
        next(decide(choose("openai/gpt-4o-mini", ()), ASKED))

    assert end.value.value.names == ()


def test_a_reason_is_fit_for_a_header() -> None:
    routes = (Route("wetter_für_früh\r\nx: y" + "z" * 500, "weather"),)
    with pytest.raises(StopIteration) as end:
        next(decide(choose(None, routes), ASKED))
    reason = end.value.value.reason

    assert reason.isascii()
    assert reason.isprintable()
    assert len(reason) <= 200


def test_a_model_that_rests_is_not_asked() -> None:
    with pytest.raises(StopIteration) as end:
        next(decide(choose("openai/gpt-4o-mini", ROUTES), ASKED, rests=True))

    decision = end.value.value
    assert (decision.name, decision.failure) == ("weather", "router rests after failures")
    assert decision.reason.startswith("router rests after failures; lexical 'weather'")
