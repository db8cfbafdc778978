"""What a path asks for: which dialect its caller speaks, and what the path itself says of the request."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from plano_extproc import apis
from plano_extproc.apis import Api
from plano_extproc.config.catalogue import COUNTED, ENDPOINTS, Endpoint
from plano_extproc.translate.codec import Framing


@dataclass(frozen=True, slots=True)
class Surface:
    """A path that ends at a provider.

    `api` is the dialect in which its caller is told of errors. `endpoint` is what is asked for where that is not an
    answer of a model in that dialect. `model` and `is_stream` are what the path says where a dialect says it there,
    else None. `is_vertex` says that the body is of the form that Anthropic's client sends to Vertex AI: it holds a
    version, and no model where the path does. `is_question` asks who would serve, and no more.
    """

    api: Api
    endpoint: Endpoint | None = None
    model: str | None = None
    is_stream: bool | None = None
    is_vertex: bool = False
    is_question: bool = False


def surface(path: str) -> Surface | None:
    """Return what a path without its query asks for; None where it is not for a provider."""
    return _BY_PATH.get(path) or _named(path)


def _named(path: str) -> Surface | None:
    found = _MODEL_AND_METHOD.fullmatch(path)
    if found is None:
        return None
    publisher, model, method = found["publisher"], unquote(found["model"]), found["method"]
    # Vertex AI's clients tell `openai/gpt-4o` as the model `gpt-4o` of the publisher `openai`.
    whole = model if publisher in {None, "google"} else f"{unquote(publisher)}/{model}"
    if method in apis.GEMINI_METHODS:
        return Surface("gemini.generate", model=whole, is_stream=apis.GEMINI_METHODS[method])
    if method == apis.COUNT_METHOD:
        return Surface("gemini.generate", "gemini.count_tokens", model=whole)
    if publisher != "anthropic" or method not in apis.ANTHROPIC_METHODS:
        return None
    if model == "count-tokens":
        return Surface("anthropic.messages", "count_tokens", is_vertex=True)
    is_stream = apis.ANTHROPIC_METHODS[method]
    return Surface("anthropic.messages", model=model, is_stream=is_stream, is_vertex=True)


def upgraded(path: str, query: str) -> Surface | None:
    """Return what the opening of a WebSocket asks for. Its model is in the query, since no body comes."""
    found = _UPGRADES.get(path)
    if found is None:
        return None
    model = parse_qs(query).get("model", [""])[0]
    return Surface(found.api, found.endpoint, model=model)


def framing(asked: Surface, query: str) -> Framing:
    """Return how a stream is put to the caller: Gemini's get a JSON list unless they ask for events."""
    if asked.api != "gemini.generate" or not asked.is_stream:
        return "sse"
    given = parse_qs(query)
    return "sse" if (given.get("alt") or given.get("$alt") or [""])[-1] == "sse" else "array"


def without_keys(query: str) -> str:
    """Return a query without the parameters by which Gemini's clients send a credential."""
    return "&".join(part for part in query.split("&") if part.partition("=")[0] not in _KEYS)


def key_in(path: str) -> str:
    """Return the key that a client of Gemini's puts into the query of a path; empty where there is none."""
    return parse_qs(path.partition("?")[2]).get("key", [""])[0]


_MODEL_AND_METHOD = re.compile(
    r"/(?:v1(?:alpha|beta)?/models"
    r"|v1(?:beta1)?/(?:projects/[^/]+/locations/[^/]+/)?publishers/(?P<publisher>[^/]+)/models)"
    r"/(?P<model>.+):(?P<method>[a-zA-Z]+)"
)

_KEYS = {"key", "access_token"}

_BY_PATH = {
    **{path: Surface(api) for path, api in apis.BY_PATH.items()},
    **{apis.QUESTIONS + path: Surface(api, is_question=True) for path, api in apis.BY_PATH.items()},
    **{
        f"/v1{path}": Surface(COUNTED.get(name, "openai.chat"), name)
        for name, path in ENDPOINTS.items()
        if "{model}" not in path
    },
}

_UPGRADES = {
    "/v1/realtime": Surface("openai.chat", "realtime"),
    "/v1/responses": Surface("openai.responses"),
}
