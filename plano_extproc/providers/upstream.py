"""A provider entry joined with one of its APIs: all that a request to it needs, computed once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from plano_extproc.apis import Api
from plano_extproc.config.catalogue import Endpoint, HeaderField
from plano_extproc.config.models import ModelProvider
from plano_extproc.providers.auth import Headers, credential
from plano_extproc.providers.endpoint import endpoint

T = TypeVar("T")

# https://docs.anthropic.com/en/api/versioning: every request names a version.
_ANTHROPIC_VERSION = ("anthropic-version", b"2023-06-01")

_DEFAULT_HEADERS: dict[Api | Endpoint, tuple[tuple[str, bytes], ...]] = {
    "anthropic.messages": (_ANTHROPIC_VERSION,),
    "count_tokens": (_ANTHROPIC_VERSION,),
}

_STREAM_PATHS: dict[Api | Endpoint, tuple[str, str, str]] = {
    "bedrock.converse": ("/converse", "/converse-stream", ""),
    "gemini.generate": (":generateContent", ":streamGenerateContent", "alt=sse"),
    # Anthropic's models on Vertex AI; elsewhere the path of the Messages API ends otherwise, and stays.
    "anthropic.messages": (":rawPredict", ":streamRawPredict", ""),
}
"""Dialects that ask for a stream by the path: its end for a whole answer, for a stream, and the query of the latter."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """One provider entry under one API, or at one endpoint.

    `path` is absolute and complete for `model`, `stream_path` is that of a streamed answer. `credential` is None where
    the key is the client's own (`is_passthrough`) or none is needed. `headers` replace whatever the client sent;
    `defaults` are for what it did not send. `body` are fields that a request's body gets, or loses where the value is
    None; `header_fields` are those that it loses to headers.
    """

    cluster: str
    authority: str
    what: Api | Endpoint
    model: str
    path: str
    stream_path: str
    auth: str
    credential: tuple[str, str] | None
    is_passthrough: bool
    defaults: tuple[tuple[str, bytes], ...]
    headers: tuple[tuple[str, str], ...]
    body: Mapping[str, str | None]
    header_fields: Mapping[str, HeaderField]

    def told_by_header(self, request: Mapping[str, Any]) -> Headers:
        """Return the headers for what a request of this API says in its body, and this provider wants to hear there."""
        told = ((field, str(request[name]).lower()) for name, field in self.header_fields.items() if name in request)
        return tuple((field.header, value.encode()) for field, value in told if value in field.values)


def api_for(provider: ModelProvider, client: Api, model: str) -> Api:
    """Return the API to use for a client's dialect: the client's own where the provider has it, else its best."""
    apis = provider.apis_for(model)
    return client if client in apis else apis[0]


def upstream(provider: ModelProvider, what: Api | Endpoint, model: str, *, default_connect_timeout: float) -> Upstream:
    """Join a provider entry with one of its APIs or endpoints, for one model of it."""
    auth = provider.kind.auth_for(what)
    secret = provider.access_key.get_secret_value() if provider.access_key else None
    headers = {name.lower(): value for name, value in provider.all_headers.items()}
    is_passthrough = provider.uses_client_credential
    path = provider.path(what, model)
    place = endpoint(provider, default_connect_timeout=default_connect_timeout)
    return Upstream(
        cluster=place.cluster,
        authority=place.authority,
        what=what,
        model=model,
        path=path,
        stream_path=_streamed(what, path),
        auth=auth,
        credential=credential(auth, secret) if secret and not is_passthrough else None,
        is_passthrough=is_passthrough,
        defaults=tuple(pair for pair in _DEFAULT_HEADERS.get(what, ()) if pair[0] not in headers),
        headers=tuple(headers.items()),
        body=_of(provider.kind.body, what),
        header_fields=_of(provider.kind.header_fields, what),
    )


def _of(fields: Mapping[Any, Mapping[str, T]], what: Api | Endpoint) -> Mapping[str, T]:
    return fields.get(what, {})


def _streamed(what: Api | Endpoint, path: str) -> str:
    if what not in _STREAM_PATHS:
        return path
    whole, streamed, more = _STREAM_PATHS[what]
    before, _, query = path.partition("?")
    if not before.endswith(whole):
        return path
    return with_query(before.removesuffix(whole) + streamed, "&".join(filter(None, (query, more))))


def with_query(path: str, query: str) -> str:
    """Return a path, which may have a query, with `query` added to it."""
    return f"{path}{'&' if '?' in path else '?'}{query}" if query else path
