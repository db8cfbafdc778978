import pytest

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.framing.sse import KEEPALIVE, Event, SseParser


def read(*chunks: bytes) -> list[Event]:
    parser = SseParser()
    return [event for chunk in chunks for event in parser.feed(chunk)] + parser.end()


SIMPLE_CASES = [
    (b"data: a\n\n", [Event(b"", b"a")]),
    (b"data:a\n\n", [Event(b"", b"a")]),
    (b"data:  a\n\n", [Event(b"", b" a")]),
    (b"data: a\r\n\r\n", [Event(b"", b"a")]),
    (b"data: a\r\r", [Event(b"", b"a")]),
    (b"data: a\r\n\n", [Event(b"", b"a")]),
    (b"data: a\n\r\n", [Event(b"", b"a")]),
    (b"event: e\ndata: a\n\n", [Event(b"e", b"a")]),
    (b"data: a\nevent:e\n\n", [Event(b"e", b"a")]),
    (b"event: e\n\ndata: a\n\n", [Event(b"", b"a")]),
    (b"data: a\ndata: b\n\n", [Event(b"", b"a\nb")]),
    (b"data\n\n", [Event(b"", b"")]),
    (b"data: a", [Event(b"", b"a")]),
    (b"data: a\n", [Event(b"", b"a")]),
    (b": comment\n\ndata: a\n\n", [KEEPALIVE, Event(b"", b"a")]),
    (b":\n\n", [KEEPALIVE]),
    (b"id: 1\nretry: 5\nunknown: x\ndata: a\n\n", [Event(b"", b"a")]),
    (b"\xef\xbb\xbfdata: a\n\n", [Event(b"", b"a")]),
    (b"\n\n\r\n", []),
    (b"", []),
    (b"data: {\"a\":\"\xe4\xb8\x96\"}\n\ndata: b\n\n", [Event(b"", b'{"a":"\xe4\xb8\x96"}'), Event(b"", b"b")]),
    (b"data: a\n\n\n\ndata: b\r\n\r\n", [Event(b"", b"a"), Event(b"", b"b")]),
]  # fmt: skip


@pytest.mark.parametrize(("data", "events"), SIMPLE_CASES)
def test_events(data: bytes, events: list[Event]) -> None:
    assert read(data) == events


@pytest.mark.parametrize(("data", "events"), SIMPLE_CASES)
def test_events_are_the_same_however_they_are_cut(data: bytes, events: list[Event]) -> None:
    assert read(*(data[i : i + 1] for i in range(len(data)))) == events
    for cut in range(len(data)):
        assert read(data[:cut], b"", data[cut:]) == events


def test_an_event_is_told_as_soon_as_it_is_complete() -> None:
    parser = SseParser()

    assert parser.feed(b"data: a\r\n\r") == [Event(b"", b"a")]
    assert parser.feed(b"\ndata: b\n\n") == [Event(b"", b"b")]


@pytest.mark.parametrize(
    "data", [b"x" * 101, b"data: " + b"x" * 101, b"data: " + b"x\ndata: " * 60, b"event: " + b"x" * 99]
)
def test_an_event_over_the_limit_is_refused(data: bytes) -> None:
    parser = SseParser(limit=90)

    with pytest.raises(BadProviderAnswer, match="more than 90 bytes"):
        parser.feed(data + b"\n")


def test_the_limit_is_for_one_event_and_not_for_the_stream() -> None:
    parser = SseParser(limit=90)

    assert len(parser.feed((b"data: " + b"x" * 50 + b"\n\n") * 100)) == 100


def test_lines_that_are_no_field_are_kept_where_they_are_wanted() -> None:
    data = b'data: a\r\n\r\n{\r\n  "error": {}\r\n}\r\n\r\nid: 5\nretry: 9\n: comment\n\n<p>'
    parser = SseParser(keeps_strays=True)
    kept = [*parser.feed(data), *parser.end()]
    other = SseParser()

    assert kept == [Event(b"", b"a"), Event(b"", b'{\n  "error": {}\n}'), KEEPALIVE, Event(b"", b"<p>")]
    assert [*other.feed(data), *other.end()] == [Event(b"", b"a"), KEEPALIVE]


def test_lines_that_are_no_field_count_towards_the_limit() -> None:
    with pytest.raises(BadProviderAnswer, match="more than 20 bytes"):
        SseParser(20, keeps_strays=True).feed(b"x" * 9 + b"\n" + b"x" * 11 + b"\n")
