"""Counts of tokens where no provider can be asked: estimates, and named as such.

OpenAI's current vocabulary is used for all models, by the optional package `bpe-openai` (`pip install
plano-extproc[tokens]`); other vendors' counts differ by some 10 to 20 %. Without the package, for a very long text, and
until the vocabulary is loaded, four characters are taken for a token.
"""

import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from plano_extproc.apis import Api

_ENCODING = "o200k_base"
_LONGEST_COUNTED = 500_000
"""Characters; counting them takes some 50 ms, in which a worker does nothing else."""

_CHARACTERS_PER_TOKEN = 4
_TOKENS_PER_MESSAGE = 4
"""Role and separators (https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken_openai)."""

_TOKENS_PER_IMAGE: Final[Mapping[Api, int]] = {"anthropic.messages": 1600, "gemini.generate": 258}
"""Anthropic's largest image, 1568 by 1568 pixels: width times height by 750; Google's tile of 768 by 768."""

_FIELDS: Final[Mapping[Api, tuple[str, ...]]] = {
    "anthropic.messages": ("messages", "system", "tools"),
    "gemini.generate": ("contents", "systemInstruction", "system_instruction", "tools"),
}
"""What a model reads of a request, its messages first."""


class _Encoding(Protocol):
    def encode_ordinary(self, text: str) -> list[int]: ...


class _Vocabulary:
    """The encoding, loaded by a thread at the first question: it takes half a second, and 150 MB."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.encoding: _Encoding | None = None

    def load(self) -> threading.Thread:
        """Begin to load, once; return the thread that does it."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._load, name="vocabulary", daemon=True)
                self._thread.start()
            return self._thread

    def _load(self) -> None:
        try:
            import bpe_openai
        except ImportError:
            return
        self.encoding = bpe_openai.get_encoding(_ENCODING)


VOCABULARY = _Vocabulary()


def estimate(api: Api, request: dict[str, Any]) -> tuple[int, str]:
    """Return the tokens of a request, about, and the name of the method that counted them.

    `api` is one of the dialects in which tokens are counted, Anthropic's and Google's.
    """
    fields = _FIELDS[api]
    read = {key: request.get(key) for key in fields}
    texts = [text for part in read.values() for text in _texts(part)]
    messages = request.get(fields[0])
    fixed = _TOKENS_PER_MESSAGE * (len(messages) if isinstance(messages, list) else 0)
    fixed += _TOKENS_PER_IMAGE[api] * _images(read)
    length = sum(map(len, texts))
    VOCABULARY.load()
    encoding = VOCABULARY.encoding if length <= _LONGEST_COUNTED else None
    if encoding is None:
        return fixed + -(-length // _CHARACTERS_PER_TOKEN), "characters"
    return fixed + sum(len(encoding.encode_ordinary(text)) for text in texts), _ENCODING


def _texts(value: Any) -> Iterator[str]:
    """Yield every text that a model reads, in no order; keys and binary content are left out."""
    left = [value]
    while left:
        held = left.pop()
        if isinstance(held, str):
            yield held
        elif isinstance(held, list):
            left += held
        elif isinstance(held, dict) and not _is_binary(held):
            left += [item for key, item in held.items() if key not in _NOT_READ]


def _images(value: Any) -> int:
    found, left = 0, [value]
    while left:
        held = left.pop()
        if isinstance(held, list):
            left += held
        elif isinstance(held, dict):
            found += _is_binary(held)
            left += held.values()
    return found


def _is_binary(held: dict[str, Any]) -> bool:
    return held.get("type") in _BINARY or not _BLOBS.isdisjoint(held)


# Looked for by comparison: what a caller writes as a type may be anything.
_BINARY = ("image", "document")
_BLOBS: Final = frozenset({"inlineData", "inline_data", "fileData", "file_data"})
_NOT_READ = {"type", "id", "tool_use_id", "signature", "thoughtSignature", "thought_signature", "cache_control", "role"}
