"""A provider entry joined with one of its APIs: all that a request to it needs, computed once."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from plano_extproc.apis import Api
from plano_extproc.config.catalogue import ProviderKind
from plano_extproc.config.catalogue import provider as provider_kind
from plano_extproc.config.models import ModelProvider
from plano_extproc.providers.auth import credential, scheme_for
from plano_extproc.providers.endpoint import base_url, endpoint

_SUFFIXES: dict[Api, str] = {
    "openai.chat": "/chat/completions",
    "openai.responses": "/responses",
    "anthropic.messages": "/messages",
}

_FIXED_HEADERS: dict[Api, tuple[tuple[str, str], ...]] = {
    # https://docs.anthropic.com/en/api/versioning: every request names a version.
    "anthropic.messages": (("anthropic-version", "2023-06-01"),),
}


@dataclass(frozen=True, slots=True)
class Upstream:
    """One provider entry under one API.

    `path` is absolute and complete for `model`. `credential` is None where the key is the client's own
    (`passthrough_auth`) or none is needed. `defaults` are headers that the client's own value goes before,
    `headers` replace whatever the client sent.
    """

    cluster: str
    api: Api
    model: str
    path: str
    scheme: str
    credential: tuple[str, str] | None
    passthrough: bool
    defaults: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    max_tokens_field: str


def api_for(provider: ModelProvider, client: Api) -> Api:
    """Return the API to use for a client's dialect: the client's own where the provider has it, else its first."""
    if provider.api:
        return provider.api
    kind = _kind(provider)
    return client if client in kind.apis else kind.apis[0]


def path(provider: ModelProvider, api: Api, model: str) -> str:
    """Return the path and query that serve `model`.

    The user's base URL is the API's root where it has a path; else the provider's usual root is added.
    """
    kind = _kind(provider)
    given = urlsplit(base_url(provider)).path.rstrip("/")
    root = kind.roots.get(given, given) if given else kind.root
    suffix = kind.paths.get(api, _SUFFIXES.get(api, ""))
    return (root.rstrip("/") + suffix).replace("{model}", quote(model, safe=""))


def upstream(provider: ModelProvider, client: Api, model: str, *, default_connect_timeout: float) -> Upstream:
    """Join a provider entry with the API that serves a client's dialect, for one model of it."""
    kind = _kind(provider)
    api = api_for(provider, client)
    scheme = scheme_for(api, kind.auth)
    secret = provider.access_key.get_secret_value() if provider.access_key else None
    return Upstream(
        cluster=endpoint(provider, default_connect_timeout=default_connect_timeout).cluster,
        api=api,
        model=model,
        path=path(provider, api, model),
        scheme=scheme,
        credential=credential(scheme, secret) if secret and not provider.passthrough_auth else None,
        passthrough=provider.passthrough_auth,
        defaults=_FIXED_HEADERS.get(api, ()),
        headers=tuple({**kind.headers, **provider.headers}.items()),
        max_tokens_field=kind.max_tokens_field,
    )


def _kind(provider: ModelProvider) -> ProviderKind:
    kind = provider_kind(provider.provider_interface or provider.provider)
    assert kind is not None, f"{provider.model}: validation demands a known provider or provider_interface"
    return kind
