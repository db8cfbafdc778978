"""Answers that need no provider: errors, the list of models, readiness, metrics."""

from collections.abc import Mapping
from typing import Any

import orjson

from plano_extproc import headers
from plano_extproc.apis import Api
from plano_extproc.config.models import ModelProvider
from plano_extproc.config.policies import Client
from plano_extproc.errors import GatewayError, NotFound
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.answer import JSON
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.decide import parse
from plano_extproc.gateway.tokens import estimate
from plano_extproc.translate import error_body

_METRICS = (("content-type", b"text/plain; version=0.0.4; charset=utf-8"),)


def refuse(api: Api, error: GatewayError) -> Reply:
    """Return an error in the caller's dialect."""
    return Reply(error.status, (*JSON, *error.headers), error_body(api, error), details(error.code or error.type))


def details(word: str) -> str:
    """Return the details of a reply, by which Envoy knows that its body is ours."""
    return headers.LOCAL_REPLY_DETAILS_PREFIX + word


def ready(gateway: Gateway, wanted: int | None) -> Reply:
    """Return 200 where this worker serves the generation that Envoy's routes were rendered from, or a later one."""
    is_ready = wanted is None or gateway.generation >= wanted
    body = {"ready": is_ready, "generation": gateway.generation, "wanted": wanted}
    return _json(200 if is_ready else 503, body, "ready" if is_ready else "not_ready")


def metrics(gateway: Gateway) -> Reply:
    """Return the figures of all workers in Prometheus' text format."""
    return Reply(200, _METRICS, gateway.ports.exposition(), details("metrics"))


def models(gateway: Gateway, path: str, request: Mapping[str, bytes], client: Client | None) -> Reply:
    """Return the models and aliases that a client may use, or the one that `path` names, as its SDK reads them."""
    anthropic = "anthropic-version" in request
    render = _anthropic_model if anthropic else _openai_model
    may_use = gateway.admission.may_use
    known = [(n, p) for n, p in gateway.directory.names() if may_use(client, gateway.directory.resolve(n).name, n)]
    _, slash, name = path.removeprefix("/v1/models").partition("/")
    if slash:
        found = next((p for n, p in known if n == name), None)
        if found is None:
            error = NotFound(f"model '{name}' is not configured; GET /v1/models lists what is", code="model_not_found")
            return refuse("anthropic.messages" if anthropic else "openai.chat", error)
        return _json(200, render(name, found), "models")
    data = [render(n, p) for n, p in known]
    if not anthropic:
        return _json(200, {"object": "list", "data": data}, "models")
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return _json(200, {"data": data, "has_more": False, "first_id": first, "last_id": last}, "models")


def count_tokens(gateway: Gateway, ask: Ask, body: bytes) -> Reply | None:
    """Return an estimate of a request's tokens; None where the provider counts them itself.

    The answer is Anthropic's; a header says that it is an estimate, and how it was made.
    """
    request = parse(ask, body)
    if "count_tokens" in gateway.directory.resolve(request.get("model")).provider.kind.endpoints:
        return None
    tokens, method = estimate(request)
    said = (*JSON, (headers.ESTIMATE, method.encode()))
    return Reply(200, said, orjson.dumps({"input_tokens": tokens}), details("count_tokens"))


def _openai_model(name: str, provider: ModelProvider) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": provider.kind.name}


def _anthropic_model(name: str, provider: ModelProvider) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": provider.model, "created_at": "1970-01-01T00:00:00Z"}


def _json(status: int, body: dict[str, Any], word: str) -> Reply:
    return Reply(status, JSON, orjson.dumps(body), details(word))
