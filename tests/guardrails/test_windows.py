"""Personal data in streams: wherever the text is cut, the caller gets the same."""

import random

import pytest

from plano_extproc.errors import InvalidRequest
from plano_extproc.guardrails._windows import MOST_HELD, PiiWindow
from plano_extproc.guardrails.pii import find, replace
from plano_extproc.guardrails.redaction import Placeholders, RestoreWindow, label
from plano_extproc.translate.texts import JsonWindow

TEXTS = [
    "Write to jane.doe@example.com, or call +49 151 23456789 or (555) 123-4567 before 12 May 2024.",
    "card 12 4111 1111 1111 1111 34 and DE89 3704 0044 0532 0130 00, GB82WEST12345698765432.",
    "ssn 123-45-6789; 192.168.1.1, 2001:db8::1 — token: 9f8e7d6c5b4a39281706f5e4d3c2b1a0 end",
    "Grüße an jürgen@exämple.de 😀 sk-proj-abcdefghijklmnopqrstuvwx0123456789 x",
    '{"a":"x\\njane@example.com","api_key": "9f8e7d6c5b4a39281706f5e4d3c2b1a0"} 1 22 333 4444 55555 6',
    "a.b.c@d.e.f.org@x 4111111111111111@y 1-800-555-0199, 5555 5555 5555 4444 4111 1111 1111 1111",
    "no personal data at all, only 3.14 and 2024-05-06 12:30:45 and std::string",
]


def seen(pieces: list[str]) -> str:
    window = PiiWindow()
    return "".join(window.feed(piece) for piece in pieces) + window.end()


@pytest.mark.parametrize("text", TEXTS)
def test_a_cut_anywhere_changes_nothing(text: str) -> None:
    expected = replace(text, find(text), label)
    for cut in range(len(text)):
        assert seen([text[:cut], text[cut:]]) == expected
    assert seen(list(text)) == expected


def test_random_cuts_of_everything_together_change_nothing() -> None:
    chance = random.Random(7)
    for _ in range(200):
        text = chance.choice([" ", "\n", ", ", ""]).join(chance.sample(TEXTS, 3))
        cuts = sorted(chance.sample(range(len(text)), 12))
        pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]

        assert seen(pieces) == replace(text, find(text), label)


@pytest.mark.parametrize(
    "text", ["word " * 200, "x" * 5000, "12 " * 900, "ä" * 999, "a@" * 700, "4" * 3000, "1::" * 500]
)
def test_no_more_than_256_bytes_are_held_back(text: str) -> None:
    window = PiiWindow()
    made = ""
    for at, sign in enumerate(text, 1):
        made += window.feed(sign)
        assert len(text[:at].encode()) - len(made.encode()) <= MOST_HELD


def test_a_token_that_is_longer_than_what_is_held_is_swallowed() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJ" + "abcDEF123_-" * 200 + ".c2lnbmF0dXJl"

    assert seen(list(f"it is {token} and more")) == "it is [API_KEY] and more"


def test_a_match_is_refused_before_any_of_it_is_out() -> None:
    window = PiiWindow(["email"], InvalidRequest("no addresses"))

    assert window.feed("Hello jane") + window.feed("@example.com") == "Hello "
    with pytest.raises(InvalidRequest):
        window.feed(" more")


def placeholders(*texts: str) -> tuple[Placeholders, list[str]]:
    given = Placeholders(texts)
    made = [
        replace(text, find(text), lambda one, text=text: given.word(one, text[one.start : one.end])) for text in texts
    ]
    return given, made


def test_placeholders_are_turned_back_wherever_the_answer_is_cut() -> None:
    given, made = placeholders("I am jane@example.com, not bob@example.com, and jane@example.com again [EMAIL_2]")
    restore = given.restore()
    assert restore is not None

    assert made == ["I am [EMAIL_1], not [EMAIL_3], and [EMAIL_1] again [EMAIL_2]"]
    answer = "Hi [EMAIL_1]! [EMAIL_2] [EMAIL_ [EMAIL_3][IP_1] [not] ["
    expected = "Hi jane@example.com! [EMAIL_2] [EMAIL_ bob@example.com[IP_1] [not] ["
    for cut in range(len(answer)):
        window = RestoreWindow(restore)

        assert window.feed(answer[:cut]) + window.feed(answer[cut:]) + window.end() == expected


def test_placeholders_in_arguments_become_json() -> None:
    given = Placeholders([])
    word = given.word(find("a@b.com")[0], 'a"\\b')
    restore = given.restore()
    assert restore is not None
    window = JsonWindow(lambda: RestoreWindow(restore))

    assert "".join(map(window.feed, f'{{"to":"{word}"}}')) + window.end() == '{"to":"a\\"\\\\b"}'


def test_parallel_exchanges_share_nothing() -> None:
    one, two = placeholders("a@example.com")[0].restore(), placeholders("b@example.com")[0].restore()
    assert one is not None
    assert two is not None

    assert RestoreWindow(one).feed("[EMAIL_1] ") == "a@example.com "
    assert RestoreWindow(two).feed("[EMAIL_1] ") == "b@example.com "
    assert "example" not in repr(one)
