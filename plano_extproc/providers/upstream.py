"""A provider entry joined with one of its APIs: all that a request to it needs, computed once."""

from dataclasses import dataclass

from plano_extproc.apis import Api
from plano_extproc.config.models import ModelProvider
from plano_extproc.providers.auth import credential, scheme_for
from plano_extproc.providers.endpoint import endpoint

_DEFAULT_HEADERS: dict[Api, tuple[tuple[str, bytes], ...]] = {
    # https://docs.anthropic.com/en/api/versioning: every request names a version.
    "anthropic.messages": (("anthropic-version", b"2023-06-01"),),
}

_STREAM_PATHS: dict[Api, tuple[str, str, str]] = {
    "bedrock.converse": ("/converse", "/converse-stream", ""),
    "gemini.generate": (":generateContent", ":streamGenerateContent", "alt=sse"),
}
"""Dialects that ask for a stream by the path: its end for a whole answer, for a stream, and the query of the latter."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """One provider entry under one API.

    `path` is absolute and complete for `model`, `stream_path` is that of a streamed answer. `credential` is None where the key is the client's own
    (`is_passthrough`) or none is needed. `headers` replace whatever the client sent; `defaults` are for what it did not
    send.
    """

    cluster: str
    api: Api
    model: str
    path: str
    stream_path: str
    auth: str
    credential: tuple[str, str] | None
    is_passthrough: bool
    defaults: tuple[tuple[str, bytes], ...]
    headers: tuple[tuple[str, str], ...]
    max_tokens_field: str


def api_for(provider: ModelProvider, client: Api) -> Api:
    """Return the API to use for a client's dialect: the client's own where the provider has it, else its best."""
    return client if client in provider.apis else provider.apis[0]


def upstream(provider: ModelProvider, client: Api, model: str, *, default_connect_timeout: float) -> Upstream:
    """Join a provider entry with the API that serves a client's dialect, for one model of it."""
    api = api_for(provider, client)
    auth = scheme_for(api, provider.kind.auth)
    secret = provider.access_key.get_secret_value() if provider.access_key else None
    headers = {name.lower(): value for name, value in {**provider.default_headers, **provider.headers}.items()}
    is_passthrough = provider.uses_client_credential
    path = provider.path(api, model)
    return Upstream(
        cluster=endpoint(provider, default_connect_timeout=default_connect_timeout).cluster,
        api=api,
        model=model,
        path=path,
        stream_path=_streamed(api, path),
        auth=auth,
        credential=credential(auth, secret) if secret and not is_passthrough else None,
        is_passthrough=is_passthrough,
        defaults=tuple(pair for pair in _DEFAULT_HEADERS.get(api, ()) if pair[0] not in headers),
        headers=tuple(headers.items()),
        max_tokens_field=provider.kind.max_tokens_field,
    )


def _streamed(api: Api, path: str) -> str:
    if api not in _STREAM_PATHS:
        return path
    whole, streamed, more = _STREAM_PATHS[api]
    before, _, query = path.partition("?")
    return with_query(before.removesuffix(whole) + streamed, "&".join(filter(None, (query, more))))


def with_query(path: str, query: str) -> str:
    """Return a path, which may have a query, with `query` added to it."""
    return f"{path}{'&' if '?' in path else '?'}{query}" if query else path
