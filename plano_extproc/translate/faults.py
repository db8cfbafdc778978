"""Errors on the wire: read from a provider's body of whatever shape, written in the caller's dialect."""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from plano_extproc.apis import Api
from plano_extproc.errors import GatewayError
from plano_extproc.translate.chat import Json

_LONGEST_PLAIN_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong, in no dialect. `type` and `code` are the provider's words, None where it had none."""

    message: str
    status: int = 500
    type: str | None = None
    code: str | None = None
    param: str | None = None


def fault_of(error: GatewayError) -> Fault:
    """Return an error of ours as a fault."""
    return Fault(error.message, error.status, error.type, error.code, error.param)


def read_fault(status: int, body: bytes) -> Fault:
    """Return what a provider says in the body of an error; it may be any JSON, a web page, text, or empty."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Fault(_plain_message(status, body), status)
    return fault_in(value, status)


def fault_in(value: object, status: int = 0) -> Fault:
    """Return what an error object says. Understood are OpenAI's, Anthropic's, Google's and Amazon's shapes, and kin.

    Without a status, as in the middle of a stream, a number in `code` is taken for it.
    """
    status = status or _status_in(value)
    if isinstance(value, list) and value:
        return fault_in(value[0], status)
    if not isinstance(value, dict):
        return Fault(value if isinstance(value, str) and value else _no_message(status), status)
    error = value.get("error")
    if isinstance(error, str) and error:
        return Fault(error, status)
    inner: Json = error if isinstance(error, dict) else value
    message = next((inner[key] for key in ("message", "Message", "detail", "msg") if _is_text(inner.get(key))), None)
    return Fault(
        message or _no_message(status),
        status,
        _word(inner, "type") or _word(inner, "status"),
        _word(inner, "code"),
        _word(inner, "param"),
    )


def _status_in(value: object) -> int:
    error = value.get("error") if isinstance(value, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 500


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _word(value: Json, key: str) -> str | None:
    # "error" is the kind of Anthropic's envelope, not of the fault; numeric codes repeat the status.
    held: Any = value.get(key)
    return held if isinstance(held, str) and held not in ("", "error") else None


def _no_message(status: int) -> str:
    return f"the provider answered with status {status} and no message"


def _plain_message(status: int, body: bytes) -> str:
    text = body[: 4 * _LONGEST_PLAIN_MESSAGE].decode("utf-8", "replace").strip()
    if not text:
        return _no_message(status)
    if text.startswith("<"):
        start, end = text.lower().find("<title>"), text.lower().find("</title>")
        title = html.unescape(text[start + 7 : end]).strip() if 0 <= start < end else ""
        return f"the provider answered with status {status} and a web page" + (f": {title}" if title else "")
    return text[:_LONGEST_PLAIN_MESSAGE]


def error_body(api: Api, error: GatewayError) -> bytes:
    """Return an error of ours as a whole answer of the dialect."""
    return fault_body(api, fault_of(error))


def error_event(api: Api, error: GatewayError) -> bytes:
    """Return an error of ours as the last event of a stream of the dialect."""
    return fault_event(api, fault_of(error))


def fault_body(api: Api, fault: Fault) -> bytes:
    """Return a fault as a whole answer of the dialect."""
    return orjson.dumps(_BODIES[api](fault))


def fault_event(api: Api, fault: Fault) -> bytes:
    """Return a fault as the last event of a stream of the dialect."""
    told = orjson.dumps(_EVENTS.get(api, _BODIES[api])(fault))
    if api in _BARE_EVENTS:
        return told + b"\n\n"
    name = b"event: error\n" if api in _NAMED_EVENTS else b""
    return name + b"data: " + told + b"\n\n"


def _openai(fault: Fault) -> Json:
    kind = fault.type if fault.type and fault.type not in _GOOGLE_WORDS else _type_of(fault.status)
    code = fault.code or _OPENAI_CODES.get(kind)
    if fault.message.startswith(TOO_LONG):
        code = "context_length_exceeded"
    return {"error": {"message": fault.message, "type": kind, "param": fault.param, "code": code}}


def _openai_responses_event(fault: Fault) -> Json:
    # The documentation has the error flat; OpenAI sends it within, where its clients look for it.
    told = _openai(fault)["error"]
    flat = {key: told[key] for key in ("code", "message", "param")}
    return {"type": "error", "sequence_number": 0, **flat, "error": told}


def _anthropic(fault: Fault) -> Json:
    # A status that has a type of its own goes before the provider's word: OpenAI calls a wrong key an invalid request.
    is_told = fault.type in _ANTHROPIC_TYPES and (fault.status == 400 or fault.status not in _TYPES)
    kind = fault.type if is_told else _type_of(fault.status)
    return {"type": "error", "error": {"type": kind, "message": fault.message}}


def _google(fault: Fault) -> Json:
    # In the middle of a stream, other providers tell the kind of an error only, and no status.
    status = _STATUS.get(fault.type or "", 500) if fault.status == 500 else fault.status
    word = _GOOGLE_STATUS.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
    return {"error": {"code": status, "message": fault.message, "status": word}}


def _amazon(fault: Fault) -> Json:
    return {"message": fault.message}


def _type_of(status: int) -> str:
    # 424 is Amazon's for a model that failed.
    return _TYPES.get(status, "api_error" if status >= 500 or status == 424 else "invalid_request_error")


_TYPES: Final[Mapping[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_STATUS: Final[Mapping[str, int]] = {kind: status for status, kind in _TYPES.items()}
_ANTHROPIC_TYPES: Final = frozenset({*_TYPES.values(), "api_error", "not_supported_error"})
TOO_LONG: Final = ("prompt is too long", "Input is too long")
"""How Anthropic and Amazon begin to say what OpenAI has a code for."""
_OPENAI_CODES: Final[Mapping[str, str]] = {
    "authentication_error": "invalid_api_key",
    "rate_limit_error": "rate_limit_exceeded",
}
_GOOGLE_STATUS: Final[Mapping[int, str]] = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    424: "INTERNAL",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_GOOGLE_WORDS: Final = frozenset(
    {*_GOOGLE_STATUS.values(), "INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE", "ABORTED", "INTERNAL",
     "UNKNOWN", "CANCELLED", "ALREADY_EXISTS", "DATA_LOSS"}
)  # fmt: skip
"""https://google.aip.dev/193"""
_NAMED_EVENTS: Final[frozenset[Api]] = frozenset({"anthropic.messages", "openai.responses"})
_BARE_EVENTS: Final[frozenset[Api]] = frozenset({"gemini.generate"})
"""Google breaks a stream off with the bare object, and its clients for JavaScript and Go find an error only so."""
_EVENTS: Final[Mapping[Api, Callable[[Fault], Json]]] = {"openai.responses": _openai_responses_event}
_BODIES: Final[Mapping[Api, Callable[[Fault], Json]]] = {
    "openai.chat": _openai,
    "openai.responses": _openai,
    "anthropic.messages": _anthropic,
    "bedrock.converse": _amazon,
    "gemini.generate": _google,
}
