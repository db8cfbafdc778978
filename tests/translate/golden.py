"""Golden files: `<case>.<ext>` is what goes in, `<case>.<dialect>[.<variant>].<ext>` what must come out."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from plano_extproc.apis import Api
from tests.translate import eventstream

ROOT: Final = Path(__file__).parents[1] / "golden"
ASKS: Final[Mapping[Api, dict[str, Any]]] = {
    "openai.chat": {
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 9,
        "stream_options": {"include_usage": True},
    },
    "anthropic.messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9},
    "openai.responses": {"input": "hi", "max_output_tokens": 99},
    "gemini.generate": {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "generationConfig": {"maxOutputTokens": 9, "thinkingConfig": {"includeThoughts": True}},
    },
}
"""The smallest request of each dialect that clients speak."""

PATHS: Final[Mapping[Api, tuple[str, str]]] = {
    "openai.chat": ("/v1/chat/completions",) * 2,
    "openai.responses": ("/v1/responses",) * 2,
    "anthropic.messages": ("/v1/messages",) * 2,
    "gemini.generate": (
        "/v1beta/models/{model}:generateContent",
        "/v1beta/models/{model}:streamGenerateContent?alt=sse",
    ),
}
"""Where clients ask for a whole answer, and for a stream."""

PROVIDERS: Final[tuple[Api, ...]] = (*ASKS, "bedrock.converse")
"""The dialects that providers speak."""

PAIRS: Final[tuple[tuple[Api, Api], ...]] = tuple(
    (client, provider) for client in ASKS for provider in PROVIDERS if client != provider
)
"""Every client with every provider of another dialect."""

OTHER: Final[dict[Api, Api]] = {
    api: "openai.chat" if api != "openai.chat" else "anthropic.messages" for api in PROVIDERS
}  # fmt: skip
"""For what is tested with one other dialect only."""

ENDINGS: Final[Mapping[Api, str]] = dict.fromkeys(ASKS, "sse")
"""What files of streams of a dialect are called."""

Check = Callable[[Path, bytes], None]


@pytest.fixture
def check(request: pytest.FixtureRequest) -> Check:
    """Compare bytes with a golden file, or write it when the run is asked to."""

    def compare(path: Path, made: bytes) -> None:
        if request.config.getoption("--update", default=False):
            path.write_bytes(made)
        assert path.read_bytes() == made

    return compare


def pretty(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def inputs(kind: str, api: Api) -> list[Path]:
    """Return the files that go in."""
    outputs = tuple(f".{dialect}" for dialect in PROVIDERS)
    return sorted(path for path in (ROOT / kind / api).iterdir() if not any(out in path.name for out in outputs))


def told(path: Path) -> bytes:
    """Return the bytes of a stream. Those of Amazon's are kept as lines of JSON, for their frames are not readable."""
    return eventstream.framed(path.read_bytes()) if path.suffix == ".jsonl" else path.read_bytes()


def paired(kind: str) -> list[Any]:
    """Return parameters (client, provider, path) for what each provider answers to clients of every other dialect."""
    return [
        pytest.param(client, provider, path, id=f"{provider}-{path.name.partition('.')[0]}-{client}")
        for client, provider in PAIRS
        for path in inputs(kind, provider)
    ]


def beside(path: Path, *words: str) -> Path:
    """Return the file that must come out."""
    name, _, _ = path.name.partition(".")
    return path.with_name(".".join((name, *words)))


STREAMS: Final = [
    (api, path) for api in ASKS for path in sorted(ROOT.glob(f"streams/*/*.{api}.sse")) if "logprobs" not in path.name
]
"""Streams with their dialects, whose texts are edited.

What tells of tokens is taken out of every answer whose texts are read; that has tests of its own.
"""
