import random
from typing import Any

import pytest

from plano_extproc.signals import Conversations, Quality, Signal
from plano_extproc.translate.chat import Answer, Finish, Text
from tests.signals.talk import call, leaves, report, result, talk, user


@pytest.mark.parametrize(
    "text",
    [
        "What is this",
        "Get me a coffee",
        "Talk to a doctor",
        "Connect me to a database",
        "Chat with a pirate",
        "try something else",
        "what does that do",
        "Please don't escalate this, I do not want to talk to a manager",
        'How do I say "thank you" in Japanese?',
        "Write a story about a perfect square",
        "What is the HTTP status 404?",
        "Fix this:\n```\nthrow new Error('you idiot, this is useless')\n```",
        "SELECT * FROM t",
        "Hello!!",
        "",
    ],
)
def test_what_only_looks_like_a_signal_is_none(text: str) -> None:
    found = report(user(text))

    assert leaves(found) == []
    assert found.quality is Quality.NEUTRAL


@pytest.mark.parametrize(
    ("text", "leaf"),
    [
        ("This is great", "confirmation"),
        ("Thanks!", "gratitude"),
        ("Vielen Dank, das war's", "gratitude"),
        ("that fixed it", "success"),
        ("I’d like to speak with a real human, please", "escalation"),  # noqa: RUF001
        ("Quiero hablar con una persona", "escalation"),
        ("I give up", "quit"),
        ("you're useless", "negative_stance"),
        ("WHY DOES IT NOT WORK", "negative_stance"),
        ("ПОЧЕМУ ЭТО НЕ РАБОТАЕТ", "negative_stance"),  # noqa: RUF001
        ("Where is it???", "negative_stance"),
        ("No, I meant Vienna", "correction"),
        ("What do you mean?", "clarification"),
        ("In other words, the early one", "rephrase"),
    ],
)
def test_each_is_found(text: str, leaf: str) -> None:
    assert leaves(report(user(text))) == [leaf]


def test_praise_makes_a_conversation_excellent() -> None:
    assert report(user("Where?", "that fixed it, thanks")).quality is Quality.EXCELLENT


def test_one_who_gave_up_and_came_back_is_not_lost_for_ever() -> None:
    later = ["Which trains?", "And on Monday?", "At noon?", "With a bicycle?", "For two?", "thank you, that worked"]

    assert report(user("I give up")).quality is Quality.SEVERE
    assert report(user("I give up", *later)).quality in (Quality.NEUTRAL, Quality.GOOD)


def test_a_long_conversation_drags_only_when_it_goes_wrong() -> None:
    towns = [
        f"Tell me of {town}"
        for town in ["Vienna", "Linz", "Graz", "Wels", "Steyr", "Enns", "Melk", "Krems", "Tulln", "Horn", "Gmünd"]
    ]
    wrong = [text if n % 3 else f"No, I meant {text}" for n, text in enumerate(towns)]

    assert leaves(report(user(*towns))) == []
    assert "dragging" in leaves(report(user(*wrong)))


@pytest.mark.parametrize(
    "text",
    [
        "The page explains what a timeout is, and why a server answers 404 or 429. " * 10,
        '{"status": 200, "items": ["conflict in the archive"], "note": "error handling chapter"}',
        "2026-01-01 INFO request ok\n2026-01-01 WARN connection reset by peer\n" * 10,
        "",
    ],
)
def test_a_result_that_tells_of_errors_is_none(text: str) -> None:
    assert leaves(report(talk("Go", call("read"), result(text)))) == []


@pytest.mark.parametrize(
    ("text", "leaf"),
    [
        ("Error: invalid argument 'town'", "invalid_args"),
        ('{"error": {"message": "Rate limit reached"}}', "rate_limit"),
        ('{"status": 503, "message": "Service Unavailable"}', "api_error"),
        ("Connection refused", "network"),
        ("Unknown tool: fly", "tool_not_found"),
        ("Permission denied", "auth_misuse"),
        ("TimeoutError: read timed out", "timeout"),
    ],
)
def test_a_result_that_is_an_error_is_one(text: str, leaf: str) -> None:
    found = report(talk("Go", call("read", path="a"), result(text)))

    assert leaves(found) == [leaf]
    assert found.signals[0].metadata == {"tool_name": "read", "call_index": 1}


