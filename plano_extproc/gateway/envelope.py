"""What Google is asked to count: AI Studio takes bare contents or a whole request in an envelope, Vertex AI a bare one.

https://ai.google.dev/api/tokens and https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/projects.locations.publishers.models/countTokens
"""

from typing import Any, Final


def unwrapped(request: Any) -> Any:
    """Return what is to be counted, as a request to a model; what is none is returned as it is."""
    held = next((request[name] for name in _ENVELOPES if name in request), None) if isinstance(request, dict) else None
    return {**_bare(request), **_bare(held)} if isinstance(held, dict) else request


def wrapped(request: dict[str, Any], model: str, *, is_vertex: bool) -> dict[str, Any]:
    """Return a request to a model as it is sent to be counted."""
    bare = _bare(unwrapped(request))
    if is_vertex or bare.keys() <= {"contents"}:
        return bare
    return {_ENVELOPES[0]: {"model": f"models/{model}", **bare}}


def _bare(request: dict[str, Any]) -> dict[str, Any]:
    return {name: held for name, held in request.items() if name not in _NOT_COUNTED}


_ENVELOPES: Final = ("generateContentRequest", "generate_content_request")
_NOT_COUNTED: Final = frozenset({*_ENVELOPES, "model", "stream"})
