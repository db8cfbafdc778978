import itertools
from collections.abc import Callable
from typing import Any

import pytest

from plano_extproc.apis import Api
from plano_extproc.conversation import memory
from plano_extproc.conversation.extract import extracted
from plano_extproc.conversation.facts import Fact, facts
from plano_extproc.conversation.memory import Memories, Memory
from plano_extproc.flow import CalloutFailed, ModelCall, Reply


def ids() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: str(next(numbers))


def of(*texts: str) -> tuple[Memory, ...]:
    found = [fact for text in texts for fact in (facts(text) or [Fact(text)])]
    return memory.remembered((), found, 100, ids())


def test_what_fills_a_slot_takes_the_place_of_what_filled_it() -> None:
    before = of("I live in Oslo.", "I love tea")
    made = memory.remembered(before, facts("I live in Rome. I love tea!"), 200, ids())

    assert [one.text for one in made] == ["I live in Rome", "I love tea"]
    assert made[0].created == 200


def test_the_newest_stay() -> None:
    made = of(*(f"fact number {number}" for number in range(memory.MOST + 10)))

    assert len(made) == memory.MOST
    assert made[-1].text == f"fact number {memory.MOST + 9}"


def test_memories_are_read_as_they_were_kept() -> None:
    kept = Memories("team-a", "ada", of("I live in Oslo.", "Always be brief, please"))

    assert memory.decoded(memory.encoded(kept)) == kept


@pytest.mark.parametrize(
    ("forgotten", "left"),
    [
        (["everything"], []),
        (["my name"], ["I live in Oslo", "I love green tea"]),
        (["i live in oslo."], ["My name is Ada", "I love green tea"]),
        (["that"], ["My name is Ada", "I live in Oslo", "I love green tea"]),
        ([], ["My name is Ada", "I live in Oslo", "I love green tea"]),
    ],
)
def test_what_a_user_wants_forgotten_is(forgotten: list[str], left: list[str]) -> None:
    kept = of("My name is Ada.", "I live in Oslo.", "I love green tea")

    assert [one.text for one in memory.without(kept, forgotten)] == left


def test_what_bears_on_the_question_comes_to_mind() -> None:
    kept = of("My name is Ada.", "I live in Oslo.", "I love green tea", "My dog is a poodle", "the boiler was serviced")
    found = memory.recalled(kept, "Which tea should I buy?", 3, memory.by_words)

    assert [one.text for one in found] == ["My name is Ada", "I love green tea"]
    assert memory.recalled(kept, "What food is good for my dog?", 1, memory.by_words)[0].text == "My name is Ada"
    assert memory.recalled(kept, "anything", 0, memory.by_words) == []
    assert memory.recalled((), "anything", 5, memory.by_words) == []


@pytest.mark.parametrize(
    ("api", "request_", "field", "meant"),
    [
        ("openai.chat", {"messages": [{"role": "user", "content": "x"}]}, "messages", ["system", "user"]),
        (
            "openai.chat",
            {"messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "x"}]},
            "messages",
            ["system", "system", "user"],
        ),
    ],
)
def test_a_chat_is_told_behind_the_callers_instructions(api: Api, request_: Any, field: str, meant: list[str]) -> None:
    made = memory.told(api, request_, of("I live in Oslo."))

    assert [one["role"] for one in made[field]] == meant
    assert "I live in Oslo" in made[field][meant.count("system") - 1]["content"]


@pytest.mark.parametrize(
    ("api", "request_"),
    [
        ("anthropic.messages", {"system": "rules"}),
        ("anthropic.messages", {"system": [{"type": "text", "text": "rules"}]}),
        ("anthropic.messages", {}),
        ("openai.responses", {"instructions": "rules"}),
        ("openai.responses", {}),
        ("gemini.generate", {"systemInstruction": {"parts": [{"text": "rules"}]}}),
        ("gemini.generate", {"system_instruction": {"parts": [{"text": "rules"}]}}),
        ("gemini.generate", {}),
        ("openai.chat", {"messages": []}),
    ],
)
def test_every_dialect_is_told(api: Api, request_: dict[str, Any]) -> None:
    before = str(request_)
    made = memory.told(api, request_, of("I live in Oslo."))

    assert "I live in Oslo" in str(made)
    assert ("rules" in str(made)) == ("rules" in before)
    assert str(request_) == before
    assert memory.told(api, request_, ()) == request_


def answered(text: str) -> Reply:
    import orjson

    return Reply(200, {}, orjson.dumps({"choices": [{"message": {"content": text}}]}))


@pytest.mark.parametrize(
    ("reply", "meant"),
    [
        (answered('{"facts": ["The user lives in Oslo", " ", 7]}'), ["The user lives in Oslo"]),
        (answered('Sure:\n```json\n{"facts": ["a fact"]}\n```'), ["a fact"]),
        (answered('{"facts": []}'), []),
        (answered("nothing"), []),
        (answered('{"facts": "x"}'), []),
        (Reply(500, {}, b"{}"), []),
        (Reply(200, {}, b"garbage"), []),
    ],
)
def test_a_model_finds_facts(reply: Reply, meant: list[str]) -> None:
    flow = extracted("m", "I live in Oslo")
    question = next(flow)
    assert isinstance(question, ModelCall)
    with pytest.raises(StopIteration) as ended:
        flow.send(reply)

    assert [fact.text for fact in ended.value.value] == meant


def test_a_model_that_fails_finds_nothing() -> None:
    flow = extracted("m", "I live in Oslo")
    next(flow)
    with pytest.raises(StopIteration) as ended:
        flow.throw(CalloutFailed("timeout"))

    assert ended.value.value == []
