"""Amazon's binary event stream."""

import struct
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.framing.aws import EventStreamParser, ExceptionEvent
from plano_extproc.translate.framing.sse import Event
from tests.translate import eventstream

# Both are read by botocore.
EVENT = bytes.fromhex(
    "0000007f000000529bc598af0b3a6576656e742d7479706507000c6d65737361676553746172740d3a636f6e74656e742d74797065070010"
    "6170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b2270223a226162222c22726f6c65223a22"
    "617373697374616e74227d362c6c18"
)
EXCEPTION = bytes.fromhex(
    "00000090000000618e91a9b70f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a636f6e74"
    "656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070009657863657074696f6e7b226d"
    "657373616765223a22546f6f206d616e79207265717565737473227de67f8005"
)
BOTH = [
    Event(b"messageStart", b'{"p":"ab","role":"assistant"}'),
    ExceptionEvent(b"throttlingException", b'{"message":"Too many requests"}'),
]


def read(*chunks: bytes) -> list[Event]:
    parser = EventStreamParser()
    return [event for chunk in chunks for event in parser.feed(chunk)] + [*parser.end()]


def test_frames_that_botocore_reads_are_read_alike() -> None:
    assert read(EVENT + EXCEPTION) == BOTH


def test_frames_of_the_tests_are_made_as_botocore_reads_them() -> None:
    assert eventstream.event("messageStart", {"p": "ab", "role": "assistant"}) == EVENT
    assert eventstream.exception("throttlingException", {"message": "Too many requests"}) == EXCEPTION


def test_frames_may_be_cut_anywhere() -> None:
    data = EVENT + EXCEPTION

    assert read(*(data[i : i + 1] for i in range(len(data)))) == BOTH
    assert all(read(data[:cut], b"", data[cut:]) == BOTH for cut in range(len(data)))


@pytest.mark.parametrize("size", range(1, len(EVENT)))
def test_an_end_within_a_frame_is_refused(size: int) -> None:
    parser = EventStreamParser()
    assert [*parser.feed(EVENT[:size])] == []

    with pytest.raises(BadProviderAnswer, match="ended within a frame"):
        parser.end()


@pytest.mark.parametrize("at", range(len(EVENT)))
def test_no_changed_byte_goes_unnoticed(at: int) -> None:
    broken = bytearray(EVENT)
    broken[at] ^= 0x10

    with pytest.raises(BadProviderAnswer, match="provider"):
        read(bytes(broken))


def test_an_unforeseen_error_has_its_message_in_a_header() -> None:
    told = {":message-type": "error", ":error-code": "InternalFailure", ":error-message": 'it "broke"'}

    assert read(eventstream.frame(told)) == [ExceptionEvent(b"InternalFailure", b'{"message":"it \\"broke\\""}')]


def test_headers_of_every_type_are_passed_over() -> None:
    sizes = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
    others = (
        b"".join(b"\x01x" + bytes([kind]) + bytes(size) for kind, size in sizes.items()) + b"\x01x\x06\x00\x02\xff\xff"
    )
    known = b"\x0d:message-type\x07\x00\x05event" + b"\x0b:event-type\x07\x00\x01z"

    assert read(eventstream.raw(others + known, b"{}")) == [Event(b"z", b"{}")]


@pytest.mark.parametrize(
    "headers",
    [
        b"\x01",  # ends in a name
        b"\x01x\x0a",  # no such type
        b"\x01x\x07\x00",  # ends in a length
        b"\x0d:message-type\x07\x00\x09event",  # ends in a value
        b"\x01x\x09",
    ],
)
def test_broken_headers_are_refused(headers: bytes) -> None:
    with pytest.raises(BadProviderAnswer, match="broken headers"):
        read(eventstream.raw(headers))


def test_a_frame_of_unknown_type_is_refused() -> None:
    with pytest.raises(BadProviderAnswer, match="unknown type"):
        read(eventstream.frame({":message-type": "letter"}))


def test_what_came_before_a_broken_frame_is_not_lost_with_it() -> None:
    events = EventStreamParser().feed(EVENT + EXCEPTION[:-1] + b"x")

    assert next(iter(events)) == BOTH[0]


def test_lengths_that_do_not_agree_are_refused_before_the_rest_is_waited_for() -> None:
    lengths = struct.pack(">II", 16, 1)

    with pytest.raises(BadProviderAnswer, match="do not agree"):
        [*EventStreamParser().feed(lengths + struct.pack(">I", crc32(lengths)))]


def test_a_frame_over_the_limit_is_refused_before_it_is_held() -> None:
    with pytest.raises(BadProviderAnswer, match="more than 126 bytes"):
        [*EventStreamParser(limit=126).feed(EVENT[:12])]
    assert len([*EventStreamParser(limit=127).feed(EVENT)]) == 1


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_any_bytes_are_frames_or_refused(chunks: list[bytes]) -> None:
    try:
        events = read(*chunks)
    except BadProviderAnswer:
        events = []

    assert all(isinstance(event, Event) for event in events)
