"""Whole streams, by golden files: fed at once, byte by byte, and cut in two at every place."""

from pathlib import Path

import pytest

from plano_extproc.apis import Api
from plano_extproc.translate import StreamTranslation, Translation
from tests.translate.golden import ASKS, ENDINGS, Check, beside, check, paired, told
from tests.translate.invariants import check_stream

__all__ = ["check"]

CASES = paired("streams")


def stream(client: Api, provider: Api) -> StreamTranslation:
    translation = Translation(client, provider, created=1700000001, answer_id="answer_1")
    translation.request({**ASKS[client], "stream": True}, "the-model")
    return translation.stream()


def golden(client: Api, path: Path) -> Path:
    return beside(path, client, ENDINGS[client])


@pytest.mark.parametrize(("client", "provider", "path"), CASES)
def test_stream(client: Api, provider: Api, path: Path, check: Check) -> None:
    translated = stream(client, provider)
    made = translated.feed(told(path), end=True)
    content = check_stream(client, made)

    assert (translated.finished, translated.failed) == (content.error is None, content.error is not None)
    check(golden(client, path), made)


@pytest.mark.parametrize(("client", "provider", "path"), CASES)
def test_stream_byte_by_byte(client: Api, provider: Api, path: Path) -> None:
    data = told(path)
    translated = stream(client, provider)
    made = b"".join(translated.feed(data[i : i + 1], end=False) for i in range(len(data)))
    made += translated.feed(b"", end=True)

    assert made == golden(client, path).read_bytes()


@pytest.mark.parametrize(("client", "provider", "path"), CASES)
def test_stream_cut_anywhere(client: Api, provider: Api, path: Path) -> None:
    data = told(path)
    whole = golden(client, path).read_bytes()
    for cut in range(len(data)):
        translated = stream(client, provider)

        assert translated.feed(data[:cut], end=False) + translated.feed(data[cut:], end=True) == whole
