"""Whole streams, by golden files: fed at once, byte by byte, and cut in two at every place."""

from pathlib import Path

import pytest

from plano_extproc.apis import Api
from plano_extproc.translate import StreamTranslation, Translation
from tests.translate.golden import OTHER, Check, beside, check, inputs
from tests.translate.invariants import check_stream

__all__ = ["check"]

CASES = [
    pytest.param(api, path, id=f"{api}-{path.stem}")
    for api in OTHER
    for path in inputs("streams", api)
]  # fmt: skip


def stream(provider: Api) -> StreamTranslation:
    translation = Translation(OTHER[provider], provider, created=1700000001, answer_id="answer_1")
    request = {
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 9,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    translation.request(request, "the-model")
    return translation.stream()


@pytest.mark.parametrize(("provider", "path"), CASES)
def test_stream(provider: Api, path: Path, check: Check) -> None:
    translated = stream(provider)
    made = translated.feed(path.read_bytes(), end=True)
    content = check_stream(OTHER[provider], made)

    assert (translated.finished, translated.failed) == (content.error is None, content.error is not None)
    check(beside(path, OTHER[provider], "sse"), made)


@pytest.mark.parametrize(("provider", "path"), CASES)
def test_stream_byte_by_byte(provider: Api, path: Path) -> None:
    data = path.read_bytes()
    translated = stream(provider)
    made = b"".join(translated.feed(data[i : i + 1], end=False) for i in range(len(data)))
    made += translated.feed(b"", end=True)

    assert made == beside(path, OTHER[provider], "sse").read_bytes()


@pytest.mark.parametrize(("provider", "path"), CASES)
def test_stream_cut_anywhere(provider: Api, path: Path) -> None:
    data = path.read_bytes()
    whole = beside(path, OTHER[provider], "sse").read_bytes()
    for cut in range(len(data)):
        translated = stream(provider)

        assert translated.feed(data[:cut], end=False) + translated.feed(data[cut:], end=True) == whole
