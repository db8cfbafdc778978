"""What a path asks for: which dialect its caller speaks, and what the path itself says of the request."""

from dataclasses import dataclass
from urllib.parse import unquote

from plano_extproc import apis
from plano_extproc.apis import Api


@dataclass(frozen=True, slots=True)
class Surface:
    """A path that ends at a provider.

    `model` and `is_stream` are what the path says where a dialect says it there, else None.
    """

    api: Api
    model: str | None = None
    is_stream: bool | None = None


def surface(path: str) -> Surface | None:
    """Return what a path without its query asks for; None where it is not for a provider."""
    found = _BY_PATH.get(path)
    if found is None and path.startswith(apis.GEMINI_PREFIX):
        model, _, method = path.removeprefix(apis.GEMINI_PREFIX).rpartition(":")
        if model and method in apis.GEMINI_METHODS:
            return Surface("gemini.generate", unquote(model), apis.GEMINI_METHODS[method])
    return found


def without_keys(query: str) -> str:
    """Return a query without the parameters by which Gemini's clients send a credential."""
    return "&".join(part for part in query.split("&") if part.partition("=")[0] not in _KEYS)


_KEYS = {"key", "access_token"}

_BY_PATH = {path: Surface(api) for path, api in apis.BY_PATH.items()}
