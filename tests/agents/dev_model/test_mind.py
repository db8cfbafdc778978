"""What the development model answers."""

import json
from typing import Any

import pytest

from plano_agents.dev_model import mind, tokens
from plano_agents.dev_model.ask import Ask, Call, Tool, ToolResult, Turn

WEATHER = Tool(
    "get_weather",
    "Look up the forecast of a place",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
        "required": ["city"],
    },
)
SEARCH = Tool("find_flights", "Search the airlines", {"type": "object", "properties": {}})


def ask(text: str, **fields: Any) -> Ask:
    return Ask("gpt-4o", (Turn("user", text),), **fields)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello there", "Hello!"),
        ("What is 12 * (3 + 4)?", "12 * (3 + 4) = 84"),
        ("What is 7 plus 5?", "7 + 5 = 12"),
        ("2/0?", "undefined"),
        ("1.5 * 3", "= 4.5"),
        ("9 ** 9999999", "You wrote"),
        ("Which model are you?", "asked as gpt-4o"),
        ("Will it rain in Oslo?", "21 degrees"),
        ("Write a function", "def main()"),
        ("the quick brown fox", "You wrote: the quick brown fox"),
        ("", "You wrote nothing"),
    ],
)
def test_text_is_answered_by_rule(text: str, said: str) -> None:
    answer = mind.answer(ask(text))

    assert said in answer.text
    assert answer.text.startswith("[development stand-in, asked as gpt-4o] ")
    assert answer.stop == "end"


def test_same_ask_has_the_same_answer() -> None:
    assert mind.answer(ask("anything at all")) == mind.answer(ask("anything at all"))


def test_name_told_earlier_is_remembered() -> None:
    turns = (Turn("user", "My name is Ada."), Turn("assistant", "Hello Ada"), Turn("user", "What is my name?"))

    assert "Your name is Ada." in mind.answer(Ask("m", turns)).text


def test_tool_is_called_when_the_text_speaks_of_its_name() -> None:
    answer = mind.answer(ask("How is the weather in Paris, in celsius?", tools=(SEARCH, WEATHER)))

    assert answer.calls == (Call("get_weather", {"city": "Paris", "unit": "celsius"}),)
    assert (answer.stop, answer.text) == ("tool", "")


def test_tool_is_called_when_the_text_speaks_of_its_description() -> None:
    assert mind.answer(ask("Search some airlines for me", tools=(SEARCH, WEATHER))).calls[0].name == "find_flights"


def test_two_places_are_two_parallel_calls() -> None:
    both = mind.answer(ask("weather in Paris and Rome", tools=(WEATHER,)))
    one = mind.answer(ask("weather in Paris and Rome", tools=(WEATHER,), parallel_tools=False))

    assert [call.arguments["city"] for call in both.calls] == ["Paris", "Rome"]
    assert len(one.calls) == 1


@pytest.mark.parametrize(
    ("text", "choice", "called"),
    [
        ("weather in Paris", "none", []),
        ("nothing of the kind", "auto", []),
        ("nothing of the kind", "any", ["find_flights"]),
        ("nothing of the kind", "=get_weather", ["get_weather"]),
    ],
)
def test_tool_choice_is_obeyed(text: str, choice: str, called: list[str]) -> None:
    answer = mind.answer(ask(text, tools=(SEARCH, WEATHER), tool_choice=choice))

    assert [call.name for call in answer.calls] == called


def test_tool_results_are_summed_up_without_another_call() -> None:
    results = (ToolResult("get_weather", "18 degrees"), ToolResult("get_weather", "no such city", is_error=True))
    turns = (Turn("user", "weather in Paris"), Turn("assistant"), Turn("user", results=results))
    answer = mind.answer(Ask("m", turns, tools=(WEATHER,)))

    assert "The tool get_weather answered: 18 degrees" in answer.text
    assert "The tool get_weather failed: no such city" in answer.text


@pytest.mark.parametrize("limit", [1, 2, 5, 9])
def test_answer_is_never_longer_than_asked(limit: int) -> None:
    answer = mind.answer(ask("Hello", max_tokens=limit))

    assert answer.output_tokens == tokens.count(answer.text) == limit
    assert answer.stop == "length"


def test_calls_that_do_not_fit_are_not_made() -> None:
    answer = mind.answer(ask("weather in Paris", tools=(WEATHER,), max_tokens=3))

    assert (answer.calls, answer.stop) == ((), "length")


def test_thinking_counts_into_the_limit() -> None:
    answer = mind.answer(ask("Hello", thinks=True, max_tokens=3))

    assert (answer.text, answer.thinking_tokens, answer.stop) == ("", 3, "length")


def test_text_ends_before_a_stop_sequence() -> None:
    answer = mind.answer(ask("Hello", stop=("gateway", "am")))

    assert answer.text.endswith("Hello! I ")
    assert (answer.stop, answer.stop_sequence) == ("stop_sequence", "am")


def test_json_is_answered_where_a_schema_asks_for_it() -> None:
    schema = {
        "type": "object",
        "properties": {
            "count": {"type": "integer"},
            "kind": {"$ref": "#/$defs/kind"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "maybe": {"anyOf": [{"type": "null"}, {"type": "string"}]},
        },
        "required": ["count", "kind", "tags", "maybe"],
        "$defs": {"kind": {"enum": ["fruit", "tree"]}},
    }
    answer = mind.answer(ask("3 apples on a tree", answer_schema=schema))

    assert json.loads(answer.text) == {"count": 3, "kind": "tree", "tags": ["3 apples on a tree"], "maybe": None}


def test_schema_that_refers_to_itself_ends() -> None:
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}

    assert mind.answer(ask("x", answer_schema=schema)).text
