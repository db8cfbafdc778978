"""Content encodings, undone as the bytes arrive."""

import zlib
from collections.abc import Mapping
from typing import Final, Protocol

from plano_extproc.errors import BadProviderAnswer

MAX_DECODED_BYTES = 64 * 1024 * 1024
"""A compressed answer may unfold to this; an honest one is far smaller."""


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


class ContentDecoder:
    """Undoes one `content-encoding`. Chunks may be cut anywhere.

    Only encodings of the standard library are known, since Envoy is told to ask providers for plain answers.
    """

    def __init__(self, encoding: bytes = b"identity", *, limit: int = MAX_DECODED_BYTES) -> None:
        """Decode `encoding`, the header's value. Raises `BadProviderAnswer` when it is not known."""
        name = encoding.strip().lower()
        if name not in _WINDOW_BITS:
            shown = name.decode("latin-1")
            raise BadProviderAnswer(f"the provider answered with content-encoding '{shown}', which cannot be read here")
        self._bits = _WINDOW_BITS[name]
        self._left = limit
        self._limit = limit
        self._inflater: _Inflater | None = None
        self._head = b""

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to undo."""
        return not self._bits

    def feed(self, chunk: bytes, end: bool) -> bytes:
        """Return what `chunk` holds. Raises `BadProviderAnswer` for garbage, a bomb, or an end that comes too early."""
        if not self._bits:
            return chunk
        try:
            plain = self._inflate(chunk)
        except zlib.error as error:
            raise BadProviderAnswer(f"the provider's compressed answer is broken: {error}") from None
        if end and (self._head or (self._inflater is not None and not self._inflater.eof)):
            raise BadProviderAnswer("the provider's compressed answer ended early")
        return plain

    def _inflate(self, chunk: bytes) -> bytes:
        plain: list[bytes] = []
        while chunk:
            if self._inflater is None:
                chunk = self._head + chunk
                if self._bits == _DEFLATE and len(chunk) < 2:
                    self._head = chunk
                    break
                self._head = b""
                self._inflater = zlib.decompressobj(_window_bits(self._bits, chunk))
            if self._inflater.eof:
                # What follows the end of a gzip member is another member; of anything else, padding.
                if self._bits != _GZIP or not chunk.startswith(b"\x1f"):
                    break
                self._inflater = zlib.decompressobj(self._bits)
            made = self._inflater.decompress(chunk, self._left + 1)
            self._left -= len(made)
            if self._left < 0:
                raise BadProviderAnswer(f"the provider's compressed answer is larger than {self._limit} bytes")
            plain.append(made)
            chunk = self._inflater.unconsumed_tail or self._inflater.unused_data
        return b"".join(plain)


def _window_bits(bits: int, head: bytes) -> int:
    # "deflate" means zlib's format (RFC 9110, 8.4.1.2), yet some servers send the bare one.
    if bits == _DEFLATE and (head[0] & 0x0F != 8 or int.from_bytes(head[:2]) % 31):
        return -zlib.MAX_WBITS
    return bits


_GZIP: Final = zlib.MAX_WBITS | 16
_DEFLATE: Final = zlib.MAX_WBITS
_WINDOW_BITS: Final[Mapping[bytes, int]] = {
    b"": 0,
    b"identity": 0,
    b"gzip": _GZIP,
    b"x-gzip": _GZIP,
    b"deflate": _DEFLATE,
}
