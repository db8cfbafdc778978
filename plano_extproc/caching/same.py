"""When two requests are the same: whoever asks, whatever was configured, and every word of the request agree."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import orjson

HEADERS: Final = ("anthropic-version", "anthropic-beta", "openai-beta")
"""Headers of a client that say which answer it wants."""

_ABOUT_STATE: Final = frozenset({"store", "previous_response_id", "conversation", "truncation"})
"""What was said before stands in the request itself by the time that it is looked at."""


def key(scope: tuple[str, ...], what: str, request: Mapping[str, Any], headers: Mapping[str, bytes]) -> str | None:
    """Return a digest of a request, which leads to its answer; None for one that no other can equal.

    `scope` is whoever may see the answer, and `what` the kind of request, both in words of the caller's choice.
    """
    asked = {name: value for name, value in request.items() if name not in _ABOUT_STATE}
    sent = [headers.get(name, b"").decode("latin-1") for name in HEADERS]
    try:
        body = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return None
    digest = hashlib.sha256(orjson.dumps([*scope, what, *sent]))
    digest.update(body)
    return digest.hexdigest()
