"""Change the model of a request and nothing else, byte for byte where that is safe."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from plano_extproc.errors import InvalidRequest

_ESCAPED_ASCII = b"\\u00"
"""A key may be written with escapes (`"mod\\u0065l"`); then bytes do not tell which key is which."""


_AFTER_KEY = re.compile(rb'"model"\s*:\s*')


def with_model(body: bytes, request: dict[str, Any], model: str) -> bytes | None:
    """Return `body` with its top-level `model` set to `model`; None where the body can go as it is.

    `request` is `body`, parsed. JSON allows a key to come twice and parsers differ on which one counts, so a body
    in which "model" is not plainly written once is serialised anew from what was parsed: the provider then reads
    what was decided on. Else only the value's bytes change, and everything around them stays.
    """
    asked = request.get("model")
    if body.count(b'"model"') != 1 or _ESCAPED_ASCII in body or not isinstance(asked, str):
        return written({**request, "model": model})
    if asked == model:
        return None
    old = orjson.dumps(asked)
    value = _AFTER_KEY.search(body)
    if value is None or not body.startswith(old, value.end()):
        return written({**request, "model": model})
    return b"".join((body[: value.end()], orjson.dumps(model), body[value.end() + len(old) :]))


def with_fields(request: dict[str, Any], fields: Mapping[str, str | None]) -> bytes:
    """Return `request` with `fields` set, and without those that are None."""
    merged = {**request, **fields}
    return written({key: value for key, value in merged.items() if key not in fields or value is not None})


def written(request: Mapping[str, Any]) -> bytes:
    """Return a parsed request as a body. Raises `InvalidRequest` where it is nested deeper than can be written."""
    try:
        return orjson.dumps(request)
    except orjson.JSONEncodeError:
        raise InvalidRequest("the body is nested too deeply") from None


_MODEL_PART = re.compile(rb'name="?model"?[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n')
"""The head of a form's part that names the model (RFC 7578)."""


def form_model(body: bytes) -> tuple[int, int]:
    """Return where the model's name stands in a multipart form; an empty range at 0 where it has none."""
    head = _MODEL_PART.search(body)
    if head is None:
        return 0, 0
    return head.end(), body.find(b"\r\n--", head.end())
