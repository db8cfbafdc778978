"""The list of models, as each SDK reads it: OpenAI's, Anthropic's, and Google's for AI Studio and for Vertex AI."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import orjson

from plano_extproc import apis
from plano_extproc.apis import Api
from plano_extproc.config.catalogue import model_of
from plano_extproc.config.policies import Client
from plano_extproc.errors import NotFound
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.answer import JSON
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.local import details
from plano_extproc.routing import Choice


@dataclass(frozen=True, slots=True)
class Listing:
    """What is asked for: the model of this name, all where it is None. `is_vertex` says that names have publishers."""

    api: Api
    name: str | None
    is_vertex: bool = False


def listing(path: str, sent: Mapping[str, bytes]) -> Listing | None:
    """Return what a path without its query asks for; None where it is no list of models, nor a part of one."""
    if found := _STUDIO.fullmatch(path):
        return Listing(_spoken(found["version"], sent), unquote(found["name"]) if found["name"] else None)
    if found := _VERTEX.fullmatch(path):
        name = unquote(found["name"]) if found["name"] else None
        publisher = unquote(found["publisher"])
        return Listing("gemini.generate", name and _joined(publisher, name), is_vertex=True)
    return None


def models(gateway: Gateway, asked: Listing, client: Client | None) -> Reply:
    """Return the models and aliases that a client may use, or the one that is asked for. Raises `NotFound`."""
    names = (name for name, _ in gateway.directory.names())
    choices = ((name, gateway.directory.resolve(name)) for name in names)
    known = {name: choice for name, choice in choices if gateway.admission.may_use(client, choice.name, name)}
    if asked.name is not None:
        found = known.get(asked.name)
        if found is None:
            message = f"model '{asked.name}' is not configured; the list of models shows what is"
            raise NotFound(message, code="model_not_found")
        return _reply(_shown(asked, asked.name, found))
    data = [_shown(asked, name, choice) for name, choice in known.items()]
    match asked.api:
        case "gemini.generate":
            return _reply({"publisherModels" if asked.is_vertex else "models": data})
        case "anthropic.messages":
            first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
            return _reply({"data": data, "has_more": False, "first_id": first, "last_id": last})
        case _:
            return _reply({"object": "list", "data": data})


def _spoken(version: str, sent: Mapping[str, bytes]) -> Api:
    if version != "v1" or "x-goog-api-client" in sent:
        return "gemini.generate"
    return "anthropic.messages" if "anthropic-version" in sent else "openai.chat"


def _joined(publisher: str, name: str) -> str:
    # As Google's client tells `openai/gpt-4o`: the model `gpt-4o` of the publisher `openai`.
    return name if publisher == "google" else f"{publisher}/{name}"


def _shown(asked: Listing, name: str, choice: Choice) -> dict[str, Any]:
    match asked.api:
        case "gemini.generate":
            return _google(name, choice, is_vertex=asked.is_vertex)
        case "anthropic.messages":
            shown = choice.provider.model
            return {"type": "model", "id": name, "display_name": shown, "created_at": "1970-01-01T00:00:00Z"}
        case _:
            return {"id": name, "object": "model", "created": 0, "owned_by": choice.provider.kind.name}


def _google(name: str, choice: Choice, *, is_vertex: bool) -> dict[str, Any]:
    publisher, slash, rest = name.partition("/")
    own = f"publishers/{publisher if slash else 'google'}/models/{rest or name}"
    known = model_of(choice.provider.kind.id, choice.model)
    limits = {"inputTokenLimit": known.context, "outputTokenLimit": known.output} if known is not None else {}
    return {
        "name": own if is_vertex else f"models/{name}",
        "displayName": choice.name,
        **{key: tokens for key, tokens in limits.items() if tokens is not None},
        "supportedGenerationMethods": _METHODS,
    }


def _reply(body: dict[str, Any]) -> Reply:
    return Reply(200, JSON, orjson.dumps(body), details("models"))


_METHODS: Final = (*apis.GEMINI_METHODS, apis.COUNT_METHOD)
_STUDIO: Final = re.compile(r"/(?P<version>v1(?:alpha|beta)?)/models(?:/(?P<name>.+))?")
_VERTEX: Final = re.compile(
    r"/v1(?:beta1)?/(?:projects/[^/]+/locations/[^/]+/)?publishers/(?P<publisher>[^/]+)/models(?:/(?P<name>.+))?"
)
