"""The providers that this gateway knows: hosts, dialects, paths and how they are paid. Data: config/providers.yaml.

An API root is what stands before a dialect's suffix: `/openai/v1` in `https://api.groq.com/openai/v1/chat/completions`.
A `base_url` of the user's without a path gets the provider's root, on the provider's own host its own path; any other
path *is* the root, but for the few that `roots` mends. A root may end in a query: the suffix goes in front of it.

Some dialects lie outside the root, such as `/anthropic/v1/messages` beside `/v1/chat/completions`. Theirs are
`own_paths`, from the top of the host. They are taken for granted on the provider's own hosts only, since a server that
stands in for it may not have them.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal
from urllib.parse import quote, urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field

from plano_extproc import resources
from plano_extproc.apis import Api
from plano_extproc.config.models_catalogue import Model, model_of, models_of

__all__ = [
    "COUNTED",
    "ENDPOINTS",
    "PROVIDERS",
    "SERVICES",
    "SUFFIXES",
    "Auth",
    "Endpoint",
    "Model",
    "ProviderKind",
    "Service",
    "model_of",
    "models_of",
    "provider",
    "read_tables",
    "service",
]

Auth = Literal["bearer", "x-api-key", "api-key", "x-goog-api-key", "none"]
MaxTokensField = Literal["max_tokens", "max_completion_tokens"]
Endpoint = Literal[
    "completions",
    "embeddings",
    "images.generations",
    "images.edits",
    "images.variations",
    "audio.speech",
    "audio.transcriptions",
    "audio.translations",
    "moderations",
    "rerank",
    "count_tokens",
    "gemini.count_tokens",
    "realtime",
]

SUFFIXES: Final[Mapping[Api, str]] = MappingProxyType(
    {
        "openai.chat": "/chat/completions",
        "openai.responses": "/responses",
        "anthropic.messages": "/messages",
        "bedrock.converse": "/model/{model}/converse",
        "gemini.generate": "/models/{model}:generateContent",
    }
)
"""What a provider puts after its API root, unless its `paths` say otherwise."""

ENDPOINTS: Final[Mapping[Endpoint, str]] = MappingProxyType(
    {
        "completions": "/completions",
        "embeddings": "/embeddings",
        "images.generations": "/images/generations",
        "images.edits": "/images/edits",
        "images.variations": "/images/variations",
        "audio.speech": "/audio/speech",
        "audio.transcriptions": "/audio/transcriptions",
        "audio.translations": "/audio/translations",
        "moderations": "/moderations",
        "rerank": "/rerank",
        "count_tokens": "/messages/count_tokens",
        "gemini.count_tokens": "/models/{model}:countTokens",
        "realtime": "/realtime",
    }
)
"""The endpoints that are passed on untranslated, and what stands after the API root, for clients and for providers."""

COUNTED: Final[Mapping[Endpoint, Api]] = MappingProxyType(
    {"count_tokens": "anthropic.messages", "gemini.count_tokens": "gemini.generate"}
)
"""The endpoints that count tokens, and the dialect of the requests whose tokens they count."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Service(_Entry):
    """A service that is reached through another provider's entry, and differs from what that entry says."""

    host: str = Field(description="Host of the base_url.")
    model_id: str = Field(description="A model id that tells the service too, when the entry has any base_url.")
    roots: Mapping[str, str] = Field({}, description="Paths of a base_url that need mending.")
    headers: Mapping[str, str] = Field({}, description="Headers that the service wants.")


class HeaderField(_Entry):
    """A field of a request's body that a provider wants in a header."""

    header: str = Field(description="The header's name.")
    values: tuple[str, ...] = Field(description="The values that it takes; others are what happens without it.")


