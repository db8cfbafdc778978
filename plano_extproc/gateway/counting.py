"""Counts of tokens that are asked for: the provider's own where it counts, else an estimate, in the caller's words."""

from collections.abc import Mapping
from typing import Final

import orjson

from plano_extproc import headers
from plano_extproc.config.catalogue import COUNTED, Endpoint
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.answer import JSON
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.local import details
from plano_extproc.gateway.parse import parse
from plano_extproc.gateway.tokens import estimate


def counts(ask: Ask) -> bool:
    """Return whether a request asks for a count."""
    return ask.surface.endpoint in COUNTED


def estimated(gateway: Gateway, ask: Ask, body: bytes) -> Reply | None:
    """Return an estimate of a request's tokens; None where the provider counts them itself.

    A header says that it is an estimate, and how it was made. Raises what is wrong with the request.
    """
    request, endpoint = parse(ask, body), ask.surface.endpoint
    assert endpoint is not None, "counting is not answering"
    name = request.get("model")
    choice = gateway.directory.resolve(name)
    gateway.admission.demand(ask.client, choice.name, name)
    if choice.provider.has(endpoint, choice.model):
        return None
    tokens, method = estimate(ask.surface.api, request)
    said = (*JSON, (headers.ESTIMATE, method.encode()))
    return Reply(200, said, orjson.dumps({_FIELDS[endpoint]: tokens}), details("count_tokens"))


_FIELDS: Final[Mapping[Endpoint, str]] = {"count_tokens": "input_tokens", "gemini.count_tokens": "totalTokens"}
