import gzip
import zlib

import pytest

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.framing.content import ContentDecoder

TEXT = b"data: hello\n\n" * 50


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


ENCODED = [
    (b"identity", TEXT),
    (b"", TEXT),
    (b"gzip", gzip.compress(TEXT, mtime=0)),
    (b" GZIP ", gzip.compress(TEXT, mtime=0)),
    (b"x-gzip", gzip.compress(TEXT, mtime=0)),
    (b"gzip", gzip.compress(TEXT[:99], mtime=0) + gzip.compress(TEXT[99:], mtime=0)),
    (b"gzip", gzip.compress(TEXT, mtime=0) + b"\0\0\0"),
    (b"deflate", zlib.compress(TEXT)),
    (b"deflate", bare(TEXT)),
]


@pytest.mark.parametrize(("encoding", "data"), ENCODED)
def test_decoded_however_it_is_cut(encoding: bytes, data: bytes) -> None:
    whole = ContentDecoder(encoding)
    assert whole.feed(data, end=True) == TEXT

    bytewise = ContentDecoder(encoding)
    made = b"".join(bytewise.feed(data[i : i + 1], end=False) for i in range(len(data)))
    assert made + bytewise.feed(b"", end=True) == TEXT


def test_an_empty_body_is_empty_in_every_encoding() -> None:
    assert ContentDecoder(b"gzip").feed(b"", end=True) == b""


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(BadProviderAnswer, match="content-encoding 'br'"):
        ContentDecoder(b"br")


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate"])
def test_garbage_is_refused(encoding: bytes) -> None:
    with pytest.raises(BadProviderAnswer, match="broken"):
        ContentDecoder(encoding).feed(b"\x07 no such thing", end=True)


@pytest.mark.parametrize("data", [gzip.compress(TEXT, mtime=0)[:-9], gzip.compress(TEXT, mtime=0)[:5]])
def test_an_early_end_is_refused(data: bytes) -> None:
    with pytest.raises(BadProviderAnswer, match="ended early"):
        ContentDecoder(b"gzip").feed(data, end=True)


def test_a_bomb_is_stopped_at_the_limit() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    decoder = ContentDecoder(b"gzip", limit=100_000)

    with pytest.raises(BadProviderAnswer, match="larger than 100000 bytes"):
        decoder.feed(bomb, end=True)
