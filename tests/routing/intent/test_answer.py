import pytest

from plano_extproc.routing.intent.answer import Nonsense, names

KNOWN = ("weather", "flights", "Bob's desk")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('{"route": ["weather"]}', ("weather",)),
        ('{"route": ["flights", "weather", "flights"]}', ("flights", "weather")),
        ('{"route": "weather"}', ("weather",)),
        ("{'route': ['weather']}", ("weather",)),
        ('{"route": ["Bob\'s desk"]}', ("Bob's desk",)),
        ('```json\n{"route": ["weather"]}\n```', ("weather",)),
        ('The user asks about rain, so: {"route": ["weather"]}. Done.', ("weather",)),
        ('<think>{"route": ["flights"]}</think>{"route": ["weather"]}', ("weather",)),
        ('{"route": ["flights"]} no, rather {"route": ["weather"]}', ("weather",)),
        ('{"route": ["WEATHER "]}', ("weather",)),
        ('{"route": [{"name": "weather"}]}', ("weather",)),
        ('{"route": ["weather", "unknown"]}', ("weather",)),
        ('{"a": "{", "route": ["weather"]}', ("weather",)),
        ('{"route": []}', ()),
        ('{"route": null}', ()),
        ("{'route': None}", ()),
        ('{"route": "none"}', ()),
        ('{"route": [""]}', ()),
        ("", ()),
        ("  \n", ()),
    ],
)
def test_what_models_answer(content: str, found: tuple[str, ...]) -> None:
    assert names(content, KNOWN) == found


@pytest.mark.parametrize(
    "content",
    ["weather", "I cannot help", "{", '{"route": [', '{"route": ["unknown"]}', "[1]", "{" * 50_000, '{"x": 1}'],
)
def test_nonsense_is_told_from_none(content: str) -> None:
    with pytest.raises(Nonsense):
        names(content, KNOWN)
