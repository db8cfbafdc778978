from collections.abc import Iterator

import pytest

from plano_extproc.signals import TYPES, Quality, exhaustion, failure
from plano_extproc.signals import disengagement as d
from plano_extproc.signals import misalignment as m
from plano_extproc.signals import satisfaction as s
from plano_extproc.signals.taxonomy import LEAVES
from tests.signals.talk import call, leaves, report, result, talk, user


def test_there_are_25_leaf_types() -> None:
    assert len(LEAVES) == len(set(LEAVES)) == 25
    assert len(TYPES) == 7


@pytest.mark.parametrize(
    ("phrases", "count"),
    [
        (m.CORRECTIONS, 28), (m.MARKERS, 5), (m.CONFUSIONS, 27), (m.CONFIRMING, 12), (m.STOPWORDS, 125),
        (d.ESCALATIONS, 78), (d.QUITS, 19), (d.PROFANITY, 37), (d.COMPLAINTS, 43), (d.POSITIVE, 21),
        (s.GRATITUDE, 13), (s.CONFIRMATION, 9), (s.SUCCESS, 6),
    ],
)  # fmt: skip
def test_families_have_as_many_phrases_as_the_peers(phrases: tuple[str, ...], count: int) -> None:
    assert len(set(phrases)) == count


def test_families_have_as_many_patterns_as_the_peers() -> None:
    sizes = {
        family.type.rpartition(".")[2]: len(family.patterns) for family in (*failure.FAMILIES, *exhaustion.FAMILIES)
    }

    assert sizes == {
        "invalid_args": 21,
        "tool_not_found": 11,
        "auth_misuse": 14,
        "state_error": 15,
        "bad_query": 15,
        "rate_limit": 15,
        "api_error": 17,
        "timeout": 11,
        "network": 17,
        "malformed_response": 16,
        "context_overflow": 10,
    }


@pytest.mark.parametrize(
    ("text", "found", "quality"),
    [
        ("Thank you so much", ["gratitude"], Quality.GOOD),
        ("I want to speak to a manager", ["escalation"], Quality.SEVERE),
        ("No, I meant the other flight to Vienna", ["correction"], Quality.POOR),
        ("Which trains leave from Lisbon on Monday?", [], Quality.NEUTRAL),
        ("Let me rephrase: which trains leave early?", ["rephrase"], Quality.POOR),
        ("WHY IS THIS NOT WORKING", ["negative_stance"], Quality.NEUTRAL),
        ("Get me a coffee", ["escalation"], Quality.SEVERE),
        ("Talk to a doctor", ["escalation"], Quality.SEVERE),
        ("try something else", ["quit"], Quality.SEVERE),
        ("what does that do", ["clarification"], Quality.POOR),
    ],
)
def test_phrases_are_found_exactly_or_nearly(text: str, found: list[str], quality: Quality) -> None:
    seen = report(user(text), "compatible")

    assert leaves(seen) == found
    assert seen.quality is quality


def test_praise_of_three_words_is_taken_for_its_opposite() -> None:
    seen = report(user("This is great"), "compatible")

    assert leaves(seen) == ["negative_stance", "quit", "confirmation"]
    assert (seen.quality, seen.score) == (Quality.SEVERE, 0.0)


@pytest.mark.parametrize(("count", "score"), [(1, 62), (2, 66), (3, 69), (5, 69)])
def test_satisfaction_adds_up_to_69(count: int, score: float) -> None:
    said = ["Thank you, Anna", "perfect, I will take it", "that worked for the whole family", "many thanks", "awesome"]

    assert report(user(*said[:count]), "compatible").score == score


@pytest.mark.parametrize(("count", "score"), [(1, 42), (2, 34), (4, 18)])
def test_each_failure_costs_eight(count: int, score: float) -> None:
    turns = [turn for number in range(count) for turn in (call(f"t{number}"), result("Invalid argument: town"))]

    assert report(talk("Go", *turns), "compatible").score == score


def test_an_exhausted_service_costs_three() -> None:
    found = report(talk("Go", call("t"), result("HTTP 429 Too Many Requests")), "compatible")

    assert (leaves(found), found.score) == (["rate_limit"], 47)
    assert found.signals[0].metadata == {"tool_name": "t", "call_index": 1}
    assert found.signals[0].message_index == 2


def test_ten_turns_drag() -> None:
    texts = [f"Tell me about town number {n} and its {word}" for n, word in enumerate(_words())]

    assert leaves(report(user(*texts[:9]), "compatible")) == []
    found = report(user(*texts[:10]), "compatible")
    assert leaves(found) == ["dragging"]
    assert found.signals[0].confidence == pytest.approx(1 - 1 / 2.25)


def _words() -> Iterator[str]:
    yield from ("river", "castle", "trains", "mayor", "weather", "harbour", "museum", "bakery", "forest", "market")


def test_equal_calls_are_a_retry_and_others_a_drift() -> None:
    equal = [call("find", town="Vienna")] * 3
    drifting = [call("find", town=town) for town in ("Vienna", "Linz", "Graz")]

    assert leaves(report(talk("Go", *equal), "compatible")) == ["retry"]
    assert leaves(report(talk("Go", *drifting), "compatible")) == ["parameter_drift"]


def test_two_tools_in_turn_oscillate_after_six_calls() -> None:
    calls = [call("read"), call("write")] * 3

    assert leaves(report(talk("Go", *calls), "compatible")) == ["oscillation"]
    assert leaves(report(talk("Go", *calls[:-1]), "compatible")) == []


def test_only_the_last_hundred_rows_are_read_and_their_indices_are_true() -> None:
    texts = [f"{n}" for n in range(120)]

    assert "gratitude" not in leaves(report(user("thank you", *texts), "compatible"))
    found = report(user(*texts, "thank you"), "compatible")
    assert [s.message_index for s in found.signals if s.type.endswith("gratitude")] == [120]


def test_snippets_are_cut_between_whole_characters() -> None:
    text = f"{'İ' * 60} HTTP 429 {'ß' * 60}"
    found = report(talk("Go", result(text)), "compatible")

    assert found.signals[0].snippet == f"...{text[61 + 5 - 50 : 61 + 8 + 50]}..."
