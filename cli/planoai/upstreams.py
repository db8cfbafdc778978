"""Where a provider entry sends requests, as people read it."""

from dataclasses import dataclass

from plano_extproc import providers
from plano_extproc.apis import BY_PATH, Api
from plano_extproc.config import Config
from plano_extproc.config.models import ModelProvider


@dataclass(frozen=True, slots=True)
class Upstream:
    """What happens to a client's request. `is_translated`: the provider speaks another dialect than the client."""

    client: Api
    path: str
    api: Api
    url: str

    @property
    def is_translated(self) -> bool:
        """Whether request and answer are translated on the way."""
        return self.client != self.api


def upstreams(config: Config, entry: ModelProvider, model: str) -> list[Upstream]:
    """Return, for each path that clients of LLMs use, where a model of an entry is served."""
    timeout = config.overrides.upstream_connect_timeout
    place = providers.endpoint(entry, default_connect_timeout=timeout)
    host = f"[{place.host}]" if ":" in place.host else place.host
    port = "" if place.port == {"http": 80, "https": 443}[place.scheme] else f":{place.port}"
    found = []
    for path, client in BY_PATH.items():
        api = providers.api_for(entry, client, model)
        upstream = providers.upstream(entry, api, model, default_connect_timeout=timeout)
        found.append(Upstream(client, path, api, f"{place.scheme}://{host}{port}{upstream.path}"))
    return found
