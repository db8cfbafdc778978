"""Between protobuf and the gateway: messages to events, actions to messages.

Of an answer, what many exchanges share is serialised once. The rest is appended to it: protobuf merges a message that
comes twice, so two serialised answers in a row are one answer that holds both.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.struct_pb2 import Struct

from plano_extproc import headers
from plano_extproc._pb import ext_proc_pb2 as pb
from plano_extproc._pb.token_usage_pb2 import TokenUsage
from plano_extproc.gateway.actions import PROCEED, Action, BodyMode, Changes, Continue, Headers, PassOver, Piece, Reply
from plano_extproc.gateway.events import Event, RequestBody, RequestHeaders, ResponseBody, ResponseHeaders, Trailers
from plano_extproc.translate.chat import Usage

# Envoy's ext_proc (1.40) takes every other action for this one.
_REPLACE = pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD

_MODES: dict[BodyMode | None, Any] = {
    BodyMode.STREAMED: pb.ProcessingMode.STREAMED,
    BodyMode.BUFFERED: pb.ProcessingMode.BUFFERED,
}


class MessageHeaders(Mapping[str, bytes]):
    """The headers of a message, read where they lie: most exchanges look at one or two of twenty-five."""

    __slots__ = ("_headers",)

    def __init__(self, message: pb.HttpHeaders) -> None:
        self._headers = message.headers.headers

    def __getitem__(self, name: str) -> bytes:
        for header in self._headers:
            if header.key == name:
                return header.raw_value
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a header, or `default`; without the exception that `Mapping` would raise and catch."""
        for header in self._headers:
            if header.key == name:
                return header.raw_value
        return default

    def among(self, names: frozenset[str]) -> dict[str, bytes]:
        """Return those headers that have one of these names, by one look at them all."""
        found: dict[str, bytes] = {}
        for header in self._headers:
            if header.key in names:
                found.setdefault(header.key, header.raw_value)
        return found

    def held(self) -> dict[str, bytes]:
        """Return all of them, by one look."""
        found: dict[str, bytes] = {}
        for header in self._headers:
            found.setdefault(header.key, header.raw_value)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(header.key for header in self._headers))

    def __len__(self) -> int:
        return len({header.key for header in self._headers})


def event(raw: bytes) -> tuple[str, Event]:
    """Parse a message of Envoy's; the first value is its kind, which the answer must have too."""
    message = pb.ProcessingRequest.FromString(raw)
    kind = message.WhichOneof("request")
    if kind is None:
        raise ValueError("an ext_proc message of a kind that this server does not know")
    if kind == "response_trailers":
        return kind, Trailers(of_request=False, usage=_usage(message.metadata_context.typed_filter_metadata))
    return kind, _EVENTS[kind](getattr(message, kind))


def kept(raw: bytes) -> bytes | None:
    """Return the body that the listener position has kept for an attempt, from the attempt's first message."""
    told = pb.ProcessingRequest.FromString(raw).metadata_context.filter_metadata
    return told[headers.KEPT_NAMESPACE].fields["body"].string_value.encode() if headers.KEPT_NAMESPACE in told else None


def answer(kind: str, action: Action | Piece | PassOver) -> bytes:
    """Serialise the answer to a message of a kind."""
    if action is PROCEED:
        return _PROCEED[kind]
    if isinstance(action, Reply):
        return _reply(action)
    if isinstance(action, Piece):
        return _piece(kind, action)
    if isinstance(action, PassOver):
        return _passed_over(action)
    shared = _PROCEED[kind] if action.changes is None else _shared(kind, action.changes)
    own = action.extra or action.body is not None or action.own is not None or action.facts is not None
    own = own or action.tried is not None or action.kept is not None
    return shared + _own(kind, action) if own else shared


_EVENTS: dict[str, Callable[[Any], Event]] = {
    "request_headers": lambda m: RequestHeaders(MessageHeaders(m), m.end_of_stream),
    "request_body": lambda m: RequestBody(m.body, m.end_of_stream),
    "response_headers": lambda m: ResponseHeaders(MessageHeaders(m), m.end_of_stream),
    "response_body": lambda m: ResponseBody(m.body, m.end_of_stream),
    "request_trailers": lambda _: Trailers(of_request=True),
    "response_trailers": lambda _: Trailers(of_request=False),
}