class ProviderKind(_Entry):
    """One known provider."""

    id: str = Field(description="The canonical id: the key in the table.")
    name: str = Field(description="Display name, `owned_by` in the list of models.")
    aliases: tuple[str, ...] = Field((), description="Other spellings of the id.")
    base_url: str | None = Field(None, description="API root with scheme and host. None: the user must give one.")
    hosts: tuple[str, ...] = Field((), description="More hosts of its own, or the domains that they end in.")
    root: str = Field("/v1", description="Path for a base_url without one. May hold {model} and a query.")
    roots: Mapping[str, str] = Field({}, description="Paths of a base_url that need mending, and the root meant.")
    nest: str = Field("", description="Put after any other path of a base_url. May hold {model} and a query.")
    apis: tuple[Api, ...] = Field(("openai.chat",), min_length=1, description="Native dialects, best first.")
    families: Mapping[str, tuple[Api, ...]] = Field({}, description="`apis` of models whose id begins so.")
    paths: Mapping[Api, str] = Field({}, description="Suffixes that differ from the dialect's usual one.")
    endpoints: Mapping[Endpoint, str | None] = Field(
        {}, description="Other endpoints that it has, with the suffix where that is not the usual one."
    )
    own_paths: Mapping[Api | Endpoint, str] = Field(
        {}, description="Whole paths of what lies outside the root. May hold {model}."
    )
    auth: Auth = Field("bearer", description="How a key is sent.")
    auths: Mapping[Api | Endpoint, Auth] = Field({}, description="How a key is sent in one dialect, where it differs.")
    body: Mapping[Api, Mapping[str, str | None]] = Field(
        {}, description="Fields that a dialect's request bodies get here; null takes one away."
    )
    header_fields: Mapping[Api, Mapping[str, HeaderField]] = Field(
        {}, description="Fields of a dialect's request bodies that are told in headers here."
    )
    env: str | None = Field(None, description="The environment variable that usually holds the key.")
    zero_config: bool = Field(False, description="Part of the zero configuration.")
    max_tokens_field: MaxTokensField = Field("max_tokens", description="What it calls the limit on its answer.")
    key_optional: bool = Field(False, description="Works without a key.")
    passthrough_without_key: bool = Field(False, description="Without a key, the client's own credential is used.")
    headers: Mapping[str, str] = Field({}, description="Headers sent unless the user gives others.")
    newcomer: bool = Field(
        False, description="Unknown to the peer: files written for it name a provider_interface, and may."
    )
    before_interface: bool = Field(
        False, description="This entry holds even where the file names a provider_interface, as in the peer."
    )

    def is_home(self, base_url: str | None) -> bool:
        """Tell whether a `base_url` of the user's leads to the provider itself; None does."""
        if base_url is None:
            return True
        host = urlsplit(base_url).hostname or ""
        own = (urlsplit(self.base_url).hostname or "",) if self.base_url else ()
        return any(host == one or host.endswith(f".{one}") for one in (*own, *self.hosts))

    def apis_for(self, model_id: str, *, base_url: str | None = None) -> tuple[Api, ...]:
        """Return the dialects that serve a model at a `base_url`, best first; never empty."""
        apis = next((apis for prefix, apis in self.families.items() if model_id.startswith(prefix)), self.apis)
        home = self.is_home(base_url)
        return tuple(api for api in apis if home or api not in self.own_paths) or apis

    def auth_for(self, what: Api | Endpoint) -> Auth:
        """Return how a key is sent to one dialect or endpoint: the Messages API has a header of its own for it."""
        usual: Mapping[Any, Api] = COUNTED
        api = usual.get(what, what)
        if api in self.auths:
            return self.auths[api]
        return "x-api-key" if api == "anthropic.messages" and self.auth in {"bearer", "api-key"} else self.auth

    def api_root(self, base_url: str | None = None, *, roots: Mapping[str, str] | None = None) -> str:
        """Return the root below the host of `base_url`, else of the provider's own URL; `{model}` left in.

        `roots` are mended paths that go before the provider's own. A query of the user's replaces the default one.
        """
        own = urlsplit(self.base_url or "")
        url = urlsplit(base_url) if base_url is not None else own
        home = own.path if self.base_url is not None and url.hostname == own.hostname else self.root
        path = url.path.rstrip("/")
        mended = {"": home, **self.roots, **(roots or {})}
        root = mended.get(path, path + self.nest)
        return f"{root.partition('?')[0]}?{url.query}" if url.query else root

    def path(
        self, what: Api | Endpoint, model_id: str, base_url: str | None = None, roots: Mapping[str, str] | None = None
    ) -> str:
        """Return the path and query that serve a dialect or an endpoint for a model, at `base_url`.

        `roots` are mended paths of base URLs, as in `api_root`. An endpoint must be one of `endpoints`.
        """
        whole = self._own_path(what, base_url)
        if whole is None:
            before, _, default_query = self.api_root(base_url, roots=roots).partition("?")
            suffix, _, query = self._suffix(what).partition("?")
            query = query or default_query
            whole = f"{before.rstrip('/')}{suffix}" + (f"?{query}" if query else "")
        if what in {"gemini.generate", "gemini.count_tokens"}:
            # Google lists its models under the names of their paths.
            model_id = model_id.removeprefix("models/")
        # `@` may stand in a path as it is, and Vertex AI's model ids hold it.
        return whole.replace("{model}", quote(model_id, safe="@"))

    def _own_path(self, what: Api | Endpoint, base_url: str | None) -> str | None:
        own = self.own_paths.get(what)
        path = urlsplit(base_url or "").path.rstrip("/")
        if own is None or self.is_home(base_url) or not path:
            return own
        return path + self._suffix(what)

    def _suffix(self, what: Api | Endpoint) -> str:
        usual: Mapping[Any, str] = {**SUFFIXES, **ENDPOINTS}
        special: Mapping[Any, str | None] = {**self.paths, **self.endpoints}
        return special.get(what) or usual[what]


@cache
def _tables() -> tuple[Mapping[str, ProviderKind], tuple[Service, ...]]:
    return read_tables(resources.path("config/providers.yaml").read_text(encoding="utf-8"))


def read_tables(text: str) -> tuple[Mapping[str, ProviderKind], tuple[Service, ...]]:
    """Read the text of a table of providers: the providers by id, and the services."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    tables = yaml.load(text, Loader=loader)  # noqa: S506 - both are safe loaders, one of them in C
    kinds = {key: ProviderKind(id=key, **entry) for key, entry in tables["providers"].items()}
    return MappingProxyType(kinds), tuple(Service(**entry) for entry in tables["services"])


PROVIDERS: Final[Mapping[str, ProviderKind]] = _tables()[0]
"""Every known provider by its canonical id."""

SERVICES: Final[tuple[Service, ...]] = _tables()[1]

_BY_SPELLING: Final[Mapping[str, ProviderKind]] = MappingProxyType(
    {spelling: kind for kind in PROVIDERS.values() for spelling in (kind.id, *kind.aliases)}
)


def provider(name: str) -> ProviderKind | None:
    """Return the provider with this id or alias, in any case of letters."""
    return _BY_SPELLING.get(name.lower())


def service(base_url: str | None, model_id: str) -> Service | None:
    """Return what is special about the service behind a user's `base_url`, if anything is."""
    if base_url is None:
        return None
    host = urlsplit(base_url).hostname
    return next((one for one in SERVICES if host == one.host or model_id == one.model_id), None)
