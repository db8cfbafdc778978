import pytest
from google.protobuf.message import DecodeError

from plano_extproc._pb import ext_proc_pb2 as pb
from plano_extproc.gateway.actions import PROCEED, BodyMode, Changes, Continue, Reply
from plano_extproc.gateway.events import RequestBody, RequestHeaders, Trailers
from plano_extproc.server import wire

KINDS = [f.name for f in pb.ProcessingRequest.DESCRIPTOR.oneofs_by_name["request"].fields]


def parsed(raw: bytes) -> pb.ProcessingResponse:
    return pb.ProcessingResponse.FromString(raw)


def test_headers_arrive_as_bytes_whatever_they_hold() -> None:
    message = pb.ProcessingRequest()
    message.request_headers.headers.headers.add(key=":path", raw_value=b"/x")
    message.request_headers.headers.headers.add(key="user-agent", raw_value=b"\xff\xfe")
    message.request_headers.end_of_stream = True

    kind, event = wire.event(message.SerializeToString())

    assert kind == "request_headers"
    assert event == RequestHeaders({":path": b"/x", "user-agent": b"\xff\xfe"}, end_of_stream=True)


def test_a_body_arrives_whole() -> None:
    message = pb.ProcessingRequest(request_body=pb.HttpBody(body=b"{}", end_of_stream=True))

    assert wire.event(message.SerializeToString()) == ("request_body", RequestBody(b"{}", end_of_stream=True))


def test_trailers_are_told_apart() -> None:
    message = pb.ProcessingRequest(response_trailers=pb.HttpTrailers())

    assert wire.event(message.SerializeToString()) == ("response_trailers", Trailers(of_request=False))


@pytest.mark.parametrize("raw", [b"", b"\xff\xff"])
def test_what_is_no_message_is_an_error(raw: bytes) -> None:
    with pytest.raises((ValueError, DecodeError)):
        wire.event(raw)


@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_is_of_its_messages_kind(kind: str) -> None:
    assert parsed(wire.answer(kind, PROCEED)).WhichOneof("response") == kind


@pytest.mark.parametrize("kind", [k for k in KINDS if "trailers" not in k])
def test_an_answer_without_changes_still_has_its_kind(kind: str) -> None:
    assert parsed(wire.answer(kind, Continue())).WhichOneof("response") == kind


def test_changes_replace_and_remove() -> None:
    changes = Changes(
        set=((":path", b"/v1"),),
        remove=("cookie",),
        clear_route=True,
    )
    action = Continue(changes, extra=(("content-length", b"2"),), body=b"{}")

    common = parsed(wire.answer("request_body", action)).request_body.response

    how = pb.HeaderValueOption
    assert [(o.header.key, o.header.raw_value, o.append_action) for o in common.header_mutation.set_headers] == [
        (":path", b"/v1", how.OVERWRITE_IF_EXISTS_OR_ADD),
        ("content-length", b"2", how.OVERWRITE_IF_EXISTS_OR_ADD),
    ]
    assert list(common.header_mutation.remove_headers) == ["cookie"]
    assert common.body_mutation.body == b"{}"
    assert common.clear_route_cache


def test_shared_edits_do_not_grow_from_one_exchange_to_the_next() -> None:
    changes = Changes(set=(("a", b"1"),))

    first = wire.answer("request_body", Continue(changes, extra=(("b", b"2"),)))
    second = wire.answer("request_body", Continue(changes, extra=(("b", b"2"),)))

    assert first == second


def test_an_empty_body_swallows_and_an_absent_one_does_not() -> None:
    swallowed = parsed(wire.answer("response_body", Continue(body=b""))).response_body.response
    untouched = parsed(wire.answer("response_body", Continue())).response_body.response

    assert swallowed.body_mutation.clear_body
    assert not untouched.HasField("body_mutation")


def test_the_body_of_an_answer_can_be_asked_for() -> None:
    action = Continue(Changes(response_body=BodyMode.STREAMED))

    assert (
        parsed(wire.answer("response_headers", action)).mode_override.response_body_mode == pb.ProcessingMode.STREAMED
    )


def test_metadata_travels_beside_the_answer() -> None:
    changes = Changes(metadata={"model": "openai/gpt-4o"})

    answer = parsed(wire.answer("request_body", Continue(changes)))

    assert answer.WhichOneof("response") == "request_body"
    assert answer.dynamic_metadata["plano"]["model"] == "openai/gpt-4o"


def test_a_reply_is_an_immediate_response() -> None:
    reply = Reply(404, (("content-type", b"application/json"),), b"{}", "plano_not_found")

    immediate = parsed(wire.answer("request_headers", reply)).immediate_response

    assert (immediate.status.code, immediate.body, immediate.details) == (404, b"{}", "plano_not_found")
    assert immediate.headers.set_headers[0].header.raw_value == b"application/json"


def test_the_first_of_a_repeated_header_counts() -> None:
    message = pb.ProcessingRequest()
    for value in (b"1", b"2"):
        message.request_headers.headers.headers.add(key="a", raw_value=value)

    _, event = wire.event(message.SerializeToString())

    assert isinstance(event, RequestHeaders)
    assert dict(event.headers) == {"a": b"1"}
    assert len(event.headers) == 1
    assert "b" not in event.headers