def test_an_anthropic_result_is_an_error_where_it_is_marked() -> None:
    block = {"type": "tool_result", "tool_use_id": "t", "content": "town: out of range, sorry " * 20}
    body = {"messages": [{"role": "user", "content": [{**block, "is_error": True}]}]}

    assert leaves(Conversations().report("anthropic.messages", body)) == ["invalid_args"]


def test_work_with_other_arguments_is_no_loop() -> None:
    reads = [turn for n in range(5) for turn in (call("read", path=f"{n}.py"), result("fine"))]

    assert leaves(report(talk("Go", *reads))) == []


def test_equal_arguments_are_equal_whatever_the_order_of_their_keys() -> None:
    calls = [call("find", a=1, b=2), call("find", b=2, a=1), call("find", a=1, b=2), call("find", a=1, b=2)]

    assert leaves(report(talk("Go", *calls))) == ["retry"]


def test_failing_calls_with_other_arguments_drift() -> None:
    turns = [turn for n in range(3) for turn in (call("find", town=f"{n}"), result("Error: no such town"))]

    assert "parameter_drift" in leaves(report(talk("Go", *turns)))


def test_a_cycle_of_the_same_calls_oscillates() -> None:
    assert leaves(report(talk("Go", *([call("open"), call("close")] * 4)))) == ["oscillation"]


def test_a_question_asked_again_is_a_repetition_and_in_other_words_a_rephrase() -> None:
    question = "Which trains leave from Lisbon to Vienna on Monday morning"

    assert leaves(report(talk(question, "None.", question))) == ["repetition"]
    assert leaves(report(talk(question, "None.", "On Monday morning, which trains from Lisbon leave to Vienna?"))) == [
        "rephrase"
    ]


def test_a_signal_is_new_once() -> None:
    known = Conversations()
    first = talk("thank you", "You are welcome.")
    second = talk("thank you", "You are welcome.", "What else?")

    assert len(known.report("openai.chat", first).new) == 1
    later = known.report("openai.chat", second)
    assert (len(later.signals), later.new) == (1, ())
    assert known.report("openai.chat", second).new == ()


@pytest.mark.parametrize("mode", ["standard", "compatible"])
def test_an_answer_is_read_and_not_told_again_when_it_comes_back(mode: str) -> None:
    known = Conversations(mode)  # type: ignore[arg-type]
    words = "The train leaves at eight in the morning from Lisbon"
    answer = Answer("", "", (Text(words),), Finish.STOP)
    body = talk("When?", words, "Really?")

    assert [s.type for s in known.report("openai.chat", body, answer).new] == ["interaction.stagnation.repetition"]
    again = talk("When?", words, "Really?", words, "Fine.")
    report = known.report("openai.chat", again)
    assert ([s.message_index for s in report.signals], report.new) == ([3], ())


def test_reading_by_and_by_tells_what_reading_at_once_tells() -> None:
    turns: list[str | dict[str, Any]] = [
        "No, I meant Vienna",
        "Vienna.",
        "thanks",
        "Welcome.",
        call("a"),
        result("Error: timed out"),
        "and now?",
    ]
    known = Conversations()
    for end in range(1, len(turns) + 1):
        by_and_by = known.report("openai.chat", talk(*turns[:end]))
    at_once = report(talk(*turns))

    assert by_and_by.signals == at_once.signals
    assert by_and_by.score == at_once.score


_SAYINGS = (
    "Which trains leave from Lisbon to Vienna on Monday?", "On Monday, which trains from Lisbon leave to Vienna?",
    "No, I meant Vienna", "thanks", "what do you mean?", "I give up", "Where is it???", "let me rephrase",
    "WHY NOT TODAY THEN", "that fixed it", "And for two adults and a child, what does that cost?", "Get me a human",
)  # fmt: skip
_ANSWERS = ("At eight.", "The train leaves at eight in the morning from Lisbon, and comes to Vienna at noon.")
_RESULTS = (
    "fine",
    "Error: timed out",
    '{"error": "rate limit reached"}',
    "Unknown tool: fly",
    "Error: invalid argument",
)


def _step(rolled: random.Random) -> list[dict[str, Any]]:
    """Return what a request of some conversation has more than the one before it."""
    if rolled.random() < 0.4:
        called = call(rolled.choice("ab"), town=rolled.choice("vw"))
        return [called, result(rolled.choice(_RESULTS))]
    said = {"role": "user", "content": rolled.choice(_SAYINGS)}
    return [{"role": "assistant", "content": rolled.choice(_ANSWERS)}, said]


