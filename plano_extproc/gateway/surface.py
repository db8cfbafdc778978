"""What a path asks for: which dialect its caller speaks, and what the path itself says of the request."""

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from plano_extproc import apis
from plano_extproc.apis import Api
from plano_extproc.config.catalogue import ENDPOINTS, Endpoint


@dataclass(frozen=True, slots=True)
class Surface:
    """A path that ends at a provider.

    `api` is the dialect in which its caller is told of errors. `endpoint` is what is asked for where that is not an
    answer of a model in that dialect. `model` and `is_stream` are what the path says where a dialect says it there,
    else None.
    """

    api: Api
    endpoint: Endpoint | None = None
    model: str | None = None
    is_stream: bool | None = None


def surface(path: str) -> Surface | None:
    """Return what a path without its query asks for; None where it is not for a provider."""
    found = _BY_PATH.get(path)
    if found is None and path.startswith(apis.GEMINI_PREFIX):
        model, _, method = path.removeprefix(apis.GEMINI_PREFIX).rpartition(":")
        if model and method in apis.GEMINI_METHODS:
            return Surface("gemini.generate", model=unquote(model), is_stream=apis.GEMINI_METHODS[method])
    return found


def upgraded(path: str, query: str) -> Surface | None:
    """Return what the opening of a WebSocket asks for. Its model is in the query, since no body comes."""
    found = _UPGRADES.get(path)
    if found is None:
        return None
    model = parse_qs(query).get("model", [""])[0]
    return Surface(found.api, found.endpoint, model=model)


def without_keys(query: str) -> str:
    """Return a query without the parameters by which Gemini's clients send a credential."""
    return "&".join(part for part in query.split("&") if part.partition("=")[0] not in _KEYS)


_KEYS = {"key", "access_token"}

_ERRORS: dict[Endpoint, Api] = {"count_tokens": "anthropic.messages"}
"""The dialect of an endpoint's callers, where it is not OpenAI's."""

_BY_PATH = {
    **{path: Surface(api) for path, api in apis.BY_PATH.items()},
    **{f"/v1{path}": Surface(_ERRORS.get(name, "openai.chat"), name) for name, path in ENDPOINTS.items()},
}

_UPGRADES = {
    "/v1/realtime": Surface("openai.chat", "realtime"),
    "/v1/responses": Surface("openai.responses"),
}
