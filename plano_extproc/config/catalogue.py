"""The providers that this gateway knows: hosts, dialects, paths and how they are paid. Data: config/providers.yaml.

An API root is what stands before a dialect's suffix: `/openai/v1` in `https://api.groq.com/openai/v1/chat/completions`.
A `base_url` of the user's without a path gets the provider's root, on the provider's own host its own path; any other
path *is* the root, but for the few that `roots` mends. A root may end in a query: the suffix goes in front of it.
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

Auth = Literal["bearer", "x-api-key", "api-key", "x-goog-api-key", "none"]
MaxTokensField = Literal["max_tokens", "max_completion_tokens"]

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


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Service(_Entry):
    """A service that is reached through another provider's entry, and differs from what that entry says."""

    host: str = Field(description="Host of the base_url.")
    model_id: str = Field(description="A model id that tells the service too, when the entry has any base_url.")
    roots: Mapping[str, str] = Field({}, description="Paths of a base_url that need mending.")
    headers: Mapping[str, str] = Field({}, description="Headers that the service wants.")


class ProviderKind(_Entry):
    """One known provider."""

    id: str = Field(description="The canonical id: the key in the table.")
    name: str = Field(description="Display name, `owned_by` in the list of models.")
    aliases: tuple[str, ...] = Field((), description="Other spellings of the id.")
    base_url: str | None = Field(None, description="API root with scheme and host. None: the user must give one.")
    root: str = Field("/v1", description="Path for a base_url without one. May hold {model} and a query.")
    roots: Mapping[str, str] = Field({}, description="Paths of a base_url that need mending, and the root meant.")
    nest: str = Field("", description="Put after any other path of a base_url. May hold {model} and a query.")
    apis: tuple[Api, ...] = Field(("openai.chat",), min_length=1, description="Native dialects, best first.")
    auth: Auth = Field("bearer", description="How a key is sent.")
    paths: Mapping[Api, str] = Field({}, description="Suffixes that differ from the dialect's usual one.")
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

    def path(self, api: Api, model_id: str, *, root: str | None = None) -> str:
        """Return the path and query that serve `api`, below `root` (default: the provider's own), for a model."""
        before, _, default_query = (self.api_root() if root is None else root).partition("?")
        suffix, _, query = self.paths.get(api, SUFFIXES[api]).partition("?")
        query = query or default_query
        whole = f"{before.rstrip('/')}{suffix}" + (f"?{query}" if query else "")
        return whole.replace("{model}", quote(model_id, safe=""))


@cache
def _tables() -> tuple[Mapping[str, ProviderKind], tuple[Service, ...]]:
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with resources.path("config/providers.yaml").open(encoding="utf-8") as file:
        tables = yaml.load(file, Loader=loader)  # noqa: S506 - both are safe loaders, one of them in C
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