@pytest.mark.parametrize("seed", range(60))
def test_any_conversation_tells_by_and_by_what_it_tells_at_once(seed: int) -> None:
    rolled, known = random.Random(seed), Conversations()
    told: list[Signal] = []
    messages = [{"role": "user", "content": f"{rolled.choice(_SAYINGS)} {seed}"}]
    for _ in range(rolled.randint(1, 14)):
        by_and_by = known.report("openai.chat", {"messages": list(messages)})
        told += by_and_by.new
        at_once = Conversations().report("openai.chat", {"messages": list(messages)})

        assert by_and_by.signals == at_once.signals == tuple(told)
        assert by_and_by._replace(new=()) == at_once._replace(new=())
        messages += _step(rolled)


def test_conversations_that_end_alike_are_told_apart() -> None:
    known = Conversations()
    turns = (call("read"), result("ok"))
    opening = {"role": "system", "content": "You are helpful."}
    known.report("openai.chat", talk(opening, "I give up with the first file", *turns))

    assert leaves(known.report("openai.chat", talk(opening, "Read the second file", *turns, *turns))) == []


def test_arguments_are_not_read_while_the_tools_differ() -> None:
    broken = {"role": "assistant", "tool_calls": [{"function": {"name": "c", "arguments": "{not json"}}]}

    assert leaves(report(talk("Go", call("a"), call("b"), broken, call("a")))) == []


def test_a_history_that_was_edited_is_read_anew() -> None:
    known = Conversations()
    known.report("openai.chat", talk("thank you", "Welcome."))

    assert leaves(known.report("openai.chat", talk("What?", "Welcome.", "Fine then"))) == []


def test_what_is_kept_is_bounded() -> None:
    known = Conversations(kept=3)
    for number in range(10):
        known.report("openai.chat", user(f"{number}"))

    assert len(known._known) == 3


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("openai.responses", {"input": "thank you"}),
        ("openai.responses", {"input": [{"role": "user", "content": [{"type": "input_text", "text": "thank you"}]}]}),
        ("anthropic.messages", {"messages": [{"role": "user", "content": [{"type": "text", "text": "thank you"}]}]}),
        ("gemini.generate", {"contents": [{"role": "user", "parts": [{"text": "thank you"}]}]}),
        ("gemini.generate", {"contents": [{"parts": [{"text": "thank you"}]}]}),
    ],
)
def test_every_dialect_is_read(api: str, body: dict[str, object]) -> None:
    assert leaves(Conversations().report(api, body)) == ["gratitude"]  # type: ignore[arg-type]


@pytest.mark.parametrize("api", ["openai.chat", "openai.responses", "anthropic.messages", "gemini.generate"])
@pytest.mark.parametrize("messages", [None, 1, [None, 1, "x", [], {}], [{"role": 1, "content": {"a": 1}, "parts": 3}]])
def test_what_has_no_shape_is_passed_over(api: str, messages: object) -> None:
    body = dict.fromkeys(("messages", "input", "contents"), messages)

    assert Conversations().report(api, body).signals == ()  # type: ignore[arg-type]


def test_answers_that_share_no_piece_are_not_compared_and_near_copies_are_found() -> None:
    long = "The night train leaves Hendaye at 18:20 and reaches Paris in the morning, with a change in Bordeaux. " * 4
    changed = long.replace("morning", "evening", 1)
    other = "Seats are reserved for three; the tickets go to the address at work, and papers follow by noon. " * 4

    assert leaves(report(talk("Which?", long, "And?", changed))) == ["repetition"]
    assert leaves(report(talk("Which?", long, "And?", other))) == []


def test_a_conversation_is_known_again_by_its_latest_messages() -> None:
    known = Conversations()
    first = talk("thanks for the plan, that worked")
    known.report("openai.chat", first)
    grown = talk("thanks for the plan, that worked", "Fine.", "And on Monday?")
    edited = talk("thanks for the plan, that worked!", "Fine.", "And on Monday?", "At noon.", "Good")

    assert known.report("openai.chat", grown).new == ()
    assert known.report("openai.chat", edited).new != ()
