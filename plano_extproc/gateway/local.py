"""Answers that need no provider and no client: errors, readiness, metrics."""

from typing import Any

import orjson

from plano_extproc import headers
from plano_extproc.apis import Api
from plano_extproc.errors import GatewayError
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.answer import JSON
from plano_extproc.gateway.build import Gateway
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


def _json(status: int, body: dict[str, Any], word: str) -> Reply:
    return Reply(status, JSON, orjson.dumps(body), details(word))