def _usage(told: Mapping[str, Any]) -> Usage | None:
    """Return what Envoy read of an answer; None where it could not."""
    if headers.USAGE_NAMESPACE not in told:
        return None
    found = TokenUsage.FromString(told[headers.USAGE_NAMESPACE].value)
    if found.extraction_status == TokenUsage.FAILED or not found.HasField("input_tokens"):
        return None
    details = found.input_token_details
    read, written = details.cached_tokens.value, details.cache_creation_tokens.value
    return Usage(
        input=max(0, found.input_tokens.value - read - written),
        cache_read=read,
        cache_write=written,
        output=found.output_tokens.value,
        reasoning=found.output_token_details.reasoning_tokens.value,
    )


def _proceed(kind: str) -> bytes:
    message = pb.ProcessingResponse()
    # An answer in which nothing is set would have no kind, which Envoy refuses.
    getattr(message, kind).SetInParent()
    return message.SerializeToString()


_PROCEED = {kind: _proceed(kind) for kind in _EVENTS}


def _shared(kind: str, changes: Changes) -> bytes:
    made = changes.wire
    if made is None:
        message = pb.ProcessingResponse()
        common = getattr(message, kind).response
        common.clear_route_cache = changes.clear_route
        common.header_mutation.remove_headers.extend(changes.remove)
        _set(common.header_mutation, changes.set)
        if changes.metadata or changes.clusters:
            message.dynamic_metadata.CopyFrom(_metadata(changes))
        if changes.response_body in _MODES:
            message.mode_override.response_body_mode = _MODES[changes.response_body]
        made = changes.wire = message.SerializeToString()
    assert isinstance(made, bytes)
    return made


def _metadata(changes: Changes) -> Struct:
    values = Struct()
    if changes.metadata:
        values.update({headers.METADATA_NAMESPACE: changes.metadata})
    if changes.clusters:
        # Try n takes group n of Envoy's `priority_group` cluster specifier.
        groups: Any = [
            {"name": f"try{number}", "clusters": [{"cluster_name": cluster, "weight": 1}]}
            for number, cluster in enumerate(changes.clusters, start=1)
        ]
        values.update({headers.CHAIN_NAMESPACE: {"priority_groups": groups}})
    return values


def _into(common: pb.CommonResponse, action: Continue) -> None:
    if action.extra:
        _set(common.header_mutation, action.extra)
    if action.body == b"":
        common.body_mutation.clear_body = True
    elif action.body is not None:
        common.body_mutation.body = action.body


def _own(kind: str, action: Continue) -> bytes:
    message = pb.ProcessingResponse()
    if kind.endswith("trailers"):
        # They say nothing of their own: only what is to be told beside them.
        getattr(message, kind).SetInParent()
    else:
        _into(getattr(message, kind).response, action)
    # Namespaces apart: of two messages with one namespace, protobuf keeps the last.
    if action.own is not None:
        message.dynamic_metadata.update({headers.OWN_NAMESPACE: {"own": action.own}})
    if action.facts is not None:
        message.dynamic_metadata.update({headers.FACTS_NAMESPACE: dict(action.facts)})
    if action.kept is not None:
        # JSON is UTF-8: what is no text has been refused.
        message.dynamic_metadata.update({headers.KEPT_NAMESPACE: {"body": action.kept.decode()}})
    if action.tried is not None:
        message.dynamic_metadata.update({headers.TRIED_NAMESPACE: dict(action.tried)})
    return message.SerializeToString()


def _piece(kind: str, action: Piece) -> bytes:
    message = pb.ProcessingResponse()
    streamed = getattr(message, kind).response.body_mutation.streamed_response
    streamed.body = action.body
    streamed.end_of_stream = action.end
    return message.SerializeToString()


def _passed_over(action: PassOver) -> bytes:
    message = pb.ProcessingResponse()
    answer = message.streamed_immediate_response.headers_response
    answer.headers.headers.add(key=":status", raw_value=b"%d" % action.status)
    answer.end_of_stream = True
    message.dynamic_metadata.update({headers.TRIED_NAMESPACE: dict(action.tried)})
    return message.SerializeToString()


def _reply(action: Reply) -> bytes:
    message = pb.ProcessingResponse()
    immediate = message.immediate_response
    immediate.status.code = action.status
    _set(immediate.headers, action.headers)
    immediate.body = action.body
    immediate.details = action.details
    if action.facts is not None:
        message.dynamic_metadata.update({headers.FACTS_NAMESPACE: dict(action.facts)})
    return message.SerializeToString()


def _set(mutation: pb.HeaderMutation, pairs: Headers) -> None:
    for name, value in pairs:
        option = mutation.set_headers.add()
        option.header.key = name
        option.header.raw_value = value
        option.append_action = _REPLACE
