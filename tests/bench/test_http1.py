import pytest

from bench.http1 import LAST_CHUNK, Message, Reader, chunk

COUNTED = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-more: 1\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunk(b"hello") + LAST_CHUNK
EMPTY = b"GET /readyz HTTP/1.1\r\nhost: bench\r\n\r\n"


@pytest.mark.parametrize("wire", [COUNTED, CHUNKED, EMPTY])
def test_a_message_is_complete_at_its_last_byte_however_it_is_cut(wire: bytes) -> None:
    whole = Reader().feed(wire)
    reader = Reader()
    seen = [reader.feed(bytes([byte])) for byte in wire]

    assert whole == seen[-1] == Message(*(part for part in _split(wire)))
    assert seen[:-1] == [None] * (len(wire) - 1)


def test_a_reader_takes_one_message_after_another() -> None:
    reader = Reader()
    bodies = [message.body for wire in (COUNTED, CHUNKED, COUNTED) if (message := reader.feed(wire))]

    assert bodies == [b"hello", chunk(b"hello") + LAST_CHUNK, b"hello"]


def _split(wire: bytes) -> tuple[bytes, bytes]:
    head, end, body = wire.partition(b"\r\n\r\n")
    return head + end, body
