"""Marks for prompt caches, on a request that is already in the words of whoever serves it."""

from typing import Any

import orjson

from plano_extproc import apis
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.plan import Plan
from plano_extproc.headers import CACHE
from plano_extproc.routing.prompt_cache import marked, wants_marks


def with_marks(gateway: Gateway, ask: Ask, plan: Plan, body: bytes) -> bytes:
    """Return the request with marks where its provider wants them, else the very same bytes."""
    settings = gateway.config.prompt_caching
    if not (settings.enabled and settings.inject_cache_control):
        return body
    provider, up = plan.choice.provider.provider, plan.upstream
    if up.what not in apis.ALL or not wants_marks(up.what, provider, up.model):
        return body
    is_off = ask.headers.get(CACHE, b"").strip().lower() == b"off"
    request: dict[str, Any] = orjson.loads(body)
    made = marked(up.what, provider, up.model, request, settings, is_off=is_off)
    return body if made is request else orjson.dumps(made)
