"""A request's body, parsed, its shape checked as far as the gateway itself relies on it."""

from typing import Any

import orjson

from plano_extproc.config.catalogue import COUNTED
from plano_extproc.errors import InvalidRequest
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.envelope import unwrapped
from plano_extproc.translate import request_shape


def parse(ask: Ask, body: bytes) -> dict[str, Any]:
    """Return the request of a dialect, its shape checked as far as the gateway itself relies on it.

    Where the path says the model and whether to stream, `model` and `stream` are put in as if the body had said it.
    """
    try:
        request: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        encoding = ask.headers.get("content-encoding", b"identity").decode("latin-1")
        hint = "" if encoding == "identity" else f"; it is sent with content-encoding {encoding}, send it plain"
        raise InvalidRequest(f"the body is not valid JSON: {error.msg} at byte {error.pos}{hint}") from None
    if ask.surface.endpoint is not None and ask.surface.endpoint not in COUNTED:
        return endpoint_shape(request)
    if ask.surface.endpoint == "gemini.count_tokens":
        request = unwrapped(request)
    return completed(ask, request_shape(ask.surface.api, request))


def completed(ask: Ask, request: dict[str, Any]) -> dict[str, Any]:
    """Return a request with what the path says, and without what is said only where the path says it."""
    if ask.surface.is_vertex:
        request = {key: held for key, held in request.items() if key != "anthropic_version"}
    if ask.surface.model is not None:
        return {**request, "model": ask.surface.model, "stream": ask.surface.is_stream}
    return request


def endpoint_shape(request: Any) -> dict[str, Any]:
    """Return the request of an endpoint, of which only the model matters here."""
    if not isinstance(request, dict):
        raise InvalidRequest("the body must be a JSON object")
    if not isinstance(request.get("model", ""), str):
        raise InvalidRequest("model: must be a string", param="model")
    return request
