"""Which texts mean the same, by the real encoder where it is installed."""

import pytest

from plano_extproc.caching import near
from plano_extproc.config.policies import Cache
from plano_extproc.routing.intent import encoder

THRESHOLD: float = Cache.model_fields["threshold"].default
KEY = "ab" * 32

SAME = [
    ("What is the capital of France?", "what's the capital of France"),
    ("How do I reset my password?", "How can I reset my password?"),
    ("Tell me about the history of Rome", "Please tell me about the history of Rome."),
    ("How do I install Python on Windows?", "how to install python on windows"),
    ("Explain how photosynthesis works", "Explain how does photosynthesis work?"),
]
OTHER = [
    ("What is the capital of France?", "What is the capital of Germany?"),
    ("Book a flight from Paris to London", "Book a flight from London to Paris"),
    ("What is 17 times 23?", "What is 17 times 24?"),
    ("Is it safe to eat raw eggs?", "Is it not safe to eat raw eggs?"),
    ("How do I enable dark mode?", "How do I disable dark mode?"),
    ("Translate `cat` into German", "Translate `dog` into German"),
    ("Did Alice pay Bob?", "Did Bob pay Alice?"),
    ("What happened on 2024-01-02?", "What happened on 2024-01-03?"),
    ("Who won the world cup in 2018?", "Who won the world cup in 2022?"),
    ("Convert 10 miles to km", "Convert 10 km to miles"),
    ("Which is the largest planet?", "Which is the smallest planet?"),
    ("Can dogs eat grapes?", "Can cats eat grapes?"),
    ("What is the weather in Oslo today?", "What is the weather in Oslo tomorrow?"),
    ("Write a poem about summer", "Write a story about summer"),
    ("How do I delete my account?", "How do I create my account?"),
    ("Symptoms of high blood pressure", "Symptoms of low blood pressure"),
]


@pytest.fixture(scope="module")
def model() -> encoder.Encoder:
    try:
        return encoder.load()
    except encoder.EncoderMissing as missing:
        pytest.skip(str(missing))


def found(model: encoder.Encoder, one: str, other: str) -> near.Near | None:
    first, second = model.embed([one, other])
    rows = near.added(None, first, one, KEY, 100.0)
    return near.nearest(rows, second, other, THRESHOLD, 0.0)


@pytest.mark.parametrize(("one", "other"), SAME)
def test_texts_that_mean_the_same_are_found(model: encoder.Encoder, one: str, other: str) -> None:
    hit = found(model, one, other)

    assert hit is not None
    assert hit.key == KEY


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_texts_that_only_look_alike_are_not(model: encoder.Encoder, one: str, other: str) -> None:
    assert found(model, one, other) is None
    assert found(model, other, one) is None


def test_the_latest_texts_are_kept_and_old_ones_do_not_count(model: encoder.Encoder) -> None:
    rows = b""
    texts = [f"question about {word}" for word in ("tea", "rain", "chess")]
    vectors = model.embed(texts)
    for number in range(near.MOST_ROWS + 5):
        rows = near.added(rows, vectors[number % 3], texts[number % 3], f"{number:064x}", float(number))
    hit = near.nearest(rows, vectors[0], texts[0], 0.9, 0.0)

    assert hit is not None
    assert int(hit.key, 16) % 3 == 0
    assert near.nearest(rows, vectors[0], texts[0], 0.9, 1000.0) is None
    assert near.nearest(b"", vectors[0], texts[0], 0.9, 0.0) is None
    assert len(rows) == len(near.added(rows, vectors[0], texts[0], KEY, 0.0))
