"""Between protobuf and the gateway: messages to events, actions to messages.

Answers that never change are serialised once. Shared header edits and metadata are turned into protobuf at first
use and kept on the object that describes them (`wire`).
"""

from collections.abc import Callable
from typing import Any

from google.protobuf.struct_pb2 import Struct

from plano_extproc import headers
from plano_extproc._pb import ext_proc_pb2 as pb
from plano_extproc.gateway.actions import PROCEED, Action, BodyMode, Continue, HeaderEdits, Metadata, Reply
from plano_extproc.gateway.events import (
    Event,
    RequestBody,
    RequestHeaders,
    ResponseBody,
    ResponseHeaders,
    Trailers,
)

_REPLACE = pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
_DEFAULT = pb.HeaderValueOption.ADD_IF_ABSENT

_MODES = {
    BodyMode.NONE: pb.ProcessingMode.NONE,
    BodyMode.STREAMED: pb.ProcessingMode.STREAMED,
    BodyMode.BUFFERED: pb.ProcessingMode.BUFFERED,
}


def event(raw: bytes) -> tuple[str, Event]:
    """Parse a message of Envoy's; the first value is its kind, which the answer must have too."""
    message = pb.ProcessingRequest.FromString(raw)
    kind = message.WhichOneof("request")
    if kind is None:
        raise ValueError("an ext_proc message of a kind that this server does not know")
    return kind, _EVENTS[kind](getattr(message, kind))


def answer(kind: str, action: Action) -> bytes:
    """Serialise the answer to a message of a kind."""
    if action is PROCEED:
        return _PROCEED[kind]
    if isinstance(action, Reply):
        return _reply(action)
    return _continue(kind, action)


def _headers(message: pb.HttpHeaders) -> dict[str, bytes]:
    return {header.key: header.raw_value for header in message.headers.headers}


_EVENTS: dict[str, Callable[[Any], Event]] = {
    "request_headers": lambda m: RequestHeaders(_headers(m), m.end_of_stream),
    "request_body": lambda m: RequestBody(m.body, m.end_of_stream),
    "response_headers": lambda m: ResponseHeaders(_headers(m), m.end_of_stream),
    "response_body": lambda m: ResponseBody(m.body, m.end_of_stream),
    "request_trailers": lambda _: Trailers(of_request=True),
    "response_trailers": lambda _: Trailers(of_request=False),
}


def _proceed(kind: str) -> bytes:
    message = pb.ProcessingResponse()
    getattr(message, kind).SetInParent()
    return message.SerializeToString()


_PROCEED = {kind: _proceed(kind) for kind in _EVENTS}


def _continue(kind: str, action: Continue) -> bytes:
    message = pb.ProcessingResponse()
    common = getattr(message, kind).response
    if action.edits is not None:
        common.header_mutation.MergeFrom(_mutation(action.edits))
    for name, value in action.extra:
        _set(common.header_mutation, name, value, _REPLACE)
    if action.body == b"":
        common.body_mutation.clear_body = True
    elif action.body is not None:
        common.body_mutation.body = action.body
    if action.clear_route:
        common.clear_route_cache = True
    if action.response_body is not None:
        message.mode_override.response_body_mode = _MODES[action.response_body]
    # An answer whose `response` was only looked at would be empty, which Envoy refuses.
    getattr(message, kind).SetInParent()
    raw = message.SerializeToString()
    return raw + _metadata(action.metadata) if action.metadata else raw


def _reply(action: Reply) -> bytes:
    message = pb.ProcessingResponse()
    immediate = message.immediate_response
    immediate.status.code = action.status
    for name, value in action.headers:
        _set(immediate.headers, name, value, _REPLACE)
    immediate.body = action.body
    immediate.details = action.details
    raw = message.SerializeToString()
    return raw + _metadata(action.metadata) if action.metadata else raw


def _mutation(edits: HeaderEdits) -> pb.HeaderMutation:
    made = edits.wire
    if made is None:
        made = pb.HeaderMutation(remove_headers=edits.remove)
        for name, value in edits.set:
            _set(made, name, value, _REPLACE)
        for name, value in edits.default:
            _set(made, name, value, _DEFAULT)
        edits.wire = made
    assert isinstance(made, pb.HeaderMutation)
    return made


def _set(mutation: pb.HeaderMutation, name: str, value: bytes, how: pb.HeaderValueOption.HeaderAppendAction) -> None:
    option = mutation.set_headers.add()
    option.header.key = name
    option.header.raw_value = value
    option.append_action = how


def _metadata(metadata: Metadata) -> bytes:
    """Return the metadata as serialised fields of an answer: appended to one, they are part of it."""
    made = metadata.wire
    if made is None:
        values = Struct()
        values.update({headers.METADATA_NAMESPACE: metadata.values})
        made = pb.ProcessingResponse(dynamic_metadata=values).SerializeToString()
        metadata.wire = made
    assert isinstance(made, bytes)
    return made
