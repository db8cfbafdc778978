import pytest

from plano_extproc.conversation.facts import facts, forgets

WORTH = [
    ("My name is Ada.", "name"),
    ("Hi, my name's Ada Lovelace and I need help with Python", "name"),
    ("Please call me Al.", "called"),
    ("I live in Oslo.", "home"),
    ("I'm from Brazil", "home"),
    ("By the way, I work as a nurse in a hospital.", "work"),
    ("I am 34 years old.", "age"),
    ("I'm allergic to peanuts.", "cannot peanuts"),
    ("I can't eat gluten", "cannot gluten"),
    ("I'm a vegetarian.", None),
    ("I'm a software engineer", "is a"),
    ("I prefer short answers.", "taste short answers"),
    ("I really love hiking in the mountains", "taste hiking in the mountains"),
    ("I hate cilantro", "taste cilantro"),
    ("My wife is called Ana.", "my wife"),
    ("My favourite colour is green.", "my favourite colour"),
    ("From now on, answer in French.", None),
    ("Always use metric units.", None),
    ("Remember that the door code of the office changes on Mondays.", None),
    ("Please remember: my timezone is CET", "timezone"),
    ("I have two kids", "has kids"),
    ("My dog is a poodle", "my dog"),
]
NOT_WORTH = [
    "What is my name?",
    "If my name is Ada, what rhymes with it?",
    "Suppose I live in Oslo.",
    'Translate "my name is Ada" into French.',
    "```\nmy name is Ada\n```",
    "`I live in Oslo`",
    "> I live in Oslo",
    "I'm looking for a flight to Rome.",
    "I'm not sure.",
    "I'm a bit lost here",
    "I like that.",
    "I like it when you are brief",
    "I would like to know the time",
    "My question is about Python.",
    "My code is broken",
    "Write a story in which the hero says his name.",
    "Please call me back when it is done",
    "The capital of France is Paris.",
    "",
    "x" * 10_000,
    "my name is " + "a" * 400,
]


@pytest.mark.parametrize(("text", "slot"), WORTH)
def test_statements_about_oneself_are_facts(text: str, slot: str | None) -> None:
    found = facts(text)

    assert len(found) == 1
    assert found[0].slot == slot


@pytest.mark.parametrize("text", NOT_WORTH)
def test_what_is_none_is_not_remembered(text: str) -> None:
    assert facts(text) == []


def test_several_facts_in_one_message() -> None:
    found = facts("Hello! My name is Ada. I live in Oslo.\nWhat's the weather?\n- I love snow.")

    assert [fact.text for fact in found] == ["My name is Ada", "I live in Oslo", "I love snow"]
    assert [fact.slot for fact in found] == ["name", "home", "taste snow"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Forget that I live in Oslo.", ["i live in oslo."]),
        ("Please forget everything you know about me.", ["everything"]),
        ("Forget my name", ["my name"]),
        ("Don't forget my birthday", []),
        ("Never forget my birthday", []),
        ("I forget where I put it", []),
        ("Tell me about Paris", []),
    ],
)
def test_what_is_to_be_forgotten(text: str, meant: list[str]) -> None:
    assert forgets(text) == meant
