"""Spans as OTLP's bytes, by the layout of its messages.

Protobuf's messages in Python take seven times as long, OpenTelemetry's own encoder thirty times, which requests would
feel. Most attributes have the same value in span after span, so what they are as bytes is remembered.

https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/trace/v1/trace.proto
"""

import struct
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from plano_extproc import __version__
from plano_extproc.telemetry.envoys import Ended, EnvoySpan
from plano_extproc.telemetry.spans import GEN_AI, PREVIEW, Kind, Span, Status, Value, with_conventions

_SCOPE_NAME: Final = "plano_extproc"


def export_of(spans: Sequence[Ended], *, with_messages: bool) -> bytes:
    """Return an `ExportTraceServiceRequest` of spans, by their services; words of users only `with_messages`."""
    by_service: dict[str, list[bytes]] = defaultdict(list)
    for span in spans:
        if isinstance(span, EnvoySpan):
            by_service[span.service].append(_sized(span.told.SerializeToString()))
        else:
            by_service[span.kind.service].append(_sized(_span(span, with_messages=with_messages)))
    return b"".join(
        _field(1, _resource(service) + _field(2, _SCOPE + _each(2, of))) for service, of in by_service.items()
    )


def _span(span: Span, *, with_messages: bool) -> bytes:
    context, parent, attributes = span.context, span.parent, span.attributes
    if PREVIEW in attributes and not with_messages:
        attributes = {key: value for key, value in attributes.items() if key != PREVIEW}
    if not _CONVENTIONS.isdisjoint(attributes):
        attributes = with_conventions(attributes)
        pairs = [_pair(key, value) for key, value in attributes.items()]
    else:
        pairs = [
            (_KEPT[type(value)].get((key, value)) or _kept(key, value)) if type(value) in _KEPT else _both(key, value)
            for key, value in attributes.items()
        ]
        if "llm.model" in attributes:
            pairs.append(_CHAT)
    made = [
        _HEAD % (context.trace_id.to_bytes(16), context.span_id.to_bytes(8)),
        b"\x22\x08" + parent.span_id.to_bytes(8) if parent is not None else b"",
        b"\x2a" + _sized(_utf8(span.name)),
        _KINDS[span.kind.kind],
        _TIMES.pack(0x39, span.start_ns, 0x41, span.end_ns),
        _each(9, pairs),
    ]
    for name, at_ns, about in span.events:
        event = _EVENT.pack(0x09, at_ns) + b"\x12" + _sized(_utf8(name))
        made.append(_field(11, event + _each(3, [_pair(key, value) for key, value in about.items()])))
    if span.status != "unset":
        message = b"\x12" + _sized(_utf8(span.status_message)) if span.status_message else b""
        made.append(_field(15, message + _STATUS[span.status] if span.status == "error" else _STATUS[span.status]))
    made.append(_IS_SAMPLED)
    return b"".join(made)


def _kept(key: str, value: Value) -> bytes:
    """Remember what an attribute is as bytes, and return it."""
    kept, made = _KEPT[type(value)], _both(key, value)
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    if len(made) <= _LONGEST_KEPT:
        kept[key, value] = made
    return made


def _both(key: str, value: Value) -> bytes:
    """Return an attribute of a span, and with it the one that OpenTelemetry has for the same."""
    made, theirs = _pair(key, value), GEN_AI.get(key)
    return made if theirs is None else made + b"\x4a" + _pair(theirs, value)


def _pair(key: str, value: Value) -> bytes:
    """Return a `KeyValue`, with its size in front."""
    match value:
        case str():
            held = b"\x0a" + _sized(_utf8(value))
        case bool():
            held = b"\x10\x01" if value else b"\x10\x00"
        case int():
            held = b"\x18" + _varint(value & _INT64)
        case _:
            held = b"\x21" + _DOUBLE.pack(value)
    held = b"\x12" + _sized(held)
    return _key(key, len(held)) + held


@lru_cache(maxsize=1024)
def _key(key: str, more: int) -> bytes:
    """Return the beginning of a `KeyValue` up to its value, which takes so many bytes more with its tag."""
    named = b"\x0a" + _sized(_utf8(key))
    return _varint(len(named) + more) + named


@lru_cache(maxsize=64)
def _resource(service: str) -> bytes:
    about = {"service.name": service, "service.version": __version__, "service.namespace": "plano"}
    return _field(1, _each(1, [_pair(key, value) for key, value in about.items()]))


def _each(number: int, sized: Sequence[bytes]) -> bytes:
    """Return a field that occurs once for each of these, which have their sizes in front."""
    tag = bytes((number << 3 | 2,))
    return tag + tag.join(sized) if sized else b""


def _field(number: int, held: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _sized(held)


def _sized(held: bytes) -> bytes:
    size = len(held)
    return (_SIZES[size] if size < len(_SIZES) else _varint(size)) + held


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


_INT64: Final = (1 << 64) - 1
_SIZES: Final = tuple(_varint(size) for size in range(2048))
_HEAD: Final = b"\x0a\x10%b\x12\x08%b"
_TIMES: Final = struct.Struct("<BQBQ")
_EVENT: Final = struct.Struct("<BQ")
_DOUBLE: Final = struct.Struct("<d")
_IS_SAMPLED: Final = b"\x85\x01\x01\x00\x00\x00"
_SCOPE: Final = _field(1, b"\x0a" + _sized(_utf8(_SCOPE_NAME)) + b"\x12" + _sized(_utf8(__version__)))
_KINDS: Final[Mapping[Kind, bytes]] = {"internal": b"\x30\x01", "server": b"\x30\x02", "client": b"\x30\x03"}
_STATUS: Final[Mapping[Status, bytes]] = {"ok": b"\x18\x01", "error": b"\x18\x02"}

_MOST_KEPT: Final = 4096
_LONGEST_KEPT: Final = 256
"""Bytes; what is longer hardly comes again."""

_KEPT: Final[Mapping[type, dict[tuple[str, Value], bytes]]] = {str: {}, bool: {}, int: {}}
"""By type, since 1 is True to a dictionary. Numbers with a point hardly come again either."""

_OPERATION: Final = "gen_ai.operation.name"
_CHAT: Final = _pair(_OPERATION, "chat")
_CONVENTIONS: Final = frozenset((*GEN_AI.values(), _OPERATION))
