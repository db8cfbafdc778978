"""Paths that no provider is asked for: whether this worker is ready, figures, the list of models, and unknown ones."""

from collections.abc import Mapping

from plano_extproc import apis
from plano_extproc.apis import Api
from plano_extproc.errors import NotFound
from plano_extproc.gateway import listing, local
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.build import Gateway


def dialect(path: str, sent: Mapping[str, bytes]) -> Api:
    """Return the dialect in which who asks for a path without its query is answered."""
    if _names_a_model(path, sent):
        return "gemini.generate"
    asked = listing.listing(path, sent)
    return asked.api if asked is not None else "openai.chat"


def reply(
    gateway: Gateway, listener: str, generation: int | None, path: str, sent: Mapping[str, bytes], query: str
) -> Reply:
    """Return the answer. Raises `NotFound`, and for the list of models what the admission raises.

    `generation` is the configuration that Envoy's routes were rendered from.
    """
    if path == "/readyz":
        return local.ready(gateway, generation)
    if path == "/metrics":
        return local.metrics(gateway)
    if _names_a_model(path, sent):
        served = ", ".join((*apis.GEMINI_METHODS, apis.COUNT_METHOD))
        raise NotFound(f"nothing is served at {path}; served are {served}")
    asked = listing.listing(path, sent)
    if asked is None:
        raise NotFound(f"nothing is served at {path}")
    return listing.models(gateway, asked, gateway.admission.admit(sent, query, listener))


def _names_a_model(path: str, sent: Mapping[str, bytes]) -> bool:
    """Whether something is asked of a model that is named in the path, as Gemini's clients do."""
    return sent.get(":method") == b"POST" and path.startswith(apis.NAMING_A_MODEL)
