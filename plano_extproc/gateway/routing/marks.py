"""Marks for prompt caches, on a request that is already in the words of whoever serves it."""

from typing import Any

import orjson

from plano_extproc import apis
from plano_extproc.config.routing import PromptCaching
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.plan import Plan
from plano_extproc.headers import CACHE
from plano_extproc.routing.prompt_cache import marked, wants_marks


def takes_marks(settings: PromptCaching, plan: Plan) -> bool:
    """Return whether the requests of a plan may get marks."""
    what = plan.upstream.what
    return (
        settings.enabled
        and settings.inject_cache_control
        and what in apis.ALL
        and wants_marks(what, plan.choice.provider.provider, plan.upstream.model)
    )


def with_marks(settings: PromptCaching, ask: Ask, plan: Plan, body: bytes) -> bytes:
    """Return the request with marks where its provider wants them, else the very same bytes."""
    if not plan.takes_marks:
        return body
    what = plan.upstream.what
    assert what in apis.ALL, "only prompts are marked"
    is_off = ask.headers.get(CACHE, b"").strip().lower() == b"off"
    request: dict[str, Any] = orjson.loads(body)
    made = marked(what, plan.choice.provider.provider, plan.upstream.model, request, settings, is_off=is_off)
    return body if made is request else orjson.dumps(made)
